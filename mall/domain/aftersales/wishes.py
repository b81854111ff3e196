"""Wishes: what of an order may go back, and what it would bring: money and points, or the same again.

Who is shown one of these plans gets that one, or none.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, bindparam, func, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, checkout, programme

from .credits import CreditNote
from .exchanges import of_variants
from .planning import NoReason, NothingChosen, TooManyPieces, plan_refund
from .plans import Plan
from .reasons import REASONS
from .returns import ADVANCED, OPEN, Return, ReturnLine

# Why a member may send something back; goodwill is the desk's.
RETURN_REASONS = tuple(reason for reason in REASONS if reason != "goodwill")
# Why the same again would be better than what came.
EXCHANGE_REASONS = tuple(reason for reason in RETURN_REASONS if reason != "changed_mind")


class NotReturnable(Refusal):
    message = N_("Nothing of order {number} can be returned now. Its page says until when it could be.")


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
