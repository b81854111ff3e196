"""memberships are sold."""

import sqlalchemy as sa
from alembic import op

revision = '6ae6cd81637c'
down_revision = '3b2e1a0688a2'
branch_labels = None
depends_on = None


WHOLE_LINE = (
    '(plan_rank IS NULL) = (plan_length IS NULL) AND (plan_rank IS NULL) = (plan_unit IS NULL)'
    ' AND (plan_rank IS NULL OR quantity = 1)'
)
DAYS = 'plan_days IS NULL OR (plan_rank IS NOT NULL AND plan_days > 0)'
USED = 'used_days IS NULL OR (plan_days IS NOT NULL AND refunded = 1 AND used_days >= 0 AND used_days < plan_days)'
AMONG_GOODS = 'plan_cents >= 0 AND plan_cents <= goods_cents'
WHOLE = '(plan_level IS NULL) = (plan_length IS NULL) AND (plan_level IS NULL) = (plan_unit IS NULL)'
LENGTH = "plan_length > 0 AND plan_unit IN ('days', 'months')"
OF_MEMBERSHIP = "plan_level IS NULL OR kind = 'membership'"


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table('order_line', schema=None) as batch_op:
        batch_op.add_column(sa.Column('plan_rank', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('plan_length', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('plan_unit', sa.String(length=6), nullable=True))
        batch_op.add_column(sa.Column('plan_days', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('used_days', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_check_constraint(op.f('ck_order_line_plan_whole'), sa.text(WHOLE_LINE))
        batch_op.create_check_constraint(op.f('ck_order_line_days_of_a_plan'), sa.text(DAYS))
        batch_op.create_check_constraint(op.f('ck_order_line_used_of_what_is_back'), sa.text(USED))

    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.add_column(sa.Column('plan_cents', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_check_constraint(op.f('ck_orders_plans_among_goods'), sa.text(AMONG_GOODS))

    with op.batch_alter_table('product', schema=None) as batch_op:
        batch_op.add_column(sa.Column('plan_level', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('plan_length', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('plan_unit', sa.String(length=6), nullable=True))
        batch_op.create_check_constraint(op.f('ck_product_plan_whole'), sa.text(WHOLE))
        batch_op.create_check_constraint(op.f('ck_product_plan_has_a_length'), sa.text(LENGTH))
        batch_op.create_check_constraint(op.f('ck_product_plan_of_a_membership'), sa.text(OF_MEMBERSHIP))
