"""a return refunded without the goods has a state of its own.

Such returns were told from received ones by their audit entry alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "5c1d7a40e2b6"
down_revision = "324db8493b09"
branch_labels = None
depends_on = None

STATES = "state IN ('asked', 'approved', 'advanced', 'waived', 'refunded', 'declined', 'withdrawn')"
WITH_NOTE = "(state IN ('advanced', 'waived', 'refunded')) = (credit_id IS NOT NULL)"


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table("goods_return") as table:
        table.drop_constraint(op.f("ck_goods_return_state_known"), type_="check")
        table.create_check_constraint(op.f("ck_goods_return_state_known"), sa.text(STATES))
        table.drop_constraint(op.f("ck_goods_return_refunded_has_its_note"), type_="check")
        table.create_check_constraint(op.f("ck_goods_return_refunded_has_its_note"), sa.text(WITH_NOTE))
    connection = op.get_bind()
    entry = sa.table("audit_entry", sa.column("act", sa.String), sa.column("after", sa.JSON))
    goods_return = sa.table("goods_return", sa.column("id", sa.BigInteger), sa.column("state", sa.String))
    waived = [after["return"] for (after,) in connection.execute(
        sa.select(entry.c.after).where(entry.c.act == "return.waive")
    )]  # fmt: skip
    for return_id in waived:
        connection.execute(
            goods_return.update()
            .where(goods_return.c.id == return_id, goods_return.c.state == "refunded")
            .values(state="waived")
        )
