"""Looking around: every night the signs are asked for, and held against the suspects that are known.

What is looked through is large and what is found is small: the one is read without a lock, the other is written a
share of the members after the other. Killed in between, the next who looks writes what is missing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from mall.base.db import execute, in_transaction

from .check_in_signs import as_known, bursts, clockwork
from .signs import Limits, Sign, addresses, invitations, near_caps, refunds, reviews
from .staff_signs import by_own_hand
from .suspects import DISMISSED, OPEN, OVER, Suspect

# The members of one share, by their ids: a share takes five statements at most.
MEMBERS_AT_ONCE = 2_000


def all_signs(limits: Limits, *, at: datetime) -> list[Sign]:
    """Return every sign there is, by member. The number of statements does not grow with the members."""
    since = at - timedelta(days=limits.days)
    found = [
        *refunds(limits, since=since),
        *addresses(limits, since=since),
        *bursts(limits, since=since),
        *clockwork(limits, since=since),
        *by_own_hand(since=since),
        *invitations(),
        *reviews(since=since),
        *near_caps(limits, since=since),
    ]
    return sorted(found, key=lambda sign: (sign.member_id, sign.kind))


def note_signs(signs: Sequence[Sign], *, after: int, at: datetime, share: int = MEMBERS_AT_ONCE) -> int | None:
    """Bring the suspects of a share of the members, those with ids above `after`, in step with the signs there are.

    Who was dismissed comes back only with evidence that was not there then. Who shows no sign any more waits no more.
    Done again, changes nothing. Returns where the next share begins; None after the last.
    """
    assert in_transaction()
    last = after + share
    known = {(row.member_id, row.kind): row for row in execute(_KNOWN, {"after": after, "last": last})}
    here = [sign for sign in signs if after < sign.member_id <= last]
    new = [_new(sign, at=at) for sign in here if (sign.member_id, sign.kind) not in known]
    changed = [
        change
        for sign in here
        if (before := known.get((sign.member_id, sign.kind))) is not None
        if (change := _changed(sign, before, at=at)) is not None
    ]
    there = {(sign.member_id, sign.kind) for sign in here}
    gone = [row.id for key, row in known.items() if row.state == OPEN and key not in there]
    if new:
        execute(insert(Suspect), new)
    if changed:
        execute(update(Suspect.__table__).where(Suspect.id == bindparam("suspect")), changed)
    if gone:
        execute(update(Suspect).where(Suspect.id.in_(gone)).values(state=OVER, revision=Suspect.revision + 1))
    more = (bool(signs) and signs[-1].member_id > last) or execute(_MORE, {"last": last}).first() is not None
    return last if more else None


def _new(sign: Sign, *, at: datetime) -> dict[str, Any]:
    return _as_seen(sign, at=at) | {
        "member_id": sign.member_id,
        "kind": sign.kind,
        "since": at,
        "revision": 1,
        "decided_at": None,
        "decided_by": None,
        "reason": "",
    }


def _changed(sign: Sign, before: Row[Any], *, at: datetime) -> dict[str, Any] | None:
    """Return what a sign makes of a suspect that is known, None where nothing."""
    sign = as_known(sign, before.keys)
    if before.state == DISMISSED and set(sign.keys) <= set(before.keys):
        return None
    if before.state == OPEN and before.keys == sign.keys and before.strength == sign.strength:
        return None
    return _as_seen(sign, at=at) | {
        "suspect": before.id,
        "since": before.since if before.state == OPEN else at,
        "revision": before.revision + 1,
    }


def _as_seen(sign: Sign, *, at: datetime) -> dict[str, Any]:
    return {
        "state": OPEN,
        "strength": sign.strength,
        "evidence": list(sign.evidence),
        "keys": sign.keys,
        "seen_at": at,
    }


_KNOWN = (
    select(
        Suspect.id, Suspect.member_id, Suspect.kind, Suspect.state, Suspect.strength, Suspect.keys, Suspect.since,
        Suspect.revision,
    )
    .where(Suspect.member_id > bindparam("after"), Suspect.member_id <= bindparam("last"))
    .order_by(Suspect.id)
    .with_for_update()
)  # fmt: skip
_MORE = select(Suspect.id).where(Suspect.member_id > bindparam("last")).limit(1)
