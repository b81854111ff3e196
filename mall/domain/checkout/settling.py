"""Settling: what becomes of an order when the cashier speaks - paid, timed out, or its money goes back as too late.

Every verb here may be called repeatedly and in any order: webhook, return page and sweep all end up here.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import SessionState
from mall.base.text import N_, Message, say
from mall.domain import cash, earning, ledger, notices, programme

from . import life, moving, orders
from .alarms import alarm
from .given import after_payment
from .letting_go import time_out
from .life import CANCELLED, COMPLETED, PAID, PROCESSING, REFUNDED, REVIEW, SHIPPED, TIMED_OUT, UNPAID
from .sales import sale_of


def settle(payment: Row[Any], state: SessionState, *, terms: programme.Programme, at: datetime) -> Row[Any]:
    """Act on what the cashier says of a payment's session. Returns the order as it stands then."""
    purse, order = orders.lock_with_purse(orders.order_id_for(payment), zone=terms.zone)
    recorded = cash.record(payment.id, state, at=at, seen=payment)
    if recorded.declined and life.NOTE in life.follows(life.CARD_DECLINED, order.state):
        moving.note(order.id, "declined", DECLINED, by="cashier", at=at)
    event = _event_of(recorded, order)
    if event is None:
        return order
    does = life.follows(event, order.state)
    if event == life.PAYMENT_ENDED and does and not _is_last(recorded.payment):
        return order
    if not recorded.changed:
        does &= {life.ALARM}
    return _do(does, event, order, recorded, purse=purse, terms=terms, at=at)


def _event_of(recorded: cash.Recorded, order: orders.OrderRow) -> str | None:
    """Return what has happened to an order by a payment, in the words of the order table; None when it is no news."""
    if not recorded.changed:
        return life.PAID_OTHERWISE if recorded.contradicts else None
    if recorded.now == cash.PROCESSING:
        return life.PAYING
    if recorded.now in (cash.EXPIRED, cash.FAILED):
        return life.PAYMENT_ENDED
    if recorded.now not in cash.CAPTURED:
        return None
    let_go = order.state in (CANCELLED, TIMED_OUT)
    in_time = order.state in (*UNPAID, REVIEW) and recorded.now != cash.LATE
    if recorded.differs and (let_go or in_time):
        return life.PAID_OTHERWISE
    if recorded.now == cash.LATE or order.state in (PAID, SHIPPED, COMPLETED, REFUNDED):
        return life.PAID_AGAIN
    return life.PAID_AS_ASKED


def _do(
    does: life.Cell,
    event: str,
    order: Row[Any],
    recorded: cash.Recorded,
    *,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> Row[Any]:
    """Do what the order table says follows from a payment. Returns the order as it stands then."""
    late = life.LATE in does
    if life.LET_GO in does:  # Also where money came: the page was over, so the order was.
        order = time_out(order, purse=purse, at=at, back_cents=recorded.payment.captured_cents if late else 0)
    if life.WAIT in does:
        said = say(N_("Payment under way; the bank takes its time"))
        order = moving.move(order, PROCESSING, kind="processing", said=said, by="cashier", at=at).order
    if life.PAY in does:
        order = become_paid(order, purse=purse, terms=terms, at=at)
    if life.TO_REVIEW in does:
        why, *more = (DIFFERENCES[each] for each in recorded.differs)
        order = moving.to_review(order, why=why, at=at).order
        for each in more:
            moving.note(order.id, "review", each, by="system", at=at)
    if late:
        give_back_late(order, recorded.payment, at=at, told=life.LET_GO in does)
    if life.ALARM in does:
        alarm(order, ALARMS[event], key=f"payment:{recorded.payment.id}:{event}"[:120], at=at)
    return order


def become_paid(
    order: orders.OrderRow,
    *,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
    said: Message | None = None,
    by: str = "cashier",
    **changes: Any,
) -> Row[Any]:
    """Mark an order paid: spend the points held for it, and earn on the cash. Digital orders complete at once."""
    reference = orders.reference_of(order.id)
    moved = moving.move(order, PAID, kind="paid", said=said or PAID_WORDS, by=by, at=at, paid_at=at, **changes).order
    with ledger.one_write(purse):  # What was held and what is earned touch different places.
        if order.points:
            ledger.capture(purse, reference=reference, at=at, first=True)
        paid = earning.order_paid(sale_of(moved), purse=purse, terms=terms, at=at)
    return after_payment(moved, paid, terms=terms, at=at)


def give_back_late(order: orders.OrderRow, payment: cash.PaymentRow, *, at: datetime, told: bool = False) -> None:
    """Give back, whole, a payment that came when it was not wanted any more. It touches no points.

    `told` says that the member hears of it by the same mail as of the order's end.
    """
    cash.ask_refund(
        payment.id, payment.captured_cents, key=f"payment:{payment.id}:late", reason="came too late", at=at
    )
    said = say(N_("{amount_cents} came too late and is given back"), amount_cents=payment.captured_cents)
    moving.note(order.id, "late_refund", said, by="system", at=at)
    if told:
        return
    notices.tell(
        order.member_id,
        "refund_done",
        values={
            "number": orders.number_of(order.id),
            "back_cents": payment.captured_cents,
            "gone_cents": 0,
            "points": 0,
        },
        key=f"payment:{payment.id}:late",
        at=at,
    )


def _is_last(payment: cash.PaymentRow) -> bool:
    return all(other.attempt <= payment.attempt for other in cash.payments_of(payment.reference))


PAID_WORDS = say(N_("Paid"))
# What an alarm says, by what happened.
ALARMS = {
    life.PAID_AS_ASKED: say(N_("The payment came while the order is in review")),
    life.PAID_OTHERWISE: say(N_("The cashier says another amount, currency or order than was agreed")),
    life.PAID_AGAIN: say(N_("A payment came that was not expected; it is given back")),
    life.PAYMENT_ENDED: say(N_("The payment came to nothing while the order is in review")),
}
# What the timeline says of a payment that is not as it was asked for, by what differs.
DIFFERENCES = {
    "amount": say(N_("Another amount came than was agreed")),
    "currency": say(N_("The payment is in another currency than was agreed")),
    "order": say(N_("The payment names another order")),
    "mode": say(N_("The payment is a test where none was agreed, or the other way round")),
}
DECLINED = say(N_("The card was declined; nothing was charged"))
