"""Looking around: every night the signs are asked for, and held against the suspects that are known."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update

from mall.base.db import execute, in_transaction

from .signs import Limits, Sign, addresses, as_known, bursts, clockwork, invitations, near_caps, refunds, reviews
from .staff_signs import by_own_hand
from .suspects import DISMISSED, OPEN, OVER, Suspect


def look_around(limits: Limits, *, at: datetime) -> int:
    """Bring the suspects in step with the signs there are. Returns how many wait for a person that did not before.

    Who was dismissed comes back only with evidence that was not there then. Who shows no sign any more waits no more.
    The number of statements does not grow with the members. Done again, changes nothing.
    """
    assert in_transaction()
    known = {(row.member_id, row.kind): row for row in execute(select(Suspect).with_for_update())}
    new, changed = [], []
    signs = all_signs(limits, at=at)
    for sign in signs:
        before = known.get((sign.member_id, sign.kind))
        if before is not None:
            sign = as_known(sign, before.keys)
        seen = {
            "strength": sign.strength,
            "evidence": list(sign.evidence),
            "keys": sign.keys,
        }
        if before is None:
            new.append(
                seen
                | {
                    "member_id": sign.member_id,
                    "kind": sign.kind,
                    "state": OPEN,
                    "since": at,
                    "seen_at": at,
                    "revision": 1,
                    "decided_at": None,
                    "decided_by": None,
                    "reason": "",
                }
            )
        elif before.state == DISMISSED and set(sign.keys) <= set(before.keys):
            continue
        elif before.state != OPEN or before.keys != sign.keys or before.strength != sign.strength:
            back = before.state != OPEN
            changed.append(
                seen
                | {
                    "suspect": before.id,
                    "state": OPEN,
                    "since": at if back else before.since,
                    "seen_at": at,
                    "revision": before.revision + 1,
                }
            )
    if new:
        execute(insert(Suspect), new)
    if changed:
        execute(update(Suspect.__table__).where(Suspect.id == bindparam("suspect")), changed)
    there = {(sign.member_id, sign.kind) for sign in signs}
    gone = [row.id for key, row in known.items() if row.state == OPEN and key not in there]
    if gone:
        execute(update(Suspect).where(Suspect.id.in_(gone)).values(state=OVER, revision=Suspect.revision + 1))
    return len(new) + sum(1 for each in changed if each["since"] == at)


def all_signs(limits: Limits, *, at: datetime) -> list[Sign]:
    """Return every sign there is."""
    since = at - timedelta(days=limits.days)
    return [
        *refunds(limits, since=since),
        *addresses(limits, since=since),
        *bursts(limits, since=since),
        *clockwork(limits, since=since),
        *by_own_hand(since=since),
        *invitations(),
        *reviews(since=since),
        *near_caps(limits, since=since),
    ]
