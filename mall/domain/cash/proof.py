"""What must always be true of cash, and what should be looked at."""

from datetime import datetime, timedelta

from sqlalchemy import Select, case, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_

from .disputes import BANK, LOST, Dispute
from .inbox import CashierEvent
from .payments import CAPTURED, EXPIRED, FAILED, LATE, OPEN, OPENING, PROCESSING, Payment
from .refund_moves import CAME_BACK, DROPPED, GIVEN, RefundMove
from .refunds import ASKED, DONE, REFUSED, SENT, VOID, Refund
from .statement import StatementLine


def checks() -> list[Check]:
    """Return the checks of this room: LEDGER 6.10 and 6.13, and that a payment's columns agree with each other."""
    return [
        Check(N_("Cash given back is between nothing and what was captured"), _given_beyond()),
        Check(N_("A payment's refunded cash is the sum of its refunds"), _refunded()),
        Check(N_("Cash is captured by payments that are paid, and by no others"), _captured()),
        Check(N_("A payment that came late is given back whole"), _late()),
        Check(N_("An order has one attempt to be paid at a time"), _attempts()),
        Check(N_("A payment that is over has its time"), _untimed()),
        Check(N_("A refund under way or done at the cashier has the cashier's id"), _unknown()),
        Check(
            N_("A refund that was made at the cashier is known by the cashier's id, any other by our own key"),
            _misnamed(),
        ),
        Check(N_("What the bank took back was lost in a dispute"), _of_the_bank()),
        Check(N_("A refund is done when its money was given and has not come back"), _money_moved()),
        Check(N_("A line of the cashier's statement is its amount less its fee"), _net()),
        Check(N_("A webhook event has one outcome, with its time"), _outcomes()),
    ]


def _given_beyond() -> Select:
    return select(Payment.id, Payment.captured_cents, Payment.refunded_cents).where(
        or_(Payment.refunded_cents < 0, Payment.refunded_cents > Payment.captured_cents)
    )


def _refunded() -> Select:
    refunded = (
        select(func.coalesce(func.sum(Refund.amount_cents), 0))
        .where(Refund.payment_id == Payment.id, Refund.state != VOID)
        .correlate(Payment)
        .scalar_subquery()
    )
    return select(Payment.id, Payment.refunded_cents, refunded.label("of_refunds_cents")).where(
        Payment.refunded_cents != refunded
    )


def _captured() -> Select:
    captured = Payment.state.in_(CAPTURED)
    return select(Payment.id, Payment.state, Payment.captured_cents).where(
        or_(
            captured & or_(Payment.paid_at.is_(None), Payment.captured_currency.is_(None)),
            ~captured & or_(Payment.paid_at.is_not(None), Payment.captured_cents != 0),
        )
    )


def _late() -> Select:
    return select(Payment.id, Payment.captured_cents, Payment.refunded_cents).where(
        Payment.state == LATE, Payment.refunded_cents != Payment.captured_cents
    )


def _attempts() -> Select:
    return (
        select(Payment.reference, func.count().label("attempts"))
        .where(Payment.state.in_((OPENING, OPEN, PROCESSING)))
        .group_by(Payment.reference)
        .having(func.count() > 1)
    )


def _untimed() -> Select:
    return select(Payment.id, Payment.state).where(
        (Payment.state.in_((EXPIRED, FAILED, *CAPTURED))) != (Payment.ended_at.is_not(None))
    )


def _unknown() -> Select:
    return select(Refund.id, Refund.state).where(Refund.state == SENT, Refund.cashier_id.is_(None))


def _misnamed() -> Select:
    return select(Refund.id, Refund.origin, Refund.key).where(
        case(
            # What the bank took by a lost dispute has the key of what it was taken for.
            (Refund.asked_by == BANK, Refund.key.like("cashier:%")),
            (Refund.origin == "cashier", Refund.key != literal("cashier:").concat(Refund.cashier_id)),
            else_=Refund.key.like("cashier:%"),
        )
    )


def _of_the_bank() -> Select:
    return (
        select(Refund.id, Refund.payment_id)
        .outerjoin(Dispute, (Dispute.payment_id == Refund.payment_id) & (Dispute.state == LOST))
        .where(Refund.asked_by == BANK, Dispute.id.is_(None))
    )


def _net() -> Select:
    return select(StatementLine.id, StatementLine.line_id, StatementLine.net_cents).where(
        StatementLine.net_cents != StatementLine.amount_cents - StatementLine.fee_cents
    )


def _outcomes() -> Select:
    return select(CashierEvent.id, CashierEvent.outcome).where(
        CashierEvent.outcome.is_(None) != CashierEvent.processed_at.is_(None)
    )


def _money_moved() -> Select:
    change = case((RefundMove.kind == GIVEN, 1), (RefundMove.kind == CAME_BACK, -1), else_=0)
    moved = (
        select(
            RefundMove.refund_id,
            func.sum(change).label("given"),
            func.sum(case((RefundMove.kind == DROPPED, 1), else_=0)).label("dropped"),
        )
        .group_by(RefundMove.refund_id)
        .subquery()
    )
    return (
        select(Refund.id, Refund.state)
        .outerjoin(moved, moved.c.refund_id == Refund.id)
        .where(
            or_(
                func.coalesce(moved.c.given, 0) != case((Refund.state == DONE, 1), else_=0),
                func.coalesce(moved.c.dropped, 0) != case((Refund.state == VOID, 1), else_=0),
            )
        )
    )


def watch(*, at: datetime) -> list[Check]:
    """Return what should be looked at: a row is no broken promise, but somebody waits."""
    return [
        Check(
            N_("Refunds the cashier has not taken for over 15 minutes"),
            select(Refund.id, Refund.amount_cents, Refund.asked_at, Refund.note).where(
                Refund.state == ASKED, Refund.cashier_id.is_(None), Refund.asked_at < at - timedelta(minutes=15)
            ),
        ),
        Check(
            N_("Refunds the bank has not given back for over 10 days"),
            select(Refund.id, Refund.amount_cents, Refund.asked_at, Refund.cashier_id).where(
                Refund.state == SENT, Refund.asked_at < at - timedelta(days=10)
            ),
        ),
        Check(
            N_("Refunds the cashier refused"),
            select(Refund.id, Refund.amount_cents, Refund.note).where(Refund.state == REFUSED),
        ),
        Check(
            N_("Webhook events unprocessed for over 5 minutes"),
            select(CashierEvent.id, CashierEvent.kind, CashierEvent.received_at, CashierEvent.note).where(
                CashierEvent.outcome.is_(None), CashierEvent.received_at < at - timedelta(minutes=5)
            ),
        ),
        Check(
            N_("Alarms from the cashier nobody has looked at"),
            select(CashierEvent.id, CashierEvent.kind, CashierEvent.note).where(
                CashierEvent.outcome == "alarm", CashierEvent.looked_at.is_(None)
            ),
        ),
        Check(
            N_("Payments whose page ended over 60 minutes ago and whose end we do not know"),
            select(Payment.id, Payment.reference, Payment.state, Payment.expires_at).where(
                Payment.state.in_((OPENING, OPEN)), Payment.expires_at < at - timedelta(minutes=60)
            ),
        ),
    ]
