"""Positions: how many points of which lot are where, now. Kept with the postings, so that nobody adds up history."""

from sqlalchemy import CheckConstraint, ForeignKey, String

from mall.base.db import db
from mall.base.tables import Mapped, mapped_column


class Position(db.Model):
    """The points of one lot in one of a member's places. A row that would hold 0 is deleted."""

    __table_args__ = (
        CheckConstraint("points > 0", name="points_positive"),
        CheckConstraint("place IN ('wallet', 'pending', 'held')", name="place_known"),
    )

    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"), primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(String(8), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True, autoincrement=False, index=True)
    points: Mapped[int]
