"""Members ask before they buy."""

import sqlalchemy as sa
from alembic import op

from mall.base import clock, text

revision = 'f5fb54a72823'
down_revision = '6ae6cd81637c'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.create_table('canned_reply',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', text.Text(), nullable=False),
    sa.Column('words', text.Text(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('made_by', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_canned_reply'))
    )
    op.create_table('question',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('revision', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('asked_at', clock.Instant(), nullable=False),
    sa.Column('waits_since', clock.Instant(), nullable=True),
    sa.Column('closed_at', clock.Instant(), nullable=True),
    sa.Column('closed_by', sa.String(length=40), nullable=True),
    sa.Column('close_reason', sa.String(length=500), nullable=False),
    sa.Column('shown_question', sa.String(length=500), nullable=False),
    sa.Column('shown_answer', sa.String(length=1000), nullable=False),
    sa.Column('published_at', clock.Instant(), nullable=True),
    sa.Column('published_by', sa.String(length=40), nullable=True),
    sa.CheckConstraint("(closed_at IS NULL) = (close_reason = '')", name=op.f('ck_question_closed_with_its_reason')),
    sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name=op.f('ck_question_closed_at_a_moment')),
    sa.CheckConstraint("(state = 'waiting') = (waits_since IS NOT NULL)", name=op.f('ck_question_waits_since_a_moment')),
    sa.CheckConstraint("published_at IS NULL OR (shown_question <> '' AND shown_answer <> '')", name=op.f('ck_question_published_with_its_answer')),
    sa.CheckConstraint("state IN ('waiting', 'answered', 'closed')", name=op.f('ck_question_state_known')),
    sa.CheckConstraint('(closed_at IS NULL) = (closed_by IS NULL)', name=op.f('ck_question_closed_by_somebody')),
    sa.CheckConstraint('(published_at IS NULL) = (published_by IS NULL)', name=op.f('ck_question_published_by_somebody')),
    sa.CheckConstraint('revision > 0', name=op.f('ck_question_revision_positive')),
    sa.ForeignKeyConstraint(['member_id'], ['purse.member_id'], name=op.f('fk_question_member_id_purse')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_question_product_id_product')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_question')),
    sa.UniqueConstraint('member_id', 'key', name=op.f('uq_question_member_id_key'))
    )
    with op.batch_alter_table('question', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_question_product_id_published_at'), ['product_id', 'published_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_question_state_waits_since'), ['state', 'waits_since'], unique=False)

    op.create_table('question_message',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('question_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('side', sa.String(length=6), nullable=False),
    sa.Column('written_by', sa.String(length=40), nullable=False),
    sa.Column('words', sa.String(length=1000), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('at', clock.Instant(), nullable=False),
    sa.CheckConstraint("side IN ('member', 'shop')", name=op.f('ck_question_message_side_known')),
    sa.CheckConstraint("words <> ''", name=op.f('ck_question_message_says_something')),
    sa.CheckConstraint('number > 0', name=op.f('ck_question_message_number_positive')),
    sa.ForeignKeyConstraint(['question_id'], ['question.id'], name=op.f('fk_question_message_question_id_question')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_question_message')),
    sa.UniqueConstraint('question_id', 'key', name=op.f('uq_question_message_question_id_key')),
    sa.UniqueConstraint('question_id', 'number', name=op.f('uq_question_message_question_id_number'))
    )
    with op.batch_alter_table('product', schema=None) as batch_op:
        for name in ('question_count', 'question_changes'):
            batch_op.add_column(sa.Column(
                name, sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False, server_default='0'
            ))
        batch_op.create_check_constraint(batch_op.f('ck_product_questions_not_negative'), 'question_count >= 0')
    with op.batch_alter_table('product', schema=None) as batch_op:
        for name in ('question_count', 'question_changes'):
            batch_op.alter_column(name, server_default=None)

    for guard in {
        'sqlite': [
            "CREATE TRIGGER question_message_no_update BEFORE UPDATE ON question_message BEGIN SELECT RAISE(ABORT, 'question_message is append-only'); END",
            "CREATE TRIGGER question_message_no_delete BEFORE DELETE ON question_message BEGIN SELECT RAISE(ABORT, 'question_message is append-only'); END",
            "CREATE TRIGGER question_message_no_replace_1 BEFORE INSERT ON question_message WHEN EXISTS (SELECT 1 FROM question_message WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: question_message is append-only'); END",
            "CREATE TRIGGER question_message_no_replace_2 BEFORE INSERT ON question_message WHEN EXISTS (SELECT 1 FROM question_message WHERE question_id = NEW.question_id AND key = NEW.key) BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: question_message is append-only'); END",
            "CREATE TRIGGER question_message_no_replace_3 BEFORE INSERT ON question_message WHEN EXISTS (SELECT 1 FROM question_message WHERE question_id = NEW.question_id AND number = NEW.number) BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: question_message is append-only'); END",
        ],
        'postgresql': [
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$",
            'CREATE TRIGGER question_message_append_only BEFORE UPDATE OR DELETE ON question_message FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            'CREATE TRIGGER question_message_no_truncate BEFORE TRUNCATE ON question_message FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
        ],
    }[op.get_context().dialect.name]:
        op.execute(guard)
