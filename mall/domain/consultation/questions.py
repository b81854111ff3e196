"""Questions: what a member asks about an item before buying, and every word of it that went to and fro.

A question waits until the shop answers, and waits again when its member writes once more; closed, it is over. What is
said is only added to.
"""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, Index, Row, String, UniqueConstraint, func, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, say
from mall.domain import catalogue, ledger, people, programme, repeats

WAITING, ANSWERED, CLOSED = "waiting", "answered", "closed"
STATES: Final = (WAITING, ANSWERED, CLOSED)
OPEN = (WAITING, ANSWERED)

BY_MEMBER, BY_SHOP = "member", "shop"
SIDES: Final = (BY_MEMBER, BY_SHOP)

SHORTEST_QUESTION, LONGEST_QUESTION, LONGEST_SHOP_ANSWER = 5, 500, 1_000
# So many may wait of one member, and so often may a member write to one question.
MOST_WAITING, MOST_WRITTEN = 5, 20


class TooShort(Refusal):
    field = "words"
    message = N_("Write at least {least} characters, so that we know what you mean.")


class NothingWritten(TooShort):
    message = N_("Write something first.")


class TooLong(Refusal):
    field = "words"
    message = N_("Use at most {most} characters.")


class TooManyQuestions(Refusal):
    message = N_("{most} of your questions wait for an answer already. We answer them first.")


class TooMuchWritten(Refusal):
    message = N_("You have written {most} times to this question. Ask a new one for what is still open.")


class QuestionClosed(Refusal):
    message = N_("This question is closed. Ask a new one for what is still open.")


class MayNotAsk(Refusal):
    message = N_("This account is frozen, so it cannot ask anything for now. Write to the shop instead.")


class NoSuchQuestion(NotFound):
    message = N_("There is no such question.")


class Question(db.Model):
    """A member's question about an item.

    `revision` counts what was written to it, so that nobody answers what they have not read. `waits_since` is when it
    began to wait for the shop. `shown_question` and `shown_answer` are how everybody reads it while it is published.
    """

    __tablename__ = "question"
    __table_args__ = (
        UniqueConstraint("member_id", "key"),
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint("(state = 'waiting') = (waits_since IS NOT NULL)", name="waits_since_a_moment"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_at_a_moment"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed_by_somebody"),
        CheckConstraint("(closed_at IS NULL) = (close_reason = '')", name="closed_with_its_reason"),
        CheckConstraint("(published_at IS NULL) = (published_by IS NULL)", name="published_by_somebody"),
        CheckConstraint(
            "published_at IS NULL OR (shown_question <> '' AND shown_answer <> '')", name="published_with_its_answer"
        ),
        CheckConstraint("revision > 0", name="revision_positive"),
        Index(None, "state", "waits_since"),
        Index(None, "product_id", "published_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    state: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(Instant)
    waits_since: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by: Mapped[str | None] = mapped_column(String(40))
    close_reason: Mapped[str] = mapped_column(String(LONGEST_QUESTION))
    shown_question: Mapped[str] = mapped_column(String(LONGEST_QUESTION))
    shown_answer: Mapped[str] = mapped_column(String(LONGEST_SHOP_ANSWER))
    published_at: Mapped[datetime | None] = mapped_column(Instant)
    published_by: Mapped[str | None] = mapped_column(String(40))


class QuestionMessage(db.Model):
    """Something written to a question, by its member or by the shop. The first is the question itself.

    `key` is that of the form it was written in, so that what is sent twice stands there once.
    """

    __tablename__ = "question_message"
    __table_args__ = (
        UniqueConstraint("question_id", "number"),
        UniqueConstraint("question_id", "key"),
        CheckConstraint(f"side IN {SIDES}", name="side_known"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("words <> ''", name="says_something"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"))
    number: Mapped[int]
    side: Mapped[str] = mapped_column(String(6))
    written_by: Mapped[str] = mapped_column(String(40))
    words: Mapped[str] = mapped_column(String(LONGEST_SHOP_ANSWER))
    key: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Instant)


append_only(QuestionMessage)


class Asked(Struct, frozen=True):
    """A question as it stands, and whether this call wrote to it. `follows_answer`: the shop had answered before."""

    row: Row[Any]
    new: bool
    follows_answer: bool = False


_ASKED = N_(
    "This form was sent before, and the shop has the question as it was then. Nothing more was done. Send the form"
    " again to write this, too."
)


def ask(member_id: int, product_id: int, *, words: str, key: str, terms: programme.Programme, at: datetime) -> Asked:
    """Ask the shop about an item. Sent again by the same form (`key`), it is asked once.

    Refuses: TooShort, TooLong, TooManyQuestions, MayNotAsk; repeats.SentOtherwise for another with the same key.
    """
    ledger.lock(member_id, zone=terms.zone)  # Of two at once, one finds the other's.
    said = sound(words, least=SHORTEST_QUESTION, most=LONGEST_QUESTION)
    by = f"member:{member_id}"
    sent = repeats.Sent("question", f"{member_id}:{key}", by, {"product": product_id, "words": said})
    before = execute(select(Question).where(Question.member_id == member_id, Question.key == key)).one_or_none()
    if before is not None:
        repeats.refuse_other(sent)
        return Asked(before, new=False)
    _refuse_frozen(member_id)
    waiting = select(func.count()).where(Question.member_id == member_id, Question.state == WAITING)
    if execute(waiting).scalar_one() >= MOST_WAITING:
        raise TooManyQuestions(most=MOST_WAITING)
    values = {
        "member_id": member_id, "product_id": product_id, "state": WAITING, "key": key, "revision": 1, "asked_at": at,
        "waits_since": at, "close_reason": "", "shown_question": "", "shown_answer": "",
    }  # fmt: skip
    row = execute(insert(Question).values(values).returning(*Question.__table__.columns)).one()
    put_down(row, side=BY_MEMBER, by=by, words=said, key=key, at=at)
    repeats.keep(sent, done=say(_ASKED), at=at)
    return Asked(row, new=True)


def follow_up(
    question_id: int, *, member_id: int, words: str, key: str, terms: programme.Programme, at: datetime
) -> Asked:
    """Write once more to one's own question; it waits for the shop again. Sent again by the same form, it is once.

    Raises NotFound for another's; refuses: TooShort, TooLong, QuestionClosed, TooMuchWritten, MayNotAsk.
    """
    ledger.lock(member_id, zone=terms.zone)
    before = locked(question_id)
    if before.member_id != member_id:
        raise NoSuchQuestion()
    written = execute(select(QuestionMessage).where(QuestionMessage.question_id == question_id)).all()
    follows_answer = any(each.side == BY_SHOP for each in written)
    said = sound(words, least=SHORTEST_QUESTION, most=LONGEST_QUESTION)
    sent = repeats.Sent("question_more", f"{question_id}:{key}", f"member:{member_id}", {"words": said})
    if any(each.key == key for each in written):
        repeats.refuse_other(sent)
        return Asked(before, new=False, follows_answer=follows_answer)
    _refuse_frozen(member_id)
    if before.state == CLOSED:
        raise QuestionClosed()
    if sum(each.side == BY_MEMBER for each in written) >= MOST_WRITTEN:
        raise TooMuchWritten(most=MOST_WRITTEN)
    row = execute(
        update(Question)
        .where(Question.id == question_id)
        .values(state=WAITING, waits_since=before.waits_since or at, revision=Question.revision + 1)
        .returning(*Question.__table__.columns)
    ).one()
    put_down(row, side=BY_MEMBER, by=f"member:{member_id}", words=said, key=key, at=at)
    repeats.keep(sent, done=say(_ASKED), at=at)
    return Asked(row, new=True, follows_answer=follows_answer)


def question_of(question_id: int) -> Row[Any]:
    """Return a question with its item's title and slug. Raises NotFound."""
    row = execute(_WITH_ITEM.where(Question.id == question_id)).one_or_none()
    if row is None:
        raise NoSuchQuestion()
    return row


def questions_by(member_id: int) -> list[Row[Any]]:
    """Return a member's questions, the latest first, each with its item and its first `words`."""
    words = _words(QuestionMessage.number == 1)
    statement = _WITH_ITEM.add_columns(words.label("words")).where(Question.member_id == member_id)
    return list(execute(statement.order_by(Question.id.desc())))


def thread(question_id: int) -> list[Row[Any]]:
    """Return what was written to a question, the first first."""
    message = QuestionMessage
    return list(execute(select(message).where(message.question_id == question_id).order_by(message.number)))


def published_questions(product_id: int, *, limit: int, offset: int = 0) -> list[Row[Any]]:
    """Return an item's published questions with their answers, the latest first. One statement.

    Faces show of display_name what `people.first_name_of` leaves.
    """
    question, member = Question, people.Member
    return list(
        execute(
            select(
                question.id, question.shown_question, question.shown_answer, question.published_at, member.display_name
            )
            .join(member, member.id == question.member_id)
            .where(question.product_id == product_id, question.published_at.is_not(None))
            .order_by(question.published_at.desc(), question.id.desc())
            .limit(limit)
            .offset(offset)
        )
    )


def first_words() -> Any:
    """Return, as a column of a question's row, what was asked first."""
    return _words(QuestionMessage.number == 1)


def locked(question_id: int) -> Row[Any]:
    """Return a question, locked until the transaction ends. Raises NotFound."""
    row = execute(select(Question).where(Question.id == question_id).with_for_update()).one_or_none()
    if row is None:
        raise NoSuchQuestion()
    return row


def put_down(row: Row[Any], *, side: str, by: str, words: str, key: str, at: datetime) -> None:
    """Write down what was said to a question: the one its revision counts."""
    values = {"question_id": row.id, "number": row.revision, "side": side, "written_by": by, "words": words}
    execute(insert(QuestionMessage).values(**values, key=key, at=at))


def sound(words: str, *, least: int, most: int) -> str:
    """Return what was written, cleaned. Refuses: TooShort, TooLong. Pure."""
    said = words.replace("\r\n", "\n").strip()
    if len(said) < least:
        raise TooShort(least=least) if least > 1 else NothingWritten()
    if len(said) > most:
        raise TooLong(most=most)
    return said


def _refuse_frozen(member_id: int) -> None:
    if people.member_of(member_id).deactivated_at is not None:
        raise MayNotAsk()


def _words(which: Any) -> Any:
    message = QuestionMessage
    said = select(message.words).where(message.question_id == Question.id, which).correlate(Question)
    return said.scalar_subquery()


_WITH_ITEM = select(*Question.__table__.columns, catalogue.Product.title, catalogue.Product.slug).join(
    catalogue.Product, catalogue.Product.id == Question.product_id
)
