"""Levels that the demo's shop has given for a time: one in force, one that is over."""

from datetime import datetime, timedelta

from mall.base.db import transaction
from mall.domain import earning, membership, programme


def grant_levels(friend: int, guest: int, *, terms: programme.Programme, by: str, at: datetime) -> None:
    """Give two members a level for a time, some weeks ago: the friend still has it, the guest's time is over."""
    begun = at - timedelta(days=40)
    for member_id, rank, days, reason in (
        (friend, 4, 100, "Wrote about us, and sent us many readers"),
        (guest, 3, 30, "A month to make up for two late parcels"),
    ):
        wanted = membership.Grant(
            member_id, rank, terms.today(begun) + timedelta(days=days), reason, by, f"demo:level:{member_id}"
        )
        with transaction():
            earning.grant_level(wanted, terms=terms, at=begun)
    with transaction():
        membership.end_grants(terms=terms, at=at)
