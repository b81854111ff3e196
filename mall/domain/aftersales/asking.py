"""Asking for a return: what may go back, what it would bring - money, or the same again - and taking it back again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, bindparam, func, insert, select

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_, say
from mall.domain import catalogue, checkout, programme

from .credits import CreditNote
from .exchanges import count, hold_still, let_go, of_variants
from .plans import REASONS, NoReason, NothingChosen, Plan, TooManyPieces, plan_refund
from .refunds import refund_locked
from .returns import (
    ADVANCED,
    ASKED,
    FOR_EXCHANGE,
    FOR_REFUND,
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
# Why the same again would be better than what came.
EXCHANGE_REASONS = tuple(reason for reason in RETURN_REASONS if reason != "changed_mind")
MOST_PICTURES = 4


class NotReturnable(Refusal):
    message = N_("Nothing of order {number} can be returned now. Its page says until when it could be.")


class ReturnChanged(Refusal):
    message = N_("What you get back has changed since it was shown. Nothing was done. Look at it again, then confirm.")


class TooManyReturnPictures(Refusal):
    field = "pictures"
    message = N_("Send {most} pictures at most.")


class ReturnPlan(Struct, frozen=True):
    """What a return would bring: the refund, and whether it comes at once. Who confirms sends the `fingerprint`."""

    refund: Plan
    at_once: bool
    fingerprint: str


class ExchangePlan(Struct, frozen=True):
    """What an exchange would bring: so many pieces of lines once more. Of the `short` lines too few are free today.

    Who confirms sends the `fingerprint`.
    """

    lines: tuple[tuple[checkout.LineRow, int], ...]
    short: tuple[int, ...]
    fingerprint: str

    @property
    def pieces(self) -> int:
        """How many pieces are sent once more."""
        return sum(count for _line, count in self.lines)


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
    lines = _may_go_back(order, pieces, at=at)
    if reason not in RETURN_REASONS:
        raise NoReason(N_("Say why it goes back."))
    plan = plan_refund(order, reason=reason, at=at, zone=terms.zone, pieces=pieces, lines=lines)
    earlier = execute(_HOW_MANY, {"of_order": order.id}).scalar_one()
    worth_cents = plan.cash_cents + plan.points * order.worth_cents // order.worth_points
    at_once = 0 < worth_cents <= level.instant_refund_cents
    if at_once:
        at_once = worth_cents + advanced_cents(order.member_id) <= level.instant_refund_cents
    fingerprint = hashlib.sha256(f"{earlier}:{at_once}:{plan.fingerprint}".encode()).hexdigest()[:32]
    return ReturnPlan(plan, at_once, fingerprint)


def plan_exchange(order: Row[Any], *, pieces: Mapping[int, int], reason: str, at: datetime) -> ExchangePlan:
    """Think out an exchange: which pieces are sent once more, and of which too few are free today.

    Refuses: NotReturnable, NoReason, NothingChosen, TooManyPieces.
    """
    lines = _may_go_back(order, pieces, at=at)
    if reason not in EXCHANGE_REASONS:
        raise NoReason(N_("The same again helps where it is damaged, missing or the wrong item. Choose money back."))
    chosen = tuple((line, pieces[line.line]) for line in lines if pieces.get(line.line))
    if not chosen or any(count < 0 for _line, count in chosen) or not pieces.keys() <= {line.line for line in lines}:
        raise NothingChosen()
    wanted = of_variants(lines, pieces)
    stock = catalogue.Stock
    scarce = {
        row.variant_id
        for row in execute(
            select(stock.variant_id, (stock.on_hand - stock.reserved).label("free")).where(
                stock.variant_id.in_(sorted(wanted))
            )
        )
        if row.free < wanted[row.variant_id]
    }
    parts = [
        order.id, order.state, reason,
        [(line.line, line.refunded, line.replaced, count) for line, count in chosen],
        execute(_HOW_MANY, {"of_order": order.id}).scalar_one(),
    ]  # fmt: skip
    return ExchangePlan(
        lines=chosen,
        short=tuple(line.line for line, _count in chosen if line.variant_id in scarce),
        fingerprint=hashlib.sha256(f"exchange:{json.dumps(parts)}".encode()).hexdigest()[:32],
    )


def _may_go_back(order: Row[Any], pieces: Mapping[int, int], *, at: datetime) -> list[Row[Any]]:
    """Return the lines of an order of which so many pieces, {line: n}, may go back. Refuses: NotReturnable,
    TooManyPieces.
    """
    if not returnable(order, at=at):
        raise NotReturnable(number=checkout.number_of(order.id))
    lines = checkout.lines_of(order.id)
    left = pieces_to_return(order.id, lines)
    by_number = {line.line: line for line in lines}
    for number, quantity in pieces.items():
        if number in by_number and quantity > left.get(number, 0):
            raise TooManyPieces(number, title=by_number[number].title, left=left.get(number, 0))
    return lines


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
    _as_shown(plan.fingerprint, shown, pictures)
    by = f"member:{member_id}"
    credit_id = None
    words_of_reason, _our_fault = REASONS[reason]
    said = say(N_("Return asked for, {pieces} in all: {reason}"), pieces=plan.refund.pieces, reason=words_of_reason)
    checkout.note(order_id, "return_asked", said, by=by, at=at)
    if plan.at_once:
        _plan, credit_id = refund_locked(
            order, purse, reason=reason, restock=False, pieces=pieces, by=by, terms=terms, at=at
        )
    row = _write(
        order,
        {each.line.line: each.quantity for each in plan.refund.lines},
        pictures,
        key=shown,
        state=ADVANCED if plan.at_once else ASKED,
        reason=reason,
        words=words[:LONGEST_WORDS],
        asked_at=at,
        credit_id=credit_id,
        wish=FOR_REFUND,
    )
    tell(row, "return_advanced" if plan.at_once else "return_asked", at=at)
    return row, True


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
    _purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    if order.member_id != member_id:
        raise NotFound(N_("There is no such order."))
    if found := execute(_WITH_KEY, {"of_key": shown, "of_order": order_id}).one_or_none():
        return found, False
    plan = plan_exchange(order, pieces=pieces, reason=reason, at=at)
    _as_shown(plan.fingerprint, shown, pictures)
    words_of_reason, _our_fault = REASONS[reason]
    said = say(N_("Exchange asked for, {pieces} in all: {reason}"), pieces=plan.pieces, reason=words_of_reason)
    checkout.note(order_id, "return_asked", said, by=f"member:{member_id}", at=at)
    row = _write(
        order,
        {line.line: count for line, count in plan.lines},
        pictures,
        key=shown,
        state=ASKED,
        reason=reason,
        words=words[:LONGEST_WORDS],
        asked_at=at,
        credit_id=None,
        wish=FOR_EXCHANGE,
    )
    count(order_id, {line.line: pieces for line, pieces in plan.lines})
    tell(row, "return_asked", at=at)
    return row, True


def _as_shown(fingerprint: str, shown: str, pictures: Sequence[catalogue.Prepared]) -> None:
    """Insist that what is asked for is what was shown, with no more pictures than are kept."""
    if fingerprint != shown:
        raise ReturnChanged()
    if len(pictures) > MOST_PICTURES:
        raise TooManyReturnPictures(most=MOST_PICTURES)


def _write(
    order: Row[Any], pieces: Mapping[int, int], pictures: Sequence[catalogue.Prepared], **values: Any
) -> Row[Any]:
    """Write a return down with its pieces, {line: n}, and pictures. Returns it."""
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
