"""Asking for a return: what may go back, what it would bring, and taking it back again."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_, say
from mall.domain import catalogue, checkout, programme

from .credits import CreditNote
from .plans import REASONS, NoReason, Plan, TooManyPieces, plan_refund
from .refunds import refund_locked
from .returns import (
    ADVANCED,
    ASKED,
    LONGEST_WORDS,
    OPEN,
    WITHDRAW,
    Return,
    ReturnLine,
    ReturnPicture,
    move,
    return_of,
    tell,
)

# Why a member may send something back; goodwill is the desk's.
RETURN_REASONS = tuple(reason for reason in REASONS if reason != "goodwill")
MOST_PICTURES = 4


class NotReturnable(Refusal):
    message = N_("Nothing of order {number} can be returned now. Its page says until when it could be.")


class ReturnChanged(Refusal):
    message = N_("What you get back has changed since it was shown. Nothing was done. Look at it again, then confirm.")


class TooManyReturnPictures(Refusal):
    field = "pictures"
    message = N_("Send {most} pictures at most.")


@dataclass(frozen=True)
class ReturnPlan:
    """What a return would bring: the refund, and whether it comes at once. Who confirms sends the `fingerprint`."""

    refund: Plan
    at_once: bool
    fingerprint: str


def returnable(order: Row[Any], *, at: datetime) -> bool:
    """Tell whether a member may ask for goods of an order to go back: sent, and the return window not over."""
    if order.digital or order.return_window_days == 0 or order.window_closed_at is not None:
        return False
    return order.state == checkout.SHIPPED or (order.state == checkout.COMPLETED and at < order.window_ends_at)


def pieces_to_return(order_id: int, lines: Sequence[Row[Any]]) -> dict[int, int]:
    """Return how many pieces of each line were sent and are neither back nor in an open return, {line: n}."""
    spoken_for = {row.line: int(row.pieces) for row in execute(_SPOKEN_FOR, {"of_order": order_id})}
    left = {
        line.line: line.shipped + line.called_off - line.refunded - spoken_for.get(line.line, 0)
        for line in lines
        if not line.digital
    }
    return {number: pieces for number, pieces in left.items() if pieces > 0}


def plan_return(
    order: Row[Any],
    *,
    pieces: Mapping[int, int],
    reason: str,
    level: programme.Level,
    terms: programme.Programme,
    at: datetime,
) -> ReturnPlan:
    """Think out a return: what it would bring, by the code that refunds, and whether the level has it at once.

    What a level has at once it has for all that a member was refunded and did not send yet, not for each return.

    Refuses: NotReturnable, NoReason, NothingChosen, TooManyPieces.
    """
    if not returnable(order, at=at):
        raise NotReturnable(number=checkout.number_of(order.id))
    if reason not in RETURN_REASONS:
        raise NoReason(N_("Say why it goes back."))
    lines = checkout.lines_of(order.id)
    left = pieces_to_return(order.id, lines)
    by_number = {line.line: line for line in lines}
    for number, quantity in pieces.items():
        if number in by_number and quantity > left.get(number, 0):
            raise TooManyPieces(number, title=by_number[number].title, left=left.get(number, 0))
    plan = plan_refund(order, reason=reason, at=at, zone=terms.zone, pieces=pieces, lines=lines)
    earlier = execute(_HOW_MANY, {"of_order": order.id}).scalar_one()
    worth_cents = plan.cash_cents + plan.points * order.worth_cents // order.worth_points
    at_once = 0 < worth_cents <= level.instant_refund_cents
    if at_once:
        at_once = worth_cents + advanced_cents(order.member_id) <= level.instant_refund_cents
    fingerprint = hashlib.sha256(f"{earlier}:{at_once}:{plan.fingerprint}".encode()).hexdigest()[:32]
    return ReturnPlan(plan, at_once, fingerprint)


def advanced_cents(member_id: int) -> int:
    """Return what a member was refunded at once for goods that have not come yet, points at their orders' worth.

    Where it decides, the member's purse is locked: two returns at once find each other.
    """
    return sum(
        note.goods_cents + note.shipping_cents + note.points * note.worth_cents // note.worth_points
        for note in execute(_ADVANCED, {"of_member": member_id})
    )


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
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    if order.member_id != member_id:
        raise NotFound(N_("There is no such order."))
    if found := execute(_WITH_KEY, {"of_key": shown, "of_order": order_id}).one_or_none():
        return found, False
    plan = plan_return(order, pieces=pieces, reason=reason, level=level, terms=terms, at=at)
    if plan.fingerprint != shown:
        raise ReturnChanged()
    if len(pictures) > MOST_PICTURES:
        raise TooManyReturnPictures(most=MOST_PICTURES)
    by = f"member:{member_id}"
    credit_id = None
    words_of_reason, _our_fault = REASONS[reason]
    said = say(N_("Return asked for, {pieces} in all: {reason}"), pieces=plan.refund.pieces, reason=words_of_reason)
    checkout.note(order_id, "return_asked", said, by=by, at=at)
    if plan.at_once:
        _plan, credit_id = refund_locked(
            order, purse, reason=reason, restock=False, pieces=pieces, by=by, terms=terms, at=at
        )
    row = execute(
        _ASK,
        {
            "order_id": order_id,
            "member_id": member_id,
            "key": shown,
            "state": ADVANCED if plan.at_once else ASKED,
            "reason": reason,
            "words": words[:LONGEST_WORDS],
            "answer": "",
            "asked_at": at,
            "credit_id": credit_id,
        },
    ).one()
    execute(
        insert(ReturnLine).inline(),
        [
            {"return_id": row.id, "line": each.line.line, "quantity": each.quantity, "restocked": 0}
            for each in plan.refund.lines
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
    tell(row, "return_advanced" if plan.at_once else "return_asked", at=at)
    return row, True


def withdraw_return(return_id: int, *, member_id: int, at: datetime) -> Row[Any]:
    """Take a return back: the member keeps the goods. Done again, changes nothing.

    Raises NotFound for another's; refuses: ReturnMoved.
    """
    if return_of(return_id).member_id != member_id:
        raise NotFound(N_("There is no such return."))
    row, moved = move(return_id, WITHDRAW, by=f"member:{member_id}", at=at)
    if moved:
        said = say(N_("Return withdrawn"))
        checkout.note(row.order_id, "return_withdrawn", said, by=f"member:{member_id}", at=at)
        tell(row, "return_withdrawn", at=at)
    return row


_WITH_KEY = select(Return).where(Return.key == bindparam("of_key"), Return.order_id == bindparam("of_order"))
_ASK = insert(Return).returning(*Return.__table__.columns)
_HOW_MANY = select(func.count()).select_from(Return).where(Return.order_id == bindparam("of_order"))
_ADVANCED = (
    select(
        CreditNote.goods_cents,
        CreditNote.shipping_cents,
        CreditNote.points,
        checkout.Order.worth_cents,
        checkout.Order.worth_points,
    )
    .join(Return, Return.credit_id == CreditNote.id)
    .join(checkout.Order, checkout.Order.id == Return.order_id)
    .where(Return.member_id == bindparam("of_member"), Return.state == ADVANCED)
)
_SPOKEN_FOR = (
    select(ReturnLine.line, func.sum(ReturnLine.quantity).label("pieces"))
    .join(Return, Return.id == ReturnLine.return_id)
    .where(Return.order_id == bindparam("of_order"), Return.state.in_(OPEN))
    .group_by(ReturnLine.line)
)
