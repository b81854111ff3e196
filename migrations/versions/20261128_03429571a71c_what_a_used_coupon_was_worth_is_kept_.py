"""what a used coupon was worth is kept when what gave it is refunded."""

import sqlalchemy as sa
from alembic import op

revision = "03429571a71c"
down_revision = "838eaaf3c4a6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table("coupon") as table:
        table.add_column(sa.Column("netted_for", sa.String(length=40), nullable=True))
        table.add_column(sa.Column("netted_points", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        table.create_index(table.f("ix_coupon_netted_for"), ["netted_for"], unique=False)
        table.create_check_constraint(
            op.f("ck_coupon_netted_for_something"), "(netted_for IS NULL) = (netted_points IS NULL)"
        )
        table.create_check_constraint(op.f("ck_coupon_netted_not_negative"), "netted_points >= 0")
