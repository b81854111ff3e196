"""Orders: what was agreed, line by line, and where in its life an order is. moving.py moves it."""

from collections import defaultdict
from collections.abc import Sequence
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
from mall.base.text import N_, Message, Said, Text
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


class OrderLine(db.Model):
    """One line of an order: what it was, and its share of every component of the price, in cents and points.

    Of its pieces so many were `refunded`; of those some were `called_off` before they were sent, and for some the
    delivery was given back as well (`shipping_back`). `codes`: its pieces are codes of a pool. `template_id`: they are
    coupons of that kind, as agreed when it was placed. So many are being exchanged (`exchanging`), and cannot
    be refunded as well; `replaced` were sent once more. `campaign_id`: the campaign it is in, of its placing.
    A membership gives the level of `plan_rank`, by the levels of placing, for `plan_length` days or months: that came
    to `plan_days` when it was paid. Where it was given back in part, `used_days` of them stay paid.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("shipped >= 0 AND refunded >= 0 AND refunded <= quantity", name="quantities_within"),
        CheckConstraint(
            "called_off >= 0 AND called_off <= refunded AND shipped + called_off <= quantity", name="called_off_within"
        ),
        CheckConstraint("shipping_back >= 0 AND shipping_back <= refunded", name="shipping_back_within"),
        CheckConstraint(
            "cash_cents = list_cents - level_discount_cents - coupon_cents - saved_cents - waived_cents"
            " AND cash_cents >= 0 AND coupon_cents >= 0",
            name="cash_adds_up",
        ),
        CheckConstraint("price_points >= 0 AND switch_points >= 0", name="points_not_negative"),
        CheckConstraint("replaced >= 0 AND (replaced = 0 OR shipped > 0)", name="replaced_was_shipped"),
        CheckConstraint(
            "exchanging >= 0 AND exchanging <= shipped + called_off - refunded", name="exchanged_or_refunded"
        ),
        CheckConstraint(
            "(plan_rank IS NULL) = (plan_length IS NULL) AND (plan_rank IS NULL) = (plan_unit IS NULL)"
            " AND (plan_rank IS NULL OR quantity = 1)",
            name="plan_whole",
        ),
        CheckConstraint("plan_days IS NULL OR (plan_rank IS NOT NULL AND plan_days > 0)", name="days_of_a_plan"),
        CheckConstraint(
            "used_days IS NULL OR (plan_days IS NOT NULL AND refunded = 1 AND used_days >= 0"
            " AND used_days < plan_days)",
            name="used_of_what_is_back",
        ),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), index=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"), index=True)
    option_id: Mapped[int] = mapped_column(ForeignKey("price_option.id"))
    points_each: Mapped[int]
    title: Mapped[dict[str, str]] = mapped_column(Text)
    variant_title: Mapped[dict[str, str] | None] = mapped_column(Text)
    sku: Mapped[str] = mapped_column(String(60))
    slug: Mapped[str] = mapped_column(String(80))
    file: Mapped[str | None] = mapped_column(String(120))
    art: Mapped[str | None] = mapped_column(String(120))
    digital: Mapped[bool]
    form: Mapped[str] = mapped_column(String(8))
    quantity: Mapped[int]
    unit_cents: Mapped[int]
    unit_points: Mapped[int]
    list_cents: Mapped[int]
    level_discount_cents: Mapped[int]
    coupon_cents: Mapped[int]
    price_points: Mapped[int]
    switch_points: Mapped[int]
    saved_cents: Mapped[int]
    waived_cents: Mapped[int]
    cash_cents: Mapped[int]
    tax_basis_points: Mapped[int]
    tax_cents: Mapped[int]
    shipped: Mapped[int]
    refunded: Mapped[int]
    called_off: Mapped[int]
    shipping_back: Mapped[int]
    codes: Mapped[bool]
    template_id: Mapped[int | None] = mapped_column(ForeignKey("coupon_template.id"), index=True)
    exchanging: Mapped[int]
    replaced: Mapped[int]
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"), index=True)
    plan_rank: Mapped[int | None]
    plan_length: Mapped[int | None]
    plan_unit: Mapped[str | None] = mapped_column(String(6))
    plan_days: Mapped[int | None]
    used_days: Mapped[int | None]


class LineRow(Protocol):
    """A line of an order as it is read: a row of order_line, or one that was just written."""

    order_id: int
    line: int
    product_id: int
    variant_id: int
    option_id: int
    points_each: int
    title: dict[str, str]
    variant_title: dict[str, str] | None
    sku: str
    slug: str
    file: str | None
    art: str | None
    digital: bool
    form: str
    quantity: int
    unit_cents: int
    unit_points: int
    list_cents: int
    level_discount_cents: int
    coupon_cents: int
    price_points: int
    switch_points: int
    saved_cents: int
    waived_cents: int
    cash_cents: int
    tax_basis_points: int
    tax_cents: int
    shipped: int
    refunded: int
    called_off: int
    shipping_back: int
    codes: bool
    template_id: int | None
    exchanging: int
    replaced: int
    campaign_id: int | None
    plan_rank: int | None
    plan_length: int | None
    plan_unit: str | None
    plan_days: int | None
    used_days: int | None


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


def to_ship(line: LineRow) -> int:
    """Return how many pieces of a line have yet to be sent."""
    return int(line.quantity - line.shipped - line.called_off)


def window_days_of(order: OrderRow) -> int:
    """Return how many days the return window of an order is open from its delivery, as agreed when it was placed.

    What is read or used online has none.
    """
    return 0 if order.digital else order.return_window_days


def kept_cents_of(lines: Sequence[LineRow]) -> int:
    """Return the cash that is kept of an order's lines and earns, in cents: what was refunded is taken off.

    Memberships earn nothing.
    """
    return sum(kept_of(lines).values())


def kept_of(lines: Sequence[LineRow]) -> dict[int | None, int]:
    """Return the same by the campaign that lines are in: {campaign id: cents}, of those in none under None."""
    kept: dict[int | None, int] = defaultdict(int)
    for line in lines:
        if line.plan_rank is None:
            kept[line.campaign_id] += line.cash_cents - line.cash_cents * line.refunded // line.quantity
    return dict(kept)


def back_of_plan(amount: int, *, days: int, used: int) -> int:
    """Return what of a membership's cash, points or tax goes back when so many of its days were used.

    The share of the whole days that are left, rounded down once.
    """
    return amount * (days - used) // days


def back_of(amount: Any) -> Any:
    """Return the column that says what of an amount of a line is back: of its pieces, or of a membership's days."""
    days = case((OrderLine.used_days.is_not(None), OrderLine.plan_days - OrderLine.used_days), else_=1)
    of = case((OrderLine.used_days.is_not(None), OrderLine.plan_days), else_=1)
    return amount * OrderLine.refunded * days // (OrderLine.quantity * of)


def plan_reference(order_id: int, line: int) -> str:
    """Return what other rooms know a membership of an order by: "order:7:1"."""
    return f"{reference_of(order_id)}:{line}"


def lines_of(order_id: int) -> list[Row[Any]]:
    """Return the lines of an order in their order."""
    return list(execute(_LINES, {"order_id": order_id}))


def pieces_of(lines: Sequence[Any]) -> dict[int, int]:
    """Return how many pieces of each variant lines hold together: {variant_id: n}."""
    pieces: dict[int, int] = defaultdict(int)
    for line in lines:
        pieces[line.variant_id] += line.quantity
    return dict(pieces)


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
_LINES = select(OrderLine).where(OrderLine.order_id == bindparam("order_id")).order_by(OrderLine.line)

# An order's reference in SQL, to compare with what other rooms keep; and that of a line which is a membership.
REFERENCE = literal("order:").concat(cast(Order.id, String))
PLAN_REFERENCE = (
    literal("order:").concat(cast(OrderLine.order_id, String)).concat(":").concat(cast(OrderLine.line, String))
)


def order_id_in(reference: Any) -> ColumnElement[int | None]:
    """Return the id of the order that a column refers to by its reference, NULL where it refers to something else."""
    an_order = reference.like("order:%") & reference.not_like("order:%:%")
    return case((an_order, cast(func.substr(reference, len("order:") + 1), BigInteger)))
