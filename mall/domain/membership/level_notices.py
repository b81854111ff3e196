"""Notices of a review: nobody falls who was not told 30 days before how much was missing."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey

from mall.base.clock import Instant
from mall.base.db import db
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column

NOTICE_DAYS = 30


class LevelNotice(db.Model):
    """A member was told that a level will be lost on a day unless so much growth comes. One for each step."""

    __table_args__ = (CheckConstraint("missing > 0", name="something_missing"),)

    history_id: Mapped[int] = mapped_column(ForeignKey("level_history.id"), primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    missing: Mapped[int]
    told_on: Mapped[date]
    told_at: Mapped[datetime] = mapped_column(Instant)
    decides_on: Mapped[date]
    counts_from: Mapped[date]


append_only(LevelNotice)
