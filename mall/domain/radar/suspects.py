"""Suspects: a member and one kind of sign, what speaks for it, and what a person made of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Row, String, UniqueConstraint, func, select

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.tables import Mapped, mapped_column
from mall.domain import people

OPEN, DISMISSED, OVER = "open", "dismissed", "over"
STATES = (OPEN, DISMISSED, OVER)
KINDS = ("refunds", "address", "burst", "clockwork", "staff", "invitation", "review", "partner")
LONGEST_REASON = 500


class Suspect(db.Model):
    """A member with signs of one kind. `over`: they were there once, and are no more.

    `evidence` is what speaks for it: [{"kind", "about", ...}], `about` what it is of ("order:7", "member:3"). `keys`
    are what a person has dismissed, or what stands now; `revision` counts its changes. `strength` is 1, 2 or 3.
    """

    __table_args__ = (
        UniqueConstraint("member_id", "kind"),
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint("strength BETWEEN 1 AND 3", name="strength_known"),
        CheckConstraint("(state = 'dismissed') <= (decided_at IS NOT NULL)", name="dismissed_by_a_person"),
        Index(None, "state", "strength"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    strength: Mapped[int]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    keys: Mapped[list[str]] = mapped_column(JSON)
    since: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    revision: Mapped[int]
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))


def suspects(
    *, state: str = OPEN, kind: str | None = None, page: int = 1, per_page: int = 25
) -> tuple[Sequence[Row[Any]], int]:
    """Return a page of suspects and how many there are: the strongest first, then those of longest standing.

    Each with number, display_name and deactivated_at of its member. Two statements.
    """
    member, wanted = people.Member, [Suspect.state == state]
    if kind is not None:
        wanted.append(Suspect.kind == kind)
    named = select(Suspect, member.number, member.display_name, member.deactivated_at)
    query = named.join(member, member.id == Suspect.member_id)
    first = (Suspect.strength.desc(), Suspect.since) if state == OPEN else (Suspect.decided_at.desc(),)
    rows = execute(
        query.where(*wanted).order_by(*first, Suspect.id).limit(per_page).offset((page - 1) * per_page)
    ).all()
    return rows, execute(select(func.count()).select_from(Suspect).where(*wanted)).scalar_one()


def open_kinds() -> dict[str, int]:
    """Return how many suspects wait, {kind: number}. One statement."""
    counted = select(Suspect.kind, func.count().label("n")).where(Suspect.state == OPEN).group_by(Suspect.kind)
    return {row.kind: row.n for row in execute(counted)}


def suspect_of(suspect_id: int) -> Row[Any] | None:
    """Return a suspect with display_name and deactivated_at of its member, or None."""
    member = people.Member
    query = select(Suspect, member.display_name, member.deactivated_at).join(member, member.id == Suspect.member_id)
    return execute(query.where(Suspect.id == suspect_id)).one_or_none()


def suspects_of(member_id: int) -> Sequence[Row[Any]]:
    """Return what a member is suspected of and was, the latest first."""
    return execute(select(Suspect).where(Suspect.member_id == member_id).order_by(Suspect.since.desc())).all()
