"""What an order must keep for a reward is kept with it; coupons for which stamps are owed are void."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from mall.base import clock

revision = "cff25222152d"
down_revision = "b2036e8335d7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; there is no way back but a backup."""
    op.add_column("task_reward", sa.Column("least_cents", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    _void_coupons_owed(op.get_bind())


def _void_coupons_owed(bind: sa.Connection) -> None:
    """Void the coupons that came back while stamps were owed on their cards, as many as stamps are owed for."""
    uncovered = bind.execute(
        sa.text(
            "SELECT full_card.card_id, full_card.member_id, COUNT(*) AS live, stamp_card.stamps_needed AS needed, "
            "COALESCE((SELECT SUM(stamp.stamps) FROM stamp WHERE stamp.card_id = full_card.card_id "
            "AND stamp.member_id = full_card.member_id), 0) AS stamps "
            "FROM full_card JOIN stamp_card ON stamp_card.id = full_card.card_id WHERE full_card.voided_at IS NULL "
            "GROUP BY full_card.card_id, full_card.member_id, stamp_card.stamps_needed"
        )
    ).all()
    at = sa.bindparam("at", datetime.now(UTC), type_=clock.Instant())
    for row in uncovered:
        owed = row.live - int(row.stamps) // row.needed
        if owed <= 0:
            continue
        usable = bind.execute(
            sa.text(
                "SELECT full_card.id, full_card.coupon_id FROM full_card JOIN coupon ON coupon.id = full_card.coupon_id "
                "WHERE full_card.card_id = :card AND full_card.member_id = :member AND full_card.voided_at IS NULL "
                "AND coupon.state = 'usable' ORDER BY full_card.number DESC LIMIT :owed"
            ),
            {"card": row.card_id, "member": row.member_id, "owed": owed},
        ).all()
        for card in usable:
            ids = {"coupon": card.coupon_id, "card": card.id}
            voids = (
                "UPDATE coupon SET state = 'revoked', revoked_at = :at WHERE id = :coupon",
                "UPDATE full_card SET voided_at = :at, owed_at = NULL WHERE id = :card",
            )
            for statement in voids:
                named = {name: value for name, value in ids.items() if f":{name}" in statement}
                bind.execute(sa.text(statement).bindparams(at), named)
