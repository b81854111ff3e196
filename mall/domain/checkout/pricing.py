"""Pricing a basket: its lines against what the catalogue offers now, then through the calculator.

What stands in the way of a line is a trouble: shown beside the line in the basket, refused at placing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, coupons, earning, programme

from .baskets import BasketNow
from .orders import SOLD, Order, OrderLine, pieces_of
from .quote import Quote, Rules, Shipping, Wanted, cents_in_scope, price_of_piece, quote

SHIPPING_TAX_CLASS = "standard"


class NoLongerOffered(Refusal):
    message = N_("This item is no longer on offer. Remove it to go on.")


class PriceGone(Refusal):
    message = N_("{title} is no longer sold at this kind of price. Choose another way to pay on its page.")


class LevelTooLow(Refusal):
    message = N_("{title} is for {level} members and above. Remove it to go on.")


class NotYetOpen(Refusal):
    message = N_("{title} opens on {opens_at}. Remove it to go on.")


class NoLongerOpen(Refusal):
    message = N_("{title} could be had until {closed_at}. Remove it to go on.")


class LimitReached(Refusal):
    message = N_("{title} is limited to {most} per member; you can have {left} more. Lower the quantity.")


class NoLongerRedeemable(Refusal):
    message = N_("Only {left} of {title} can still be had. Lower the quantity or remove it.")


@dataclass(frozen=True)
class PricedLine:
    """A basket line with what the catalogue offers for it, and what stands in its way (None: nothing)."""

    line: Any
    offer: Any
    price: Any
    wanted: Wanted | None
    trouble: Refusal | None

    @property
    def changed(self) -> bool:
        """Tell whether the price differs from when the item was put in the basket."""
        return (
            self.wanted is not None
            and self.line.seen_cents is not None
            and (self.line.seen_cents, self.line.seen_points) != (self.wanted.unit_cents, self.wanted.unit_points)
        )


@dataclass(frozen=True)
class Weighed:
    """A coupon of the member's against a basket: what it would take off by itself, in cents, or what is in its way.

    `chosen`: it was asked for. `stacks`: it may be used together with what is chosen.
    """

    coupon: coupons.Ready
    saves_cents: int
    trouble: Refusal | None
    chosen: bool = False
    stacks: bool = False


@dataclass(frozen=True)
class Priced:
    """A basket with its quote. The quote covers the lines that have a price; troubles stand in the way of placing.

    `coupons` are those of the member's that were weighed, the best first; `coupon_trouble` is what stands in the way
    of those that were chosen: the quote is then without them.
    """

    lines: tuple[PricedLine, ...]
    quote: Quote
    method: programme.ShippingMethod | None
    coupons: tuple[Weighed, ...] = ()
    coupon_trouble: Refusal | None = None

    @property
    def troubles(self) -> list[Refusal]:
        """Everything that stands in the way, line by line."""
        return [line.trouble for line in self.lines if line.trouble]

    @property
    def ships(self) -> bool:
        """Tell whether anything has to be sent."""
        return any(line.wanted and not line.wanted.digital for line in self.lines)

    @property
    def best(self) -> Weighed | None:
        """The coupon that would take off most, by itself; of equals the one that ends first. None: none takes any."""
        return next((each for each in self.coupons if each.trouble is None), None)

    @property
    def gives_coupons(self) -> bool:
        """Tell whether coupons are among what is bought."""
        return any(line.wanted and line.offer.kind == "coupon" for line in self.lines)


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
    """Price a basket for somebody, now. Two statements, three when one of its items is limited per member.

    `coupon_ids` are the coupons chosen; with `propose` all of the member's are weighed, and for None the best is
    chosen. One statement more for either, and one where the basket holds an item that gives a coupon.
    """
    variants = sorted({line.variant_id for line in basket.lines})
    offers = {offer.variant_id: offer for offer in catalogue.offers(variants, at=at)} if variants else {}
    already = _already_had(viewer.member_id, offers.values(), at=at)
    no_gift = _coupon_goods_that_give_nothing(offers.values(), at=at)
    pieces = pieces_of(basket.lines)
    of_product: dict[int, int] = {}
    for variant_id, quantity in pieces.items():
        if variant_id in offers:
            product_id = offers[variant_id].product_id
            of_product[product_id] = of_product.get(product_id, 0) + quantity
    lines = tuple(
        _priced(
            line,
            offers.get(line.variant_id),
            viewer=viewer,
            terms=terms,
            pieces=pieces[line.variant_id],
            of_product=of_product,
            already=already,
            no_gift=no_gift,
            at=at,
        )
        for line in basket.lines
    )
    method = terms.shipping_method(method_key) if method_key else None
    method = method or next(iter(terms.shipping_methods), None)
    wanted = [line.wanted for line in lines if line.wanted]
    shipping = shipping_of(method, level=level, terms=terms, at=at) if method else None

    def quoted(using: Sequence[coupons.Ready] = (), points: int = points_offered) -> Quote:
        return quote(wanted, rules=rules_of(terms, level), shipping=shipping, points_offered=points, using=using)

    if viewer.member_id is None or not (coupon_ids or propose):
        return Priced(lines, quoted(), method)
    mine = coupons.ready(
        viewer.member_id,
        product_ids={each.product_id for each in wanted},
        ids=None if propose else coupon_ids,
        at=at,
    )
    weighed = _weigh(mine, coupon_ids, quoted=quoted, rank=level.rank, at=at)
    trouble = _trouble_of_chosen(weighed, coupon_ids or ())
    using = [] if trouble else [each.coupon for each in weighed if each.chosen]
    return Priced(lines, quoted(using), method, weighed, trouble)


def _weigh(
    mine: Sequence[coupons.Ready],
    chosen: Sequence[int] | None,
    *,
    quoted: Callable[..., Quote],
    rank: int,
    at: datetime,
) -> tuple[Weighed, ...]:
    """Weigh coupons against a basket, each by itself: the best first, then those that something is in the way of.

    With `chosen` None the best of them is.
    """
    bare = quoted(points=0)
    found = []
    for coupon in mine:
        trouble = coupon.trouble(cents_in_scope(bare.lines, coupon), rank=rank, at=at)
        saves_cents = bare.cash_cents - quoted([coupon], 0).cash_cents if trouble is None else 0
        if trouble is None and saves_cents <= 0:
            trouble = coupons.NothingToTakeOff()
        found.append(Weighed(coupon, saves_cents, trouble))
    found.sort(key=lambda each: (each.trouble is not None, -each.saves_cents))
    if chosen is None:
        chosen = [each.coupon.id for each in found[:1] if each.trouble is None]
    taken = [each.coupon for each in found if each.coupon.id in chosen]
    return tuple(
        replace(
            each,
            chosen=each.coupon in taken,
            stacks=bool(others := [other for other in taken if other.id != each.coupon.id])
            and coupons.may_stack([*others, each.coupon]),
        )
        for each in found
    )


def _trouble_of_chosen(weighed: Sequence[Weighed], chosen: Sequence[int]) -> Refusal | None:
    """Return what stands in the way of using the chosen coupons, together, or None."""
    taken = [each for each in weighed if each.chosen]
    if len(taken) < len(set(chosen)):
        return coupons.CouponGone()
    if trouble := next((each.trouble for each in taken if each.trouble), None):
        return trouble
    return None if coupons.may_stack([each.coupon for each in taken]) else coupons.NotTogether()


def _coupon_goods_that_give_nothing(offers: Iterable[Any], *, at: datetime) -> frozenset[int]:
    """Return the products of the kind "coupon" whose coupon is given out no more."""
    kinds = {offer.product_id for offer in offers if offer.kind == "coupon"}
    return frozenset(kinds - coupons.sold_by(kinds, at=at).keys()) if kinds else frozenset()


@dataclass(frozen=True)
class PieceFor:
    """What one piece costs and earns somebody of a level, for any page: as the quote prices it, as the order earns."""

    level: programme.Level
    terms: programme.Programme

    def cents(self, cents: int, *, form: str) -> int:
        """Return the cash due for a piece whose price option asks for so many cents."""
        return price_of_piece(cents, form=form, discount_percent=self.level.discount_percent)

    def earns(self, cents: int, *, form: str) -> int:
        """Return the points that keeping one such piece gives."""
        return earning.rates_for(self.level, self.terms).earned(self.cents(cents, form=form)).points


def rules_of(terms: programme.Programme, level: programme.Level) -> Rules:
    """Return what the calculator needs of the programme and a level."""
    return Rules(
        level_discount_percent=level.discount_percent,
        points_cap_percent=terms.points_cap_percent,
        worth_points=terms.worth_points,
        worth_cents=terms.worth_cents,
        least_cash_cents=terms.least_cash_cents,
        points_only_ships_free=terms.points_only_ships_free,
    )


def shipping_of(
    method: programme.ShippingMethod, *, level: programme.Level, terms: programme.Programme, at: datetime
) -> Shipping:
    """Return a shipping method for a level: free from the lower of the method's and the level's amount."""
    amounts = [amount for amount in (method.free_from_cents, level.free_shipping_from_cents) if amount is not None]
    tax = terms.tax_rate(SHIPPING_TAX_CLASS, terms.today(at)) if SHIPPING_TAX_CLASS in terms.tax_classes else 0
    return Shipping(
        key=method.key,
        price_cents=method.price_cents,
        free_from_cents=min(amounts) if amounts else None,
        tax_basis_points=tax,
    )


def _priced(
    line: Any,
    offer: Any,
    *,
    viewer: catalogue.Viewer,
    terms: programme.Programme,
    pieces: int,
    of_product: Mapping[int, int],
    already: Mapping[int, int],
    no_gift: Collection[int],
    at: datetime,
) -> PricedLine:
    if offer is None or not offer.may_be_seen_by(viewer) or offer.product_id in no_gift:
        return PricedLine(line, offer, None, None, NoLongerOffered())
    option = offer.option(line.option_id)
    if option is None:
        return PricedLine(line, offer, None, None, PriceGone(title=offer.title))
    least, _most, _step = catalogue.points_allowed(option)
    points_each = least if option.is_fixed else line.points_each  # Nothing to choose: the price says how many.
    try:
        unit_cents = catalogue.cash_part(option, points_each, terms)
    except catalogue.BadMix as refusal:
        return PricedLine(line, offer, option, None, refusal)
    wanted = Wanted(
        variant_id=line.variant_id,
        product_id=offer.product_id,
        quantity=line.quantity,
        form=option.form,
        unit_cents=unit_cents,
        unit_points=points_each,
        digital=offer.delivery == "digital",
        tax_basis_points=terms.tax_rate(offer.tax_class, terms.today(at)),
    )
    wanted_of_product, had = of_product[offer.product_id], already.get(offer.product_id, 0)
    trouble = _trouble(offer, viewer=viewer, terms=terms, pieces=pieces, of_product=wanted_of_product, had=had)
    return PricedLine(line, offer, option, wanted, trouble)


def _trouble(
    offer: Any,
    *,
    viewer: catalogue.Viewer,
    terms: programme.Programme,
    pieces: int,
    of_product: int,
    had: int,
) -> Refusal | None:
    gate = offer.gate(viewer)
    if gate.required_rank is not None:
        return LevelTooLow(title=offer.title, level=dict(terms.level(gate.required_rank).name))
    if gate.opens_at is not None:
        return NotYetOpen(title=offer.title, opens_at=gate.opens_at)
    if gate.closed_at is not None:
        return NoLongerOpen(title=offer.title, closed_at=gate.closed_at)
    if offer.free < pieces:
        return catalogue.OutOfStock(offer.variant_id, title=offer.title, sku=offer.sku, left=offer.free)
    if offer.limit_per_member is not None and had + of_product > offer.limit_per_member:
        left = max(0, offer.limit_per_member - had)
        return LimitReached(title=offer.title, most=offer.limit_per_member, left=left)
    if offer.quota_left is not None and of_product > offer.quota_left:
        return NoLongerRedeemable(title=offer.title, left=max(0, offer.quota_left))
    return None


def _already_had(member_id: int | None, offers: Any, *, at: datetime) -> dict[int, int]:
    """Return what a member has had of limited products within their periods, less what was refunded."""
    limited = {offer.product_id: offer.limit_days for offer in offers if offer.limit_per_member is not None}
    if member_id is None or not limited:
        return {}
    within = [
        and_(OrderLine.product_id == product_id, Order.placed_at > at - timedelta(days=days))
        if days
        else OrderLine.product_id == product_id
        for product_id, days in limited.items()
    ]
    rows = execute(
        select(OrderLine.product_id, func.sum(OrderLine.quantity - OrderLine.refunded).label("had"))
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.member_id == member_id, Order.state.in_(SOLD), or_(*within))
        .group_by(OrderLine.product_id)
    )
    return {row.product_id: int(row.had) for row in rows}


def first_trouble(lines: Sequence[PricedLine]) -> Refusal | None:
    """Return the first thing that stands in the way."""
    return next((line.trouble for line in lines if line.trouble), None)
