"""Reviews that the shop published, as facts that tasks may pay for: what one has brought goes when it is taken down.

Published again it is a fact anew, and paid again: however often it goes up and down, it has been paid once while it
is shown, and not at all while it is not.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from mall.base.db import execute
from mall.base.text import N_, say
from mall.domain import ledger, programme

from .facts import Fact, FactRow, undone_of
from .lost_levels import lose_levels
from .tasks import Reward, did
from .undoing import Undoing, forgive_rest, undo, would_undo

REVIEW_PUBLISHED = "review_published"


def review_published(
    member_id: int,
    *,
    review_id: int,
    product_id: int,
    pictures: int,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> tuple[Reward, ...]:
    """Note that a member's review was published, and give what that is worth. Noted again, gives nothing more.

    Where it was taken down since, it is given anew.
    """
    reference = f"review:{review_id}"
    before = _noted(member_id, reference)
    if not all(row.undone for row in before):
        return ()
    fact = Fact(
        REVIEW_PUBLISHED,
        member_id,
        key=f"{reference}:published" + (f":again:{len(before)}" if before else ""),
        at=at,
        reference=reference,
        attributes={"product_id": product_id, "with_picture": int(pictures > 0)},
    )
    return did(fact, purse=purse, terms=terms, at=at)


def review_taken_down(
    member_id: int,
    *,
    review_id: int,
    title: Mapping[str, str],
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> list[Reward]:
    """Take back what a member's review was paid, once: it is shown no more. Returns what was taken.

    What of the points is spent is owed, up to the debt cap. `title` is that of the item.
    """
    noted = _noted(member_id, f"review:{review_id}")
    row = next((each for each in noted if not each.undone), None)
    if row is None:
        return []
    why = say(N_("Your review of {title} is no longer shown: what it brought is taken back"), title=dict(title))
    taken = undo(row, "review_unpublished", why=why, purse=purse, terms=terms, at=at)
    if any(each.growth for each in taken):
        lose_levels(purse=purse, terms=terms, at=at)
    if any(each.points for each in taken):
        forgive_rest(f"{row.key}:undone", purse=purse, terms=terms, at=at)
    return taken


def review_would_go(member_id: int, *, review_id: int, at: datetime) -> list[Undoing]:
    """Return what review_taken_down() would take back: it takes nothing itself."""
    noted = [row.id for row in _noted(member_id, f"review:{review_id}") if not row.undone]
    return would_undo(noted, at=at) if noted else []


def _noted(member_id: int, reference: str) -> Sequence[Row[Any]]:
    """Return the facts that a review was published, each with whether it was `undone`. One statement."""
    fact = FactRow
    mine = (fact.member_id == member_id, fact.kind == REVIEW_PUBLISHED, fact.reference == reference)
    return execute(select(fact, fact.id.in_(undone_of(member_id)).label("undone")).where(*mine)).all()
