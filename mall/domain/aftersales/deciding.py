"""Deciding a return: the goods may come, or they may not and the member is told why."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import checkout, people

from .exchanges import hold_still, let_go, set_aside
from .returns import APPROVE, DECLINE, FOR_EXCHANGE, move, return_of, tell, write_down


class NoSentence(Refusal):
    field = "words"
    message = N_("Write the member a sentence that says why.")


def approve_return(return_id: int, *, by: str, words: str = "", at: datetime) -> Row[Any]:
    """Let goods be sent back: the member is told to send them. Of an exchange the new ones are set aside at once.

    Done again, changes nothing. Refuses: ReturnMoved, OwnMatter, NoneLeft.
    """
    asked = return_of(return_id)
    people.not_for_oneself(asked.member_id, by=by)
    hold_still(asked)
    row, moved = move(return_id, APPROVE, by=by, answer=words, at=at)
    if moved:
        said = say(N_("Return approved"))
        if row.wish == FOR_EXCHANGE:
            set_aside(row, by=by, at=at)
            said = say(N_("Exchange approved; the new item is set aside"))
        checkout.note(row.order_id, "return_approved", said, by=by, at=at)
        write_down("return.approve", row, by=by, reason=words, at=at)
        tell(row, "return_approved", at=at)
    return row


def decline_return(return_id: int, *, by: str, words: str, at: datetime) -> Row[Any]:
    """Decline a return with a sentence to the member. Done again, changes nothing.

    Refuses: NoSentence, ReturnMoved, OwnMatter.
    """
    if not words.strip():
        raise NoSentence()
    asked = return_of(return_id)
    people.not_for_oneself(asked.member_id, by=by)
    hold_still(asked)
    row, moved = move(return_id, DECLINE, by=by, answer=words, at=at)
    if moved:
        let_go(row, by=by, at=at)
        declined = N_("Exchange declined: {words}") if row.wish == FOR_EXCHANGE else N_("Return declined: {words}")
        said = say(declined, words=row.answer)
        checkout.note(row.order_id, "return_declined", said, by=by, at=at)
        write_down("return.decline", row, by=by, reason=words, at=at)
        tell(row, "return_declined", at=at)
    return row
