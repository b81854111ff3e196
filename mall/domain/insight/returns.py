"""The operators' returns: what waits for a decision, what for the goods or its replacement, what is over."""

from datetime import datetime

from sqlalchemy import func, select, type_coerce

from mall.base.clock import Instant
from mall.base.db import execute
from mall.base.sql import whole_sum
from mall.domain import aftersales, people

from .found import Found, Queue

Return, Line = aftersales.Return, aftersales.ReturnLine

# The tabs of the operators' returns, and the states behind each.
RETURN_QUEUES: dict[str, tuple[str, ...]] = {
    "to_decide": (aftersales.ASKED,),
    "goods_awaited": (aftersales.APPROVED, aftersales.ADVANCED),
    "to_send": aftersales.TO_SEND,
    "ended": (
        aftersales.WAIVED,
        aftersales.REFUNDED,
        aftersales.EXCHANGED,
        aftersales.REPLACED,
        aftersales.DECLINED,
        aftersales.WITHDRAWN,
        aftersales.LAPSED,
        aftersales.CLOSED,
    ),
}


def returns_in(queue: str, *, page: int = 1, per_page: int = 25) -> Found:
    """Return a page of a queue of returns, each with its member and how many `pieces` it is about.

    Those that wait: the longest waiting first; those that are over: the latest first.
    """
    member = people.Member
    pieces = select(whole_sum(Line.quantity)).where(Line.return_id == Return.id).correlate(Return).scalar_subquery()
    wanted = Return.state.in_(RETURN_QUEUES[queue])
    rows = execute(
        select(*Return.__table__.columns, member.display_name, pieces.label("pieces"))
        .join(member, member.id == Return.member_id)
        .where(wanted)
        .order_by(Return.id.desc() if queue == "ended" else Return.id)
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    return Found(rows, execute(select(func.count()).select_from(Return).where(wanted)).scalar_one())


def return_queues() -> dict[str, Queue]:
    """Return every queue of returns, {name: Queue}. One statement."""
    by_state = {
        row.state: row
        for row in execute(
            select(
                Return.state,
                func.count().label("n"),
                type_coerce(func.min(Return.asked_at), Instant).label("since"),
            ).group_by(Return.state)
        )
    }
    return {name: _queue([by_state[state] for state in states if state in by_state])
            for name, states in RETURN_QUEUES.items()}  # fmt: skip


def _queue(rows: list) -> Queue:
    since: datetime | None = min((row.since for row in rows), default=None)
    return Queue(count=sum(row.n for row in rows), since=since)
