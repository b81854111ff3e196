"""Lines of orders: what was agreed of each item, what of it was sent, given back and exchanged, and what is kept."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import CheckConstraint, ForeignKey, Row, String, bindparam, case, cast, literal, select

from mall.base.db import db, execute
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Text

from .orders import reference_of


class OrderLine(db.Model):
    """One line of an order: what it was, and its share of every component of the price, in cents and points.

    Of its pieces so many were `refunded`; of those some were `called_off` before they were sent, and for some the
    delivery was given back as well (`shipping_back`). `codes`: its pieces are codes of a pool. `template_id`: they are
    coupons of that kind, as agreed when it was placed. So many are being exchanged (`exchanging`), and cannot
    be refunded as well; `replaced` were sent once more. `campaign_id`: the campaign it is in, of its placing.
    `gift_pieces` of them were given by gift coupons.
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
        CheckConstraint(
            "gift_pieces >= 0 AND gift_pieces <= quantity AND (gift_pieces = 0 OR coupon_cents > 0)",
            name="gifts_are_taken_off",
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
    gift_pieces: Mapped[int]


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
    gift_pieces: int


def to_ship(line: LineRow) -> int:
    """Return how many pieces of a line have yet to be sent."""
    return int(line.quantity - line.shipped - line.called_off)


def has_left(lines: Sequence[Any]) -> bool:
    """Tell whether anything of an order has left: in a parcel, or online, as it does there once it is paid."""
    return any(line.shipped for line in lines)


def kept_of(lines: Sequence[LineRow]) -> dict[int | None, int]:
    """Return the cash that is kept of an order's lines and earns, in cents: what was refunded is taken off.

    By the campaign that lines are in: {campaign id: cents}, of those in none under None. Memberships earn nothing.
    """
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


_LINES = select(OrderLine).where(OrderLine.order_id == bindparam("order_id")).order_by(OrderLine.line)
# The reference of a line which is a membership, in SQL.
PLAN_REFERENCE = (
    literal("order:").concat(cast(OrderLine.order_id, String)).concat(":").concat(cast(OrderLine.line, String))
)
