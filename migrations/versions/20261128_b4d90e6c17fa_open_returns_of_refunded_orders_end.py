"""returns that were still open when all of their order was refunded end: nothing is left for them to bring."""

import sqlalchemy as sa
from alembic import op

revision = "b4d90e6c17fa"
down_revision = "b41c07e9d2a6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    instant = sa.DateTime(timezone=True)
    order = sa.table("orders", sa.column("id", sa.BigInteger), sa.column("state", sa.String), sa.column("ended_at", instant))
    goods_return = sa.table(
        "goods_return",
        sa.column("order_id", sa.BigInteger),
        sa.column("state", sa.String),
        sa.column("decided_at", instant),
        sa.column("decided_by", sa.String),
    )
    ended_at = sa.select(order.c.ended_at).where(order.c.id == goods_return.c.order_id).scalar_subquery()
    refunded = sa.select(order.c.id).where(order.c.state == "refunded")
    op.execute(
        goods_return.update()
        .where(goods_return.c.state.in_(("asked", "approved")), goods_return.c.order_id.in_(refunded))
        .values(state="withdrawn", decided_at=ended_at, decided_by="system")
    )
