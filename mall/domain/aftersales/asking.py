"""Asking for a return: goods go back for money, or for the same again, as it was shown; and taking that back again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_, say
from mall.domain import catalogue, checkout, ledger, programme

from .exchanges import count, hold_still, let_go
from .reasons import REASONS
from .refunds import refund_locked
from .returns import (
    ADVANCED,
    ASKED,
    FOR_EXCHANGE,
    FOR_REFUND,
    LONGEST_WORDS,
    WITHDRAW,
    Return,
    ReturnLine,
    ReturnPicture,
    move,
    return_of,
    tell,
)
from .wishes import plan_exchange, plan_return

MOST_PICTURES = 4


class ReturnChanged(Refusal):
    message = N_("What you get back has changed since it was shown. Nothing was done. Look at it again, then confirm.")


class TooManyReturnPictures(Refusal):
    field = "pictures"
    message = N_("Send {most} pictures at most.")


def ask_return(
    order_id: int,
    *,
    member_id: int,
    pieces: Mapping[int, int],
    reason: str,
    words: str,
    pictures: Sequence[catalogue.Prepared],
    shown: str,
    level: programme.Level,
    terms: programme.Programme,
    at: datetime,
) -> tuple[Row[Any], bool]:
    """Ask for pieces of an order's lines, {line: n}, to go back; refunded at once where the level has that.

    `shown` is the fingerprint of the plan that was confirmed; confirmed again, it answers the first. Returns (the
    return, whether it is new). Raises NotFound for another's order; refuses: NotReturnable, NoReason, NothingChosen,
    TooManyPieces, TooManyReturnPictures, ReturnChanged.
    """
    purse, order, first = _opened(order_id, member_id=member_id, shown=shown, terms=terms)
    if first is not None:
        return first, False
    plan = plan_return(order, pieces=pieces, reason=reason, level=level, terms=terms, at=at)
    said = N_("Return asked for, {pieces} in all: {reason}")
    _confirmed(order, plan.fingerprint, shown, pictures, said=said, pieces=plan.refund.pieces, reason=reason, at=at)
    credit_id = None
    if plan.at_once:
        _plan, credit_id = refund_locked(
            order, purse, reason=reason, restock=False, pieces=pieces, by=f"member:{member_id}", terms=terms, at=at
        )
    return _written_down(
        order,
        {each.line.line: each.quantity for each in plan.refund.lines},
        pictures,
        key=shown,
        wish=FOR_REFUND,
        state=ADVANCED if plan.at_once else ASKED,
        reason=reason,
        words=words[:LONGEST_WORDS],
        credit_id=credit_id,
        asked_at=at,
    ), True


def ask_exchange(
    order_id: int,
    *,
    member_id: int,
    pieces: Mapping[int, int],
    reason: str,
    words: str,
    pictures: Sequence[catalogue.Prepared],
    shown: str,
    terms: programme.Programme,
    at: datetime,
) -> tuple[Row[Any], bool]:
    """Ask for pieces of an order's lines, {line: n}, once more, in exchange for those that came.

    `shown` is the fingerprint of the plan that was confirmed; confirmed again, it answers the first. Returns (the
    return, whether it is new). Raises NotFound for another's order; refuses: NotReturnable, NoReason, NothingChosen,
    TooManyPieces, TooManyReturnPictures, ReturnChanged.
    """
    _purse, order, first = _opened(order_id, member_id=member_id, shown=shown, terms=terms)
    if first is not None:
        return first, False
    plan = plan_exchange(order, pieces=pieces, reason=reason, at=at)
    said = N_("Exchange asked for, {pieces} in all: {reason}")
    _confirmed(order, plan.fingerprint, shown, pictures, said=said, pieces=plan.pieces, reason=reason, at=at)
    chosen = {line.line: quantity for line, quantity in plan.lines}
    count(order_id, chosen)
    return _written_down(
        order,
        chosen,
        pictures,
        key=shown,
        wish=FOR_EXCHANGE,
        state=ASKED,
        reason=reason,
        words=words[:LONGEST_WORDS],
        credit_id=None,
        asked_at=at,
    ), True


def _opened(
    order_id: int, *, member_id: int, shown: str, terms: programme.Programme
) -> tuple[ledger.LockedPurse, Row[Any], Row[Any] | None]:
    """Lock a member's own order. Returns (the purse, the order, the return that was asked for by this very plan).

    Raises NotFound.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    if order.member_id != member_id:
        raise NotFound(N_("There is no such order."))
    return purse, order, execute(_WITH_KEY, {"of_key": shown, "of_order": order_id}).one_or_none()


def _confirmed(
    order: Row[Any],
    fingerprint: str,
    shown: str,
    pictures: Sequence[catalogue.Prepared],
    *,
    said: str,
    pieces: int,
    reason: str,
    at: datetime,
) -> None:
    """Insist that what is asked for is what was shown, with no more pictures than are kept; then say it of the order.

    Refuses: ReturnChanged, TooManyReturnPictures.
    """
    if fingerprint != shown:
        raise ReturnChanged()
    if len(pictures) > MOST_PICTURES:
        raise TooManyReturnPictures(most=MOST_PICTURES)
    words, _our_fault = REASONS[reason]
    message = say(said, pieces=pieces, reason=words)
    checkout.note(order.id, "return_asked", message, by=f"member:{order.member_id}", at=at)


def _written_down(
    order: Row[Any], pieces: Mapping[int, int], pictures: Sequence[catalogue.Prepared], **values: Any
) -> Row[Any]:
    """Write a return down with its pieces, {line: n}, and pictures, and tell the member. Returns it."""
    about = {"order_id": order.id, "member_id": order.member_id, "answer": ""}
    row = execute(_ASK, values | about).one()
    execute(
        insert(ReturnLine).inline(),
        [
            {"return_id": row.id, "line": line, "quantity": quantity, "restocked": 0}
            for line, quantity in pieces.items()
        ],
    )
    if pictures:
        execute(
            insert(ReturnPicture).inline(),
            [
                {"return_id": row.id, "position": number, "file": each.name, "width": each.width,
                 "height": each.height}
                for number, each in enumerate(pictures, start=1)
            ],
        )  # fmt: skip
    tell(row, "return_advanced" if row.state == ADVANCED else "return_asked", at=row.asked_at)
    return row


def withdraw_return(return_id: int, *, member_id: int, at: datetime) -> Row[Any]:
    """Take a return back: the member keeps the goods. Done again, changes nothing.

    Raises NotFound for another's; refuses: ReturnMoved.
    """
    asked = return_of(return_id)
    if asked.member_id != member_id:
        raise NotFound(N_("There is no such return."))
    hold_still(asked)
    row, moved = move(return_id, WITHDRAW, by=f"member:{member_id}", at=at)
    if moved:
        let_go(row, by=f"member:{member_id}", at=at)
        said = say(N_("Exchange withdrawn") if row.wish == FOR_EXCHANGE else N_("Return withdrawn"))
        checkout.note(row.order_id, "return_withdrawn", said, by=f"member:{member_id}", at=at)
        tell(row, "return_withdrawn", at=at)
    return row


_WITH_KEY = select(Return).where(Return.key == bindparam("of_key"), Return.order_id == bindparam("of_order"))
_ASK = insert(Return).returning(*Return.__table__.columns)
