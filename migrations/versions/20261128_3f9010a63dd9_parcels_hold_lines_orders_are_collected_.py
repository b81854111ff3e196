"""parcels hold lines, orders are collected, returns lapse."""


import sqlalchemy as sa
from alembic import op
from mall.base import clock
revision = '3f9010a63dd9'
down_revision = "03429571a71c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.create_table('parcel_line',
    sa.Column('parcel_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('line', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('quantity', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_parcel_line_quantity_positive')),
    sa.ForeignKeyConstraint(['parcel_id'], ['parcel.id'], name=op.f('fk_parcel_line_parcel_id_parcel')),
    sa.PrimaryKeyConstraint('parcel_id', 'line', name=op.f('pk_parcel_line'))
    )
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.add_column(sa.Column('ready_at', clock.Instant(), nullable=True))

    with op.batch_alter_table('parcel', schema=None) as batch_op:
        batch_op.create_unique_constraint(batch_op.f('uq_parcel_order_id_tracking'), ['order_id', 'tracking'])

    for guard in {
        'sqlite': [
            "CREATE TRIGGER parcel_line_no_update BEFORE UPDATE ON parcel_line BEGIN SELECT RAISE(ABORT, 'parcel_line is append-only'); END",
            "CREATE TRIGGER parcel_line_no_delete BEFORE DELETE ON parcel_line BEGIN SELECT RAISE(ABORT, 'parcel_line is append-only'); END",
            "CREATE TRIGGER parcel_line_no_replace_1 BEFORE INSERT ON parcel_line WHEN EXISTS (SELECT 1 FROM parcel_line WHERE parcel_id = NEW.parcel_id AND line = NEW.line) BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: parcel_line is append-only'); END",
        ],
        'postgresql': [
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$",
            'CREATE TRIGGER parcel_line_append_only BEFORE UPDATE OR DELETE ON parcel_line FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            'CREATE TRIGGER parcel_line_no_truncate BEFORE TRUNCATE ON parcel_line FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
        ],
    }[op.get_context().dialect.name]:
        op.execute(guard)
    # Until now a parcel held all of its order.
    op.execute(
        "INSERT INTO parcel_line (parcel_id, line, quantity) SELECT parcel.id, order_line.line, order_line.shipped"
        " FROM parcel JOIN order_line ON order_line.order_id = parcel.order_id"
        " WHERE NOT order_line.digital AND order_line.shipped > 0"
    )
    states = "state IN ('asked', 'approved', 'advanced', 'waived', 'refunded', 'declined', 'withdrawn', 'lapsed')"
    with op.batch_alter_table('goods_return') as table:
        table.drop_constraint(op.f('ck_goods_return_state_known'), type_='check')
        table.create_check_constraint(op.f('ck_goods_return_state_known'), sa.text(states))
