"""coupons of one day are told together: each keeps when its member was reminded."""

import sqlalchemy as sa
from alembic import op

from mall.base import clock

revision = "5d0c7e19b3fa"
down_revision = "c724bf5d45b3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.add_column("coupon", sa.Column("reminded_at", clock.Instant(), nullable=True))
    # So far each coupon had a notice of its own.
    op.execute(
        "UPDATE coupon SET reminded_at = (SELECT written_at FROM notice"
        " WHERE notice.key = 'coupon_expiring:' || CAST(coupon.id AS VARCHAR))"
    )
