"""Moderating: the shop looks at a review, publishes or rejects it, answers it, and may take it down again."""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Row, func, or_, select, update

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import audit, catalogue, earning, ledger, notices, programme

from .product_reviews import (
    LONGEST_ANSWER,
    PUBLISHED,
    REJECTED,
    TAKEN_DOWN,
    WAITING,
    WENT_BACK,
    ProductReview,
    product_review,
)

PUBLISH, REJECT, TAKE_DOWN = "publish", "reject", "take_down"
# A review's life at the desk: what may be done in each state, and what comes of it.
NEXT: Final[dict[str, dict[str, str]]] = {
    WAITING: {PUBLISH: PUBLISHED, REJECT: REJECTED},
    REJECTED: {PUBLISH: PUBLISHED},
    PUBLISHED: {TAKE_DOWN: TAKEN_DOWN},
    TAKEN_DOWN: {PUBLISH: PUBLISHED},
}
# The same words so often: once more by the same member, or by so many others.
OTHERS_ALIKE = 2


class ReviewMoved(Refusal):
    message = N_("This review has moved on meanwhile. Reload the page to see how it stands.")


class ReviewRewritten(Refusal):
    message = N_("The member has written it anew meanwhile. Reload the page and read it as it is now.")


class NoLongerKept(Refusal):
    message = N_("All of it was refunded meanwhile, so it is no longer of something that was kept. Reject it.")


class OwnReview(Refusal):
    message = N_("This is your own review as a member, so it is for a colleague to decide on.")


class NoReviewReason(Refusal):
    field = "reason"
    message = N_("Say why: the member is told.")


class NotPublished(Refusal):
    field = "reply"
    message = N_("A reply stands under a review that is published. Publish it first.")


class Alike(Struct, frozen=True):
    """How many other reviews read the same: of the same member, and of others."""

    own: int
    others: int

    @property
    def is_suspicious(self) -> bool:
        """Whether the same words came so often that it looks like farming."""
        return self.own > 0 or self.others >= OTHERS_ALIKE


def publish_review(
    review_id: int, *, revision: int, own_member_id: int | None, terms: programme.Programme, by: str, at: datetime
) -> Row[Any]:
    """Show a review to everybody, and give what tasks pay for it. Done again, changes nothing.

    `revision` is what the one who decides has read. Raises NotFound; refuses: ReviewMoved, ReviewRewritten,
    NoLongerKept, OwnReview.
    """
    seen = product_review(review_id)
    purse = ledger.lock(seen.member_id, zone=terms.zone)
    before = product_review(review_id)  # As it is under the lock: neither written anew nor refunded from here on.
    if before.state != PUBLISHED and before.refunded >= before.quantity:
        raise NoLongerKept()
    row, moved = _decide(
        before, PUBLISH, revision=revision, own_member_id=own_member_id, by=by, at=at,
        published_at=before.published_at or at,
    )  # fmt: skip
    if moved:
        rewards = earning.review_published(
            row.member_id, review_id=row.id, product_id=row.product_id, pictures=len(row.pictures), purse=purse,
            terms=terms, at=at,
        )  # fmt: skip
        catalogue.count_reviews(row.product_id, reviews=1, stars=row.rating)
        points = sum(each.points for each in rewards)
        if before.published_at is None or points:
            _tell(before, "review_published", at=at, slug=before.slug, points=points)
    return row


def reject_review(
    review_id: int, *, revision: int, reason: str, own_member_id: int | None, by: str, at: datetime
) -> Row[Any]:
    """Show a review to nobody; its member is told why, and may write it anew. Done again, changes nothing.

    Raises NotFound; refuses: NoReviewReason, ReviewMoved, ReviewRewritten, OwnReview.
    """
    before = product_review(review_id)
    said = _reason(reason)
    row, moved = _decide(before, REJECT, revision=revision, own_member_id=own_member_id, by=by, at=at, reason=said)
    if moved:
        _tell(before, "review_rejected", at=at, words=said)
    return row


def take_review_down(
    review_id: int, *, reason: str, own_member_id: int | None, terms: programme.Programme, by: str, at: datetime
) -> Row[Any]:
    """Show a published review no longer, and take back what tasks gave for it; its member is told why. Done again,
    changes nothing.

    Raises NotFound; refuses: NoReviewReason, ReviewMoved, OwnReview.
    """
    seen = product_review(review_id)
    said = _reason(reason)
    purse = ledger.lock(seen.member_id, zone=terms.zone)
    return _take_down(review_id, said, own_member_id=own_member_id, purse=purse, terms=terms, by=by, at=at)


def take_unkept_down(
    review_id: int, *, purse: ledger.LockedPurse, terms: programme.Programme, by: str, at: datetime
) -> None:
    """Show a published review no longer, since all that it is of went back. The purse is its member's, locked."""
    _take_down(review_id, WENT_BACK, own_member_id=None, purse=purse, terms=terms, by=by, at=at)


def _take_down(
    review_id: int,
    said: str,
    *,
    own_member_id: int | None,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> Row[Any]:
    before = product_review(review_id)
    row, moved = _decide(
        before, TAKE_DOWN, revision=before.revision, own_member_id=own_member_id, by=by, at=at, reason=said
    )
    if moved:
        taken = earning.review_taken_down(
            row.member_id, review_id=row.id, title=before.title, purse=purse, terms=terms, at=at
        )
        catalogue.count_reviews(row.product_id, reviews=-1, stars=-row.rating)
        _tell(before, "review_taken_down", at=at, words=said, points=sum(each.points for each in taken))
    return row


def reply_to_review(review_id: int, *, words: str, by: str, at: datetime) -> Row[Any]:
    """Put the shop's reply under a published review, in place of an earlier one; without words there is none.

    Raises NotFound; refuses: NotPublished.
    """
    before = product_review(review_id)
    said = words.replace("\r\n", "\n").strip()[:LONGEST_ANSWER]
    review = ProductReview
    row = execute(
        update(review)
        .where(review.id == review_id, review.state == PUBLISHED)
        .values(reply=said, replied_at=at if said else None)
        .returning(*review.__table__.columns)
    ).one_or_none()
    if row is None:
        raise NotPublished()
    if said != before.reply:
        _write_down("review.replied", before, before={"reply": before.reply}, after={"reply": said}, by=by, at=at)
        catalogue.count_reviews(row.product_id)
        if said and not before.reply:
            _tell(before, "review_answered", at=at, slug=before.slug, words=said)
    return row


def alike(review: Row[Any]) -> Alike:
    """Return how many other reviews read the same as one."""
    other = ProductReview
    row = execute(
        select(
            func.count().filter(other.member_id == review.member_id).label("own"),
            func.count().filter(other.member_id != review.member_id).label("others"),
        ).where(other.text_mark == review.text_mark, other.id != review.id)
    ).one()
    return Alike(row.own, row.others)


def is_suspicious() -> Any:
    """Return the same as a condition on the table of reviews."""
    other = aliased(ProductReview)
    same = (other.text_mark == ProductReview.text_mark, other.id != ProductReview.id)
    own = select(other.id).where(*same, other.member_id == ProductReview.member_id).correlate(ProductReview)
    # It looks for one more than may be, and does not count what reads the same thousands of times.
    others = select(other.id).where(*same).correlate(ProductReview).limit(1).offset(OTHERS_ALIKE - 1)
    return or_(own.exists(), others.exists())


def _decide(
    before: Row[Any], event: str, *, revision: int, own_member_id: int | None, by: str, at: datetime, **changes: Any
) -> tuple[Row[Any], bool]:
    """Let something happen to a review: of two who try, one does it. Returns (row, whether this call did)."""
    if own_member_id == before.member_id:
        raise OwnReview()
    becomes = NEXT[before.state].get(event)
    if before.state in {cell.get(event) for cell in NEXT.values()}:
        return before, False
    if becomes is None:
        raise ReviewMoved()
    if before.revision != revision:
        raise ReviewRewritten()
    review = ProductReview
    row = execute(
        update(review)
        .where(review.id == before.id, review.state == before.state, review.revision == revision)
        .values({"state": becomes, "reason": "", "decided_at": at, "decided_by": by} | changes)
        .returning(*review.__table__.columns)
    ).one_or_none()
    if row is None:
        now = product_review(before.id)
        if now.state == becomes:
            return now, False
        raise ReviewMoved()
    _write_down(
        f"review.{becomes}", before, before={"state": before.state}, after={"state": becomes}, by=by, at=at,
        reason=changes.get("reason", ""),
    )  # fmt: skip
    return row, True


def _reason(reason: str) -> str:
    said = reason.strip()[:LONGEST_ANSWER]
    if not said:
        raise NoReviewReason()
    return said


def _write_down(
    act: str, row: Row[Any], *, before: dict[str, Any], after: dict[str, Any], by: str, at: datetime, reason: str = ""
) -> None:
    subject = f"product:{row.product_id}"
    audit.write(act, by=by, subject=subject, at=at, before=before, after={"review": row.id} | after, reason=reason)


def _tell(row: Row[Any], kind: str, *, at: datetime, **more: Any) -> None:
    """Tell the member how a review stands, once for each time it was written, and whenever points come or go."""
    key = f"review:{row.id}:{row.revision}:{kind}" + (f":{at.isoformat()}" if more.get("points") else "")
    notices.tell(row.member_id, kind, values={"title": row.title} | more, key=key, at=at)
