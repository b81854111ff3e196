"""Orders: what was agreed, line by line, and where in its life an order is. moving.py moves it."""

from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Row,
    String,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Message, Said
from mall.domain import ledger

from .life import NEXT

FIRST_NUMBER = 10_000


class WrongState(Refusal):
    """An order is not where this could be done to it."""

    message = N_("Order {number} has moved on meanwhile. Reload the page to see how it stands.")


class UnderDispute(Refusal):
    """The bank is deciding about an order's payment: until then nothing is sent and nothing is given back."""

    message = N_("The bank is deciding about the payment of order {number}. Wait until the dispute has ended.")


class Order(db.Model):
    """One order, as agreed. Rates are those of placing, so that a refund never asks today's programme.

    `campaigns` are those its lines are in, with their figures of then: id, title, multiplier_percent, cap_points,
    cents of those lines. `coupons` are those used, as they were: id, title, kind, cents taken off, end.
    `gives_coupons`, `gives_codes`: some of what was bought are coupons, or codes of a pool, to be given as soon as it
    is paid. `ready_at`: since when it can be collected. Where the level limited redemptions: the month it was placed
    in, by its first day, and how many pieces were allowed in it. `plan_cents`: what of the cash for goods is for
    memberships, which earn nothing; None where it has none.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("points >= 0 AND goods_cents >= 0 AND shipping_cents >= 0", name="amounts_not_negative"),
        CheckConstraint(f"state IN {tuple(NEXT)}", name="state_known"),
        CheckConstraint("(state = 'review') = (state_before_review IS NOT NULL)", name="review_knows_where_from"),
        CheckConstraint("(redeemed_in IS NULL) = (redemptions_allowed IS NULL)", name="redemptions_of_their_month"),
        CheckConstraint("plan_cents >= 0 AND plan_cents <= goods_cents", name="plans_among_goods"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(20), index=True)
    state_before_review: Mapped[str | None] = mapped_column(String(20))
    points: Mapped[int]
    goods_cents: Mapped[int]
    shipping_cents: Mapped[int]
    shipping_list_cents: Mapped[int]
    shipping_waived_cents: Mapped[int]
    shipping_tax_cents: Mapped[int]
    accepted_difference_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    version: Mapped[int]
    level_rank: Mapped[int]
    multiplier_percent: Mapped[int]
    earn_points: Mapped[int]
    earn_per_cents: Mapped[int]
    growth_per_cents: Mapped[int]
    worth_points: Mapped[int]
    worth_cents: Mapped[int]
    return_window_days: Mapped[int]
    digital: Mapped[bool]
    gives_coupons: Mapped[bool]
    coupon_count: Mapped[int]
    coupons: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    shipping_key: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    placed_at: Mapped[datetime] = mapped_column(Instant, index=True)
    pay_until: Mapped[datetime] = mapped_column(Instant)
    paid_at: Mapped[datetime | None] = mapped_column(Instant)
    shipped_at: Mapped[datetime | None] = mapped_column(Instant)
    completed_at: Mapped[datetime | None] = mapped_column(Instant)
    window_ends_at: Mapped[datetime | None] = mapped_column(Instant)
    window_closed_at: Mapped[datetime | None] = mapped_column(Instant)
    disputed_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ready_at: Mapped[datetime | None] = mapped_column(Instant)
    gives_codes: Mapped[bool]
    redeemed_in: Mapped[date | None]
    redemptions_allowed: Mapped[int | None]
    campaigns: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    plan_cents: Mapped[int | None]


class OrderRow(Protocol):
    """An order as it is read: a row of orders, perhaps with more beside."""

    id: int
    member_id: int
    key: str
    fingerprint: str
    state: str
    state_before_review: str | None
    points: int
    goods_cents: int
    shipping_cents: int
    shipping_list_cents: int
    shipping_waived_cents: int
    shipping_tax_cents: int
    accepted_difference_cents: int
    currency: str
    version: int
    level_rank: int
    multiplier_percent: int
    earn_points: int
    earn_per_cents: int
    growth_per_cents: int
    worth_points: int
    worth_cents: int
    return_window_days: int
    digital: bool
    gives_coupons: bool
    coupon_count: int
    coupons: list[dict[str, Any]] | None
    shipping_key: str | None
    address: dict[str, Any] | None
    placed_at: datetime
    pay_until: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    completed_at: datetime | None
    window_ends_at: datetime | None
    window_closed_at: datetime | None
    disputed_at: datetime | None
    ended_at: datetime | None
    ready_at: datetime | None
    gives_codes: bool
    redeemed_in: date | None
    redemptions_allowed: int | None
    campaigns: list[dict[str, Any]] | None
    plan_cents: int | None


class OrderEvent(db.Model):
    """One entry of an order's timeline."""

    __tablename__ = "order_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    said: Mapped[Message] = mapped_column(Said)
    actor: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Instant)


append_only(OrderEvent)


def reference_of(order_id: int) -> str:
    """Return what other rooms know an order by: "order:7"."""
    return f"order:{order_id}"


def order_id_of(reference: str) -> int | None:
    """Return the id of the order a reference names, or None when it names something else."""
    kind, _, number = reference.partition(":")
    return int(number) if kind == "order" and number.isdigit() else None


def order_id_for(payment: Row[Any]) -> int:
    """Return the id of the order that a payment is for."""
    order_id = order_id_of(payment.reference)
    assert order_id is not None, "a payment is for an order"
    return order_id


def number_of(order_id: int) -> str:
    """Return the number people know an order by: "10007"."""
    return str(FIRST_NUMBER + order_id)


def id_of(number: str) -> int:
    """Return the id of the order with a number. Raises NotFound for what is no number of an order."""
    if not (number.isascii() and number.isdigit() and len(number) < 16) or int(number) <= FIRST_NUMBER:
        raise NotFound(N_("There is no such order."))
    return int(number) - FIRST_NUMBER


def lock_order(order_id: int) -> Row[Any]:
    """Lock an order until the transaction ends, after its member's purse. Raises NotFound."""
    order = execute(_LOCKED, {"id": order_id}).one_or_none()
    if order is None:
        raise NotFound(N_("There is no such order."))
    return order


def lock_with_purse(order_id: int, *, zone: str) -> tuple[ledger.LockedPurse, Row[Any]]:
    """Lock an order and, before it, its member's purse until the transaction ends. One statement. Raises NotFound.

    PostgreSQL locks the rows in the order of FOR UPDATE OF, and reads each anew after it waited for it.
    """
    row = execute(_LOCKED_WITH_PURSE, {"id": order_id}).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such order."))
    return ledger.purse_in(row, zone=zone), row


def order_of(order_id: int, *, member_id: int | None = None) -> Row[Any]:
    """Return an order as it stands, not locked; with `member_id`, only if it is that member's. Raises NotFound."""
    order = execute(_ORDER, {"id": order_id}).one_or_none()
    if order is None or member_id not in (None, order.member_id):
        raise NotFound(N_("There is no such order."))
    return order


def window_days_of(order: OrderRow) -> int:
    """Return how many days the return window of an order is open from its delivery, as agreed when it was placed.

    What is read or used online has none.
    """
    return 0 if order.digital else order.return_window_days


def cash_cents_of(order: Any) -> Any:
    """Return the cash due for an order, in cents: goods and shipping. Of the table itself, the column that says so."""
    return order.goods_cents + order.shipping_cents


_ORDER = select(Order).where(Order.id == bindparam("id"))
_LOCKED = _ORDER.with_for_update(key_share=True)
_LOCKED_WITH_PURSE = (
    select(*Order.__table__.columns, *ledger.PURSE_COLUMNS)
    .join(ledger.Purse, ledger.Purse.member_id == Order.member_id)
    .where(Order.id == bindparam("id"))
    .with_for_update(key_share=True, of=[ledger.Purse, Order])
)

# An order's reference in SQL, to compare with what other rooms keep.
REFERENCE = literal("order:").concat(cast(Order.id, String))


def order_id_in(reference: Any) -> ColumnElement[int | None]:
    """Return the id of the order that a column refers to by its reference, NULL where it refers to something else."""
    an_order = reference.like("order:%") & reference.not_like("order:%:%")
    return case((an_order, cast(func.substr(reference, len("order:") + 1), BigInteger)))
