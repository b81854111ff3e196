"""The levels at the desk: the pyramid as it stands, and who brings how much of the revenue."""

from typing import Any, NamedTuple

from flask import Blueprint, render_template
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import insight, programme
from mall.web.shared import charts, layout
from mall.web.shared.texts import local, number, percent_words

from .actors import actor_words

bp = Blueprint("levels", __name__, url_prefix="/levels")

GLAZES = 5


class Row(NamedTuple):
    """A level as the table shows it: alone, and with all above it."""

    level: programme.Level
    course: insight.Course
    members_share: str
    revenue_share: str
    upwards: insight.Course
    upwards_members: str
    upwards_revenue: str


@bp.get("")
def index():
    """Show the pyramid, and the share of members and of revenue by level."""
    terms, at = layout.terms(), now()
    with reading(stale_ok=True, scan=True):
        found = insight.pyramid(terms=terms, at=at)
        drafts = open_drafts()
    return render_template(
        "office/levels/index.html",
        terms=terms,
        found=found,
        at=at,
        rows=rows_of(found, terms),
        picture=pyramid_chart(_("Members by level"), found, terms),
        bars=share_bars(found, terms),
        marks=marks_of(terms),
        top=top_words(found, terms),
        drafts=drafts,
        actor_words=actor_words,
    )


def open_drafts() -> list[tuple[Any, str]]:
    """Return the drafts nobody has decided on, newest first, and where each stands."""
    waiting = set(programme.waiting())
    rows = [(row, "waiting") for row in programme.versions() if row.id in waiting]
    rows += [(row, "draft") for row in programme.sketches()]
    return sorted(rows, key=lambda each: -each[0].id)


def rows_of(found: insight.Pyramid, terms: programme.Programme) -> list[Row]:
    """Return the levels, the top first."""
    rows = []
    for course in reversed(found.courses):
        upwards = found.from_rank(course.rank)
        rows.append(
            Row(
                terms.level(course.rank),
                course,
                share_words(course.members, found.members),
                share_words(course.revenue_cents, found.revenue_cents),
                upwards,
                share_words(upwards.members, found.members),
                share_words(upwards.revenue_cents, found.revenue_cents),
            )
        )
    return rows


def pyramid_chart(title: str, found: insight.Pyramid, terms: programme.Programme, *, before=None):
    """Draw members by level, the top first; `before`: another pyramid of as many levels, drawn beneath."""
    courses = [
        charts.Course(
            glaze(course.rank, len(terms.levels)),
            local(terms.level(course.rank).name),
            course.members,
            share_words(course.members, found.members),
        )
        for course in reversed(found.courses)
    ]
    beneath = [course.members for course in reversed(before.courses)] if before else None
    return charts.pyramid(title, courses, before=beneath, write=number)


def share_bars(found: insight.Pyramid, terms: programme.Programme) -> list[tuple[str, object]]:
    """Draw whose share of the members brings which share of the revenue: [(heading, bar)]."""

    def bar(title: str, values: list[int]):
        shares = [
            charts.Share(local(level.name), value, f"lv{glaze(level.rank, len(terms.levels))}")
            for level, value in zip(terms.levels, values, strict=True)
        ]
        whole = sum(values)
        return title, charts.stack_bar(title, shares, write=lambda value: share_words(value, whole))

    return [
        bar(_("Share of the members"), [course.members for course in found.courses]),
        bar(_("Share of the revenue"), [course.revenue_cents for course in found.courses]),
    ]


def marks_of(terms: programme.Programme) -> list[tuple[str, str]]:
    """Return the colours of the levels for a legend: [(class of the mark, name)]."""
    return [(f"f-lv{glaze(level.rank, len(terms.levels))}", local(level.name)) for level in terms.levels]


def top_words(found: insight.Pyramid, terms: programme.Programme) -> str:
    """Say what the 80/20 rule asks: how much of the revenue the top levels bring that hold at most a fifth."""
    top = found.top_fifth()
    if top is None or found.revenue_cents <= 0:
        return ""
    return _(
        "From %(level)s up: %(members)s of the members bring %(revenue)s of the revenue.",
        level=local(terms.level(top.rank).name),
        members=share_words(top.members, found.members),
        revenue=share_words(top.revenue_cents, found.revenue_cents),
    )


def glaze(rank: int, levels: int) -> int:
    """Return the glaze, 1 to 5, of a level; programmes may have more or fewer than five levels."""
    return min(max(rank if levels <= GLAZES else 1 + (rank - 1) * 4 // (levels - 1), 1), GLAZES)


def share_words(part: int, whole: int) -> str:
    """Write a part of a whole: 518 of 1000 is 51.8 %; of nothing, a dash."""
    if whole <= 0:
        return "–"
    return percent_words((part * 2_000 + whole) // (2 * whole))
