"""Postings: the immutable moves of points. writing.py writes them, with what they leave in purses and positions."""

from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, bindparam, select, text

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Message, Said

from .accounts import ACCOUNTS, CONSEQUENCES, KINDS


class InsufficientPoints(Refusal):
    """There are fewer points to spend than wanted."""

    message = N_("This needs {wanted} points; {available} are available.")


class NoPoints(Refusal):
    """A move of no points was asked for."""

    message = N_("Choose at least 1 point.")


class KeyReused(Refusal):
    """A key that stands for one move was used for another."""

    message = N_("This was already done with other figures. Reload the page to see how it stands.")


class Posting(db.Model):
    """One immutable move of points from one account to another. Both ends in one row: the books balance."""

    __table_args__ = (
        UniqueConstraint("move", "line"),
        CheckConstraint("points > 0", name="points_positive"),
        CheckConstraint("source <> destination", name="goes_somewhere"),
        CheckConstraint(f"source IN {ACCOUNTS}", name="source_known"),
        CheckConstraint(f"destination IN {ACCOUNTS}", name="destination_known"),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        # Few postings reverse another: only those are indexed.
        Index(
            None, "reverses", postgresql_where=text("reverses IS NOT NULL"), sqlite_where=text("reverses IS NOT NULL")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"), index=True)
    # Room for the longest key: a reference, a rule, and what was done.
    move: Mapped[str] = mapped_column(String(120))
    line: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12))
    source: Mapped[str] = mapped_column(String(12))
    destination: Mapped[str] = mapped_column(String(12))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), index=True)
    points: Mapped[int]
    reference: Mapped[str] = mapped_column(String(60), index=True)
    reverses: Mapped[int | None] = mapped_column(ForeignKey("posting.id"))
    actor: Mapped[str] = mapped_column(String(40))
    reason: Mapped[Message | None] = mapped_column(Said)
    happened_at: Mapped[datetime] = mapped_column(Instant)
    happened_on: Mapped[date]
    written_at: Mapped[datetime] = mapped_column(Instant, index=True)


append_only(Posting)


class Line(Struct, frozen=True):
    """One posting before it is written. `empties` says that it takes all its lot has at the source."""

    move: str
    member_id: int
    kind: str
    source: str
    destination: str
    lot_id: int
    points: int
    reference: str
    actor: str
    happened_at: datetime
    reason: Message | None = None
    reverses: int | None = None
    empties: bool = False


class Move(Struct, frozen=True):
    """One call of a verb: its key, derived from its cause, and what all its lines share."""

    key: str
    kind: str
    member_id: int
    reference: str
    at: datetime
    by: str = "system"
    reason: Message | None = None

    def line(
        self,
        *,
        source: str,
        destination: str,
        lot_id: int,
        points: int,
        kind: str | None = None,
        reverses: int | None = None,
        empties: bool = False,
    ) -> Line:
        """Return one line of this move; its kind is the move's unless said otherwise."""
        return Line(
            move=self.key,
            member_id=self.member_id,
            kind=kind or self.kind,
            source=source,
            destination=destination,
            lot_id=lot_id,
            points=points,
            reference=self.reference,
            actor=self.by,
            happened_at=self.at,
            reason=self.reason,
            reverses=reverses,
            empties=empties,
        )


def recorded(move: Move, *, points: int | None = None, source: str = "", excludes: str = "") -> list[Line]:
    """Return the lines of a move that was made before, or nothing. Look only after the purse is locked.

    `excludes` is the key of a move that must not have been made when this one was not. Raises KeyReused when the key
    stands for another member, kind, reference or number of points, or for points from another source.
    """
    found = execute(_LINES_OF_MOVES, {"keys": [move.key, excludes] if excludes else [move.key]}).all()
    rows = [row for row in found if row.move == move.key]
    if not rows:
        if found:
            raise KeyReused()
        return []
    main = [row for row in rows if row.kind not in CONSEQUENCES]
    if any((row.member_id, row.reference) != (move.member_id, move.reference) for row in rows):
        raise KeyReused()
    if any(row.kind != move.kind or (source and row.source != source) for row in main):
        raise KeyReused()
    if points is not None and sum(row.points for row in main) != points:
        raise KeyReused()
    return [
        Line(
            move=row.move,
            member_id=row.member_id,
            kind=row.kind,
            source=row.source,
            destination=row.destination,
            lot_id=row.lot_id,
            points=row.points,
            reference=row.reference,
            actor=row.actor,
            happened_at=row.happened_at,
            reason=row.reason,
            reverses=row.reverses,
        )
        for row in rows
    ]


_LINES_OF_MOVES = (
    select(Posting).where(Posting.move.in_(bindparam("keys", expanding=True))).order_by(Posting.move, Posting.line)
)
