"""Pricing lines: a basket's lines against what the catalogue offers now; totals.py takes them to the calculator.

What stands in the way of a line is a trouble: shown beside the line in the basket, refused at placing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, func, or_, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, coupons, earning, programme

from .baskets import BasketNow, BasketRow
from .calculator import price_of_piece
from .life import SOLD
from .order_lines import OrderLine, pieces_of
from .orders import Order
from .quote import PlanSold, Rules, Shipping, Wanted

SHIPPING_TAX_CLASS = "standard"
# The kinds of product that are delivered from a pool of codes, and as coupons.
CODE, COUPON = "code", "coupon"


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


class OnePlanAtATime(Refusal):
    message = N_("{title} is had one at a time. Had once more while it lasts, it goes on after its last day.")


class PricedLine(Struct, frozen=True):
    """A basket line with what the catalogue offers for it, and what stands in its way (None: nothing)."""

    line: BasketRow
    offer: catalogue.Offer | None
    price: catalogue.Price | None
    wanted: Wanted | None
    trouble: Refusal | None

    @property
    def was_cents(self) -> int:
        """The cash of the line before its sale, to be struck through; 0: there is no sale."""
        if self.price is None or self.wanted is None:
            return 0
        return (self.price.old_cash_cents or 0) * self.wanted.quantity

    @property
    def was_points(self) -> int:
        """The points of the line before its sale, to be struck through; 0: there is no sale."""
        if self.price is None or self.wanted is None:
            return 0
        return (self.price.old_points or 0) * self.wanted.quantity

    @property
    def changed(self) -> bool:
        """Tell whether the price differs from when the item was put in the basket."""
        return (
            self.wanted is not None
            and self.line.seen_cents is not None
            and (self.line.seen_cents, self.line.seen_points) != (self.wanted.unit_cents, self.wanted.unit_points)
        )


def priced_lines(
    basket: BasketNow, *, viewer: catalogue.Viewer, terms: programme.Programme, at: datetime
) -> tuple[PricedLine, ...]:
    """Return a basket's lines as they can be had now. One statement.

    One more when one of its items is limited per member, and one where it holds an item that gives a coupon.
    """
    variants = sorted({line.variant_id for line in basket.lines})
    offers = {offer.variant_id: offer for offer in catalogue.offers(variants, at=at)} if variants else {}
    already = _already_had(viewer.member_id, offers.values(), at=at)
    coupon_goods = {offer.product_id for offer in offers.values() if offer.kind == COUPON}
    gives = coupons.sold_by(coupon_goods, at=at) if coupon_goods else {}
    pieces = pieces_of(basket.lines)
    of_product: dict[int, int] = {}
    for variant_id, quantity in pieces.items():
        if variant_id in offers:
            product_id = offers[variant_id].product_id
            of_product[product_id] = of_product.get(product_id, 0) + quantity
    return tuple(
        _priced(
            line,
            offers.get(line.variant_id),
            viewer=viewer,
            terms=terms,
            pieces=pieces[line.variant_id],
            of_product=of_product,
            already=already,
            gives=gives,
            at=at,
        )
        for line in basket.lines
    )


class PieceFor(Struct, frozen=True):
    """What one piece costs and earns somebody of a level, for any page: as the quote prices it, as the order earns.

    `campaigns` are those open to them now, the best first.
    """

    level: programme.Level
    terms: programme.Programme
    campaigns: tuple[earning.Campaign, ...] = ()

    def cents(self, cents: int, *, form: str) -> int:
        """Return the cash due for a piece whose price option asks for so many cents."""
        return price_of_piece(cents, form=form, discount_percent=self.level.discount_percent)

    def prices(self, label: Any) -> list[tuple[int, int]]:
        """Return what a piece may be had for by its shelf label, as (points, cents); of a mix what it begins at."""
        if label.form == "mix":
            return [(label.points, catalogue.mixed_cents(label.full_cents, label.points, self.terms))]
        if label.form == "cash":
            return [(0, self.cents(label.cash_cents, form="cash"))]
        in_cash = label.with_cash and not label.with_mix  # Else the least cash is that of a mix.
        return [(label.points, 0)] + ([(0, self.cents(label.least_cash_cents, form="cash"))] if in_cash else [])

    def earns(self, cents: int, *, form: str, campaign_percent: int = 100) -> int:
        """Return the points that keeping one such piece gives, in a campaign with what that adds."""
        rates, due_cents = earning.rates_for(self.level, self.terms), self.cents(cents, form=form)
        return rates.earned(due_cents).points + rates.added(due_cents, multiplier_percent=campaign_percent)

    def earns_by(self, card: catalogue.Card) -> int:
        """Return the points that keeping the piece of a card gives: for one had by cash, and no membership."""
        if card.form != "cash" or card.cash_cents is None or card.kind == catalogue.MEMBERSHIP:
            return 0
        best = next((each for each in self.campaigns if each.is_about(card.id, card.categories)), None)
        return self.earns(card.cash_cents, form="cash", campaign_percent=best.multiplier_percent if best else 100)


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
    line: BasketRow,
    offer: catalogue.Offer | None,
    *,
    viewer: catalogue.Viewer,
    terms: programme.Programme,
    pieces: int,
    of_product: Mapping[int, int],
    already: Mapping[int, int],
    gives: Mapping[int, int],
    at: datetime,
) -> PricedLine:
    if offer is None or not offer.may_be_seen_by(viewer):
        return PricedLine(line, offer, None, None, NoLongerOffered())
    if offer.kind == COUPON and offer.product_id not in gives:  # Its coupon is given out no more.
        return PricedLine(line, offer, None, None, NoLongerOffered())
    plan = _plan_of(offer, terms)
    if offer.kind == catalogue.MEMBERSHIP and plan is None:  # The shop has its level no more.
        return PricedLine(line, offer, None, None, NoLongerOffered())
    option = offer.option(line.option_id)
    if option is None:
        return PricedLine(line, offer, None, None, PriceGone(title=offer.title))
    points_each = catalogue.points_of_piece(option, line.points_each)
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
        template_id=gives.get(offer.product_id),
        plan=plan,
        categories=offer.categories,
    )
    wanted_of_product, had = of_product[offer.product_id], already.get(offer.product_id, 0)
    trouble = _trouble(offer, viewer=viewer, terms=terms, pieces=pieces, of_product=wanted_of_product, had=had)
    return PricedLine(line, offer, option, wanted, trouble)


def _plan_of(offer: catalogue.Offer, terms: programme.Programme) -> PlanSold | None:
    """Return the membership an offer is, by the levels of now; None where it is none, or its level is not there."""
    if offer.plan is None:
        return None
    rank = next((level.rank for level in terms.levels if level.key == offer.plan.level_key and level.rank > 1), None)
    return PlanSold(rank, offer.plan.length, offer.plan.unit) if rank else None


def _trouble(
    offer: catalogue.Offer,
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
    if offer.kind == catalogue.MEMBERSHIP and pieces > 1:
        return OnePlanAtATime(title=offer.title)
    if offer.free < pieces:
        return catalogue.OutOfStock(offer.variant_id, title=offer.title, sku=offer.sku, left=offer.free)
    if offer.limit_per_member is not None and had + of_product > offer.limit_per_member:
        left = max(0, offer.limit_per_member - had)
        return LimitReached(title=offer.title, most=offer.limit_per_member, left=left)
    if offer.quota_left is not None and of_product > offer.quota_left:
        return NoLongerRedeemable(title=offer.title, left=max(0, offer.quota_left))
    return None


def _already_had(member_id: int | None, offers: Iterable[catalogue.Offer], *, at: datetime) -> dict[int, int]:
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
