"""what a paid level brought goes with it."""

import sqlalchemy as sa
from alembic import op

revision = 'c8ed0dd1fa29'
down_revision = '7f8de6079b52'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table('level_pack', schema=None) as batch_op:
        batch_op.add_column(sa.Column('paid_by', sa.String(length=60), nullable=True))
        batch_op.create_index(batch_op.f('ix_level_pack_paid_by'), ['paid_by'], unique=False, sqlite_where=sa.text("paid_by IS NOT NULL"), postgresql_where=sa.text("paid_by IS NOT NULL"))

    with op.batch_alter_table('task_reward', schema=None) as batch_op:
        batch_op.add_column(sa.Column('paid_by', sa.String(length=60), nullable=True))
        batch_op.create_index(batch_op.f('ix_task_reward_paid_by'), ['paid_by'], unique=False, sqlite_where=sa.text("paid_by IS NOT NULL"), postgresql_where=sa.text("paid_by IS NOT NULL"))

