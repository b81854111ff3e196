"""Grants that go on when the shop's levels become others: each gives the level that takes its own one's place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, insert, or_, select

from mall.base.db import execute
from mall.domain import programme

from .grant_ends import NOW_LOWEST, withdraw
from .grants import MANUAL, PAID, REPLACED, LevelGrant, LevelGrantEnd, audit_grant, not_ended
from .places import place_of


def to_replace(*, terms: programme.Programme, at: datetime, limit: int) -> list[int]:
    """Return up to `limit` members whose grants are to go on under a version with other levels, in order."""
    pairs = execute(select(LevelGrant.version, LevelGrant.rank).where(*_of_others(terms, at=at)).distinct()).all()
    moved = [
        and_(LevelGrant.version == pair.version, LevelGrant.rank == pair.rank)
        for pair in pairs
        if _place(pair, terms=terms) != pair.rank
    ]
    if not moved:
        return []
    members = select(LevelGrant.member_id).where(*_of_others(terms, at=at), or_(*moved)).distinct()
    return list(execute(members.order_by(LevelGrant.member_id).limit(limit)).scalars())


def replace_grants(member_ids: Sequence[int], *, terms: programme.Programme, at: datetime) -> int:
    """Let what members are granted go on under a version with other levels. Returns how many were replaced, or
    withdrawn since their level is the lowest by now. The members' purses are locked.
    """
    theirs = select(LevelGrant).where(LevelGrant.member_id.in_(member_ids), *_of_others(terms, at=at))
    rows = execute(theirs.order_by(LevelGrant.member_id, LevelGrant.id)).all()
    moved = [(row, to) for row in rows if (to := _place(row, terms=terms)) != row.rank]
    for row, to in moved:
        if to == 1 and row.kind == PAID:  # The lowest everybody has; what was paid for is the one above it.
            to = 2
        if to == 1:  # Its level is the lowest now, which everybody has: its old number would be another's.
            withdraw(row, reason=NOW_LOWEST, by="system", at=at)
            continue
        execute(
            insert(LevelGrantEnd).values(grant_id=row.id, how=REPLACED, reason="", by="system", ended_at=at),
        )
        values = {name: value for name, value in row._mapping.items() if name != "id"} | {
            "rank": to,
            "version": terms.version,
            "begins_at": max(at, row.begins_at),
            "by": "system",
            "key": f"grant:{row.id}:version:{terms.version}",
        }
        grant_id = execute(insert(LevelGrant).values(values).returning(LevelGrant.id)).scalar_one()
        if row.kind == MANUAL:
            audit_grant(grant_id, values, at=at)
    return len(moved)


def _of_others(terms: programme.Programme, *, at: datetime) -> tuple[Any, ...]:
    """Return the conditions on which a grant is of another version and goes on."""
    return LevelGrant.version != terms.version, LevelGrant.ends_at >= at, not_ended()


def _place(grant: Any, *, terms: programme.Programme) -> int:
    return place_of(grant.rank, before=programme.version(grant.version), now=terms)
