"""Levels limit redemptions of a month: an order keeps its month and how many were allowed."""

import sqlalchemy as sa
from alembic import op

revision = '65c90f4062d6'
down_revision = '20e05b1c85a5'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.add_column(sa.Column('redeemed_in', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('redemptions_allowed', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f('ck_orders_redemptions_of_their_month'), '(redeemed_in IS NULL) = (redemptions_allowed IS NULL)'
        )
