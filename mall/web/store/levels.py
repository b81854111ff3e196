"""The levels compared: what it takes to reach each and what it gives, for members and visitors."""

from flask import Blueprint, render_template
from flask_login import current_user

from mall.base.clock import now
from mall.base.db import reading
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
                "prices": mine.prices(row),
            }
            for row in sold
            for level in terms.levels
            if level.key == row.plan_level
        ],
    )
