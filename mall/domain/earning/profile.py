"""What a member tells of themselves, as facts that tasks may pay for: each once, whatever is changed later."""

from datetime import datetime

from mall.domain import ledger, programme

from .facts import Fact
from .tasks import Reward, did


def email_verified(member_id: int, *, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Note that a member has shown to read the mails of their address. Returns what it gave."""
    return _told("email_verified", member_id, terms=terms, at=at)


def birthday_added(member_id: int, *, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Note that a member has told their birthday. Returns what it gave."""
    return _told("birthday_added", member_id, terms=terms, at=at)


def address_added(member_id: int, *, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Note that a member has an address. Returns what it gave."""
    return _told("address_added", member_id, terms=terms, at=at)


def news_wanted(member_id: int, *, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Note that a member asked for news by e-mail. Returns what it gave."""
    return _told("news_wanted", member_id, terms=terms, at=at)


def _told(kind: str, member_id: int, *, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    reference = f"member:{member_id}"
    purse = ledger.lock(member_id, zone=terms.zone)
    fact = Fact(kind, member_id, key=f"{reference}:{kind}", at=at, reference=reference)
    return did(fact, purse=purse, terms=terms, at=at)
