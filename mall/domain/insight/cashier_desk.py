"""The cashier seen from the desk: alarms, payments whose end nobody knows, refunds that wait, one payment whole."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, Select, func, literal, or_, select, type_coerce, union_all

from mall.base.clock import Instant
from mall.base.db import execute
from mall.base.errors import NotFound
from mall.base.text import N_
from mall.domain import cash, checkout, people

from .found import Found, Queue

Payment, Refund, Event, Alarm = cash.Payment, cash.Refund, cash.CashierEvent, checkout.OrderAlarm
# A page that ended so long ago should have told how.
STUCK_AFTER = timedelta(minutes=60)
# A bank may take days for a slow payment or a refund; after so many a person asks.
SLOW_AFTER = timedelta(days=7)
LISTS = ("stuck", "refunds", "all")


class PaymentPage(Struct, frozen=True):
    """Everything the cashier told us of a payment."""

    payment: Row[Any]
    order_id: int | None
    member: Row[Any]
    refunds: Sequence[Row[Any]]
    disputes: Sequence[Row[Any]]
    events: Sequence[Row[Any]]


def waiting_at_cashier(*, at: datetime) -> dict[str, Queue]:
    """Return what waits for a person because of the cashier: alarms, stuck payments, refused refunds."""
    order_alarms = select(literal("alarms").label("name"), Alarm.at.label("since")).where(Alarm.looked_at.is_(None))
    events = select(literal("alarms"), Event.received_at).where(*_event_alarms())
    stuck = select(literal("stuck"), Payment.begun_at).where(_stuck(at))
    refused = select(literal("refunds"), Refund.asked_at).where(Refund.state == cash.REFUSED)
    every = union_all(order_alarms, events, stuck, refused).subquery()
    found = {
        row.name: Queue(row.waiting, row.since)
        for row in execute(
            select(
                every.c.name,
                func.count().label("waiting"),
                type_coerce(func.min(every.c.since), Instant).label("since"),
            ).group_by(every.c.name)
        )
    }
    return {name: found.get(name, Queue(0, None)) for name in ("alarms", "stuck", "refunds")}


def event_alarms(*, limit: int = 100) -> list[Row[Any]]:
    """Return the cashier's events that are of no order of ours and that nobody has looked at, the oldest first."""
    return list(execute(select(Event).where(*_event_alarms()).order_by(Event.id).limit(limit)))


def payments_in(which: str, *, at: datetime, words: str = "", page: int = 1, per_page: int = 25) -> Found:
    """Return a page of payments with their members: stuck, with refunds that wait, or all; the latest first.

    `words` is a number at the cashier, of the payment, its page, a refund or a dispute; or an order's.
    """
    wanted = []
    if which == "stuck":
        wanted.append(_stuck(at))
    elif which == "refunds":
        waits = select(Refund.payment_id).where(Refund.state.in_((cash.ASKED, cash.SENT, cash.REFUSED)))
        wanted.append(Payment.id.in_(waits))
    if words:
        finds = [
            Payment.session_id == words,
            Payment.cashier_id == words,
            Payment.id.in_(select(Refund.payment_id).where(Refund.cashier_id == words)),
            Payment.id.in_(select(cash.Dispute.payment_id).where(cash.Dispute.cashier_id == words)),
        ]
        if words.isascii() and words.isdigit() and len(words) < 16:
            finds.append(Payment.reference == checkout.reference_of(int(words) - checkout.FIRST_NUMBER))
        wanted.append(or_(*finds))
    total = execute(select(func.count()).select_from(Payment).where(*wanted)).scalar_one()
    waiting = (
        select(func.coalesce(func.sum(Refund.amount_cents), 0))
        .where(Refund.payment_id == Payment.id, Refund.state.in_((cash.ASKED, cash.SENT, cash.REFUSED)))
        .correlate(Payment)
        .scalar_subquery()
    )
    rows = execute(
        select(*Payment.__table__.columns, waiting.label("waiting_cents"), people.Member.display_name)
        .join(people.Member, people.Member.id == Payment.member_id)
        .where(*wanted)
        .order_by(Payment.id if which != "all" else Payment.id.desc())
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    return Found(rows, total)


def payment_page(payment_id: int) -> PaymentPage:
    """Return everything we know of a payment. Raises NotFound."""
    payment = execute(select(Payment).where(Payment.id == payment_id)).one_or_none()
    if payment is None:
        raise NotFound(N_("There is no such payment."))
    return PaymentPage(
        payment=payment,
        order_id=checkout.order_id_of(payment.reference),
        member=people.member_of(payment.member_id),
        refunds=cash.refunds_of_payment(payment_id),
        disputes=cash.disputes_of_payment(payment_id),
        events=cash.events_of(payment_id),
    )


def orders_by_cashier(number: str) -> Select[Any]:
    """Return the references of orders for which the cashier knows a number: of payment, page, refund or dispute."""
    refunded = select(Refund.payment_id).where(Refund.cashier_id == number)
    disputed = select(cash.Dispute.payment_id).where(cash.Dispute.cashier_id == number)
    return select(Payment.reference).where(
        or_(
            Payment.session_id == number,
            Payment.cashier_id == number,
            Payment.id.in_(refunded),
            Payment.id.in_(disputed),
        )
    )


def _event_alarms() -> list[Any]:
    """Return what makes an event an alarm of its own: it is not told by an order's alarm."""
    told = select(Alarm.event_id).where(Alarm.event_id.is_not(None))
    return [Event.outcome == "alarm", Event.looked_at.is_(None), Event.id.not_in(told)]


def _stuck(at: datetime) -> Any:
    return or_(
        Payment.state.in_((cash.OPENING, cash.OPEN)) & (Payment.expires_at < at - STUCK_AFTER),
        (Payment.state == cash.PROCESSING) & (Payment.begun_at < at - SLOW_AFTER),
    )
