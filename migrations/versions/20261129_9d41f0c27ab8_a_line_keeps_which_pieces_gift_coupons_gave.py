"""a line of an order keeps how many of its pieces gift coupons gave."""

import sqlalchemy as sa
from alembic import op

revision = "9d41f0c27ab8"
down_revision = "128ad437325f"
branch_labels = None
depends_on = None

GIFTS = "gift_pieces >= 0 AND gift_pieces <= quantity AND (gift_pieces = 0 OR coupon_cents > 0)"
STAMPED = (
    " FROM stamp_line JOIN stamp ON stamp.id = stamp_line.stamp_id"
    " WHERE stamp.reference = 'order:' || order_line.order_id AND stamp_line.line = order_line.line"
)


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table("order_line") as batch_op:
        batch_op.add_column(
            sa.Column(
                "gift_pieces",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=False,
                server_default="0",
            )
        )
    bind = op.get_bind()
    _count_gifts(bind)
    # Where stamps were given, as they were given: what goes back is reckoned from that.
    bind.execute(
        sa.text(
            f"UPDATE order_line SET gift_pieces = quantity - (SELECT MIN(stamp_line.paid){STAMPED})"
            f" WHERE coupon_cents > 0 AND EXISTS (SELECT 1{STAMPED})"
        )
    )
    with op.batch_alter_table("order_line") as batch_op:
        batch_op.alter_column("gift_pieces", server_default=None)
        batch_op.create_check_constraint(op.f("ck_order_line_gifts_are_taken_off"), sa.text(GIFTS))


def _count_gifts(bind: sa.Connection) -> None:
    """Count the gift coupons of orders at the line they were taken off: that of the dearest piece of their item."""
    orders = sa.table("orders", sa.column("id"), sa.column("coupons", sa.JSON), sa.column("coupon_count"))
    line = sa.text(
        "SELECT line FROM order_line WHERE order_id = :order AND form = 'cash' AND coupon_cents > 0"
        " AND gift_pieces < quantity AND product_id IN (SELECT coupon_scope.product_id FROM coupon"
        " JOIN coupon_scope ON coupon_scope.template_id = coupon.template_id WHERE coupon.id = :coupon)"
        " ORDER BY unit_cents DESC, line LIMIT 1"
    )
    count = sa.text("UPDATE order_line SET gift_pieces = gift_pieces + 1 WHERE order_id = :order AND line = :line")
    for order in bind.execute(sa.select(orders).where(orders.c.coupon_count > 0)).all():
        for coupon in order.coupons or ():
            if coupon["kind"] != "gift" or not coupon["cents"]:
                continue
            bearing = bind.execute(line, {"order": order.id, "coupon": coupon["id"]}).scalar()
            if bearing is not None:
                bind.execute(count, {"order": order.id, "line": bearing})
