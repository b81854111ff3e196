"""Reviews of items: what a member says of something they bought and kept, with stars and pictures.

One for each member and item, of the order line it was bought in. It is the shop's to publish; until then it is the
member's to change.
"""

import hashlib
import unicodedata
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Row,
    Select,
    String,
    UniqueConstraint,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import catalogue, checkout, ledger, membership, people, programme

WAITING = "waiting"  # The shop looks at it.
PUBLISHED = "published"
REJECTED = "rejected"  # The member may change it, and it waits again.
TAKEN_DOWN = "taken_down"  # It was published, and is no longer.
STATES: Final = (WAITING, PUBLISHED, REJECTED, TAKEN_DOWN)
# Why one is taken down whose pieces all went back. Bought and kept again, the item may be reviewed anew.
WENT_BACK: Final = N_("All of it went back, and only what is kept is shown.")
# Until it is published, its member may change it.
OPEN_TO_ITS_MEMBER = (WAITING, REJECTED)

LEAST_STARS, MOST_STARS = 1, 5
SHORTEST, LONGEST, LONGEST_ANSWER = 5, 1_000, 500
MOST_REVIEW_PICTURES = 4


class NotKept(Refusal):
    message = N_("You can review what you bought and kept: as soon as the days for returning it are over.")


class AlreadyReviewed(Refusal):
    message = N_("You have reviewed this item already. A review that is published stays as it is.")


class WroteAnew(Refusal):
    message = N_("You have written this review anew meanwhile: see what it says now. What you typed is still there.")


class BadStars(Refusal):
    field = "rating"
    message = N_("Give 1 to 5 stars.")


class TooFewWords(Refusal):
    field = "words"
    message = N_("Write at least {least} characters: what would help somebody else to choose?")


class TooManyWords(Refusal):
    field = "words"
    message = N_("Use at most {most} characters.")


class TooManyReviewPictures(Refusal):
    field = "pictures"
    message = N_("Send {most} pictures at most.")


class ProductReview(db.Model):
    """A member's review of an item. `pictures` are those of the member: [{file, width, height}].

    `key` is that of the form that wrote it last, `revision` counts how often its member wrote it, so that nobody
    publishes what they have not seen. `text_mark` is the same for texts that read the same. `reason` is why it was
    rejected or taken down: the desk's words, or WENT_BACK. `published_at` is of the first time.
    """

    __tablename__ = "product_review"
    __table_args__ = (
        UniqueConstraint("member_id", "product_id"),
        UniqueConstraint("order_id", "line"),
        ForeignKeyConstraint(["order_id", "line"], ["order_line.order_id", "order_line.line"]),
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="stars_of_five"),
        CheckConstraint("state NOT IN ('published', 'taken_down') OR published_at IS NOT NULL", name="published_once"),
        CheckConstraint("(state IN ('rejected', 'taken_down')) = (reason <> '')", name="refused_with_its_reason"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint("(replied_at IS NULL) = (reply = '')", name="reply_has_its_time"),
        Index(None, "product_id", "state", "published_at"),
        Index(None, "state", "id"),
        Index(None, "text_mark"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    line: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    rating: Mapped[int]
    words: Mapped[str] = mapped_column(String(LONGEST))
    pictures: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    text_mark: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    written_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(LONGEST_ANSWER))
    published_at: Mapped[datetime | None] = mapped_column(Instant)
    reply: Mapped[str] = mapped_column(String(LONGEST_ANSWER))
    replied_at: Mapped[datetime | None] = mapped_column(Instant)


class Written(Struct, frozen=True):
    """A review as it was written, whether this call wrote it, and the names of pictures that are no longer its own."""

    row: Row[Any]
    new: bool
    gone: tuple[str, ...] = ()


def write_review(
    order_id: int,
    line: int,
    *,
    member_id: int,
    rating: int,
    words: str,
    pictures: Sequence[catalogue.Prepared] = (),
    remove: Collection[str] = (),
    key: str,
    revision: int | None = None,
    terms: programme.Programme,
    at: datetime,
) -> Written:
    """Write a review of an order's line, or write it anew while it is not published; it then waits for the shop.

    `remove` are the names of pictures to leave out. Sent again by the same form (`key`), it is written once.
    `revision` is that of the review it was begun from, 0 for none; None: whichever there is. Raises NotFound for
    another's order; refuses: NotKept, AlreadyReviewed, WroteAnew, BadStars, TooFewWords, TooManyWords,
    TooManyReviewPictures.
    """
    ledger.lock(member_id, zone=terms.zone)  # Of two at once, one finds the other's; and no refund comes between.
    bought = _bought(order_id, line, member_id=member_id)
    before = review_by(member_id, bought.product_id)
    if before is not None and before.key == key:
        return Written(before, new=False)
    refuse_unless_reviewable(bought, before)
    if revision is not None and revision != (before.revision if before else 0):
        raise WroteAnew()
    stay = [each for each in (before.pictures if before else ()) if each["file"] not in remove]
    values = _sound(rating, words) | {
        "order_id": order_id,
        "line": line,
        "pictures": stay + [{"file": each.name, "width": each.width, "height": each.height} for each in pictures],
        "state": WAITING,
        "key": key,
        "written_at": at,
        "reason": "",
        "decided_at": None,
        "decided_by": None,
    }
    if len(values["pictures"]) > MOST_REVIEW_PICTURES:
        raise TooManyReviewPictures(most=MOST_REVIEW_PICTURES)
    review = ProductReview
    if before is None:
        values |= {"member_id": member_id, "product_id": bought.product_id, "revision": 1, "published_at": None}
        first = insert(review).values(**values, reply="", replied_at=None).returning(*review.__table__.columns)
        return Written(execute(first).one(), new=True)
    row = execute(
        update(review)
        .where(review.id == before.id, or_(review.state.in_(OPEN_TO_ITS_MEMBER), review.reason == WENT_BACK))
        .values(**values, revision=review.revision + 1)
        .returning(*review.__table__.columns)
    ).one_or_none()
    if row is None:  # Published meanwhile.
        raise AlreadyReviewed()
    kept = {each["file"] for each in stay}
    return Written(row, new=True, gone=tuple(each["file"] for each in before.pictures if each["file"] not in kept))


def reviewable(member_id: int, *, order_id: int | None = None) -> list[Row[Any]]:
    """Return what a member may review, the latest kept first: order lines they kept, of items without their review."""
    statement = _REVIEWABLE
    if order_id is not None:
        statement = statement.where(checkout.OrderLine.order_id == order_id)
    found: dict[int, Row[Any]] = {}
    for row in execute(statement, {"of_member": member_id}):
        found.setdefault(row.product_id, row)
    return list(found.values())


def reviews_by(member_id: int, *, order_id: int | None = None) -> list[Row[Any]]:
    """Return a member's reviews, the latest first, each with the item's title, slug and picture as it was bought."""
    review = ProductReview
    statement = _WITH_LINE.where(review.member_id == member_id).order_by(review.written_at.desc(), review.id.desc())
    if order_id is not None:
        statement = statement.where(review.order_id == order_id)
    return list(execute(statement))


def review_by(member_id: int, product_id: int) -> Row[Any] | None:
    """Return a member's review of an item, or None."""
    return execute(_OF_MEMBER, {"of_member": member_id, "of_product": product_id}).one_or_none()


def line_to_review(order_id: int, line: int, *, member_id: int) -> tuple[Row[Any], Row[Any] | None]:
    """Return (a line of a member's order, the review that the member wrote of its item). Raises NotFound."""
    bought = _bought(order_id, line, member_id=member_id)
    return bought, review_by(member_id, bought.product_id)


def refuse_unless_reviewable(bought: Row[Any], before: Row[Any] | None) -> None:
    """Insist that a line may be reviewed by who wrote `before` of it. Refuses: AlreadyReviewed, NotKept. Pure."""
    if before is not None and before.state not in OPEN_TO_ITS_MEMBER and before.reason != WENT_BACK:
        raise AlreadyReviewed()
    if bought.window_closed_at is None or bought.refunded >= bought.quantity:
        raise NotKept()


def product_review(review_id: int) -> Row[Any]:
    """Return a review with the item's title and slug, as they were bought. Raises NotFound."""
    row = execute(_WITH_LINE.where(ProductReview.id == review_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such review."))
    return row


def published_reviews(product_id: int, *, limit: int, offset: int = 0, at: datetime) -> list[Row[Any]]:
    """Return an item's published reviews, the latest first, each with its member's display_name and rank.

    One statement. Faces show of the name what `people.first_name_of` leaves.
    """
    values = {"of_product": product_id, "limit": limit, "offset": offset, "rank_at": at}
    return list(execute(_PUBLISHED, values))


def mark_of(words: str) -> str:
    """Return the mark of a text: the same for texts that differ in case, spaces and punctuation only. Pure."""
    plain = unicodedata.normalize("NFKC", words).casefold()
    letters = "".join(letter for letter in plain if letter.isalnum()) or plain
    return hashlib.sha256(letters.encode()).hexdigest()[:32]


def _bought(order_id: int, line: int, *, member_id: int) -> Row[Any]:
    bought = execute(_BOUGHT, {"of_order": order_id, "of_line": line, "of_member": member_id}).one_or_none()
    if bought is None:
        raise NotFound(N_("There is no such order."))
    return bought


def _sound(rating: int, words: str) -> dict[str, Any]:
    """Return the stars and words of a review, cleaned. Refuses: BadStars, TooFewWords, TooManyWords. Pure."""
    if not LEAST_STARS <= rating <= MOST_STARS:
        raise BadStars()
    said = words.replace("\r\n", "\n").strip()
    if len(said) < SHORTEST:
        raise TooFewWords(least=SHORTEST)
    if len(said) > LONGEST:
        raise TooManyWords(most=LONGEST)
    return {"rating": rating, "words": said, "text_mark": mark_of(said)}


def _of(statement: Select[Any]) -> Select[Any]:
    """Join a statement of reviews with the lines they are of."""
    line = checkout.OrderLine
    return statement.join(line, and_(line.order_id == ProductReview.order_id, line.line == ProductReview.line))


_Line, _Order = checkout.OrderLine, checkout.Order
_BOUGHT = (
    select(*_Line.__table__.columns, _Order.member_id, _Order.window_closed_at, _Order.state)
    .join(_Order, _Order.id == _Line.order_id)
    .where(
        _Line.order_id == bindparam("of_order"),
        _Line.line == bindparam("of_line"),
        _Order.member_id == bindparam("of_member"),
    )
)
_REVIEWABLE = (
    select(_Line.order_id, _Line.line, _Line.product_id, _Line.title, _Line.variant_title, _Line.slug, _Line.file,
           _Line.art, _Order.window_closed_at)
    .join(_Order, _Order.id == _Line.order_id)
    .where(
        _Order.member_id == bindparam("of_member"),
        _Order.window_closed_at.is_not(None),
        _Line.refunded < _Line.quantity,
        ~select(ProductReview.id)
        .where(
            ProductReview.member_id == _Order.member_id,
            ProductReview.product_id == _Line.product_id,
            ProductReview.reason != WENT_BACK,
        )
        .exists(),
    )
    .order_by(_Order.window_closed_at.desc(), _Line.order_id.desc(), _Line.line)
)  # fmt: skip
_OF_MEMBER = select(ProductReview).where(
    ProductReview.member_id == bindparam("of_member"), ProductReview.product_id == bindparam("of_product")
)
_WITH_LINE = _of(
    select(*ProductReview.__table__.columns, _Line.title, _Line.variant_title, _Line.slug, _Line.file, _Line.art,
           _Line.quantity, _Line.refunded)
)  # fmt: skip
_RANK = membership.rank_of(ProductReview.member_id, at=bindparam("rank_at", type_=Instant))
_PUBLISHED = (
    select(
        ProductReview.id, ProductReview.rating, ProductReview.words, ProductReview.pictures, ProductReview.reply,
        ProductReview.replied_at, ProductReview.published_at, people.Member.display_name,
        _RANK.label("rank"),
    )
    .join(people.Member, people.Member.id == ProductReview.member_id)
    .where(ProductReview.product_id == bindparam("of_product"), ProductReview.state == PUBLISHED)
    .order_by(ProductReview.published_at.desc(), ProductReview.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)  # fmt: skip
