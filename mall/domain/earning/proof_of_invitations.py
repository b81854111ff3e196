"""What must always be true of invitations: paid to who invited, once for a friend, and for a friend who is there."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, literal, or_, select

from mall.base.proof import Check
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import people

from .facts import FactRow
from .invitations import PAYS, Invitation

STAGES = {"friend_joined": "joined", "friend_bought": "bought"}


def invitation_checks() -> list[Check]:
    """Return the checks of invitations (LEDGER 6.14)."""
    return [
        Check(N_("an invitation is rewarded once a stage, and to who invited"), _to_another()),
        Check(N_("no invitation is rewarded while it waits for a person, or after it was rejected"), _while_suspect()),
        Check(N_("an invitation is rewarded for a friend who confirmed the e-mail"), _unconfirmed()),
        Check(N_("an invitation is rewarded for an order its friend keeps"), _not_kept()),
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


def _rings() -> Select[*tuple[Any, ...]]:
    friend, inviter = aliased(people.Member), aliased(people.Member)
    return (
        select(Invitation.friend_id, Invitation.inviter_id)
        .join(friend, friend.id == Invitation.friend_id)
        .join(inviter, inviter.id == Invitation.inviter_id)
        .where(or_(inviter.created_at > friend.created_at, inviter.id == friend.id))
    )
