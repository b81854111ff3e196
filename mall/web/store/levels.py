"""The levels compared: what it takes to reach each and what it gives, for members and visitors."""

from typing import Any

from flask import Blueprint, render_template
from flask_login import current_user

from mall.base.clock import now
from mall.base.db import reading
from mall.base.money import half_up
from mall.domain import catalogue, checkout, coupons, membership, programme
from mall.web.shared import layout
from mall.web.shared.benefits import benefits_of
from mall.web.shared.level_words import length_words
from mall.web.shared.texts import local

bp = Blueprint("levels", __name__, url_prefix="/levels")


@bp.get("")
def show() -> str:
    """Show every level beside the others; a member's own is marked, with what is missing to the next."""
    terms, at, standing = layout.terms(), now(), None
    wanted = programme.coupons_of(terms)
    with reading():
        titles = coupons.titles_of(wanted) if wanted else {}
        if current_user.is_authenticated and current_user.kind == "member":
            standing = membership.standing(current_user.id, terms=terms, at=at)
        sold = catalogue.memberships(layout.viewer(), at=at)
    mine = checkout.PieceFor(terms.level(max(layout.viewer().rank, 1)), terms)
    return render_template(
        "store/levels/show.html",
        ladder_levels=[{"rank": level.rank, "name": local(level.name)} for level in terms.levels],
        benefits=benefits_of(terms, coupon_titles={id_: local(title) for id_, title in titles.items()}),
        standing=standing,
        next_name=local(standing.next_level.name) if standing and standing.next_level else "",
        terms=terms,
        sold=[
            {
                "row": row,
                "level": level,
                "length": length_words(row.plan_length, row.plan_unit),
                "prices": prices_of(row, mine),
            }
            for row in sold
            for level in terms.levels
            if level.key == row.plan_level
        ],
    )


def prices_of(row: Any, mine: checkout.PieceFor) -> list[tuple[int, int]]:
    """Return what a membership may be had for, as (points, cents); of a mix what it begins at."""
    if row.form == "mix":
        return [(row.points, max(0, half_up(row.full_cents - mine.terms.worth_of(row.points))))]
    if row.form == "cash":
        return [(0, mine.cents(row.cash_cents, form="cash"))]
    in_cash = row.with_cash and not row.with_mix  # Else the least cash is that of a mix.
    return [(row.points, 0)] + ([(0, mine.cents(row.least_cash_cents, form="cash"))] if in_cash else [])
