"""Dismissing: a person has looked at what speaks against a member, and says why it is nothing."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import audit, people

from .suspects import DISMISSED, LONGEST_REASON, OPEN, Suspect


class NoSuchSuspect(NotFound):
    message = N_("There is no such suspect.")


class SuspectChanged(Refusal):
    message = N_("There is more evidence by now. Read it, then decide.")


class SuspectGone(Refusal):
    message = N_("This does not wait for a person any more.")


class OwnDeed(Refusal):
    """What staff did for a member is not theirs to call nothing."""

    message = N_("What speaks for this is what you did yourself. A colleague has to decide about it.")


def dismiss(suspect_id: int, *, seen: int, reason: str, by: str, at: datetime) -> None:
    """Dismiss what speaks against a member; only something new brings it back. Dismissed by the same person: done.

    `seen` is the revision that was read. Raises NoSuchSuspect, OwnMatter, OwnDeed, SuspectChanged,
    SuspectGone.
    """
    row = _locked(suspect_id)
    people.not_for_oneself(row.member_id, by=by)
    if any(each.get("by") == by for each in row.evidence):
        raise OwnDeed
    if row.state == DISMISSED and row.decided_by == by:
        return
    if row.state != OPEN:
        raise SuspectGone
    if row.revision != seen:
        raise SuspectChanged
    execute(
        update(Suspect)
        .where(Suspect.id == suspect_id)
        .values(
            state=DISMISSED,
            decided_at=at,
            decided_by=by,
            reason=reason[:LONGEST_REASON],
            revision=Suspect.revision + 1,
        )
    )
    audit.write(
        "suspect.dismissed",
        by=by,
        subject=f"member:{row.member_id}",
        at=at,
        after={"kind": row.kind, "evidence": row.keys},
        reason=reason,
    )


def _locked(suspect_id: int) -> Row[Any]:
    """Return a suspect, locked: of two who decide at once, one finds what the other made of it."""
    row = execute(select(Suspect).where(Suspect.id == suspect_id).with_for_update()).one_or_none()
    if row is None:
        raise NoSuchSuspect
    return row
