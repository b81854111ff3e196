"""Welcome: what a new member gets the moment they register."""

from datetime import datetime

from mall.domain import ledger, membership, programme

from .facts import Fact, record


def welcome(member_id: int, *, terms: programme.Programme, at: datetime) -> None:
    """Give a new member an empty purse and the first level, in the transaction that made the member."""
    ledger.open_purse(member_id, at=at)
    membership.begin(member_id, terms=terms, at=at)
    record(Fact("signed_up", member_id, key=f"member:{member_id}:signed_up", at=at, reference=f"member:{member_id}"))
