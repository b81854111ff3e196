"""What an order gives as soon as it is paid: coupons, codes, levels, and what else needs no parcel."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Row, bindparam, or_, update

from mall.base.db import execute
from mall.base.text import N_, Message, say
from mall.domain import catalogue, coupons, earning, membership, notices, programme

from . import moving, orders
from .completing import ALL_SHIPPED, complete
from .order_lines import OrderLine, lines_of, pieces_of, plan_reference


def after_payment(
    order: Row[Any], paid: earning.Paid, *, terms: programme.Programme, at: datetime, handed_over: bool = False
) -> Row[Any]:
    """Do what follows from being paid: tell the member, give what are coupons, codes or levels, complete what is
    digital.

    `paid` is what it was given; where a campaign had less left than was to come, its timeline says so.
    `handed_over`: the stock of what is digital is gone already.
    """
    for short in paid.short:
        moving.note(order.id, "campaign_short", short_words(short), by="system", at=at)
    notices.tell(
        order.member_id,
        "order_paid",
        values={
            "number": orders.number_of(order.id),
            "points": order.points,
            "total_cents": orders.cash_cents_of(order),
            "earned_points": paid.points,
            "codes": order.gives_codes,
            "coupons": order.gives_coupons,
            "digital": order.digital,
        },
        key=f"order:{order.id}:paid",
        at=at,
    )
    if order.gives_coupons:
        give_coupons(order, zone=terms.zone, at=at)
    if order.plan_cents is not None:
        give_levels(order, terms=terms, at=at)
    if order.digital or order.gives_codes or order.plan_cents is not None:
        deliver_digital(order, at=at, handed_over=handed_over)
    return complete(order, by="system", at=at) if order.digital else order


def deliver_digital(order: orders.OrderRow, *, at: datetime, handed_over: bool) -> None:
    """Let leave what needs no parcel: all of a digital order, codes and memberships of another. Codes are issued, one
    a piece.
    """
    reference = orders.reference_of(order.id)
    leaving = execute(_LEAVE_AT_ONCE, {"of_order": order.id, "everything": order.digital}).all()
    codes = [catalogue.Issuing(line.line, line.variant_id, line.quantity) for line in leaving if line.codes]
    if codes:
        catalogue.issue_codes(sorted(codes, key=lambda each: each.line), reference=reference, at=at)
    if not handed_over:
        catalogue.ship(reference, pieces_of(leaving), at=at)


def give_coupons(order: orders.OrderRow, *, zone: str, at: datetime) -> None:
    """Put the coupons that an order bought among its member's: one for each piece, of the kind agreed then.

    An order is paid once, as its move sees to, so nothing was given for it before.
    """
    reference = orders.reference_of(order.id)
    givings = [
        coupons.Giving(line.template_id, key=f"{reference}:{line.line}:{piece}")
        for line in lines_of(order.id)
        if line.template_id is not None
        for piece in range(1, line.quantity + 1)
    ]
    coupons.give(
        givings, member_id=order.member_id, source="points", reference=reference, zone=zone, at=at, first=True
    )


def give_levels(order: orders.OrderRow, *, terms: programme.Programme, at: datetime) -> None:
    """Let the memberships of an order begin: at once, or after the last day of one that its member has paid before.

    A level of placing is the one that has taken its place since.
    """
    placed = programme.version(order.version)
    for line in lines_of(order.id):
        if line.plan_rank is None:
            continue
        days = earning.give_paid_level(
            order.member_id,
            membership.place_of(line.plan_rank, before=placed, now=terms),
            length=line.plan_length,
            unit=line.plan_unit,
            reference=plan_reference(order.id, line.line),
            terms=terms,
            at=at,
        )
        execute(_BEGIN_PLAN, {"of_order": order.id, "of_line": line.line, "days": days})


def short_words(short: earning.Short) -> Message:
    """Say that a campaign had less left than an order was to get by it."""
    if short.points:
        return say(
            N_("“{title}” ended with this order: of its points the last {points} were left, not {wanted}"),
            title=short.title,
            points=short.points,
            wanted=short.wanted_points,
        )
    return say(
        N_("The points of “{title}” had run out when this order was paid; it earns the ordinary points"),
        title=short.title,
    )


_BEGIN_PLAN = (
    update(OrderLine)
    .where(OrderLine.order_id == bindparam("of_order"), OrderLine.line == bindparam("of_line"))
    .values(plan_days=bindparam("days"))
)
_LEAVE_AT_ONCE = ALL_SHIPPED.where(
    or_(
        OrderLine.codes,
        OrderLine.plan_rank.is_not(None),
        bindparam("everything", type_=Boolean),
    )
).returning(
    OrderLine.line,
    OrderLine.variant_id,
    OrderLine.quantity,
    OrderLine.codes,
)
