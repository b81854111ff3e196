"""Members review what they kept: reviews, and what an item's sum up to."""

import sqlalchemy as sa
from alembic import op

from mall.base import clock

revision = 'c52ee37b030b'
down_revision = '082f89bb1986'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.create_table('product_review',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('line', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('rating', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('words', sa.String(length=1000), nullable=False),
    sa.Column('pictures', sa.JSON(), nullable=False),
    sa.Column('text_mark', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('revision', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('written_at', clock.Instant(), nullable=False),
    sa.Column('decided_at', clock.Instant(), nullable=True),
    sa.Column('decided_by', sa.String(length=40), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('published_at', clock.Instant(), nullable=True),
    sa.Column('reply', sa.String(length=500), nullable=False),
    sa.Column('replied_at', clock.Instant(), nullable=True),
    sa.CheckConstraint("(replied_at IS NULL) = (reply = '')", name=op.f('ck_product_review_reply_has_its_time')),
    sa.CheckConstraint("(state IN ('rejected', 'taken_down')) = (reason <> '')", name=op.f('ck_product_review_refused_with_its_reason')),
    sa.CheckConstraint("state IN ('waiting', 'published', 'rejected', 'taken_down')", name=op.f('ck_product_review_state_known')),
    sa.CheckConstraint("state NOT IN ('published', 'taken_down') OR published_at IS NOT NULL", name=op.f('ck_product_review_published_once')),
    sa.CheckConstraint('(decided_at IS NULL) = (decided_by IS NULL)', name=op.f('ck_product_review_decided_by_somebody')),
    sa.CheckConstraint('rating BETWEEN 1 AND 5', name=op.f('ck_product_review_stars_of_five')),
    sa.ForeignKeyConstraint(['member_id'], ['purse.member_id'], name=op.f('fk_product_review_member_id_purse')),
    sa.ForeignKeyConstraint(['order_id', 'line'], ['order_line.order_id', 'order_line.line'], name=op.f('fk_product_review_order_id_line_order_line')),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_product_review_order_id_orders')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_product_review_product_id_product')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product_review')),
    sa.UniqueConstraint('member_id', 'product_id', name=op.f('uq_product_review_member_id_product_id')),
    sa.UniqueConstraint('order_id', 'line', name=op.f('uq_product_review_order_id_line'))
    )
    with op.batch_alter_table('product_review', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_product_review_product_id_state_published_at'), ['product_id', 'state', 'published_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_product_review_state_id'), ['state', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_product_review_text_mark'), ['text_mark'], unique=False)

    with op.batch_alter_table('product', schema=None) as batch_op:
        for name in ('review_count', 'review_stars', 'review_changes'):
            batch_op.add_column(sa.Column(
                name, sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, server_default='0'
            ))
        batch_op.create_check_constraint(
            batch_op.f('ck_product_stars_of_reviews'),
            'review_count >= 0 AND review_stars BETWEEN review_count AND 5 * review_count',
        )
    with op.batch_alter_table('product', schema=None) as batch_op:
        for name in ('review_count', 'review_stars', 'review_changes'):
            batch_op.alter_column(name, server_default=None)
