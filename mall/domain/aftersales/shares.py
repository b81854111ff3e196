"""Shares: what goes back for pieces of an order - cash, points, tax, delivery, and what the order had brought.

Of a line's pieces the cash, points and tax that go back are cumulative floors by quantity, so that refunds in any
order and split add up to the line. Delivery goes back by the same floors over the pieces that were to be sent: for
those that never left, and for those that failed by us.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mall.base.money import part_by_quantity
from mall.domain import cash, checkout, earning, ledger

from . import memberships
from .netting import Netted
from .plans import Plan, PlanLine
from .reasons import ALL_REASONS
from .unshowing import reviews_back


def plan_of(
    order: checkout.OrderRow,
    lines: Sequence[checkout.LineRow],
    back: tuple[PlanLine, ...],
    *,
    netted: tuple[Netted, ...],
    reason: str,
    whole: bool,
    at: datetime,
    zone: str,
) -> Plan:
    """Think out what goes back with these pieces of an order, what is `netted` for used coupons taken off."""
    was = checkout.kept_of(lines)
    before = checkout.sale_of(order, kept=was)
    sale = checkout.sale_of(order, kept=_without(was, back))
    kept = order.window_closed_at is not None
    returning = _returning(order, back, netted, at=at, zone=zone)
    stamps = _stamps_back(order, lines, back) if kept else ()  # Before that it has given none.
    taken = earning.reduction(sale, at=at, growth_given=kept)
    gone = [each.line.line for each in back if each.line.refunded + each.quantity == each.line.quantity]
    reviews = reviews_back(order, gone, at=at) if kept and gone else ()
    grown = [each for review in reviews for each in review.grown]
    unkept = earning.Unkept()
    if before.kept_cents != sale.kept_cents or grown:
        unkept = earning.unkept_by(sale, taken=taken, at=at, besides=grown)
    carried = tuple(_carried(each, reason=reason) for each in back)
    shipping_cents = of_delivery(order.shipping_cents, lines, carried)
    cash_cents = sum(each.cash_cents for each in back) + shipping_cents
    paid_levels = memberships.references_of(order, [each.line for each in back])
    payments = tuple(cash.payments_of(sale.reference)) if cash_cents else ()
    return Plan(
        order=order,
        reason=reason,
        lines=back,
        sale=sale,
        was_cents=before.kept_cents,
        shipping_cents=shipping_cents,
        shipping_tax_cents=of_delivery(order.shipping_tax_cents, lines, carried),
        shipping_pieces=carried,
        whole=whole,
        returning=returning,
        taken=taken,
        growth_less=0 if kept else before.growth - sale.growth,
        gone_cents=max(0, cash_cents - cash.left_of(payments)),
        payments=payments,
        netted=netted,
        stamps=stamps,
        voided=_voided(order, stamps) if whole else (),  # What it used comes back with all of it.
        unkept=unkept,
        reviews=reviews,
        brought=earning.brought_by(paid_levels, at=at) if paid_levels else earning.Brought(),
    )


def back_of(
    line: checkout.LineRow, quantity: int, *, unseen: int = 0, in_house: int = 0, used_days: int | None = None
) -> PlanLine:
    """Return what goes back for so many more pieces of a line. What was never sent, or seen, goes back first.

    Of a membership of which `used_days` stay paid, the share of the days that are left.
    """
    codes_free = min(quantity, unseen) if line.codes else 0

    def share(amount: int) -> int:
        if used_days is not None and line.plan_days is not None:
            return checkout.back_of_plan(amount, days=line.plan_days, used=used_days)
        return part_by_quantity(amount, of=line.quantity, before=line.refunded, after=line.refunded + quantity)

    return PlanLine(
        line=line,
        quantity=quantity,
        unsent=min(quantity, checkout.to_ship(line)),
        cash_cents=share(line.cash_cents),
        points=share(line.price_points + line.switch_points),
        tax_cents=share(line.tax_cents),
        codes_free=codes_free,
        codes_void=quantity - codes_free if line.codes else 0,
        in_house=in_house,
        used_days=used_days,
    )


def of_delivery(cents: int, lines: Sequence[checkout.LineRow], carried: Sequence[int]) -> int:
    """Return the share of the delivery's cents that goes back for so many more pieces: cumulative floors."""
    of = sum(line.quantity for line in lines if not line.digital)
    before = sum(line.shipping_back for line in lines)
    return part_by_quantity(cents, of=of, before=before, after=before + sum(carried)) if of else 0


def _carried(back: PlanLine, *, reason: str) -> int:
    """Return for how many of these pieces the delivery goes back too."""
    if back.line.digital:
        return 0
    _words, our_fault = ALL_REASONS[reason]
    return back.quantity if our_fault else back.unsent


def _without(kept: Mapping[int | None, int], back: Sequence[PlanLine]) -> dict[int | None, int]:
    """Return the cash kept by campaign once pieces are refunded."""
    left = dict(kept)
    for each in back:
        if each.line.plan_rank is None:
            left[each.line.campaign_id] -= each.cash_cents
    return left


def _returning(
    order: checkout.OrderRow, back: Sequence[PlanLine], netted: Sequence[Netted], *, at: datetime, zone: str
) -> tuple[ledger.Returning, ...]:
    """Return to which lots the points of these pieces go back."""
    points = sum(each.points for each in back) - sum(each.points for each in netted)
    if not points:
        return ()
    return tuple(
        ledger.would_give_back(
            points,
            reference=checkout.reference_of(order.id),
            member_id=order.member_id,
            shipped=any(each.sent for each in back),
            at=at,
            zone=zone,
        )
    )


def _stamps_back(
    order: checkout.OrderRow, lines: Sequence[checkout.LineRow], back: Sequence[PlanLine]
) -> tuple[earning.StampsBack, ...]:
    """Return the stamps that an order whose window has closed takes along."""
    left = checkout.bought_of(lines, back={each.line.line: each.quantity for each in back})
    return earning.stamps_back(checkout.reference_of(order.id), member_id=order.member_id, bought=left)


def _voided(order: checkout.OrderRow, stamps: Sequence[earning.StampsBack]) -> tuple[int, ...]:
    """Return the coupons an order used that do not come back, as stamps are owed for them."""
    if not order.coupons:
        return ()
    used = [coupon["id"] for coupon in order.coupons]
    return tuple(sorted(earning.coupons_owed(used, member_id=order.member_id, backs=stamps).values()))
