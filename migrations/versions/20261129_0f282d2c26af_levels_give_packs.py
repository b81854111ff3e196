"""Levels give packs to who reaches them, and on birthdays."""

import sqlalchemy as sa
from alembic import op

from mall.base import clock

revision = '0f282d2c26af'
down_revision = '3e4d619a9779'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""

    op.create_table('level_pack',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('occasion', sa.String(length=40), nullable=False),
    sa.Column('rank', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('points', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('coupons', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', clock.Instant(), nullable=False),
    sa.CheckConstraint("kind IN ('upgrade', 'birthday')", name=op.f('ck_level_pack_kind_known')),
    sa.CheckConstraint('points >= 0 AND coupons >= 0 AND points + coupons > 0', name=op.f('ck_level_pack_gives_something')),
    sa.ForeignKeyConstraint(['member_id'], ['member.id'], name=op.f('fk_level_pack_member_id_member')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_level_pack')),
    sa.UniqueConstraint('member_id', 'occasion', name=op.f('uq_level_pack_member_id_occasion'))
    )
    for guard in {
        'sqlite': [
            "CREATE TRIGGER level_pack_no_update BEFORE UPDATE ON level_pack BEGIN SELECT RAISE(ABORT, 'level_pack is append-only'); END",
            "CREATE TRIGGER level_pack_no_delete BEFORE DELETE ON level_pack BEGIN SELECT RAISE(ABORT, 'level_pack is append-only'); END",
            "CREATE TRIGGER level_pack_no_replace_1 BEFORE INSERT ON level_pack WHEN EXISTS (SELECT 1 FROM level_pack WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: level_pack is append-only'); END",
            "CREATE TRIGGER level_pack_no_replace_2 BEFORE INSERT ON level_pack WHEN EXISTS (SELECT 1 FROM level_pack WHERE member_id = NEW.member_id AND occasion = NEW.occasion) BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: level_pack is append-only'); END",
        ],
        'postgresql': [
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$",
            'CREATE TRIGGER level_pack_append_only BEFORE UPDATE OR DELETE ON level_pack FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            'CREATE TRIGGER level_pack_no_truncate BEFORE TRUNCATE ON level_pack FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
        ],
    }[op.get_context().dialect.name]:
        op.execute(guard)

