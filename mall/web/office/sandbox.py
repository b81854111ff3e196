"""The rule sandbox at the desk: a draft tried on what members did lately, beside the rules in force."""

from fractions import Fraction
from typing import Any

from flask import Blueprint, abort, request
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import earning, insight, programme
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
    comparable = [level.key for level in live.terms.levels] == [level.key for level in draft.terms.levels]
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
        "costs": cost_rows(found),
        "unpriced": (found.live.unpriced_coupons, found.draft.unpriced_coupons),
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


Figure = tuple[str, str, str, str, bool]


def figure_rows(found: insight.WhatIf) -> list[Figure]:
    """Return what both give in the days: [(what, in force, in the draft, the change, whether it is a sum)]."""
    live, draft = found.live, found.draft

    def row(words: str, one: int, two: int, *, write: Any = number, total: bool = False) -> Figure:
        return words, write(one), write(two), charts.signed(two - one, write), total

    return [
        row(_("Points issued for orders"), live.given.points, draft.given.points),
        row(_("Points that campaigns add"), live.campaign_points, draft.campaign_points),
        row(_("Points for purchases at partners"), live.partners.points, draft.partners.points),
        row(_("Points issued for tasks"), live.task_points, draft.task_points),
        row(_("Points in packs of levels"), live.pack_points, draft.pack_points),
        row(_("Points issued in all"), live.points, draft.points, total=True),
        row(_("Of these, for levels’ multipliers"), live.multiplier_points, draft.multiplier_points),
        row(
            _("Liability they add, at worth"), live.liability_cents, draft.liability_cents, write=money_words,
            total=True,
        ),
        row(_("Pieces for points above a month’s limit"), live.refused_pieces, draft.refused_pieces),
        row(_("Growth taken off members who did nothing"), live.lost_growth, draft.lost_growth),
    ]  # fmt: skip


def cost_rows(found: insight.WhatIf) -> list[Figure]:
    """Return what each benefit costs in a year: as figure_rows() does."""
    live, draft = found.live, found.draft

    def row(words: str, one: int | Fraction, two: int | Fraction, *, total: bool = False) -> Figure:
        before, after = found.a_year(one), found.a_year(two)
        return words, money_words(before), money_words(after), charts.signed(after - before, money_words), total

    return [
        row(_("Multipliers, at worth"), live.multiplier_cost, draft.multiplier_cost),
        row(_("Discounts"), live.given.discount_cents, draft.given.discount_cents),
        row(_("Free delivery"), live.given.shipping_cents, draft.given.shipping_cents),
        row(_("Packs for reaching a level"), live.pack_cost(earning.UPGRADE), draft.pack_cost(earning.UPGRADE)),
        row(_("Birthday packs"), live.pack_cost(earning.BIRTHDAY), draft.pack_cost(earning.BIRTHDAY)),
        row(_("Benefits of levels in all"), live.benefits_cost, draft.benefits_cost, total=True),
    ]
