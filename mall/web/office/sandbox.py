"""The rule sandbox at the desk: a draft tried on what members did lately, beside the rules in force."""

from typing import Any

from flask import Blueprint, abort, request
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import insight, programme
from mall.web.shared import charts, layout
from mall.web.shared.numbers import whole
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page
from mall.web.shared.texts import money_words, number

from .levels import marks_of, open_drafts, pyramid_chart, share_bars, share_words

bp = Blueprint("sandbox", __name__, url_prefix="/sandbox")

PER_PAGE = 25
DEFAULT_DAYS = 90


@bp.get("")
def show():
    """Try a draft on the last 30, 90 or 365 days; without one, say how to make one."""
    terms, at = layout.terms(), now()
    days = whole(request.args.get("days"))
    days = days if days in insight.SPANS else DEFAULT_DAYS
    typed, way, page = request.args.get("draft", ""), request.args.get("show", ""), page_number()
    with reading(stale_ok=True, scan=True):
        drafts = [row for row, _state in open_drafts()]
        wanted = whole(typed) if typed else drafts[0].id if drafts else None
        known = {row.id for row in programme.versions()}
        if typed and wanted not in known:
            abort(404)
        found = insight.what_if(programme.version(wanted), days=days, terms=terms, at=at) if wanted else None
        movers = going(found, way) if found else []
        shown = movers[(page - 1) * PER_PAGE : page * PER_PAGE]
        names = insight.names_of(shown)
    return form_page(
        "office/sandbox/show.html",
        terms=terms,
        drafts=drafts,
        wanted=wanted,
        days=days,
        spans=insight.SPANS,
        way=way,
        found=found,
        movers=movers,
        shown=shown,
        names=names,
        page=page,
        pages=pages_of(len(movers), PER_PAGE),
        per_page=PER_PAGE,
        **(pictures(found) if found else {}),
    )


def going(found: insight.WhatIf, way: str) -> list[insight.Mover]:
    """Return the members who move, or those who go "up" or "down" only."""
    return [each for each in found.movers if way not in ("up", "down") or each.rises == (way == "up")]


def pictures(found: insight.WhatIf) -> dict[str, Any]:
    """Return the charts and tables of a trial."""
    live, draft = found.live, found.draft
    comparable = len(live.terms.levels) == len(draft.terms.levels)
    title = _("Members by level in the draft")
    return {
        "comparable": comparable,
        "picture": pyramid_chart(title, draft.pyramid, draft.terms, before=live.pyramid if comparable else None),
        "beside": None if comparable else pyramid_chart(_("Members by level in force"), live.pyramid, live.terms),
        "bars": [
            (f"{heading} · {words}", bar)
            for side, words in ((live, _("in force")), (draft, _("in the draft")))
            for heading, bar in share_bars(side.pyramid, side.terms)
        ],
        "marks": marks_of(draft.terms),
        "levels": level_rows(found),
        "figures": figure_rows(found),
        "moves": [
            (live.terms.level(from_rank), draft.terms.level(to_rank), n, share_words(n, live.pyramid.members))
            for from_rank, to_rank, n in found.moves()
        ],
        "up": sum(each.rises for each in found.movers),
        "down": sum(not each.rises for each in found.movers),
    }


def level_rows(found: insight.WhatIf) -> list[tuple[programme.Level, int, int | None, int, str, str]]:
    """Return the draft's levels, the top first: members now, in force, in the draft, and shares of members and cash.

    A level that is new has no number in force.
    """
    now_by_key = {level.key: course for level, course in zip(found.live.terms.levels, found.now.courses, strict=True)}
    live_by_key = {
        level.key: course for level, course in zip(found.live.terms.levels, found.live.pyramid.courses, strict=True)
    }
    rows = []
    for level, course in zip(found.draft.terms.levels, found.draft.pyramid.courses, strict=True):
        live, here = live_by_key.get(level.key), now_by_key.get(level.key)
        rows.append(
            (
                level,
                here.members if here else 0,
                live.members if live else None,
                course.members,
                share_words(course.members, found.draft.pyramid.members),
                share_words(course.revenue_cents, found.draft.pyramid.revenue_cents),
            )
        )
    return rows[::-1]


def figure_rows(found: insight.WhatIf) -> list[tuple[str, str, str, str, bool]]:
    """Return what both give and cost: [(what, in force, in the draft, the change, whether it is a sum)]."""
    live, draft = found.live, found.draft

    def row(words: str, one: int, two: int, write: Any, *, total: bool = False) -> tuple[str, str, str, str, bool]:
        return words, write(one), write(two), charts.signed(two - one, write), total

    def a_year(words: str, one: int, two: int, *, total: bool = False) -> tuple[str, str, str, str, bool]:
        return row(words, found.a_year(one), found.a_year(two), money_words, total=total)

    return [
        row(_("Points issued for orders"), live.given.points, draft.given.points, number),
        row(
            _("Of these, for levels’ multipliers"), live.given.multiplier_points, draft.given.multiplier_points, number
        ),
        row(_("Points issued for tasks"), live.task_points, draft.task_points, number),
        row(_("Points issued in all"), live.points, draft.points, number, total=True),
        row(_("Liability they add, at worth"), live.liability_cents, draft.liability_cents, money_words, total=True),
        a_year(_("Multipliers, a year, at worth"), live.multiplier_cents, draft.multiplier_cents),
        a_year(_("Discounts, a year"), live.given.discount_cents, draft.given.discount_cents),
        a_year(_("Free delivery, a year"), live.given.shipping_cents, draft.given.shipping_cents),
        a_year(_("Benefits of levels, a year"), live.benefits_cents, draft.benefits_cents, total=True),
    ]
