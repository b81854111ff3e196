"""The one calculator: what a basket costs, in points and in cash, and what each line bears of it. Pure.

The order is the printed one: price option, level discount, coupon, points switch, shipping, total; tax is inside.
Points and cents are integers; a component is shared over the lines by largest remainder, and each line keeps its
shares.
"""

from collections.abc import Sequence
from fractions import Fraction

from msgspec.structs import replace

from mall.base.money import half_up, shares, tax_inside
from mall.domain import coupons

from .quote import Quote, QuoteLine, Rules, Shipping, Taken, Wanted


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
        shared = [_less(line, part, of=coupon) for line, part in zip(shared, parts, strict=True)]
        taken.append(Taken(coupon, cents))
    return shared, taken


def _less(line: QuoteLine, cents: int, *, of: coupons.Ready) -> QuoteLine:
    """Return a line once a coupon took so many cents off it: by a gift one piece more is given."""
    given = 1 if of.kind == coupons.GIFT and cents else 0
    return replace(line, coupon_cents=line.coupon_cents + cents, gift_pieces=line.gift_pieces + given)


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
