"""The quote: what is asked for and by which rules, what it costs line by line, and what that comes to.

calculator.py works it out. Each line keeps its share of every component, in cents and points.
"""

import hashlib

from msgspec import Struct
from msgspec.structs import astuple

from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import coupons


class QuoteChanged(Refusal):
    """What the member saw is no longer what it would cost."""

    message = N_("The total has changed since you saw it. Nothing was taken. Look at the new total, then confirm it.")


class TooManyPoints(Refusal):
    """More points were offered than this basket may take."""

    message = N_("This basket takes at most {most} points. Choose {most} or fewer.")


class Wanted(Struct, frozen=True):
    """One line asked for, with the price option it is bought by: cents and points per piece.

    `template_id`: its pieces are coupons of that kind. `plan`: it is a membership. `categories` are the ids of those
    its product stands in.
    """

    variant_id: int
    product_id: int
    quantity: int
    form: str
    unit_cents: int
    unit_points: int
    digital: bool = False
    tax_basis_points: int = 0
    template_id: int | None = None
    plan: "PlanSold | None" = None
    categories: frozenset[int] = frozenset()


class PlanSold(Struct, frozen=True):
    """A membership as it is sold: the rank of its level, for so many days or months."""

    rank: int
    length: int
    unit: str


class Rules(Struct, frozen=True):
    """What the programme and the member's level say about totals."""

    level_discount_percent: int = 0
    points_cap_percent: int = 50
    worth_points: int = 100
    worth_cents: int = 100
    least_cash_cents: int = 50
    points_only_ships_free: bool = True

    def worth_of(self, points: int) -> int:
        """Return the cents that points save: rounded down."""
        return points * self.worth_cents // self.worth_points

    def most_points_within(self, cents: int) -> int:
        """Return the most points whose worth stays within an amount: floor(amount / worth)."""
        return cents * self.worth_points // self.worth_cents if self.worth_cents else 0


class Shipping(Struct, frozen=True):
    """A way to deliver: its price, and from which cash of goods it is free (None: never)."""

    key: str
    price_cents: int
    free_from_cents: int | None = None
    tax_basis_points: int = 0

    def is_free_for(self, goods_cents: int) -> bool:
        """Tell whether the cash of goods reaches the amount from which delivery is free."""
        return self.free_from_cents is not None and goods_cents >= self.free_from_cents


class QuoteLine(Struct, frozen=True):
    """One line of a quote: its price and its share of every component, in cents and points.

    list - level discount - coupon - saved by points - waived = cash; price points + switch points = points.
    Of its pieces so many are given by gift coupons.
    """

    wanted: Wanted
    unit_cents: int
    list_cents: int
    level_discount_cents: int
    price_points: int
    coupon_cents: int = 0
    gift_pieces: int = 0
    switch_points: int = 0
    saved_cents: int = 0
    waived_cents: int = 0
    tax_cents: int = 0

    @property
    def discounted_cents(self) -> int:
        """The line's cash after the level discount: what coupons look at."""
        return self.list_cents - self.level_discount_cents

    @property
    def open_cents(self) -> int:
        """The line's cash after the level discount and coupons: what points may pay for."""
        return self.discounted_cents - self.coupon_cents

    @property
    def cash_cents(self) -> int:
        """What is paid for this line in cash."""
        return self.open_cents - self.saved_cents - self.waived_cents

    @property
    def points(self) -> int:
        """What is paid for this line in points."""
        return self.price_points + self.switch_points


class Taken(Struct, frozen=True):
    """What one coupon takes off, in cents: of goods, or of shipping."""

    coupon: coupons.Ready
    cents: int


class Quote(Struct, frozen=True):
    """What a basket costs. `most_switch_points` is what the switch may take; `limited_by` says why: cap or least.

    `shipping_free_by` says what made a delivery that has a price free: "points", "amount" or "coupon".
    """

    lines: tuple[QuoteLine, ...]
    shipping_key: str | None
    shipping_list_cents: int
    shipping_cents: int
    shipping_waived_cents: int
    shipping_tax_cents: int
    switch_points: int
    most_switch_points: int
    saved_cents: int
    limited_by: str | None
    coupons: tuple[Taken, ...] = ()
    shipping_free_by: str | None = None

    @property
    def points(self) -> int:
        """All points due."""
        return sum(line.points for line in self.lines)

    @property
    def goods_cents(self) -> int:
        """The cash due for goods."""
        return sum(line.cash_cents for line in self.lines)

    @property
    def plan_cents(self) -> int | None:
        """What of it is for memberships, which earn nothing: a level that is bought is not earned as well. None
        where there are none.
        """
        plans = [line.cash_cents for line in self.lines if line.wanted.plan is not None]
        return sum(plans) if plans else None

    @property
    def earning_cents(self) -> int:
        """The cash due that earns: the base of points and growth."""
        return self.goods_cents - (self.plan_cents or 0)

    @property
    def cash_cents(self) -> int:
        """All cash due: goods and shipping."""
        return self.goods_cents + self.shipping_cents

    @property
    def list_cents(self) -> int:
        """The cash of all lines before anything is taken off."""
        return sum(line.list_cents for line in self.lines)

    @property
    def level_discount_cents(self) -> int:
        """What the member's level takes off."""
        return sum(line.level_discount_cents for line in self.lines)

    @property
    def coupon_cents(self) -> int:
        """What coupons take off goods."""
        return sum(line.coupon_cents for line in self.lines)

    @property
    def waived_cents(self) -> int:
        """The small amount below the cashier's minimum that is let go."""
        return sum(line.waived_cents for line in self.lines) + self.shipping_waived_cents

    @property
    def tax_cents(self) -> int:
        """The tax inside the cash due."""
        return sum(line.tax_cents for line in self.lines) + self.shipping_tax_cents

    @property
    def fingerprint(self) -> str:
        """A short text that changes when anything the member agreed to changes: lines, prices, shares, totals.

        Not stock, and not the points to be earned.
        """
        parts = [
            (
                line.wanted.variant_id,
                line.wanted.form,
                line.wanted.quantity,
                line.unit_cents,
                line.list_cents,
                line.level_discount_cents,
                line.coupon_cents,
                line.price_points,
                line.switch_points,
                line.saved_cents,
                line.waived_cents,
                line.wanted.template_id,
                *((astuple(line.wanted.plan),) if line.wanted.plan else ()),
            )
            for line in self.lines
        ]
        used = [(taken.coupon.id, taken.cents) for taken in self.coupons]
        whole = (parts, used, self.shipping_key, self.shipping_cents, self.switch_points, self.points, self.cash_cents)
        return hashlib.sha256(repr(whole).encode()).hexdigest()[:32]

    def must_match(self, shown: str) -> None:
        """Raise QuoteChanged unless this is the quote that was shown."""
        if self.fingerprint != shown:
            raise QuoteChanged()
