"""What is kept of orders that were paid: the cash and the points they cost, less what their credit notes gave back.

Conditions and columns of a row of orders. Every figure of what members spent is made of these.
"""

from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from mall.domain import aftersales, checkout, coupons

Order, Note, Coupon = checkout.Order, aftersales.CreditNote, coupons.Coupon


def _back(amount: Any) -> ColumnElement[int]:
    """Return the column that says what credit notes gave back of an order."""
    back = select(func.coalesce(func.sum(amount), 0)).where(Note.order_id == Order.id)
    return back.correlate(Order).scalar_subquery()


# The points among them that stayed paid, for coupons that were used.
_NETTED = (
    select(func.coalesce(func.sum(Coupon.netted_points), 0))
    .where(Coupon.reference == checkout.REFERENCE, Coupon.netted_for.is_not(None))
    .correlate(Order)
    .scalar_subquery()
)

PAID = Order.paid_at.is_not(None)
# 1 for an order of which something is kept.
COUNTED = case((Order.state.in_(checkout.OVER), 0), else_=1)
GOODS_CENTS = Order.goods_cents - _back(Note.goods_cents)
CASH_CENTS = checkout.cash_cents_of(Order) - _back(Note.goods_cents + Note.shipping_cents)
POINTS = Order.points - _back(Note.points) + _NETTED
