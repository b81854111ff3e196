"""returns that were still open when the desk refunded their pieces otherwise end: they could only be declined."""

import sqlalchemy as sa
from alembic import op

revision = "6a2f0d81c4e7"
down_revision = "5d0c7e19b3fa"
branch_labels = None
depends_on = None

OPEN = ("asked", "approved", "received", "spared")


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    instant = sa.DateTime(timezone=True)
    goods_return = sa.table(
        "goods_return",
        *(sa.column(name, sa.BigInteger) for name in ("id", "order_id")),
        *(sa.column(name, sa.String) for name in ("state", "wish", "decided_by")),
        sa.column("decided_at", instant),
    )
    return_line = sa.table("goods_return_line", *map(sa.column, ("return_id", "line", "quantity")))
    names = ("order_id", "line", "shipped", "called_off", "refunded")
    order_line = sa.table("order_line", *map(sa.column, names))
    note = sa.table("credit_note", sa.column("order_id"), sa.column("at", instant))
    spoken_for = (
        sa.select(goods_return.c.order_id, return_line.c.line, sa.func.sum(return_line.c.quantity).label("pieces"))
        .join(return_line, return_line.c.return_id == goods_return.c.id)
        .where(goods_return.c.state.in_(OPEN))
        .group_by(goods_return.c.order_id, return_line.c.line)
        .subquery("spoken_for")
    )
    same = sa.and_(order_line.c.order_id == spoken_for.c.order_id, order_line.c.line == spoken_for.c.line)
    left = order_line.c.shipped + order_line.c.called_off - order_line.c.refunded
    gone = (
        sa.select(goods_return.c.id)
        .join(return_line, return_line.c.return_id == goods_return.c.id)
        .join(
            spoken_for,
            sa.and_(spoken_for.c.order_id == goods_return.c.order_id, spoken_for.c.line == return_line.c.line),
        )
        .join(order_line, same)
        .where(goods_return.c.wish == "refund", goods_return.c.state.in_(OPEN), spoken_for.c.pieces > left)
    )
    ids = list(op.get_bind().execute(gone.distinct()).scalars())
    refunded_at = sa.select(sa.func.max(note.c.at)).where(note.c.order_id == goods_return.c.order_id).scalar_subquery()
    op.execute(
        goods_return.update()
        .where(goods_return.c.id.in_(ids))
        .values(state="withdrawn", decided_at=refunded_at, decided_by="system")
    )
