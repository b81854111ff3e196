"""What a member tells of themselves, as facts that tasks may pay for: each once, whatever is changed later."""

from datetime import datetime

from mall.domain import ledger, programme

from .facts import Fact
from .tasks import Reward, did

EMAIL_VERIFIED = "email_verified"
BIRTHDAY_ADDED = "birthday_added"
ADDRESS_ADDED = "address_added"
NEWS_WANTED = "news_wanted"
PROFILE_COMPLETED = "profile_completed"
SIZES_TOLD = "sizes_told"
STYLE_TOLD = "style_told"
ACCOUNT_BOUND = "account_bound"


def told(member_id: int, *kinds: str, terms: programme.Programme, at: datetime) -> tuple[Reward, ...]:
    """Note what is known of a member now, and give what that is worth. Told again, gives nothing more.

    `kinds` are of those above. Returns what was given.
    """
    if not kinds:
        return ()
    purse, reference = ledger.lock(member_id, zone=terms.zone), f"member:{member_id}"
    rewards: tuple[Reward, ...] = ()
    for kind in kinds:
        fact = Fact(kind, member_id, key=f"{reference}:{kind}", at=at, reference=reference)
        rewards += did(fact, purse=purse, terms=terms, at=at)
    return rewards
