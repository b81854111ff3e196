"""Credit notes: the document of every refund of goods, line by line. Only added to, each once."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Row,
    String,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    type_coerce,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.domain import checkout, coupons

LONGEST_NOTE = 500
# What every reference of a credit note begins with.
_CREDIT = "credit:"


class CreditNote(db.Model):
    """What one refund of goods gave back and took back, in cents and points. Tax is inside the cash.

    `gone_cents` of the cash were given back at the cashier before, or had never come: only the rest was sent. Of the
    points what was netted for used coupons was kept.
    """

    __tablename__ = "credit_note"
    __table_args__ = (
        CheckConstraint("goods_cents >= 0 AND shipping_cents >= 0 AND points >= 0", name="amounts_not_negative"),
        CheckConstraint(
            "tax_cents >= 0 AND tax_cents <= goods_cents AND shipping_tax_cents >= 0"
            " AND shipping_tax_cents <= shipping_cents",
            name="tax_inside",
        ),
        CheckConstraint("gone_cents >= 0 AND gone_cents <= goods_cents + shipping_cents", name="gone_inside"),
        CheckConstraint("earned_points >= 0 AND growth >= 0", name="taken_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    reason: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(LONGEST_NOTE))
    goods_cents: Mapped[int]
    tax_cents: Mapped[int]
    shipping_cents: Mapped[int]
    shipping_tax_cents: Mapped[int]
    gone_cents: Mapped[int]
    points: Mapped[int]
    earned_points: Mapped[int]
    growth: Mapped[int]
    by: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(Instant, index=True)


class CreditLine(db.Model):
    """The pieces of one order line on a credit note: some never sent, some of the rest put back on the shelf."""

    __tablename__ = "credit_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint(
            "called_off >= 0 AND restocked >= 0 AND called_off + restocked <= quantity", name="pieces_within"
        ),
        CheckConstraint("cash_cents >= 0 AND points >= 0 AND tax_cents >= 0", name="amounts_not_negative"),
    )

    credit_id: Mapped[int] = mapped_column(ForeignKey("credit_note.id"), primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    quantity: Mapped[int]
    called_off: Mapped[int]
    restocked: Mapped[int]
    cash_cents: Mapped[int]
    points: Mapped[int]
    tax_cents: Mapped[int]


append_only(CreditNote)
append_only(CreditLine)


def credited_with(key: str, *, order_id: int) -> Row[Any] | None:
    """Return the credit note that was written with a key for an order, or None."""
    return execute(_WITH_KEY, {"of_key": key, "of_order": order_id}).one_or_none()


def credits_of(order_id: int) -> list[Row[Any]]:
    """Return the credit notes of an order, the first first."""
    return list(execute(select(CreditNote).where(CreditNote.order_id == order_id).order_by(CreditNote.id)))


def points_back_of(order_id: int) -> int:
    """Return the points that went back of an order: what its credit notes say, less what was netted."""
    said = select(func.coalesce(func.sum(CreditNote.points), 0)).where(CreditNote.order_id == order_id)
    coupon = coupons.Coupon
    kept = select(func.coalesce(func.sum(coupon.netted_points), 0)).where(
        coupon.reference == checkout.reference_of(order_id), coupon.netted_for.is_not(None)
    )
    return int(execute(select(said.scalar_subquery() - kept.scalar_subquery())).scalar_one())


def reference_of(credit_id: int) -> str:
    """Return what other rooms know a credit note by: "credit:7"."""
    return f"{_CREDIT}{credit_id}"


def is_of_credit(key: Any) -> ColumnElement[bool]:
    """Return the condition that a key, such as a refund's, is of what a credit note brought about."""
    return type_coerce(key, String).startswith(_CREDIT, autoescape=True)


def write(note: dict[str, Any], lines: list[dict[str, Any]]) -> int:
    """Write a credit note with its lines. Returns its id."""
    credit_id: int = execute(_WRITE, note).scalar_one()
    execute(_WRITE_LINES, [{"credit_id": credit_id, **line} for line in lines])
    return credit_id


_WITH_KEY = select(CreditNote).where(
    CreditNote.key == bindparam("of_key"), CreditNote.order_id == bindparam("of_order")
)
_WRITE = insert(CreditNote).returning(CreditNote.id)
_WRITE_LINES = insert(CreditLine).inline()

# A credit note's reference in SQL, to compare with what other rooms keep.
CREDIT_REFERENCE = literal(_CREDIT).concat(cast(CreditNote.id, String))
