"""Reviews that the shop published, as facts that tasks may pay for: each once, however often it is taken down."""

from datetime import datetime

from mall.domain import ledger, programme

from .facts import Fact
from .tasks import Reward, did

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
    """Note that a member's review was published, and give what that is worth. Noted again, gives nothing more."""
    reference = f"review:{review_id}"
    fact = Fact(
        REVIEW_PUBLISHED,
        member_id,
        key=f"{reference}:published",
        at=at,
        reference=reference,
        attributes={"product_id": product_id, "with_picture": int(pictures > 0)},
    )
    return did(fact, purse=purse, terms=terms, at=at)
