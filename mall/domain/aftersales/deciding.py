"""Deciding a return: the goods may come, or they may not and the member is told why."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import checkout, people

from .returns import APPROVE, DECLINE, move, return_of, tell, write_down


class NoSentence(Refusal):
    field = "words"
    message = N_("Write the member a sentence that says why.")


def approve_return(return_id: int, *, by: str, words: str = "", at: datetime) -> Row[Any]:
    """Let goods be sent back: the member is told to send them. Done again, changes nothing.

    Refuses: ReturnMoved, OwnMatter.
    """
    people.not_for_oneself(return_of(return_id).member_id, by=by)
    row, moved = move(return_id, APPROVE, by=by, answer=words, at=at)
    if moved:
        checkout.note(row.order_id, "return_approved", say(N_("Return approved")), by=by, at=at)
        write_down("return.approve", row, by=by, reason=words, at=at)
        tell(row, "return_approved", at=at)
    return row


def decline_return(return_id: int, *, by: str, words: str, at: datetime) -> Row[Any]:
    """Decline a return with a sentence to the member. Done again, changes nothing.

    Refuses: NoSentence, ReturnMoved, OwnMatter.
    """
    if not words.strip():
        raise NoSentence()
    people.not_for_oneself(return_of(return_id).member_id, by=by)
    row, moved = move(return_id, DECLINE, by=by, answer=words, at=at)
    if moved:
        said = say(N_("Return declined: {words}"), words=row.answer)
        checkout.note(row.order_id, "return_declined", said, by=by, at=at)
        write_down("return.decline", row, by=by, reason=words, at=at)
        tell(row, "return_declined", at=at)
    return row
