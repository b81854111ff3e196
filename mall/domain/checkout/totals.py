"""Totals: a basket's priced lines through the calculator, with coupons, points and every way to deliver.

The basket is laid out once, by a few statements; whatever is then asked of it is arithmetic, so that the page, each
way to deliver on it, and the coupon proposed come from the same figures.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from mall.base.errors import Refusal
from mall.domain import catalogue, coupons, programme

from .baskets import BasketNow
from .calculator import cents_in_scope, quote
from .pricing import CODE, PricedLine, priced_lines, rules_of, shipping_of
from .quote import Quote, Shipping
from .redemptions import Redemptions, redemptions_of

# Of so many kinds of coupon that stack every combination is tried: 26 at most.
MOST_KINDS = 5
# A coupon is proposed where it saves at least one part in so many of what it takes off.
LEAST_SHARE = 4


class Weighed(Struct, frozen=True):
    """A coupon of the member's against a basket: what it would take off by itself, in cents, or what is in its way.

    `chosen`: it was asked for. `stacks`: it may be used together with what is chosen. `best`: it is the one, or one of
    those together, that take most off the total.
    """

    coupon: coupons.Ready
    saves_cents: int
    trouble: Refusal | None
    chosen: bool = False
    stacks: bool = False
    best: bool = False


class Way(Struct, frozen=True):
    """A way to deliver, and what it costs this basket with the coupons of its total: in cents, before a waiver.

    `free_from_cents` is the cash of goods from which it is free; `free_by` says what made it so now: "amount",
    "points", "coupon" or None.
    """

    method: programme.ShippingMethod
    cents: int
    free_from_cents: int | None
    free_by: str | None


class Priced(Struct, frozen=True):
    """A basket with its quote. The quote covers the lines that have a price; troubles stand in the way of placing.

    `coupons` are those of the member's that were weighed, the best first; `coupon_trouble` is what stands in the way
    of those that were chosen: the quote is then without them. `ways` are all ways to deliver, by the same coupons.
    `redemptions` is how it stands against what the level allows in a month, where it limits that.
    """

    lines: tuple[PricedLine, ...]
    quote: Quote
    method: programme.ShippingMethod | None
    ways: tuple[Way, ...] = ()
    coupons: tuple[Weighed, ...] = ()
    coupon_trouble: Refusal | None = None
    redemptions: Redemptions | None = None

    @property
    def troubles(self) -> list[Refusal]:
        """Everything that stands in the way, line by line, then what does of all of them together."""
        of_lines = [line.trouble for line in self.lines if line.trouble]
        return of_lines + ([self.redeemed_enough] if self.redeemed_enough else [])

    @property
    def redeemed_enough(self) -> Refusal | None:
        """What stands in the way since the level allows no more redemptions this month."""
        return self.redemptions.trouble if self.redemptions else None

    @property
    def ships(self) -> bool:
        """Tell whether anything has to be sent."""
        return any(line.wanted and not line.wanted.digital for line in self.lines)

    @property
    def gives_coupons(self) -> bool:
        """Tell whether coupons are among what is bought."""
        return any(line.wanted and line.wanted.template_id is not None for line in self.lines)

    @property
    def gives_codes(self) -> bool:
        """Tell whether codes of a pool are among what is bought."""
        return any(line.wanted and line.offer and line.offer.kind == CODE for line in self.lines)


def price(
    basket: BasketNow,
    *,
    viewer: catalogue.Viewer,
    level: programme.Level,
    terms: programme.Programme,
    points_offered: int = 0,
    method_key: str | None = None,
    coupon_ids: Sequence[int] | None = (),
    propose: bool = False,
    at: datetime,
) -> Priced:
    """Price a basket for somebody, now, with exactly what is asked for. One statement, and those of priced_lines().

    `coupon_ids` are the coupons chosen; with `propose` all of the member's are weighed, and for None the best are
    chosen. One statement more for either, and where the level limits redemptions.
    """
    laid = _lay_out(
        basket, viewer=viewer, level=level, terms=terms, method_key=method_key, coupon_ids=coupon_ids,
        propose=propose, at=at,
    )  # fmt: skip
    return laid.priced(points_offered, coupon_ids)


def price_as_far_as(
    ready_points: int,
    basket: BasketNow,
    *,
    viewer: catalogue.Viewer,
    level: programme.Level,
    terms: programme.Programme,
    points_offered: int,
    method_key: str | None,
    coupon_ids: Sequence[int] | None,
    propose: bool,
    at: datetime,
) -> Priced:
    """Price a basket with what is asked for as far as it goes, for a page that must show a total whatever was typed.

    The switch takes no more points than are ready beside what the items take. Of coupons that cannot be used together
    the first is used. What still stands in the way is in the answer, as with price(); so are the statements.
    """
    laid = _lay_out(
        basket, viewer=viewer, level=level, terms=terms, method_key=method_key, coupon_ids=coupon_ids,
        propose=propose, at=at,
    )  # fmt: skip
    priced = laid.priced(points_offered, coupon_ids)
    if coupon_ids and isinstance(priced.coupon_trouble, coupons.NotTogether):
        coupon_ids = coupon_ids[:1]
        priced = laid.priced(points_offered, coupon_ids)
    short = priced.quote.points - ready_points
    if short > 0 and priced.quote.switch_points:
        priced = laid.priced(max(0, priced.quote.switch_points - short), coupon_ids)
    return priced


class _LaidOut(Struct, frozen=True):
    """A basket with everything its totals come from. Pure from here on."""

    lines: tuple[PricedLine, ...]
    mine: Sequence[coupons.Ready]
    level: programme.Level
    terms: programme.Programme
    method: programme.ShippingMethod | None
    proposes: bool
    at: datetime
    redemptions: Redemptions | None = None

    def priced(self, points: int, coupon_ids: Sequence[int] | None) -> Priced:
        """Return the basket priced with so many points at the switch and these coupons; None: with the best."""
        weighed = self._weigh(coupon_ids) if self.mine or coupon_ids else ()
        trouble = self._trouble_of_chosen(weighed, coupon_ids or ())
        using = [] if trouble else [each.coupon for each in weighed if each.chosen]
        return Priced(
            lines=self.lines,
            quote=self._quote(using, points=points, shipping=self._shipping(self.method)),
            method=self.method,
            ways=self._ways(using),
            coupons=weighed,
            coupon_trouble=trouble,
            redemptions=self.redemptions,
        )

    def _quote(self, using: Sequence[coupons.Ready] = (), *, points: int = 0, shipping: Shipping | None) -> Quote:
        wanted = [line.wanted for line in self.lines if line.wanted]
        rules = rules_of(self.terms, self.level)
        return quote(wanted, rules=rules, shipping=shipping, points_offered=points, using=using)

    def _shipping(self, method: programme.ShippingMethod | None) -> Shipping | None:
        return shipping_of(method, level=self.level, terms=self.terms, at=self.at) if method else None

    def _ways(self, using: Sequence[coupons.Ready]) -> tuple[Way, ...]:
        found = []
        for method in self.terms.shipping_methods:
            shipping = self._shipping(method)
            quoted = self._quote(using, shipping=shipping)
            cents = quoted.shipping_cents + quoted.shipping_waived_cents
            found.append(Way(method, cents, shipping.free_from_cents if shipping else None, quoted.shipping_free_by))
        return tuple(found)

    def _weigh(self, chosen: Sequence[int] | None) -> tuple[Weighed, ...]:
        """Weigh coupons against the basket, each by itself: the best first, then those that cannot be used.

        With `chosen` None those are that are best together.
        """
        shipping = self._shipping(self.method)
        bare = self._quote(shipping=shipping)
        found = []
        for coupon in self.mine:
            trouble = coupon.trouble(cents_in_scope(bare.lines, coupon), rank=self.level.rank, at=self.at)
            saves_cents = 0
            if trouble is None:
                saves_cents = bare.cash_cents - self._quote([coupon], shipping=shipping).cash_cents
                trouble = coupons.NothingToTakeOff() if saves_cents <= 0 else None
            found.append(Weighed(coupon, max(0, saves_cents), trouble))
        found.sort(key=lambda each: (each.trouble is not None, -each.saves_cents))
        worthwhile = [each.coupon for each in found if each.trouble is None and self._is_worth_using(each, bare)]
        best = self._best_together(worthwhile) if self.proposes else ()
        if chosen is None:
            chosen = best
        taken = [each.coupon for each in found if each.coupon.id in chosen]
        return tuple(
            replace(
                each,
                chosen=each.coupon in taken,
                stacks=bool(others := [other for other in taken if other.id != each.coupon.id])
                and coupons.may_stack([*others, each.coupon]),
                best=each.coupon.id in best,
            )
            for each in found
        )

    def _is_worth_using(self, weighed: Weighed, bare: Quote) -> bool:
        """Tell whether a coupon saves a sensible share of what it takes off: small totals, and delivery that is free
        no longer, may leave so little of it that it is better kept. It can be chosen all the same.
        """
        coupon = weighed.coupon
        if coupon.kind not in (coupons.AMOUNT, coupons.PERCENT):
            return True
        off_cents = coupon.amount_cents or coupon.takes_off(cents_in_scope(bare.lines, coupon))
        return weighed.saves_cents * LEAST_SHARE >= off_cents

    def _best_together(self, fitting: Sequence[coupons.Ready]) -> tuple[int, ...]:
        """Return the ids of the coupons that leave least to pay, before points; they come the best first.

        Each is tried alone, and of the MOST_KINDS best kinds that stack every combination: exact for whoever has no
        more kinds than that, and never worse than the best one for whoever has. Of equals the fewest, then those that
        take off more by themselves, then those that end first.
        """
        first_of_kind = {each.template_id: each for each in reversed(fitting) if each.stackable}
        kinds = [each for each in fitting if first_of_kind.get(each.template_id) is each][:MOST_KINDS]
        tried: list[tuple[coupons.Ready, ...]] = [(each,) for each in fitting[:1]]
        for count in range(2, len(kinds) + 1):
            tried += [some for some in combinations(kinds, count) if coupons.may_stack(some)]
        shipping = self._shipping(self.method)
        best = min(tried, key=lambda some: self._quote(some, shipping=shipping).cash_cents, default=())
        return tuple(each.id for each in best)

    def _trouble_of_chosen(self, weighed: Sequence[Weighed], chosen: Sequence[int]) -> Refusal | None:
        """Return what stands in the way of using the chosen coupons, together, or None.

        Together each must be worth its use: the total is below what it were without any one of them.
        """
        taken = [each for each in weighed if each.chosen]
        if len(taken) < len(set(chosen)):
            return coupons.CouponGone()
        if trouble := next((each.trouble for each in taken if each.trouble), None):
            return trouble
        used = [each.coupon for each in taken]
        if not coupons.may_stack(used):
            return coupons.NotTogether()
        if len(used) > 1:
            shipping = self._shipping(self.method)
            due_cents = self._quote(used, shipping=shipping).cash_cents
            for one in used:
                others = [each for each in used if each is not one]
                if self._quote(others, shipping=shipping).cash_cents <= due_cents:
                    return coupons.NothingMoreTogether()
        return None


def _lay_out(
    basket: BasketNow,
    *,
    viewer: catalogue.Viewer,
    level: programme.Level,
    terms: programme.Programme,
    method_key: str | None,
    coupon_ids: Sequence[int] | None,
    propose: bool,
    at: datetime,
) -> _LaidOut:
    lines = priced_lines(basket, viewer=viewer, terms=terms, at=at)
    mine: Sequence[coupons.Ready] = ()
    if viewer.member_id is not None and (coupon_ids or propose):
        mine = coupons.ready(
            viewer.member_id,
            product_ids={line.wanted.product_id for line in lines if line.wanted},
            ids=None if propose else coupon_ids,
            at=at,
        )
    method = terms.shipping_method(method_key) if method_key else None
    method = method or next(iter(terms.shipping_methods), None)
    wanted = [line.wanted for line in lines if line.wanted]
    redemptions = redemptions_of(viewer.member_id, wanted, level=level, terms=terms, at=at)
    return _LaidOut(
        lines=lines, mine=mine, level=level, terms=terms, method=method, proposes=propose, redemptions=redemptions,
        at=at,
    )  # fmt: skip
