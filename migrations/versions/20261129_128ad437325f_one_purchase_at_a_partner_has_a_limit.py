"""One purchase at a partner has a limit."""

import sqlalchemy as sa
from alembic import op

revision = "128ad437325f"
down_revision = "cff25222152d"
branch_labels = None
depends_on = None

CAPS = "cap IN ('', 'purchase', 'day', 'month')"


def upgrade() -> None:
    """Go forward; there is no way back but a backup. What was approved before has no limit for one purchase."""
    for name in ("partner", "partner_version"):
        op.add_column(name, _limit())
    with op.batch_alter_table("partner_purchase") as table:
        table.add_column(_limit())
        table.alter_column(
            "cap", existing_type=sa.String(length=5), type_=sa.String(length=8), existing_nullable=False
        )
        table.drop_constraint(op.f("ck_partner_purchase_cap_known"), type_="check")
        table.create_check_constraint(op.f("ck_partner_purchase_cap_known"), sa.text(CAPS))


def _limit() -> sa.Column:
    return sa.Column("purchase_points", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
