"""Redemptions of a month: a level may allow its members so many pieces that are had for points, whole or in part.

What was called off, not paid in time or given back does not count, so it is free again by itself.
"""

from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import bindparam, func, select

from mall.base.clock import Instant, months_later, start_of
from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import programme

from .life import SOLD
from .order_lines import OrderLine
from .orders import Order
from .quote import Wanted

# The prices that make a piece a redemption: points, whole or in part. Points at the switch pay what is sold for cash.
REDEEMED = ("points", "mix")


class RedeemedEnough(Refusal):
    message = N_(
        "With your level you can redeem {most} pieces a month, and {left} are left. Take fewer pieces for points, or"
        " come back on {resets_on}."
    )


class Redemptions(Struct, frozen=True):
    """What a level allows in a month of the shop, what its member has redeemed of it, and what a basket wants now."""

    most: int
    used: int
    wanted: int
    month: date

    @property
    def left(self) -> int:
        """How many pieces may still be redeemed this month."""
        return max(0, self.most - self.used)

    @property
    def resets_on(self) -> date:
        """The day from which on they may be redeemed anew."""
        return months_later(self.month, 1)

    @property
    def trouble(self) -> Refusal | None:
        """What stands in the way of the basket, if anything."""
        if not self.wanted or self.wanted <= self.left:
            return None
        return RedeemedEnough(most=self.most, left=self.left, resets_on=self.resets_on)


def redemptions_of(
    member_id: int | None,
    wanted: list[Wanted],
    *,
    level: programme.Level,
    terms: programme.Programme,
    at: datetime,
) -> Redemptions | None:
    """Return how a basket stands against what its member may redeem this month; None where there is no such limit.

    One statement where the level has one and something is to be redeemed. Where it decides, the purse is locked: of
    two orders at once the second finds the first.
    """
    pieces = sum(each.quantity for each in wanted if each.form in REDEEMED)
    if member_id is None or level.redemptions_per_month is None or not pieces:
        return None
    month = terms.today(at).replace(day=1)
    used = execute(_USED, {"of_member": member_id, "since": start_of(month, terms.zone)}).scalar_one()
    return Redemptions(level.redemptions_per_month, int(used), pieces, month)


_USED = (
    select(func.coalesce(func.sum(OrderLine.quantity - OrderLine.refunded), 0))
    .join(Order, Order.id == OrderLine.order_id)
    .where(
        Order.member_id == bindparam("of_member"),
        Order.state.in_(SOLD),
        Order.placed_at >= bindparam("since", type_=Instant),
        OrderLine.form.in_(REDEEMED),
    )
)
