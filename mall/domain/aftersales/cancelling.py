"""Cancelling: an order is called off before it leaves, by its member or the desk, wherever it stands."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.cashier import Cashier
from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue, checkout, programme

from .planning import plan_refund
from .plans import Plan
from .reasons import CANCELLED_BY_MEMBER
from .refunds import refund_locked


class NotToBeCancelled(Refusal):
    message = N_("Order {number} can no longer be cancelled. Reload the page to see how it stands.")


class LookedAt(Refusal):
    message = N_("We are looking at order {number}, so it cannot be cancelled now. Nothing is lost.")


class AlreadyShipped(Refusal):
    message = N_("Order {number} has been shipped, so it cannot be cancelled. It can be returned.")


def call_off(order_id: int, *, by: str, cashier: Cashier | None, terms: programme.Programme, site: str) -> Row[Any]:
    """Call an order off before it leaves, wherever it stands: an unpaid one is given up, a paid one given back.

    Returns the order as it stands then: called off, now or before; or paid, where its payment had come through by
    the time its page was ended. Opens its own transactions, since the cashier may be asked.
    Refuses: what give_up() and cancel() refuse.
    """
    with reading():
        order = checkout.order_of(order_id)
    if order.state in checkout.UNPAID:
        order = checkout.give_up(order_id, by=by, cashier=cashier, terms=terms, site=site)
        if order.state == checkout.REVIEW:
            raise LookedAt(number=checkout.number_of(order_id))
        return order

    def unit() -> Row[Any]:
        with transaction():
            return cancel(order_id, by=by, terms=terms, at=now())

    return again(unit)


def cancel(order_id: int, *, by: str, terms: programme.Programme, at: datetime) -> Row[Any]:
    """Cancel what has not been shipped of a paid order: all of it, delivery too, where nothing has left.

    Codes that were shown stay bought; an order that holds nothing else by then is complete.
    Returns the order as it is then. Asked again it is the same answer, and nothing more is done.
    Refuses: AlreadyShipped, LookedAt; NotToBeCancelled, of what is not paid or is complete.
    """
    purse, order = checkout.lock_with_purse(order_id, zone=terms.zone)
    does = checkout.life.follows(checkout.life.GIVEN_UP, order.state)
    if not does:
        return checkout.order_of(order_id)
    lines = checkout.lines_of(order_id)
    if checkout.life.REFUND not in does:
        if order.state == checkout.SHIPPED and any(line.called_off for line in lines):
            return checkout.order_of(order_id)
        why = LookedAt if order.state == checkout.REVIEW else AlreadyShipped if order.shipped_at else NotToBeCancelled
        raise why(number=checkout.number_of(order_id))
    pieces = _pieces_to_cancel(order, lines)
    refund_locked(order, purse, reason=CANCELLED_BY_MEMBER, restock=True, pieces=pieces, by=by, terms=terms, at=at)
    return checkout.order_of(order_id)


def _pieces_to_cancel(order: checkout.OrderRow, lines: Sequence[checkout.LineRow]) -> dict[int, int]:
    """Return the pieces of lines that a member's cancelling calls off, {line: n}: those not sent, and codes not seen.

    A code that was shown stays bought.
    """
    unseen = catalogue.never_shown(checkout.reference_of(order.id)) if order.gives_codes else {}
    pieces = {line.line: unseen.get(line.line, 0) if line.codes else checkout.to_ship(line) for line in lines}
    return {line: count for line, count in pieces.items() if count}


def plan_cancel(
    order: checkout.OrderRow, *, at: datetime, zone: str, lines: Sequence[checkout.LineRow] | None = None
) -> Plan:
    """Think out what a member's cancelling a paid order gives back. Refuses what plan_refund() refuses."""
    lines = checkout.lines_of(order.id) if lines is None else lines
    pieces = _pieces_to_cancel(order, lines)
    return plan_refund(order, reason=CANCELLED_BY_MEMBER, at=at, zone=zone, pieces=pieces, lines=lines)
