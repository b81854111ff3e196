"""The member centre: the level, what keeps it, what the next one asks and gives."""

from flask import Blueprint, render_template

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import ledger, membership
from mall.web.shared import layout
from mall.web.shared.signing_in import me, members_only

bp = Blueprint("member", __name__, url_prefix="/member")
bp.before_request(members_only)


@bp.get("")
def show():
    """Show the level card, the ladder and the benefits of every level."""
    terms, at = layout.terms(), now()
    with reading():
        standing = membership.standing(me(), terms=terms, at=at)
        balances = ledger.balances(me(), at=at)
        growth = membership.growth_entries(me(), limit=10)
    return render_template(
        "store/member/show.html",
        standing=standing,
        balances=balances,
        growth=growth,
        terms=terms,
        all_levels=terms.levels,
    )
