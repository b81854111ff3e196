"""Paying: the three short transactions around the cashier's network.

Unlike other verbs these open their own transactions, since no network call may stand inside one: T1 notes what is
about to be asked, then the cashier is asked, then T2 or T3 notes the answer. Call them outside of any transaction.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from mall.base.cashier import Cashier, CashierRefused, CashierUnreachable, Session, SessionState
from mall.base.clock import now
from mall.base.db import again, execute, reading, transaction
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import cash, notices, programme

from . import life, orders
from .letting_go import call_off, time_out
from .life import AWAITING, UNPAID
from .orders import Order, WrongState
from .settling import settle

# The cashier refuses sessions shorter than this by its own clock.
SHORTEST = timedelta(minutes=30, seconds=30)
# The round in which orders past their time are let go.
LETTING_GO = "order.let_go"


class NotToBePaid(Refusal):
    message = N_("Order {number} is not waiting for a payment.")


class StillPaying(Refusal):
    message = N_("A payment for this order is under way at the bank, so it cannot be called off now.")


def open_page(order_id: int, *, cashier: Cashier, site: str) -> str:
    """Return the address where an order can be paid, opening a page at the cashier if there is none.

    `site` is the shop's public address, to which the cashier sends the member back.

    Refuses: NotToBePaid; CashierUnreachable (everything is kept, try again), CashierRefused.
    """

    def begin() -> Row[Any]:
        with transaction():
            order = orders.lock_order(order_id)
            if order.state != AWAITING or orders.cash_cents_of(order) == 0:
                raise NotToBePaid(number=orders.number_of(order_id))
            tell_placed(order, at=now())
            return cash.begin(
                orders.reference_of(order_id),
                member_id=order.member_id,
                amount_cents=orders.cash_cents_of(order),
                currency=order.currency,
                cashier=cashier.name,
                live=cashier.live,
                expires_at=max(order.pay_until, now() + SHORTEST),
                at=now(),
            )

    payment = again(begin)
    if payment.state == cash.OPEN:
        return str(payment.session_url)
    return _open_session(payment, cashier=cashier, site=site).url


def tell_placed(order: orders.OrderRow, *, at: datetime) -> None:
    """Write to the member, once, that an order waits for its payment: with the mail the way back to it is not lost."""
    notices.tell(
        order.member_id,
        "order_placed",
        values={
            "number": orders.number_of(order.id),
            "points": order.points,
            "total_cents": orders.cash_cents_of(order),
        },
        key=f"order:{order.id}:placed",
        at=at,
    )


def look(payment: Row[Any], *, cashier: Cashier, terms: programme.Programme) -> Row[Any]:
    """Ask the cashier how a payment stands, and act on it. Returns the order. Refuses: CashierUnreachable."""
    assert payment.session_id is not None, "the cashier knows of no session"
    return _settle(payment, cashier.fetch_session(payment.session_id), terms=terms)


def look_at_order(order_id: int, *, cashier: Cashier, terms: programme.Programme) -> Row[Any]:
    """Ask the cashier about every unsettled payment of an order that it has. Returns the order as it stands then.

    Raises NotFound.
    """
    for payment in _unsettled(order_id):
        if payment.session_id is not None and payment.cashier == cashier.name:
            look(payment, cashier=cashier, terms=terms)
    with reading():
        return orders.order_of(order_id)


def give_up(order_id: int, *, by: str, cashier: Cashier | None, terms: programme.Programme, site: str) -> Row[Any]:
    """Call an unpaid order off: end its page at the cashier, then release what it holds.

    If it turns out to be paid already, it is paid. Given up again, nothing more happens. Returns the order.
    Refuses: StillPaying; CashierUnreachable (everything is kept).
    """
    ended: list[tuple[int, SessionState]] = []
    for payment in _unsettled(order_id):
        if cashier is None or payment.cashier != cashier.name:
            raise CashierUnreachable(f"no cashier is set, or another than {payment.cashier}")
        session_id = payment.session_id or _open_session(payment, cashier=cashier, site=site).id
        state = cashier.expire_session(session_id)
        if state.status == "expired" and not state.paid:
            ended.append((payment.id, state))
        else:
            _settle(payment, state, terms=terms)

    def finish() -> Row[Any]:
        at = now()
        with transaction():
            purse, order = orders.lock_with_purse(order_id, zone=terms.zone)
            for payment_id, state in ended:
                cash.record(payment_id, state, at=at)
            does = life.follows(life.GIVEN_UP, order.state)
            if life.CALL_OFF in does:
                payments = cash.payments_of(orders.reference_of(order_id))
                if any(payment.state in cash.UNSETTLED for payment in payments):
                    raise StillPaying()  # A page was opened meanwhile, or could not be ended: it may yet be paid.
                return call_off(order, by=by, purse=purse, at=at)
            if life.REFUSE in does and order.state in UNPAID:
                raise StillPaying()
            return order

    return again(finish)


def sweep(*, cashier: Cashier | None, terms: programme.Programme, site: str, limit: int = 50) -> int:
    """Ask about payments nobody has asked about for a while, and let orders go that were never brought to a cashier.

    Returns how many were looked at. What the cashier cannot answer now is asked again later; a row that cannot be
    looked at is put off, and keeps no other waiting.
    """
    looked = _sweep_orders(terms=terms, limit=limit)
    return looked if cashier is None else looked + _sweep_payments(cashier, terms=terms, site=site, limit=limit)


def _sweep_payments(cashier: Cashier, *, terms: programme.Programme, site: str, limit: int) -> int:
    at = now()
    with transaction():
        payments = {row.id: row for row in cash.take_unsettled(cashier=cashier.name, at=at, limit=limit)}

    def ask(payment_id: int) -> None:
        payment = payments[payment_id]
        try:
            if payment.session_id is None:
                _open_session(payment, cashier=cashier, site=site)
            elif payment.expires_at <= now():
                _settle(payment, cashier.expire_session(payment.session_id), terms=terms)
            else:
                look(payment, cashier=cashier, terms=terms)
        except (CashierUnreachable, CashierRefused, WrongState):
            return

    notices.one_by_one(cash.ASKING, list(payments), ask, at=at)
    return len(payments)


def _open_session(payment: Row[Any], *, cashier: Cashier, site: str) -> Session:
    """Open a payment's session, or learn of the one whose opening was never answered: the key makes it one.

    The question is the same to the letter each time, since cashiers refuse a key with other words.
    """
    number = orders.number_of(orders.order_id_for(payment))
    try:
        session = cashier.open_session(
            cash.wanted(payment),
            description=f"Order {number}",
            success_url=f"{site}/orders/{number}/paid?session={{CHECKOUT_SESSION_ID}}",
            cancel_url=f"{site}/orders/{number}/unpaid",
        )
    except CashierRefused as refusal:
        with transaction():
            cash.could_not_open(payment.id, why=refusal.detail, at=now())
        raise
    with transaction():
        cash.opened(payment.id, session, at=now())
    return session


def _sweep_orders(*, terms: programme.Programme, limit: int) -> int:
    """Let go orders past their time for which no payment is under way: the cashier knows nothing of them."""
    at = now()
    with reading():
        under_way = select(cash.Payment.reference).where(cash.Payment.state.in_(cash.UNSETTLED))
        due = list(
            execute(
                select(Order.id)
                .where(
                    Order.state == AWAITING,
                    Order.pay_until <= at,
                    orders.REFERENCE.not_in(under_way),
                    Order.id.not_in(notices.put_off(LETTING_GO, at=at)),
                )
                .order_by(Order.id)
                .limit(limit)
            ).scalars()
        )

    def let_go(order_id: int) -> None:
        with transaction():
            purse, order = orders.lock_with_purse(order_id, zone=terms.zone)
            payments = cash.payments_of(orders.reference_of(order_id))
            if order.state == AWAITING and not any(payment.state in cash.UNSETTLED for payment in payments):
                time_out(order, purse=purse, at=now())

    notices.one_by_one(LETTING_GO, due, let_go, at=at)
    return len(due)


def _settle(payment: Row[Any], state: SessionState, *, terms: programme.Programme) -> Row[Any]:
    def unit() -> Row[Any]:
        with transaction():
            return settle(payment, state, terms=terms, at=now())

    return again(unit)


def _unsettled(order_id: int) -> list[Row[Any]]:
    with reading():
        payments = cash.payments_of(orders.reference_of(order_id))
    return [payment for payment in payments if payment.state in cash.UNSETTLED]
