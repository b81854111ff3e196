"""Granting a level: by hand at the desk."""

from datetime import datetime

from mall.domain import ledger, membership, people, programme


def grant_level(grant: membership.Grant, *, terms: programme.Programme, at: datetime) -> int:
    """Give a member a level for a time. Asked again with its key, answers the first. Returns the grant's id.

    Nobody grants themselves one. Raises OwnMatter, NoSuchLevel, GrantTooLong, NotFound.
    """
    people.not_for_oneself(grant.member_id, by=grant.by)
    people.member_of(grant.member_id)
    ledger.lock(grant.member_id, zone=terms.zone)
    return membership.write_grant(grant, terms=terms, at=at)


def withdraw_level(
    grant_id: int, *, member_id: int, reason: str, by: str, terms: programme.Programme, at: datetime
) -> None:
    """End a grant before its day, for a reason; of two at once the second finds it ended.

    Raises OwnMatter, NoSuchGrant, WasPaid.
    """
    people.not_for_oneself(member_id, by=by)
    people.member_of(member_id)
    ledger.lock(member_id, zone=terms.zone)
    membership.withdraw_grant(grant_id, member_id=member_id, reason=reason, by=by, terms=terms, at=at)
