"""Moving an order from state to state, and counting what leaves or goes back. Only this room writes the state."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, Update, bindparam, insert, update

from mall.base.db import execute
from mall.base.text import Message
from mall.domain import coupons, earning

from .life import NEXT, OVER, REVIEW
from .order_lines import OrderLine
from .orders import Order, OrderEvent, OrderRow, WrongState, number_of, reference_of


class Moved(Struct, frozen=True):
    """An order after it moved: its row, and the state it came from."""

    order: Row[Any]
    was: str


class Refunded(Struct, frozen=True):
    """Pieces of a line that are refunded: so many, of them some never sent, for some the delivery too.

    Of a membership that is given back in part, `used_days` stay paid.
    """

    line: int
    quantity: int
    called_off: int
    shipping_back: int
    used_days: int | None = None


def move(order: OrderRow, state: str, *, kind: str, said: Message, by: str, at: datetime, **changes: Any) -> Moved:
    """Move an order to a state and write it on its timeline. Raises WrongState where its life does not allow that.

    The state it was read in is checked by the UPDATE itself, so that of two who try, one does it.
    """
    if state not in NEXT[order.state]:
        raise WrongState(number=number_of(order.id))
    statement = _moving(tuple(sorted(changes)))
    values = {"of_order": order.id, "was": order.state, "state": state, **changes}
    row = execute(statement, values).one_or_none()
    if row is None:
        raise WrongState(number=number_of(order.id))
    note(order.id, kind, said, by=by, at=at)
    if state in OVER:
        _settle_coupons(row, at=at)
    return Moved(row, order.state)


def _settle_coupons(order: OrderRow, *, at: datetime) -> None:
    """Let the coupons used for an order that is over come back, and take back those it gave."""
    if order.coupon_count:
        back = coupons.come_back(reference_of(order.id), at=at)
        earning.settle_coupons(back, member_id=order.member_id, at=at)
    if order.gives_coupons:
        coupons.take_back(reference_of(order.id), at=at)


def note(order_id: int, kind: str, said: Message, *, by: str, at: datetime) -> None:
    """Write an entry on an order's timeline."""
    execute(_NOTE, {"order_id": order_id, "kind": kind, "said": said, "actor": by, "at": at})


def flag_dispute(order: OrderRow, disputed_at: datetime | None) -> None:
    """Mark a locked order as disputed at the bank since an instant, or as not disputed any more."""
    execute(update(Order).where(Order.id == order.id).values(disputed_at=disputed_at))


def to_review(order: OrderRow, *, why: Message, at: datetime) -> Moved:
    """Set an order aside for a person to look at; it keeps the state it came from."""
    return move(order, REVIEW, kind="review", said=why, by="system", at=at, state_before_review=order.state)


def count_refunded(order_id: int, pieces: Sequence[Refunded]) -> None:
    """Count pieces of a locked order as refunded, by one UPDATE a line sent together."""
    counted = execute(
        _COUNT_REFUNDED,
        [
            {"of_order": order_id, "of_line": each.line, "more": each.quantity, "unsent": each.called_off,
             "delivered": each.shipping_back, "used": each.used_days}
            for each in pieces
        ],
    ).rowcount  # fmt: skip
    assert counted == len(pieces), "a line that the order does not have"


def count_shipped(order_id: int, pieces: Mapping[int, int]) -> None:
    """Count pieces of a locked order's lines, {line: n}, as shipped, by one UPDATE a line sent together."""
    _count(_COUNT_SHIPPED, order_id, pieces)


def count_replaced(order_id: int, pieces: Mapping[int, int]) -> None:
    """Count pieces of a locked order's lines, {line: n}, that were being exchanged as sent once more."""
    _count(_COUNT_REPLACED, order_id, pieces)


def count_exchanging(order_id: int, pieces: Mapping[int, int]) -> None:
    """Count so many more pieces of a locked order's lines, {line: n}, as being exchanged; or so many less, below 0."""
    _count(_COUNT_EXCHANGING, order_id, pieces)


def _count(statement: Update, order_id: int, pieces: Mapping[int, int]) -> None:
    counted = execute(
        statement, [{"of_order": order_id, "of_line": line, "more": count} for line, count in pieces.items()]
    ).rowcount
    assert counted == len(pieces), "a line that the order does not have"


@lru_cache(maxsize=64)
def _moving(names: tuple[str, ...]) -> Any:
    """Return the statement that moves an order and sets these columns beside its state; built once."""
    return (
        update(Order)
        .where(Order.id == bindparam("of_order"), Order.state == bindparam("was"))
        .values({name: bindparam(name) for name in ("state", *names)})
        .returning(*Order.__table__.columns)
    )


_NOTE = insert(OrderEvent).inline()
_COUNT_REFUNDED = (
    update(OrderLine)
    .where(OrderLine.order_id == bindparam("of_order"), OrderLine.line == bindparam("of_line"))
    .values(
        refunded=OrderLine.refunded + bindparam("more"),
        called_off=OrderLine.called_off + bindparam("unsent"),
        shipping_back=OrderLine.shipping_back + bindparam("delivered"),
        used_days=bindparam("used", type_=OrderLine.used_days.type),
    )
)
_COUNT_SHIPPED = (
    update(OrderLine)
    .where(OrderLine.order_id == bindparam("of_order"), OrderLine.line == bindparam("of_line"))
    .values(shipped=OrderLine.shipped + bindparam("more"))
)
_COUNT_REPLACED = (
    update(OrderLine)
    .where(OrderLine.order_id == bindparam("of_order"), OrderLine.line == bindparam("of_line"))
    .values(replaced=OrderLine.replaced + bindparam("more"), exchanging=OrderLine.exchanging - bindparam("more"))
)
_COUNT_EXCHANGING = (
    update(OrderLine)
    .where(OrderLine.order_id == bindparam("of_order"), OrderLine.line == bindparam("of_line"))
    .values(exchanging=OrderLine.exchanging + bindparam("more"))
)
