"""Matching: the cashier's statement held against our payments, refunds and disputes, by the cashier's own ids.

What does not agree is a break. Nothing here changes anything; breaks.py keeps what is found.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, Subquery, case, func, literal, null, or_, select, type_coerce, union_all

from mall.base.clock import Instant
from mall.base.db import execute
from mall.domain import cash

THEIRS = "theirs"  # In their books, not in ours.
OURS = "ours"  # In our books, not in theirs.
AMOUNT = "amount"
CURRENCY = "currency"
FEE = "fee"  # Kept by the cashier for no payment, or in a way no fee is.
BREAK_KINDS = (THEIRS, OURS, AMOUNT, CURRENCY, FEE)

# So long a cashier may take to write down what it told us.
PATIENCE = timedelta(days=2)
# What the cashier does with its own balance: no payment, refund or dispute stands behind it.
OWN_AFFAIRS = (*cash.PAYOUT_KINDS, *cash.FEE_KINDS)


class FoundBreak(Struct, frozen=True):
    """Something that does not agree. Cents as each side says; None where a side says nothing of it."""

    key: str
    kind: str
    cashier: str
    source: str
    currency: str
    theirs_cents: int | None
    ours_cents: int | None
    happened_at: datetime
    payment_id: int | None = None


def find_breaks() -> Iterator[FoundBreak]:
    """Yield all that does not agree, as far as the statement reaches."""
    yield from _differing()
    for covered in cash.covered():
        yield from _missing(covered)
    yield from _fees()


def _differing() -> Iterator[FoundBreak]:
    theirs, ours = _theirs(), _ours()
    same_thing = (ours.c.cashier == theirs.c.cashier) & (ours.c.source == theirs.c.source)
    rows = execute(
        select(
            *theirs.c,
            ours.c.source.label("our_source"),
            ours.c.currency.label("our_currency"),
            ours.c.cents.label("our_cents"),
            ours.c.payment_id,
        )
        .outerjoin(ours, same_thing)
        .where(
            or_(
                ours.c.source.is_(None) & (theirs.c.cents != 0),
                ours.c.currency != theirs.c.currency,
                ours.c.cents != theirs.c.cents,
            )
        )
        .order_by(theirs.c.happened_at, theirs.c.source)
    )
    for row in rows:
        kind = THEIRS if row.our_source is None else CURRENCY if row.our_currency != row.currency else AMOUNT
        yield _break(kind, row, theirs_cents=row.cents, ours_cents=row.our_cents, payment_id=row.payment_id)


def _missing(covered: cash.Covered) -> Iterator[FoundBreak]:
    """Yield what we have in the stretch a statement covers, and it does not, though it had two days."""
    theirs, ours = _theirs(), _ours()
    rows = execute(
        select(*ours.c)
        .outerjoin(theirs, (theirs.c.cashier == ours.c.cashier) & (theirs.c.source == ours.c.source))
        .where(
            theirs.c.source.is_(None),
            ours.c.cashier == covered.cashier,
            ours.c.cents != 0,
            ours.c.happened_at >= covered.begins,
            ours.c.happened_at <= covered.ends - PATIENCE,
        )
        .order_by(ours.c.happened_at, ours.c.source)
    )
    for row in rows:
        yield _break(OURS, row, ours_cents=row.cents, payment_id=row.payment_id)


def _fees() -> Iterator[FoundBreak]:
    """Yield fees that stand on no payment, those that give back, and those that are more than what they are of."""
    line = cash.StatementLine
    by_itself = line.kind.in_(cash.FEE_KINDS)
    fee = case((by_itself, -line.amount_cents), else_=line.fee_cents)
    rows = execute(
        select(
            line.cashier,
            line.line_id.label("source"),
            line.currency,
            line.created_at.label("happened_at"),
            fee.label("cents"),
        )
        .where(
            or_(
                by_itself & (line.amount_cents != 0),
                line.fee_cents < 0,
                (line.fee_cents > func.abs(line.amount_cents)) & ~by_itself,
            )
        )
        .order_by(line.created_at, line.id)
    )
    for row in rows:
        yield _break(FEE, row, theirs_cents=row.cents)


def _break(
    kind: str,
    row: Row[Any],
    *,
    theirs_cents: Any = None,
    ours_cents: Any = None,
    payment_id: int | None = None,
) -> FoundBreak:
    """Return what does not agree of a row of cashier, source, currency and happened_at. Sums of cents become ints."""
    return FoundBreak(
        key=f"{kind}:{row.cashier}:{row.source}:{row.currency}",
        kind=kind,
        cashier=row.cashier,
        source=row.source,
        currency=row.currency,
        theirs_cents=None if theirs_cents is None else int(theirs_cents),
        ours_cents=None if ours_cents is None else int(ours_cents),
        happened_at=row.happened_at,
        payment_id=payment_id,
    )


def _theirs() -> Subquery:
    """Return what the statement says of each thing, all its lines together. What is of nothing stands by itself."""
    line = cash.StatementLine
    source = case((line.source == "", line.line_id), else_=line.source)
    return (
        select(
            line.cashier,
            source.label("source"),
            line.currency,
            func.sum(line.amount_cents).label("cents"),
            func.min(line.created_at).label("happened_at"),
        )
        .where(line.kind.not_in(OWN_AFFAIRS))
        .group_by(line.cashier, source, line.currency)
        .subquery()
    )


def _ours() -> Subquery:
    """Return what we say of each thing the cashier knows; of a dispute that is open nothing is said yet."""
    payment, refund, dispute = cash.Payment, cash.Refund, cash.Dispute
    came = select(
        payment.cashier,
        payment.cashier_id.label("source"),
        payment.captured_currency.label("currency"),
        payment.captured_cents.label("cents"),
        payment.paid_at.label("happened_at"),
        payment.id.label("payment_id"),
    ).where(payment.captured_cents > 0, payment.cashier_id.is_not(None))
    went = (
        select(
            payment.cashier,
            refund.cashier_id,
            payment.captured_currency,
            -refund.amount_cents,
            func.coalesce(refund.done_at, refund.asked_at),
            payment.id,
        )
        .join(payment, payment.id == refund.payment_id)
        .where(
            refund.state.in_((cash.SENT, cash.DONE)),
            refund.cashier_id.is_not(None),
            refund.asked_by != cash.BANK,
        )
    )
    taken: Any = case(
        (dispute.state == cash.LOST, -dispute.amount_cents), (dispute.state == cash.WON, literal(0)), else_=null()
    )
    disputed = select(
        payment.cashier, dispute.cashier_id, payment.captured_currency, taken, dispute.opened_at, payment.id
    ).join(payment, payment.id == dispute.payment_id)
    every = union_all(came, went, disputed).subquery()
    return select(
        every.c.cashier,
        every.c.source,
        every.c.currency,
        every.c.cents,
        type_coerce(every.c.happened_at, Instant).label("happened_at"),
        every.c.payment_id,
    ).subquery()
