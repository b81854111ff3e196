"""The demo's stamp card: tea and coffee of the last weeks fill it, and some have had theirs."""

from datetime import datetime, timedelta

from mall.base.db import transaction
from mall.domain import coupons, earning, programme

MAKER, APPROVER = "staff:1", "staff:2"


def plan_stamp_card(*, end: datetime, tea: int, terms: programme.Programme, at: datetime) -> None:
    """Plan a card for five pieces of tea or coffee before the year begins, so that its orders fill it as they come."""
    with transaction():
        kind = coupons.make_template(
            key="demo-stamps", title={"en": "A tea on us, up to $12", "zh": "集章换茶，最高抵 12 美元"}, kind="amount",
            amount_cents=1_200, valid_days=60, scope="category", scope_ids=[tea], terms=terms, by=MAKER, at=at,
        )  # fmt: skip
        card_id = earning.make_stamp_card(
            key="demo-tea", title={"en": "Five teas, then one on us", "zh": "买五份茶咖，送一份"},
            starts_at=end - timedelta(days=120), ends_at=end + timedelta(days=30), stamps_needed=5, counts="piece",
            least_cents=0, template_id=kind, member_limit=2, total_limit=None, min_rank=0, scope="category",
            scope_ids=[tea], terms=terms, by=MAKER, at=at, reason="As agreed in the plan of the year",
        )  # fmt: skip
        earning.approve_stamp_card(card_id, seen_version=1, by=APPROVER, at=at, other_approvers=1)
