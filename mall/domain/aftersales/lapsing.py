"""Lapsing: goods that were to come back and never came. Their return ends by itself, announced some days before."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select

from mall.base.db import execute, reading, transaction
from mall.base.text import N_, say
from mall.domain import checkout, notices, programme

from .exchanges import hold_still, let_go
from .returns import APPROVED, FOR_EXCHANGE, LAPSE, Return, move, return_of, tell, write_down

# The member is told so many days before.
DAYS_BEFORE = 7
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
ANNOUNCING, LAPSING = "return.announce", "return.lapse"


def lapses_at(decided_at: datetime, *, terms: programme.Programme) -> datetime:
    """Return when a return that was approved at an instant lapses, unless its goods come."""
    return decided_at + timedelta(days=terms.returns_lapse_days)


def lapse_return(return_id: int, *, at: datetime) -> None:
    """Let an approved return end, since its goods did not come: they are kept, and nothing is refunded."""
    approved = return_of(return_id)
    hold_still(approved)
    row, moved = move(return_id, LAPSE, by="system", answer=approved.answer, at=at)
    if moved:
        let_go(row, by="system", at=at)
        lapsed = N_("Return lapsed: the goods did not come")
        if row.wish == FOR_EXCHANGE:
            lapsed = N_("Exchange lapsed: the goods did not come")
        checkout.note(row.order_id, "return_lapsed", say(lapsed), by="system", at=at)
        write_down("return.lapse", row, by="system", reason="", at=at)
        tell(row, "return_lapsed", at=at)


def lapse_due_returns(*, terms: programme.Programme, at: datetime, limit: int = 200) -> int:
    """Announce returns that lapse soon, and let those lapse whose time is over. Returns how many lapsed
    or were put off: at 0 there is nothing more to do now.

    Each is done in a transaction of its own: call it outside of any. One that fails is put off.
    """
    last = at - timedelta(days=terms.returns_lapse_days)
    with reading():
        soon = list(execute(_approved(ANNOUNCING, last, last + timedelta(days=DAYS_BEFORE), at=at)).scalars())
        due = list(execute(_approved(LAPSING, NEVER, last, at=at).limit(limit)).scalars())

    def announce(return_id: int) -> None:
        with transaction():
            row = return_of(return_id)
            if row.state == APPROVED:
                tell(row, "return_lapsing", at=at, lapses_at=lapses_at(row.decided_at, terms=terms).isoformat())

    def lapse(return_id: int) -> bool:
        with transaction():
            still = return_of(return_id).state == APPROVED
            if still:
                lapse_return(return_id, at=at)
            return still

    notices.one_by_one(ANNOUNCING, soon, announce, at=at)
    return notices.one_by_one(LAPSING, due, lapse, at=at).moved


def _approved(turn: str, after: datetime, until: datetime, *, at: datetime) -> Select[Any]:
    """Return the question which returns were approved after one instant and until another, the first first."""
    return (
        select(Return.id)
        .where(
            Return.state == APPROVED,
            Return.decided_at > after,
            Return.decided_at <= until,
            Return.id.not_in(notices.put_off(turn, at=at)),
        )
        .order_by(Return.decided_at, Return.id)
    )
