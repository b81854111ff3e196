"""Answering: the shop answers a question, closes it, and shows a good answer to everybody on the item's page."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, catalogue, notices, people, repeats

from .questions import (
    ANSWERED,
    BY_SHOP,
    CLOSED,
    LONGEST_QUESTION,
    LONGEST_SHOP_ANSWER,
    OPEN,
    Asked,
    Question,
    QuestionMessage,
    locked,
    put_down,
    question_of,
    sound,
)


class WrittenMeanwhile(Refusal):
    message = N_(
        "Somebody has written to this question meanwhile. Read it as it is now; what you typed is still there."
    )


class ClosedMeanwhile(Refusal):
    message = N_("This question is closed.")


class NoClosingReason(Refusal):
    field = "reason"
    message = N_("Say why: the member is told.")


class NothingToShow(Refusal):
    message = N_("A question is shown to everybody together with its answer. Answer it first.")


class NoWords(Refusal):
    message = N_("Write what everybody is to read.")


_ANSWERED = N_(
    "This form was sent before, and its answer has gone to the member as it was then. Nothing more was done. Send the"
    " form again to write this, too."
)


def answer(question_id: int, *, words: str, revision: int, key: str, by: str, at: datetime) -> Asked:
    """Answer a question; its member is told. Sent again by the same form (`key`), it is answered once.

    `revision` is what the one who answers has read. Raises NotFound; refuses: TooShort, TooLong, WrittenMeanwhile,
    ClosedMeanwhile, OwnMatter.
    """
    seen = question_of(question_id)
    people.not_for_oneself(seen.member_id, by=by)
    message = QuestionMessage
    said = sound(words, least=1, most=LONGEST_SHOP_ANSWER)
    sent = repeats.Sent("answer", f"{question_id}:{key}", by, {"words": said})
    same = select(message.id).where(message.question_id == question_id, message.key == key)
    if execute(same).one_or_none() is not None:
        repeats.refuse_other(sent)
        return Asked(seen, new=False)
    row = _move(seen, revision=revision, state=ANSWERED, waits_since=None, revised=1)
    put_down(row, side=BY_SHOP, by=by, words=said, key=key, at=at)
    repeats.keep(sent, done=say(_ANSWERED), at=at)
    _tell(seen, "question_answered", words=said, key=str(row.revision), at=at)
    _write_down("question.answered", seen, after={"revision": row.revision}, by=by, at=at)
    return Asked(row, new=True)


def close_question(question_id: int, *, reason: str, revision: int, by: str, at: datetime) -> Row[Any]:
    """End a question; its member is told why. Done again, changes nothing.

    Raises NotFound; refuses: NoClosingReason, WrittenMeanwhile, OwnMatter.
    """
    seen = question_of(question_id)
    people.not_for_oneself(seen.member_id, by=by)
    said = reason.replace("\r\n", "\n").strip()[:LONGEST_QUESTION]
    if not said:
        raise NoClosingReason()
    if seen.state == CLOSED:
        return seen
    ended: dict[str, Any] = {"closed_at": at, "closed_by": by, "close_reason": said}
    row = _move(seen, revision=revision, state=CLOSED, waits_since=None, **ended)
    _tell(seen, "question_closed", words=said, key="closed", at=at)
    _write_down("question.closed", seen, after={"state": CLOSED}, by=by, at=at, reason=said)
    return row


def publish_question(question_id: int, *, question: str, answer: str, by: str, at: datetime) -> Row[Any]:
    """Show a question and its answer on the item's page, in these words. Done again, only the words change.

    Raises NotFound; refuses: NothingToShow, NoWords, TooLong, OwnMatter.
    """
    before = locked(question_id)
    people.not_for_oneself(before.member_id, by=by)
    message = QuestionMessage
    of_shop = select(message.id).where(message.question_id == question_id, message.side == BY_SHOP).limit(1)
    if execute(of_shop).one_or_none() is None:
        raise NothingToShow()
    shown = {
        "shown_question": _shown(question, "question", most=LONGEST_QUESTION),
        "shown_answer": _shown(answer, "answer", most=LONGEST_SHOP_ANSWER),
    }
    new = before.published_at is None
    if not new and all(getattr(before, name) == words for name, words in shown.items()):
        return before
    values: dict[str, Any] = shown | ({"published_at": at, "published_by": by} if new else {})
    row = _set(question_id, values)
    catalogue.count_questions(row.product_id, questions=int(new))
    _write_down("question.published", row, before=_said(before), after=shown, by=by, at=at)
    return row


def withdraw_question(question_id: int, *, by: str, at: datetime) -> Row[Any]:
    """Show a published question no longer. Done again, changes nothing. Raises NotFound; refuses: OwnMatter."""
    before = locked(question_id)
    people.not_for_oneself(before.member_id, by=by)
    if before.published_at is None:
        return before
    row = _set(question_id, {"published_at": None, "published_by": None})
    catalogue.count_questions(row.product_id, questions=-1)
    _write_down("question.withdrawn", row, before=_said(before), after={}, by=by, at=at)
    return row


def _move(seen: Row[Any], *, revision: int, revised: int = 0, **values: Any) -> Row[Any]:
    """Write what becomes of an open question that is as it was read. Refuses: ClosedMeanwhile, WrittenMeanwhile."""
    question = Question
    row = execute(
        update(question)
        .where(question.id == seen.id, question.revision == revision, question.state.in_(OPEN))
        .values(revision=question.revision + revised, **values)
        .returning(*question.__table__.columns)
    ).one_or_none()
    if row is None:
        raise ClosedMeanwhile() if question_of(seen.id).state == CLOSED else WrittenMeanwhile()
    return row


def _set(question_id: int, values: dict[str, Any]) -> Row[Any]:
    changed = update(Question).where(Question.id == question_id).values(values)
    return execute(changed.returning(*Question.__table__.columns)).one()


def _shown(words: str, field: str, *, most: int) -> str:
    said = words.replace("\r\n", "\n").strip()
    if not said:
        raise NoWords().about(field)
    return sound(said, least=1, most=most)


def _said(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("shown_question", "shown_answer") if getattr(row, name)}


def _write_down(
    act: str,
    row: Row[Any],
    *,
    after: dict[str, Any],
    by: str,
    at: datetime,
    before: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    subject = f"product:{row.product_id}"
    audit.write(act, by=by, subject=subject, at=at, before=before, after={"question": row.id} | after, reason=reason)


def _tell(row: Row[Any], kind: str, *, words: str, key: str, at: datetime) -> None:
    values = {"title": row.title, "question_id": row.id, "words": words}
    notices.tell(row.member_id, kind, values=values, key=f"question:{row.id}:{key}", at=at)
