"""Setbacks: a row over which a round stumbled. It is put off, each time longer; the rows behind it go on.

A round looks at rows one by one - payments to ask about, orders to let go, windows to close. What goes wrong with one
of them is our mistake or somebody's bad data, and no reason to keep the others waiting.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import structlog
from msgspec import Struct
from sqlalchemy import CheckConstraint, Index, Select, String, delete, select, update

from mall.base.clock import Instant
from mall.base.db import again, db, execute, in_transaction, reading, transaction
from mall.base.sql import upsert
from mall.base.tables import Mapped, mapped_column

from .outbox import LONGEST_ERROR, wait_after

log = structlog.get_logger("mall")


class Setback(db.Model):
    """A row that could not be done, and when it is tried again. Gone once it was done."""

    __tablename__ = "setback"
    __table_args__ = (CheckConstraint("tries > 0", name="tries_positive"), Index(None, "since"))

    round: Mapped[str] = mapped_column(String(40), primary_key=True)
    row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tries: Mapped[int]
    since: Mapped[datetime] = mapped_column(Instant)
    next_try_at: Mapped[datetime] = mapped_column(Instant)
    error: Mapped[str] = mapped_column(String(LONGEST_ERROR))


class Tally(Struct, frozen=True):
    """What came of a round: how many rows were done, and the ids of those that were put off."""

    done: int
    put_off: tuple[int, ...]

    @property
    def moved(self) -> int:
        """How many rows the round will not find again at this instant: when 0, to go round once more is in vain."""
        return self.done + len(self.put_off)


class SomePutOff(Exception):
    """A job has done all it could, but for some rows: it is to be tried again."""


def one_by_one(name: str, row_ids: Sequence[int], do: Callable[[int], object], *, at: datetime) -> Tally:
    """Do rows one after the other, each in the transactions `do` opens. One that fails is logged and put off.

    When the database says "not now", `do` is called again: what it does must be the same when it is done twice.
    It answers False when there was nothing to do: such a row is not counted as done.

    `name` says what is done ("window.close"). A row whose turn is not now, put_off() keeps out of the query that finds
    them. Call it outside of any transaction.
    """
    assert not in_transaction(), "one_by_one() does each row in transactions of its own"
    if not row_ids:
        return Tally(0, ())
    with reading():
        mine = select(Setback.row_id).where(Setback.round == name, Setback.row_id.in_(row_ids))
        known = set(execute(mine).scalars())
    done, failed = 0, []
    for row_id in row_ids:
        try:
            done += again(partial(do, row_id)) is not False
        except Exception as error:  # The edge of a row: those behind it must not wait for it.
            tries = _put_off(name, row_id, error, at=at)
            log.error("put off", round=name, row=row_id, tries=tries, exc_info=error)
            failed.append(row_id)
            continue
        if row_id in known:
            with transaction():
                execute(delete(Setback).where(Setback.round == name, Setback.row_id == row_id))
    return Tally(done, tuple(failed))


def put_off(name: str, *, at: datetime) -> Select[int]:
    """Return the select of the rows whose next try is later than an instant: `Order.id.not_in(put_off(...))`."""
    return select(Setback.row_id).where(Setback.round == name, Setback.next_try_at > at)


def forget_setbacks(*, before: datetime) -> int:
    """Delete the setbacks of rows that were not tried again although their turn came: somebody else did them."""
    return execute(delete(Setback).where(Setback.next_try_at < before)).rowcount


def _put_off(name: str, row_id: int, error: Exception, *, at: datetime) -> int:
    into = upsert(Setback)
    words = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    first = into.values(round=name, row_id=row_id, tries=1, since=at, next_try_at=at + wait_after(1), error=words)
    counted = first.on_conflict_do_update(
        index_elements=[Setback.round, Setback.row_id],
        set_={"tries": Setback.tries + 1, "error": words},
    ).returning(Setback.tries)

    def unit() -> int:
        with transaction():
            tries: int = execute(counted).scalar_one()
            execute(
                update(Setback)
                .where(Setback.round == name, Setback.row_id == row_id)
                .values(next_try_at=at + wait_after(tries))
            )
            return tries

    return again(unit)
