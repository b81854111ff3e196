"""The one calculator: what a basket costs, in points and in cash, and what each line bears of it. Pure.

The order is the printed one: price option, level discount, coupon, points switch, shipping, total; tax is inside.
Points and cents are integers; a component is shared over the lines by largest remainder, and each line keeps its
shares.
"""

import hashlib
from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import astuple, replace

from mall.base.errors import Refusal
from mall.base.money import half_up, shares, tax_inside
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
    """

    wanted: Wanted
    unit_cents: int
    list_cents: int
    level_discount_cents: int
    price_points: int
    coupon_cents: int = 0
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


def quote(
    wanted: Sequence[Wanted],
    *,
    rules: Rules,
    shipping: Shipping | None = None,
    points_offered: int = 0,
    using: Sequence[coupons.Ready] = (),
) -> Quote:
    """Return what the lines cost when so many points are offered at the switch; more than it takes is cut down.

    `using` are the coupons that may be used here, together; each takes off what is left of its scope, at most.
    """
    lines, taken = _share_coupons([_priced(line, rules) for line in wanted], using)
    most, limited_by = most_switch_points(lines, rules)
    shipping_list_cents, free_by = _shipping(lines, rules, shipping)
    shipping_cents = 0 if free_by else shipping_list_cents
    if (free := next((each for each in using if each.kind == coupons.SHIPPING), None)) is not None:
        free_by = "coupon" if shipping_cents else free_by
        taken, shipping_cents = [*taken, Taken(free, shipping_cents)], 0
    switch_points = min(points_offered, most)
    due_cents = sum(line.open_cents for line in lines) + shipping_cents
    if 0 < due_cents - rules.worth_of(switch_points) < rules.least_cash_cents:
        # Take fewer points, so that the rest can be charged.
        switch_points, limited_by = _points_that_leave(rules.least_cash_cents, due_cents, rules), "least"
    lines = _share_points(lines, switch_points, rules)
    left_cents = sum(line.cash_cents for line in lines) + shipping_cents
    shipping_waived_cents = 0
    if 0 < left_cents < rules.least_cash_cents:
        *waived, shipping_waived_cents = shares(left_cents, [*(line.cash_cents for line in lines), shipping_cents])
        lines = [replace(line, waived_cents=part) for line, part in zip(lines, waived, strict=True)]
    lines = [
        replace(line, tax_cents=tax_inside(line.cash_cents, rate_basis_points=line.wanted.tax_basis_points))
        for line in lines
    ]
    shipping_cents -= shipping_waived_cents
    return Quote(
        lines=tuple(lines),
        shipping_key=shipping.key if shipping else None,
        shipping_list_cents=shipping_list_cents,
        shipping_cents=shipping_cents,
        shipping_waived_cents=shipping_waived_cents,
        shipping_tax_cents=tax_inside(shipping_cents, rate_basis_points=shipping.tax_basis_points if shipping else 0),
        switch_points=switch_points,
        most_switch_points=most,
        saved_cents=sum(line.saved_cents for line in lines),
        limited_by=limited_by if points_offered > switch_points else None,
        coupons=tuple(taken),
        shipping_free_by=free_by,
    )


def price_of_piece(cents: int, *, form: str, discount_percent: int) -> int:
    """Return a piece's cash in cents after the level's discount: of cash options only, half up per piece."""
    return half_up(Fraction(cents * (100 - discount_percent), 100)) if form == "cash" else cents


def most_switch_points(lines: Sequence[QuoteLine], rules: Rules) -> tuple[int, str]:
    """Return the most points the switch may take, and why: the programme's cap on the cash of cash options."""
    cash_cents = sum(line.open_cents for line in lines if line.wanted.form == "cash")
    return rules.most_points_within(cash_cents * rules.points_cap_percent // 100), "cap"


def _priced(wanted: Wanted, rules: Rules) -> QuoteLine:
    """Price a line: the level discount is taken off each piece."""
    unit_cents = price_of_piece(wanted.unit_cents, form=wanted.form, discount_percent=rules.level_discount_percent)
    return QuoteLine(
        wanted=wanted,
        unit_cents=unit_cents,
        list_cents=wanted.unit_cents * wanted.quantity,
        level_discount_cents=(wanted.unit_cents - unit_cents) * wanted.quantity,
        price_points=wanted.unit_points * wanted.quantity,
    )


def _shipping(lines: Sequence[QuoteLine], rules: Rules, shipping: Shipping | None) -> tuple[int, str | None]:
    """Return (list price of delivery in cents, what makes it free): nothing, points only, or the amount.

    The amount compares the cash of goods after coupons, before points.
    """
    shipped = [line for line in lines if not line.wanted.digital]
    if shipping is None or not shipped or not shipping.price_cents:
        return 0, None
    if rules.points_only_ships_free and all(line.wanted.form == "points" for line in shipped):
        return shipping.price_cents, "points"
    if shipping.is_free_for(sum(line.open_cents for line in lines)):
        return shipping.price_cents, "amount"
    return shipping.price_cents, None


def cents_in_scope(lines: Sequence[QuoteLine], coupon: coupons.Ready) -> int:
    """Return the cash due, after the level discount, of the lines a coupon is for: its threshold and its base."""
    return sum(line.discounted_cents for line in lines if coupon.is_for(line.wanted.product_id))


def _share_coupons(lines: Sequence[QuoteLine], using: Sequence[coupons.Ready]) -> tuple[list[QuoteLine], list[Taken]]:
    """Take coupons off the lines they are for: percentages before amounts, in the order of their ids.

    Each looks at the cash after the level discount, whatever another takes off; together they take what is there.
    """
    shared, taken = list(lines), []
    off_goods = [each for each in using if each.kind != coupons.SHIPPING]
    for coupon in sorted(off_goods, key=lambda each: (each.kind != coupons.PERCENT, each.id)):
        bearing = _bearing(shared, coupon)
        weights = [line.open_cents if number in bearing else 0 for number, line in enumerate(shared)]
        cents = min(coupon.takes_off(_base(shared, coupon, bearing)), sum(weights))
        parts = shares(cents, weights)
        shared = [
            replace(line, coupon_cents=line.coupon_cents + part) for line, part in zip(shared, parts, strict=True)
        ]
        taken.append(Taken(coupon, cents))
    return shared, taken


def _bearing(lines: Sequence[QuoteLine], coupon: coupons.Ready) -> list[int]:
    """Return which lines bear a coupon: those in its scope; of a gift the one of the dearest piece, by cash option."""
    scope = [number for number, line in enumerate(lines) if coupon.is_for(line.wanted.product_id)]
    if coupon.kind != coupons.GIFT:
        return scope
    given = [number for number in scope if lines[number].wanted.form == "cash"]
    return [max(given, key=lambda number: (lines[number].unit_cents, -number))] if given else []


def _base(lines: Sequence[QuoteLine], coupon: coupons.Ready, bearing: Sequence[int]) -> int:
    """Return the cash a coupon looks at: of a gift that of one piece."""
    if coupon.kind == coupons.GIFT:
        return sum(lines[number].unit_cents for number in bearing)
    return cents_in_scope(lines, coupon)


def _points_that_leave(least_cents: int, due_cents: int, rules: Rules) -> int:
    """Return the most points that leave at least so much cash to pay; 0 where even none do."""
    if due_cents < least_cents:
        return 0
    # The most p with floor(p x worth) <= due - least, which is one less than the fewest that save a cent more.
    return -(-(due_cents - least_cents + 1) * rules.worth_points // rules.worth_cents) - 1


def _share_points(lines: Sequence[QuoteLine], switch_points: int, rules: Rules) -> list[QuoteLine]:
    """Share the switch's points, and apart from them the cents they save, over the lines bought by cash options."""
    weights = [line.open_cents if line.wanted.form == "cash" else 0 for line in lines]
    points = shares(switch_points, weights)
    saved = shares(rules.worth_of(switch_points), weights)
    return [
        replace(line, switch_points=of_points, saved_cents=of_cents)
        for line, of_points, of_cents in zip(lines, points, saved, strict=True)
    ]
