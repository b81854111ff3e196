"""an order keeps which coupon it gives."""

import sqlalchemy as sa
from alembic import op
from mall.base import clock
revision = "b41c07e9d2a6"
down_revision = "7d9523fc8968"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table("coupon_template") as table:
        table.add_column(sa.Column("sold_at", clock.Instant(), nullable=True))
    with op.batch_alter_table("order_line") as table:
        table.add_column(sa.Column("template_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        table.create_foreign_key(
            table.f("fk_order_line_template_id_coupon_template"), "coupon_template", ["template_id"], ["id"]
        )
        table.create_index(table.f("ix_order_line_template_id"), ["template_id"], unique=False)
    # What was paid gave what it gave; what waits to be paid was promised what its item gives now.
    op.execute(
        "UPDATE order_line SET template_id = (SELECT coupon.template_id FROM coupon"
        " WHERE coupon.key = 'order:' || order_line.order_id || ':' || order_line.line || ':' || '1')"
    )
    op.execute(
        "UPDATE order_line SET template_id = (SELECT coupon_good.template_id FROM coupon_good"
        " WHERE coupon_good.product_id = order_line.product_id) WHERE order_line.template_id IS NULL"
        " AND order_id IN (SELECT id FROM orders WHERE gives_coupons AND paid_at IS NULL)"
    )
    op.execute(
        "UPDATE coupon_template SET sold_at = created_at WHERE id IN (SELECT template_id FROM coupon_good)"
        " OR id IN (SELECT template_id FROM order_line WHERE template_id IS NOT NULL)"
    )
