"""What must always be true of invitations: paid to who invited, once for a friend, and for a friend who is there."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import audit, people

from .facts import FactRow
from .invitations import ACCEPTED, PAYS, REJECTED, Invitation
from .proof_of_undoing import undone

STAGES = {"friend_joined": "joined", "friend_bought": "bought"}


def invitation_checks() -> list[Check]:
    """Return the checks of invitations (LEDGER 6.14)."""
    return [
        Check(N_("an invitation is rewarded once a stage, and to who invited"), _to_another()),
        Check(N_("no invitation is rewarded while it waits for a person, or after it was rejected"), _while_suspect()),
        Check(N_("an invitation is rewarded for a friend who confirmed the e-mail"), _unconfirmed()),
        Check(N_("an invitation is rewarded for an order its friend keeps"), _not_kept()),
        Check(N_("no stage of an invitation is reached twice while it stands"), _twice()),
        Check(N_("an invitation was accepted or rejected by a person, as the audit says"), _decided_by_nobody()),
        Check(N_("invitations close no ring"), _rings()),
    ]


def _friend_of(fact: Any) -> ColumnElement[Any]:
    return fact.attributes["friend"].as_integer()


def _to_another() -> Select[*tuple[Any, ...]]:
    fact, row = FactRow, Invitation
    stage = case(STAGES, value=fact.kind)
    key = literal("invitation:") + cast(row.friend_id, String) + literal(":") + stage
    return (
        select(fact.id, fact.member_id, fact.key)
        .outerjoin(
            row,
            and_(
                row.friend_id == _friend_of(fact),
                row.inviter_id == fact.member_id,
                or_(key == fact.key, fact.key.like(key + ":again:%")),
            ),
        )
        .where(fact.kind.in_(STAGES), row.friend_id.is_(None))
    )


def _while_suspect() -> Select[*tuple[Any, ...]]:
    fact, row = FactRow, Invitation
    return (
        select(fact.id, row.friend_id, row.state)
        .join(row, row.friend_id == _friend_of(fact))
        .where(
            fact.kind.in_(STAGES),
            row.suspected_at < fact.at,
            or_(row.state.not_in(PAYS), row.decided_at > fact.at),
        )
    )


def _unconfirmed() -> Select[*tuple[Any, ...]]:
    fact, friend = FactRow, people.Member
    return (
        select(fact.id, friend.id.label("friend_id"))
        .join(friend, friend.id == _friend_of(fact))
        .where(fact.kind.in_(STAGES), or_(friend.verified_at.is_(None), friend.verified_at > fact.at))
    )


def _not_kept() -> Select[*tuple[Any, ...]]:
    fact, kept = FactRow, aliased(FactRow)
    return (
        select(fact.id, fact.member_id)
        .outerjoin(
            kept,
            and_(
                kept.kind == "order_kept",
                kept.member_id == _friend_of(fact),
                kept.reference == fact.attributes["order"].as_string(),
                kept.at <= fact.at,
                kept.attributes["kept_cents"].as_integer() > 0,
            ),
        )
        .where(fact.kind == "friend_bought", kept.id.is_(None))
    )


def _twice() -> Select[*tuple[Any, ...]]:
    fact = FactRow
    return (
        select(fact.kind, fact.reference)
        .where(fact.kind.in_(STAGES), ~undone(fact.id))
        .group_by(fact.kind, fact.reference)
        .having(func.count() > 1)
    )


def _decided_by_nobody() -> Select[*tuple[Any, ...]]:
    row, entry = Invitation, audit.Entry
    said = select(entry.id).where(
        entry.act == literal("invitation.") + row.state,
        entry.subject == literal("member:") + cast(row.inviter_id, String),
        entry.by == row.decided_by,
        entry.at == row.decided_at,
        entry.before["friend"].as_integer() == row.friend_id,
    )
    return select(row.friend_id, row.state, row.decided_by).where(
        row.state.in_((ACCEPTED, REJECTED)), ~said.correlate(row).exists()
    )


def _rings() -> Select[*tuple[Any, ...]]:
    friend, inviter = aliased(people.Member), aliased(people.Member)
    return (
        select(Invitation.friend_id, Invitation.inviter_id)
        .join(friend, friend.id == Invitation.friend_id)
        .join(inviter, inviter.id == Invitation.inviter_id)
        .where(or_(inviter.created_at > friend.created_at, inviter.id == friend.id))
    )
