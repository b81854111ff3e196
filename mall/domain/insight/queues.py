"""The operators' orders: their queues, and a list to look through."""

from sqlalchemy import ColumnElement, and_, case, func, or_, select, type_coerce

from mall.base.clock import Instant
from mall.base.db import execute
from mall.domain import cash, catalogue, checkout, people

from .cashier_desk import orders_by_cashier
from .found import Found, Queue

Order, Line = checkout.Order, checkout.OrderLine

# The tabs of the operators' queue, and the states behind each.
QUEUES: dict[str, tuple[str, ...]] = {
    "to_ship": (checkout.PAID,),
    "with_carrier": (checkout.SHIPPED,),
    "unpaid": checkout.UNPAID,
    "review": (checkout.REVIEW,),
    "complete": (checkout.COMPLETED,),
    "ended": (checkout.CANCELLED, checkout.TIMED_OUT, checkout.REFUNDED),
}
# Orders whose cash the cashier would not give back: a person has to.
REFUSED_REFUNDS = "refused_refunds"
OLDEST_FIRST = (REFUSED_REFUNDS, "to_ship", "with_carrier", "unpaid", "review")


def orders_in(queue: str, *, words: str = "", page: int = 1, per_page: int = 25) -> Found:
    """Return a page of the operators' orders, each with its member, first item, line count and level.

    `words` finds an order by its number, its tracking number (small letters are as good) or a number at the cashier,
    or by the member's name, e-mail or number.
    """
    member, parcel = people.Member, checkout.Parcel
    wanted: list[ColumnElement[bool]] = []
    if queue in QUEUES:
        wanted.append(Order.state.in_(QUEUES[queue]))
    elif queue == REFUSED_REFUNDS:
        payment, refund = cash.Payment, cash.Refund
        refused = select(payment.reference).join(refund, refund.payment_id == payment.id)
        wanted.append(checkout.REFERENCE.in_(refused.where(refund.state == cash.REFUSED)))
    if words:
        like = f"%{catalogue.escape_like(words)}%"
        of_parcel = select(parcel.order_id).where(parcel.tracking.in_({words, words.upper(), words.lower()}))
        finds = [
            member.display_name.ilike(like, escape="\\"),
            member.email.ilike(like, escape="\\"),
            member.number == people.plain_number(words),
            Order.id.in_(of_parcel),
        ]
        if words.isascii() and words.isdigit() and len(words) < 16:
            finds.append(Order.id == int(words) - checkout.FIRST_NUMBER)
        if "_" in words:
            finds.append(checkout.REFERENCE.in_(orders_by_cashier(words)))
        wanted.append(or_(*finds))
    lines = select(func.count()).where(Line.order_id == Order.id).correlate(Order).scalar_subquery()
    source = (
        select(
            Order.id,
            Order.state,
            Order.points,
            checkout.cash_cents_of(Order).label("cash_cents"),
            Order.placed_at,
            Order.paid_at,
            Order.shipped_at,
            Order.level_rank,
            Order.digital,
            member.id.label("member_id"),
            member.display_name,
            Line.title,
            Line.quantity,
            lines.label("line_count"),
        )
        .join(member, member.id == Order.member_id)
        .join(Line, and_(Line.order_id == Order.id, Line.line == 1))
        .where(*wanted)
    )
    total = execute(
        select(func.count()).select_from(Order).join(member, member.id == Order.member_id).where(*wanted)
    ).scalar_one()
    by = Order.id if queue in OLDEST_FIRST else Order.id.desc()
    rows = execute(source.order_by(by).limit(per_page).offset((page - 1) * per_page)).all()
    return Found(rows, total)


def queues() -> dict[str, Queue]:
    """Return every queue of orders, {name: Queue}. One statement."""
    waits_since = case(
        (Order.state == checkout.PAID, Order.paid_at),
        (Order.state == checkout.SHIPPED, Order.shipped_at),
        else_=Order.placed_at,
    )
    by_state = {
        row.state: row
        for row in execute(
            select(
                Order.state,
                func.count().label("n"),
                type_coerce(func.min(waits_since), Instant).label("since"),
            ).group_by(Order.state)
        )
    }
    return {
        name: Queue(
            count=sum(by_state[state].n for state in states if state in by_state),
            since=min((by_state[state].since for state in states if state in by_state), default=None),
        )
        for name, states in QUEUES.items()
    }
