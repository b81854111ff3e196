"""Payments of points to cash that the bank sends back: when, by whom, why, and the bank's reference."""

import sqlalchemy as sa
from alembic import op

from mall.base import clock

revision = '7f8de6079b52'
down_revision = '5f959facc460'
branch_labels = None
depends_on = None

STATES = "state IN ('asked', 'approved', 'paid', 'bounced', 'declined', 'withdrawn')"
ONCE_PAID = "(state IN ('paid', 'bounced')) = (paid_at IS NOT NULL)"
BOUNCED = "(state = 'bounced') = (bounced_at IS NOT NULL)"
WHOLE = (
    "(bounced_at IS NULL) = (bounce_reference = '') AND (bounced_at IS NULL) = (bounce_reason = '')"
    " AND (bounced_at IS NULL) = (bounced_by = '')"
)


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    texts = {'bounced_by': 40, 'bounce_reason': 500, 'bounce_reference': 80}
    with op.batch_alter_table('cash_out', schema=None) as batch_op:
        batch_op.add_column(sa.Column('bounced_at', clock.Instant(), nullable=True))
        for name, length in texts.items():
            batch_op.add_column(sa.Column(name, sa.String(length=length), nullable=False, server_default=''))
        batch_op.drop_constraint(op.f('ck_cash_out_state_known'), type_='check')
        batch_op.create_check_constraint(op.f('ck_cash_out_state_known'), sa.text(STATES))
        batch_op.drop_constraint(op.f('ck_cash_out_paid_whole'), type_='check')
        batch_op.create_check_constraint(op.f('ck_cash_out_paid_whole'), sa.text(ONCE_PAID))
        batch_op.create_check_constraint(op.f('ck_cash_out_bounced_when_it_says'), sa.text(BOUNCED))
        batch_op.create_check_constraint(op.f('ck_cash_out_bounced_whole'), sa.text(WHOLE))
    with op.batch_alter_table('cash_out', schema=None) as batch_op:
        for name in texts:
            batch_op.alter_column(name, server_default=None)
