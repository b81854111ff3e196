"""notices in the shop, wish lists, waiting for stock.

What was told before stays a mail: only what is told from now on is shown in the shop.
"""

import sqlalchemy as sa
from alembic import op
from mall.base import clock
revision = '2965117251e4'
down_revision = '5c1d7a40e2b6'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.create_table('refused_topic',
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('topic', sa.String(length=12), nullable=False),
    sa.Column('refused_at', clock.Instant(), nullable=False),
    sa.PrimaryKeyConstraint('member_id', 'topic', name=op.f('pk_refused_topic'))
    )
    op.create_table('item_view',
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('seen_at', clock.Instant(), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_item_view_member_id_member')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_item_view_product_id_product')),
    sa.PrimaryKeyConstraint('member_id', 'product_id', name=op.f('pk_item_view'))
    )
    with op.batch_alter_table('item_view', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_item_view_member_id_seen_at'), ['member_id', 'seen_at'], unique=False)

    op.create_table('wish',
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('wished_at', clock.Instant(), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_wish_member_id_member')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_wish_product_id_product')),
    sa.PrimaryKeyConstraint('member_id', 'product_id', name=op.f('pk_wish'))
    )
    with op.batch_alter_table('wish', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_wish_product_id'), ['product_id'], unique=False)

    op.create_table('stock_request',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('variant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('asked_at', clock.Instant(), nullable=False),
    sa.Column('told_at', clock.Instant(), nullable=True),
    sa.Column('withdrawn_at', clock.Instant(), nullable=True),
    sa.CheckConstraint('told_at IS NULL OR withdrawn_at IS NULL', name=op.f('ck_stock_request_one_ending')),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_stock_request_member_id_member')),
    sa.ForeignKeyConstraint(['variant_id'], ['variant.id'], name=op.f('fk_stock_request_variant_id_variant')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_request'))
    )
    with op.batch_alter_table('stock_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_stock_request_member_id'), ['member_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_stock_request_variant_id_told_at'), ['variant_id', 'told_at'], unique=False)
        batch_op.create_index('ix_stock_request_waiting', ['variant_id', 'member_id'], unique=True, sqlite_where=sa.text('told_at IS NULL AND withdrawn_at IS NULL'), postgresql_where=sa.text('told_at IS NULL AND withdrawn_at IS NULL'))

    op.drop_index("ix_notice_open", table_name="notice")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shown_at", clock.Instant(), nullable=True))
        batch_op.add_column(sa.Column("read_at", clock.Instant(), nullable=True))
        batch_op.drop_constraint(op.f("ck_notice_channel_known"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_notice_channel_known"), sa.text("channel IN ('mail', 'bulk', 'job')")
        )
        batch_op.create_check_constraint(
            op.f("ck_notice_shown_to_somebody"), sa.text("shown_at IS NULL OR member_id IS NOT NULL")
        )
        batch_op.create_check_constraint(
            op.f("ck_notice_read_when_shown"), sa.text("read_at IS NULL OR shown_at IS NOT NULL")
        )
    for name, columns, where in (
        ("ix_notice_open", ["channel", "next_try_at"], "sent_at IS NULL AND given_up_at IS NULL"),
        ("ix_notice_unread", ["member_id"], "shown_at IS NOT NULL AND read_at IS NULL"),
    ):
        op.create_index(name, "notice", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
