"""What a coupon takes off, and what stands in its way. Pure."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from msgspec import Struct

from mall.base.errors import Refusal
from mall.base.money import half_up
from mall.base.text import N_

AMOUNT, PERCENT, SHIPPING, GIFT = "amount", "percent", "shipping", "gift"
KINDS = (AMOUNT, PERCENT, SHIPPING, GIFT)
# Several coupons that are given together: it takes nothing off itself, and no coupon is one.
PACK = "pack"


class NotYet(Refusal):
    message = N_("This coupon can be used from {usable_at}.")


class Expired(Refusal):
    message = N_("This coupon could be used until {ended_at}.")


class RankTooLow(Refusal):
    message = N_("This coupon is for a higher level.")


class NothingInScope(Refusal):
    message = N_("This coupon is for other items, or for items paid in cash.")


class BelowThreshold(Refusal):
    """`missing_cents`: what is still to be bought, in cash, of what the coupon is for."""

    message = N_("This coupon needs {threshold_cents} in cash of the items it is for; {missing_cents} is missing.")


class UsedUp(Refusal):
    message = N_("This coupon has been used as often as it may be by all members together.")


class UsedOften(Refusal):
    message = N_("You have used this kind of coupon as often as one member may.")


class NotTogether(Refusal):
    message = N_("These coupons cannot be used together. Choose one of them.")


class NothingMoreTogether(NotTogether):
    """Together they take off no more than some of them: such as where they lose the free delivery."""

    message = N_("Together these coupons take no more off the total than fewer of them do. Choose fewer.")


class NothingToTakeOff(Refusal):
    message = N_("With this basket the coupon takes nothing off the total.")


class Ready(Struct, frozen=True):
    """A member's coupon as checkout takes it: its terms, in cents and percent, and how often it may still be used.

    `covers` are the products it is for, of those asked about; None: all. `member_left` and `total_left` count the
    uses that are left to this member and to all together; None: no limit.
    """

    id: int
    template_id: int
    title: dict[str, str]
    kind: str
    usable_from: datetime
    ends_at: datetime
    amount_cents: int = 0
    percent: int = 0
    cap_cents: int | None = None
    threshold_cents: int = 0
    covers: frozenset[int] | None = None
    stackable: bool = False
    min_rank: int = 0
    member_left: int | None = None
    total_left: int | None = None

    def is_for(self, product_id: int) -> bool:
        """Tell whether a product is in its scope."""
        return self.covers is None or product_id in self.covers

    def takes_off(self, cents: int) -> int:
        """Return what it takes off so much cash in its scope: a percentage rounds half up, once; never more than all.

        Of a gift the cash is that of one piece. Free shipping takes nothing off goods.
        """
        if self.kind == AMOUNT:
            return min(self.amount_cents, cents)
        if self.kind == GIFT:
            return cents
        if self.kind == PERCENT:
            off = half_up(Fraction(cents * self.percent, 100))
            return off if self.cap_cents is None else min(off, self.cap_cents)
        return 0

    def trouble(self, cents: int, *, rank: int, at: datetime) -> Refusal | None:
        """Return what stands in the way of using it on so much cash in its scope, or None."""
        if at < self.usable_from:
            return NotYet(usable_at=self.usable_from)
        if at >= self.ends_at:
            return Expired(ended_at=self.ends_at)
        if rank < self.min_rank:
            return RankTooLow()
        if self.total_left is not None and self.total_left <= 0:
            return UsedUp()
        if self.member_left is not None and self.member_left <= 0:
            return UsedOften()
        if cents <= 0 and (self.kind != SHIPPING or self.covers is not None):
            return NothingInScope()
        if cents < self.threshold_cents:
            return BelowThreshold(threshold_cents=self.threshold_cents, missing_cents=self.threshold_cents - cents)
        return None


def may_stack(chosen: Sequence[Ready]) -> bool:
    """Tell whether coupons may be used together: each stackable, no two of one template, free shipping once."""
    return len(chosen) < 2 or (
        all(coupon.stackable for coupon in chosen)
        and len({coupon.template_id for coupon in chosen}) == len(chosen)
        and sum(coupon.kind == SHIPPING for coupon in chosen) <= 1
    )
