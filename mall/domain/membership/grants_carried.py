"""Grants that go on when the shop's levels become others: each gives the level that takes its own one's place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, insert, or_, select

from mall.base.db import execute
from mall.domain import programme

from .grant_ends import NOW_LOWEST, withdraw
from .grants import MANUAL, PAID, REPLACED, LevelGrant, LevelGrantEnd, audit_grants, not_ended
from .places import place_of


def to_replace(*, terms: programme.Programme, after: int, last: int | None = None, at: datetime) -> list[int]:
    """Return the members with ids above `after`, up to `last` if given, whose grants are to go on under a version
    with other levels, in order.
    """
    others = [*_of_others(terms, at=at), LevelGrant.member_id > after]
    if last is not None:
        others.append(LevelGrant.member_id <= last)
    pairs = execute(select(LevelGrant.version, LevelGrant.rank).where(*others).distinct()).all()
    moved = [
        and_(LevelGrant.version == pair.version, LevelGrant.rank == pair.rank)
        for pair in pairs
        if _place(pair, terms=terms) != pair.rank
    ]
    if not moved:
        return []
    members = select(LevelGrant.member_id).where(*others, or_(*moved)).distinct()
    return list(execute(members.order_by(LevelGrant.member_id)).scalars())


def replace_grants(member_ids: Sequence[int], *, terms: programme.Programme, at: datetime) -> int:
    """Let what members are granted go on under a version with other levels, each table once. Returns how many were
    replaced, or withdrawn since their level is the lowest by now. The members' purses are locked.
    """
    theirs = select(LevelGrant).where(LevelGrant.member_id.in_(member_ids), *_of_others(terms, at=at))
    rows = execute(theirs.order_by(LevelGrant.member_id, LevelGrant.id)).all()
    moved = [(row, to) for row in rows if (to := _place(row, terms=terms)) != row.rank]
    # The lowest everybody has: its old number would be another's. What was paid for is the level above it.
    lowest = [row for row, to in moved if to == 1 and row.kind != PAID]
    going_on = [(row, max(to, 2)) for row, to in moved if to > 1 or row.kind == PAID]
    written = [_as_replaced(row, to, terms=terms, at=at) for row, to in going_on]
    withdraw(lowest, reason=NOW_LOWEST, by="system", at=at)
    if written:
        ends = {"how": REPLACED, "reason": "", "by": "system", "ended_at": at}
        execute(insert(LevelGrantEnd), [{"grant_id": row.id, **ends} for row, _to in going_on])
        execute(insert(LevelGrant), written)
        _audit([each for each in written if each["kind"] == MANUAL], at=at)
    return len(moved)


def _as_replaced(row: Row[Any], rank: int, *, terms: programme.Programme, at: datetime) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "id"} | {
        "rank": rank,
        "version": terms.version,
        "begins_at": max(at, row.begins_at),
        "by": "system",
        "key": f"grant:{row.id}:version:{terms.version}",
    }


def _audit(written: Sequence[dict[str, Any]], *, at: datetime) -> None:
    keys = [each["key"] for each in written]
    ids = {row.key: row.id for row in execute(select(LevelGrant.id, LevelGrant.key).where(LevelGrant.key.in_(keys)))}
    audit_grants([each | {"id": ids[each["key"]]} for each in written], at=at)


def _of_others(terms: programme.Programme, *, at: datetime) -> tuple[Any, ...]:
    """Return the conditions on which a grant is of another version and goes on."""
    return LevelGrant.version != terms.version, LevelGrant.ends_at >= at, not_ended()


def _place(grant: Any, *, terms: programme.Programme) -> int:
    return place_of(grant.rank, before=programme.version(grant.version), now=terms)
