"""Purses: a member's four balances in one row, which is also the member's lock."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, func, insert, select

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.sql import by_ids
from mall.base.tables import Mapped, mapped_column

from .accounts import WALLET
from .lots import Lot
from .positions import Position


class Purse(db.Model):
    """The four balances of a member. Changed only by post()."""

    __table_args__ = (
        CheckConstraint("wallet >= 0", name="wallet_not_negative"),
        CheckConstraint("pending >= 0", name="pending_not_negative"),
        CheckConstraint("held >= 0", name="held_not_negative"),
        CheckConstraint("debt <= 0", name="debt_not_positive"),
        CheckConstraint("wallet = 0 OR debt = 0", name="no_wallet_beside_debt"),
    )

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    wallet: Mapped[int]
    pending: Mapped[int]
    held: Mapped[int]
    debt: Mapped[int]
    last_written_at: Mapped[datetime] = mapped_column(Instant)


class LockedPurse(Struct):
    """A purse whose row is locked until the transaction ends; post() keeps these figures in step with the row.

    `zone` is the programme's: it says on which day something happened and when a day ends.
    """

    member_id: int
    wallet: int
    pending: int
    held: int
    debt: int
    last_written_at: datetime
    zone: str
    # Lines of several verbs that are to be written together; None: each verb writes its own.
    gathered: list[Any] | None = None

    @property
    def owed(self) -> int:
        """Points owed, as a positive number."""
        return -self.debt


class Balances(Struct, frozen=True):
    """What a member sees: ready to use, on the way, held for orders, owed; in points."""

    ready: int
    pending: int
    held: int
    owed: int


def open_purse(member_id: int, *, at: datetime) -> None:
    """Give a new member an empty purse."""
    execute(
        insert(Purse).values(member_id=member_id, wallet=0, pending=0, held=0, debt=0, last_written_at=at),
    )


def lock(member_id: int, *, zone: str) -> LockedPurse:
    """Lock a member's purse until the transaction ends. Before any INSERT that refers to it."""
    return lock_many([member_id], zone=zone)[member_id]


def lock_many(member_ids: list[int], *, zone: str) -> dict[int, LockedPurse]:
    """Lock purses in ascending order. Returns {member id: purse}; raises LookupError when one is missing."""
    assert in_transaction(), "lock() outside transaction()"
    rows = _locked(member_ids).all()
    if len(rows) != len(set(member_ids)):
        raise LookupError("a member without a purse")
    return {
        row.member_id: LockedPurse(
            row.member_id, row.wallet, row.pending, row.held, row.debt, row.last_written_at, zone
        )
        for row in rows
    }


def purse_in(row: Any, *, zone: str) -> LockedPurse:
    """Return the purse out of a row that was locked together with it: one that selected PURSE_COLUMNS.

    For rooms that lock a purse and what hangs on it in one statement, the purse first.
    """
    assert in_transaction(), "purse_in() outside transaction()"
    return LockedPurse(**{name: getattr(row, f"purse_{name}") for name in _NAMES}, zone=zone)


def spendable(member_id: int, *, at: datetime) -> int:
    """Return the points a member can spend at an instant: those in the wallet whose last day is not over."""
    # PostgreSQL answers a sum of 64-bit integers as a numeric.
    return int(execute(_spendable.where(Position.member_id == member_id, Lot.expires_at >= at)).scalar_one())


def balances(member_id: int, *, at: datetime) -> Balances:
    """Return a member's balances at an instant, as the member sees them."""
    ready = _spendable.where(Position.member_id == member_id, Lot.expires_at >= at).scalar_subquery()
    row = execute(
        select(ready.label("ready"), Purse.pending, Purse.held, Purse.debt).where(Purse.member_id == member_id)
    ).one()
    return Balances(ready=int(row.ready), pending=row.pending, held=row.held, owed=-row.debt)


_NAMES = [column.name for column in Purse.__table__.columns]
PURSE_COLUMNS = [getattr(Purse, name).label(f"purse_{name}") for name in _NAMES]
# FOR NO KEY UPDATE: rows that refer to the purse may still be inserted by others.
_locked = by_ids(select(Purse).order_by(Purse.member_id).with_for_update(key_share=True), Purse.member_id)
_spendable = (
    select(func.coalesce(func.sum(Position.points), 0))
    .join(Lot, Lot.id == Position.lot_id)
    .where(Position.place == WALLET)
)
