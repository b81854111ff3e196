"""Keeping: what a reported purchase gave is made ready once its partner's days are over."""

from datetime import datetime

from sqlalchemy import select, update

from mall.base.db import execute
from mall.base.errors import NotFound
from mall.domain import earning, ledger, programme

from .purchases import Purchase, refunded_cents, reported_in


def to_keep(*, at: datetime) -> list[int]:
    """Return the ids of purchases whose points and growth are to be made ready now."""
    due = select(Purchase.id).where(Purchase.ready_at <= at, Purchase.kept_at.is_(None))
    return list(execute(due.order_by(Purchase.ready_at, Purchase.id)).scalars())


def keep(purchase_id: int, *, terms: programme.Programme, at: datetime) -> bool:
    """Make a purchase's points and growth ready. Returns False when that was done before."""
    member_id = execute(select(Purchase.member_id).where(Purchase.id == purchase_id)).scalar_one_or_none()
    if member_id is None:
        raise NotFound
    purse = ledger.lock(member_id, zone=terms.zone)
    row = execute(select(Purchase).where(Purchase.id == purchase_id, Purchase.kept_at.is_(None))).one_or_none()
    if row is None:
        return False
    make_ready(reported_in(row, kept_cents=row.cents - refunded_cents(row.id)), purse=purse, terms=terms, at=at)
    return True


def make_ready(
    bought: earning.Reported, *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> None:
    """Make ready what a purchase gave whose member's purse is locked."""
    execute(update(Purchase).where(Purchase.id == bought.purchase_id).values(kept_at=at))
    earning.purchase_kept(bought, purse=purse, terms=terms, at=at)
