"""What an invitation is worth: something when the friend has confirmed the e-mail, more when they keep an order.

Both are paid to the inviter, each once for a friend, in a transaction of its own after what caused it: the inviter's
purse comes first in it. What is suspicious waits until a person has looked.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import aliased
from mall.base.text import N_, say
from mall.domain import audit, ledger, notices, people, programme

from .facts import Fact, FactRow, undone_of
from .invitations import ACCEPTED, CLEAR, PAYS, REJECTED, SUSPECT, Invitation, is_stage, key_of
from .lost_levels import lose_levels
from .suspicion import evidence_of
from .tasks import Reward, did
from .undoing import forgive_rest, undo

# The round in which invitations are rewarded.
REWARDING = "invitation.reward"
LEAST_CENTS = 1


class NoSuchInvitation(NotFound):
    message = N_("There is no such invitation.")


class DecidedBefore(Refusal):
    """A colleague was first, and decided otherwise; or there is nothing to decide."""

    message = N_("This invitation does not wait for a decision any more. See below how it stands.")


def due_invitations(*, terms: programme.Programme, at: datetime, limit: int = 200) -> Sequence[int]:
    """Return the friends whose invitation may have something to be given for, or to be taken back."""
    friend, inviter, row = aliased(people.Member), aliased(people.Member), Invitation
    return list(
        execute(
            select(row.friend_id)
            .join(friend, friend.id == row.friend_id)
            .join(inviter, inviter.id == row.inviter_id)
            .where(
                or_(
                    and_(
                        row.state.in_(PAYS),
                        friend.verified_at.is_not(None),
                        friend.deactivated_at.is_(None),
                        inviter.deactivated_at.is_(None),
                        or_(
                            ~_reached("joined"),
                            and_(_kept_by(row.friend_id, terms).exists(), ~_reached("bought")),
                        ),
                    ),
                    _gone_back(row.friend_id, row.inviter_id).exists(),
                ),
                row.friend_id.not_in(notices.put_off(REWARDING, at=at)),
            )
            .order_by(row.friend_id)
            .limit(limit)
        ).scalars()
    )


def reward_invitation(friend_id: int, *, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Give an inviter what an invitation is worth by now. Asked again, gives nothing more.

    What it gave for an order of which less is kept by now than it asks for is taken back first; another one may be
    worth it anew.
    Where something is suspicious, nothing is given and the invitation waits for a person. Raises NotFound.
    """
    purse, row = _locked(friend_id, terms=terms)
    _take_back(row, purse=purse, terms=terms, at=at)
    if row.state == CLEAR and (evidence := evidence_of(row)):
        _suspect(row, evidence, at=at)
        return ()
    return _pay(row, purse=purse, terms=terms, at=at) if row.state in PAYS else ()


def look_at_invitation(friend_id: int, *, at: datetime) -> None:
    """Let a new invitation wait for a person where something is suspicious from the first."""
    row = execute(select(Invitation).where(Invitation.friend_id == friend_id)).one()
    if evidence := evidence_of(row):
        _suspect(row, evidence, at=at)


def decide_invitation(
    friend_id: int, *, accept: bool, by: str, reason: str, terms: programme.Programme, at: datetime
) -> tuple[Reward, ...]:
    """Accept a suspect invitation, which gives what it is worth by now, or reject it, so that it gives nothing more.

    Decided alike before, it is the same answer. Raises DecidedBefore, OwnMatter, NotFound.
    """
    purse, row = _locked(friend_id, terms=terms)
    for member_id in (row.inviter_id, row.friend_id):
        people.not_for_oneself(member_id, by=by)
    state = ACCEPTED if accept else REJECTED
    if row.state == state:
        return ()
    if row.state != SUSPECT:
        raise DecidedBefore
    execute(
        update(Invitation)
        .where(Invitation.friend_id == friend_id)
        .values(state=state, decided_at=at, decided_by=by, reason=reason)
    )
    audit.write(
        f"invitation.{state}",
        by=by,
        subject=f"member:{row.inviter_id}",
        at=at,
        before={"friend": friend_id, "evidence": [each["kind"] for each in row.evidence]},
        reason=reason,
    )
    return _pay(row, purse=purse, terms=terms, at=at) if accept else ()


def _locked(friend_id: int, *, terms: programme.Programme) -> tuple[ledger.LockedPurse, Row[Any]]:
    """Return an invitation with its inviter's purse, both locked: the purse first."""
    mine = Invitation.friend_id == friend_id
    inviter_id = execute(select(Invitation.inviter_id).where(mine)).scalar_one_or_none()
    if inviter_id is None:
        raise NoSuchInvitation()
    purse = ledger.lock(inviter_id, zone=terms.zone)
    return purse, execute(select(Invitation).where(mine).with_for_update()).one()


def _suspect(row: Row[Any], evidence: list[dict[str, Any]], *, at: datetime) -> None:
    execute(
        update(Invitation)
        .where(Invitation.friend_id == row.friend_id, Invitation.state == CLEAR)
        .values(state=SUSPECT, evidence=evidence, suspected_at=at)
    )


def _pay(row: Row[Any], *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    two = (row.inviter_id, row.friend_id)
    frozen = select(people.Member.id).where(people.Member.id.in_(two), people.Member.deactivated_at.is_not(None))
    verified = execute(select(people.Member.verified_at).where(people.Member.id == row.friend_id)).scalar_one()
    if verified is None or execute(frozen).first() is not None:
        return ()
    rewards = did(_fact("friend_joined", row, "joined", at=at), purse=purse, terms=terms, at=at)
    kept = execute(
        _kept_by(row.friend_id, terms)
        .with_only_columns(FactRow.reference, FactRow.attributes)
        .order_by(FactRow.id)
        .limit(1)
    ).one_or_none()
    if kept is None:
        return rewards
    before = execute(
        select(FactRow.id, FactRow.id.in_(undone_of(row.inviter_id)).label("undone")).where(
            is_stage(FactRow, row.friend_id, "bought")
        )
    ).all()
    if not all(each.undone for each in before):
        return rewards
    of_order = {"kept_cents": kept.attributes["kept_cents"], "order": kept.reference, "least_cents": least_of(terms)}
    bought = _fact("friend_bought", row, "bought", before=len(before), at=at, attributes=of_order)
    return rewards + did(bought, purse=purse, terms=terms, at=at)


def _take_back(row: Row[Any], *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime) -> None:
    """Take back what an invitation gave for an order of which too little is kept by now, and tell the inviter."""
    bought = execute(_gone_back(row.friend_id, row.inviter_id)).one_or_none()
    if bought is None:
        return
    why = say(N_("The order of a friend you invited went back: what it gave you is taken back"))
    taken = undo(bought, "friend_unbought", why=why, purse=purse, terms=terms, at=at)
    points, growth = sum(each.points for each in taken), sum(each.growth for each in taken)
    lose_levels(purse=purse, terms=terms, at=at)
    forgive_rest(f"{bought.key}:undone", purse=purse, terms=terms, at=at)
    if points or growth:
        friend = execute(select(people.Member.display_name).where(people.Member.id == row.friend_id)).scalar_one()
        told = {"friend": people.first_name_of(friend), "points": points, "growth": growth}
        notices.tell(row.inviter_id, "points_invitation_undone", values=told, key=f"{bought.key}:undone:told", at=at)


def _gone_back(friend_id: Any, inviter_id: Any) -> Any:
    """Select the fact that a friend bought, where it stands and less is kept of that order than it asked for then."""
    less = aliased(FactRow)
    least = func.coalesce(FactRow.attributes["least_cents"].as_integer(), LEAST_CENTS)
    gone = select(less.id).where(
        less.member_id == friend_id,
        less.kind == "order_reduced",
        less.reference == FactRow.attributes["order"].as_string(),
        less.attributes["kept_cents"].as_integer() < least,
    )
    of_row = [FactRow, Invitation] if not isinstance(friend_id, int) else [FactRow]
    query = select(FactRow).where(
        is_stage(FactRow, friend_id, "bought"),
        FactRow.member_id == inviter_id,
        FactRow.id.not_in(undone_of(inviter_id)),
        gone.correlate(*of_row).exists(),
    )
    return query.correlate(Invitation) if not isinstance(friend_id, int) else query


def least_of(terms: programme.Programme) -> int:
    """Return the cash that a friend must keep of an order for it to be worth something."""
    task = terms.task("friend_bought")
    return max(LEAST_CENTS, task.least_cents if task else 0)


def _fact(
    kind: str, row: Row[Any], stage: str, *, before: int = 0, at: datetime, attributes: dict[str, Any] | None = None
) -> Fact:
    return Fact(
        kind,
        row.inviter_id,
        key=key_of(row.friend_id, stage, before=before),
        at=at,
        reference=f"invitation:{row.friend_id}",
        attributes={"friend": row.friend_id} | (attributes or {}),
    )


def _kept_by(friend_id: Any, terms: programme.Programme) -> Any:
    """Select the orders that a friend keeps and that are large enough, as facts: what went back since counts not."""
    least = least_of(terms)
    since = aliased(FactRow)
    reduced = select(since.id).where(
        since.reference == FactRow.reference,
        since.kind == "order_reduced",
        since.id > FactRow.id,
        since.attributes["kept_cents"].as_integer() < least,
    )
    query = select(FactRow.id).where(
        FactRow.member_id == friend_id,
        FactRow.kind == "order_kept",
        FactRow.attributes["kept_cents"].as_integer() >= least,
        ~reduced.correlate(FactRow).exists(),
    )
    return query.correlate(Invitation) if not isinstance(friend_id, int) else query


def _reached(stage: str) -> ColumnElement[bool]:
    reached = select(FactRow.id).where(
        is_stage(FactRow, Invitation.friend_id, stage), FactRow.id.not_in(undone_of(Invitation.inviter_id))
    )
    return reached.correlate(Invitation).exists()
