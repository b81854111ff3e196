"""Levels that many reach again in one night, by growth that dormancy gives back: each gets again what was taken back.

Who reaches a level by what they buy or do gets it there and then, in tasks.py.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from mall.base.db import execute, in_transaction
from mall.domain import ledger, programme

from .facts import FactRow
from .level_packs import lock_level_packs
from .tasks import reach_again


def reach_again_all(
    member_ids: Collection[int], *, purses: Mapping[int, ledger.LockedPurse], terms: programme.Programme, at: datetime
) -> None:
    """Give anew what was taken back with levels that some of these members reach again. Their purses are locked.

    One statement where no level was ever taken back of any of them. Done twice, it gives nothing more.
    """
    assert in_transaction()
    lost = (
        select(FactRow.member_id)
        .where(FactRow.member_id.in_(sorted(member_ids)), FactRow.kind == "level_unreached")
        .distinct()
        .order_by(FactRow.member_id)
    )
    members = list(execute(lost).scalars())
    if not members:
        return
    lock_level_packs(above=1, terms=terms)  # One may reach several levels, and the next one other ones.
    for member_id in members:
        reach_again(purse=purses[member_id], terms=terms, at=at)
