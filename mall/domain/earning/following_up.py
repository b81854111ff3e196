"""Questions that a member followed up after the shop's answer, as facts that a task may pay for: each once."""

from datetime import datetime

from mall.domain import ledger, programme

from .facts import Fact
from .tasks import Reward, did

QUESTION_FOLLOWED_UP = "question_followed_up"


def question_followed_up(
    member_id: int, *, question_id: int, terms: programme.Programme, at: datetime
) -> tuple[Reward, ...]:
    """Note that a member wrote to a question that had been answered, and give what that is worth.

    Of one question it is noted once, however long the talk. The face calls it beside consultation.follow_up().
    """
    purse = ledger.lock(member_id, zone=terms.zone)
    reference = f"question:{question_id}"
    fact = Fact(QUESTION_FOLLOWED_UP, member_id, key=f"{reference}:followed_up", at=at, reference=reference)
    return did(fact, purse=purse, terms=terms, at=at)
