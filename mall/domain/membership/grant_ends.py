"""How granted levels end: their time is over, somebody withdraws them, or what paid for them is given back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import audit, notices, programme

from .grants import OVER, PAID, WITHDRAWN, LevelGrant, LevelGrantEnd, lasts, not_ended

# Why the mall itself withdraws one, as the audit keeps it.
GIVEN_BACK = N_("The membership was given back.")
NOW_LOWEST = N_("Its level is the lowest by now, which everybody has.")
OWN_REASONS = {str(each): each for each in (GIVEN_BACK, NOW_LOWEST)}
AT_ONCE = 1_000


class WasPaid(Refusal):
    message = N_("This level was paid for. Give the membership back on the page of its order: it ends by that.")


class NoSuchGrant(NotFound):
    message = N_("There is no such grant.")


def withdraw_grant(
    grant_id: int, *, member_id: int, reason: str, by: str, terms: programme.Programme, at: datetime
) -> None:
    """End a grant before its day, for a reason. One that has ended stays as it ended. Raises NoSuchGrant, WasPaid."""
    grant = execute(
        select(LevelGrant).where(LevelGrant.id == grant_id, LevelGrant.member_id == member_id)
    ).one_or_none()
    if grant is None:
        raise NoSuchGrant
    ended = select(LevelGrantEnd.grant_id).where(LevelGrantEnd.grant_id == grant_id)
    if grant.ends_at < at or execute(ended).first() is not None:
        return
    if grant.kind == PAID:
        raise WasPaid
    withdraw([grant], reason=reason, by=by, at=at)
    tell_ended([grant], terms=terms, at=at)


def end_grants(*, terms: programme.Programme, at: datetime, limit: int = AT_ONCE) -> int:
    """Write down of up to `limit` grants that their time is over, and tell their members. Returns how many."""
    over = execute(
        select(LevelGrant).where(LevelGrant.ends_at < at, not_ended()).order_by(LevelGrant.id).limit(limit)
    ).all()
    if over:
        note_over(over, at=at)
        tell_ended(over, terms=terms, at=at)
    return len(over)


def note_over(grants: Sequence[Row[Any]], *, at: datetime) -> None:
    """Write down that the time of grants is over."""
    rows = [{"grant_id": row.id, "how": OVER, "reason": "", "by": "system", "ended_at": at} for row in grants]
    execute(insert(LevelGrantEnd), rows)


def withdraw(grants: Sequence[Row[Any]], *, reason: str, by: str, at: datetime) -> None:
    """Write down that grants end before their day, and why."""
    if not grants:
        return
    end = {"how": WITHDRAWN, "reason": reason, "by": by, "ended_at": at}
    execute(insert(LevelGrantEnd), [{"grant_id": grant.id, **end} for grant in grants])
    audit.write_many(
        "level.grant_withdrawn",
        [
            {
                "by": by,
                "subject": f"member:{grant.member_id}",
                "before": {"grant": grant.id, "rank": grant.rank, "last_day": grant.last_day.isoformat()},
                "reason": reason,
            }
            for grant in grants
        ],
        at=at,
    )


def tell_ended(grants: Sequence[Row[Any]], *, terms: programme.Programme, at: datetime) -> None:
    """Tell the members whose levels have ended; not those for whom one as high goes on."""
    if not grants:
        return
    going_on = {
        row.member_id: row.rank
        for row in execute(
            select(LevelGrant.member_id, func.max(LevelGrant.rank).label("rank"))
            .where(*lasts(None, at=at), LevelGrant.member_id.in_({row.member_id for row in grants}))
            .group_by(LevelGrant.member_id)
        )
    }
    notices.tell_all(
        "level_grant_ended",
        [
            notices.Telling(row.member_id, f"level_grant_ended:{row.id}", {"level": dict(terms.level(row.rank).name)})
            for row in grants
            if row.rank > going_on.get(row.member_id, 0)
        ],
        at=at,
    )
