"""Alarms: what happened to an order that a person must look at. Each is raised once, and stands until somebody has."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, insert, select, text, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import NotFound
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Message, Said
from mall.domain import audit, cash

from . import moving, orders


class OrderAlarm(db.Model):
    """Something about an order that waits for a person. `event_id` is the cashier's event that told of it."""

    __tablename__ = "order_alarm"
    __table_args__ = (
        CheckConstraint("(looked_at IS NULL) = (looked_by IS NULL)", name="looked_at_by_somebody"),
        Index(
            "order_alarm_unseen",
            "id",
            postgresql_where=text("looked_at IS NULL"),
            sqlite_where=text("looked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    said: Mapped[Message] = mapped_column(Said)
    event_id: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(Instant)
    looked_at: Mapped[datetime | None] = mapped_column(Instant)
    looked_by: Mapped[str | None] = mapped_column(String(40))


def alarm(order: orders.OrderRow, said: Message, *, key: str, at: datetime, event_id: int | None = None) -> None:
    """Put on record that something happened to a locked order which a person must look at. Raised again, it is one.

    `key` names its cause.
    """
    assert in_transaction(), "alarm() outside transaction()"
    if execute(select(OrderAlarm.id).where(OrderAlarm.key == key)).one_or_none() is not None:
        return
    execute(insert(OrderAlarm).values(order_id=order.id, key=key, said=said, event_id=event_id, at=at))
    moving.note(order.id, "alarm", said, by="system", at=at)
    audit.write("order.alarm", by="system", subject=orders.reference_of(order.id), at=at, reason=str(said))


def looked_at(alarm_id: int, *, by: str, at: datetime) -> Row[Any]:
    """Note that a person has looked at an alarm. Noted again, nothing more happens. Raises NotFound."""
    found = execute(select(OrderAlarm).where(OrderAlarm.id == alarm_id).with_for_update()).one_or_none()
    if found is None:
        raise NotFound(N_("There is no such alarm."))
    if found.looked_at is None:
        execute(update(OrderAlarm).where(OrderAlarm.id == alarm_id).values(looked_at=at, looked_by=by))
        if found.event_id is not None:
            cash.looked_at(found.event_id, by=by, at=at)
        audit.write(
            "order.alarm.looked_at",
            by=by,
            subject=orders.reference_of(found.order_id),
            at=at,
            reason=str(found.said),
        )
    return found


def alarms(*, limit: int = 100) -> list[Row[Any]]:
    """Return the alarms nobody has looked at, the oldest first."""
    return list(execute(select(OrderAlarm).where(OrderAlarm.looked_at.is_(None)).order_by(OrderAlarm.id).limit(limit)))


def alarms_of(*order_ids: int) -> list[Row[Any]]:
    """Return every alarm of some orders, the first first."""
    return list(execute(select(OrderAlarm).where(OrderAlarm.order_id.in_(order_ids)).order_by(OrderAlarm.id)))
