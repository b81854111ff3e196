"""exchanges send new pieces."""

import sqlalchemy as sa
from alembic import op

revision = 'c724bf5d45b3'
down_revision = 'c55849cce798'
branch_labels = None
depends_on = None

STATES = (
    "state IN ('asked', 'approved', 'advanced', 'waived', 'refunded', 'declined', 'withdrawn', 'lapsed', 'received',"
    " 'spared', 'exchanged', 'replaced', 'closed')"
)
NEW_ONES = "wish = 'exchange' OR state NOT IN ('received', 'spared', 'exchanged', 'replaced')"
PARCEL = "(state IN ('exchanged', 'replaced')) = (parcel_id IS NOT NULL)"
REPLACED = 'replaced >= 0 AND (replaced = 0 OR shipped > 0)'
EXCHANGING = 'exchanging >= 0 AND exchanging <= shipped + called_off - refunded'
NUMBERED = sa.text("tracking <> ''")


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    with op.batch_alter_table('order_line') as batch_op:
        for name in ('exchanging', 'replaced'):
            batch_op.add_column(
                sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False,
                          server_default='0')
            )  # fmt: skip
        batch_op.create_check_constraint(op.f('ck_order_line_replaced_was_shipped'), sa.text(REPLACED))
        batch_op.create_check_constraint(op.f('ck_order_line_exchanged_or_refunded'), sa.text(EXCHANGING))
    with op.batch_alter_table('order_line') as batch_op:
        batch_op.alter_column('exchanging', server_default=None)
        batch_op.alter_column('replaced', server_default=None)

    with op.batch_alter_table('parcel') as batch_op:
        batch_op.add_column(sa.Column('replacement', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.drop_constraint(batch_op.f('uq_parcel_order_id_tracking'), type_='unique')
        batch_op.create_index(
            'uq_parcel_tracking_in_order', ['order_id', 'tracking'], unique=True, sqlite_where=NUMBERED,
            postgresql_where=NUMBERED,
        )  # fmt: skip
    with op.batch_alter_table('parcel') as batch_op:
        batch_op.alter_column('replacement', server_default=None)

    with op.batch_alter_table('goods_return') as batch_op:
        batch_op.add_column(sa.Column('wish', sa.String(length=8), nullable=False, server_default='refund'))
        batch_op.add_column(sa.Column('parcel_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_unique_constraint(batch_op.f('uq_goods_return_parcel_id'), ['parcel_id'])
        batch_op.create_foreign_key(batch_op.f('fk_goods_return_parcel_id_parcel'), 'parcel', ['parcel_id'], ['id'])
        batch_op.drop_constraint(op.f('ck_goods_return_state_known'), type_='check')
        batch_op.create_check_constraint(op.f('ck_goods_return_state_known'), sa.text(STATES))
        batch_op.create_check_constraint(
            op.f('ck_goods_return_wish_known'), sa.text("wish IN ('refund', 'exchange')")
        )
        batch_op.create_check_constraint(op.f('ck_goods_return_new_ones_for_an_exchange'), sa.text(NEW_ONES))
        batch_op.create_check_constraint(op.f('ck_goods_return_sent_has_its_parcel'), sa.text(PARCEL))
    with op.batch_alter_table('goods_return') as batch_op:
        batch_op.alter_column('wish', server_default=None)
