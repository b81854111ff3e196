"""Codes of an order: shown to who bought them and to nobody else, each time with an entry in the log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import catalogue

from . import orders
from .life import COMPLETED, PAID, SHIPPED


class NotShownNow(Refusal):
    """While a person or the bank decides about an order, what of it nobody has seen yet stays unseen."""

    message = N_("We are looking at order {number}. Its codes can be shown when that has been decided.")


def show_code(order_id: int, code_id: int, *, member_id: int, at: datetime) -> str:
    """Return a code to the member whose order it was issued for, and write down that it was shown.

    One that was shown before is shown again, whatever has become of the order since, but for a refund.
    Raises NoSuchCode, also for another's; NotShownNow, CodeNotReadable.
    """
    order: Row[Any] = orders.lock_order(order_id)
    if order.member_id != member_id:
        raise catalogue.NoSuchCode()
    reference = orders.reference_of(order.id)
    code = catalogue.code_of(code_id, reference=reference)
    undecided = order.disputed_at is not None or order.state not in (PAID, SHIPPED, COMPLETED)
    if code.shown_at is None and undecided:
        raise NotShownNow(number=orders.number_of(order.id))
    return catalogue.show_code(code_id, reference=reference, by=f"member:{member_id}", at=at)
