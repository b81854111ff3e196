"""What happened to the money of refunds: given, sent back by the bank, or owed no more. Written once, it stays.

A refund's own row tells how it stands today; the books of a day that is over are kept by these.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, insert

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column

GIVEN = "given"
CAME_BACK = "came_back"  # The bank sent back what was given: it is owed again, or was for nothing.
DROPPED = "dropped"  # Owed no more: one made at the cashier's desk came to nothing.

# Where the money left from.
BY_CASHIER = "cashier"
BY_HAND = "hand"


class RefundMove(db.Model):
    """One thing that happened to the money of a refund, all of its amount, by one attempt to give it."""

    __table_args__ = (
        UniqueConstraint("refund_id", "attempt", "kind"),
        CheckConstraint("kind IN ('given', 'came_back', 'dropped')", name="kind_known"),
        CheckConstraint("way IN ('cashier', 'hand')", name="way_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    refund_id: Mapped[int] = mapped_column(ForeignKey("refund.id"))
    attempt: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))
    way: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime] = mapped_column(Instant, index=True)


append_only(RefundMove)


def note_move(refund_id: int, kind: str, *, attempt: int, at: datetime, way: str = BY_CASHIER) -> None:
    """Write down what happened to the money of a refund."""
    execute(insert(RefundMove).values(refund_id=refund_id, attempt=attempt, kind=kind, way=way, at=at))
