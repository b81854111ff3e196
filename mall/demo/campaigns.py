"""The demo's campaigns: one long past that gave all its points, one that runs now, one to come."""

from datetime import datetime, timedelta

from mall.base.db import transaction
from mall.domain import earning, programme

MAKER, APPROVER = "staff:1", "staff:2"


def plan_campaigns(*, begin: datetime, end: datetime, tea: int, terms: programme.Programme, at: datetime) -> None:
    """Plan the year's campaigns before it begins, so that its orders are in them as they come."""
    plan: tuple[tuple[dict[str, str], datetime, int, int, list[int], int | None], ...] = (
        ({"en": "Spring double points", "zh": "春季双倍积分"}, begin + timedelta(days=150), 7, 200, [], 2_500),
        ({"en": "Double points weekend", "zh": "周末双倍积分"}, end - timedelta(days=1), 3, 200, [], 60_000),
        ({"en": "Triple points on tea and coffee", "zh": "茶与咖啡三倍积分"}, end - timedelta(days=20), 10, 300, [tea],
         None),
        ({"en": "Members’ weekend", "zh": "会员周末"}, end + timedelta(days=3), 2, 200, [], 40_000),
    )  # fmt: skip
    for number, (title, starts_at, days, percent, categories, cap_points) in enumerate(plan, start=1):
        with transaction():
            campaign_id = earning.make_campaign(
                key=f"demo:{number}",
                terms=terms,
                by=MAKER,
                at=at,
                reason="As agreed in the plan of the year",
                title=title,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(days=days),
                multiplier_percent=percent,
                min_rank=0,
                scope="category" if categories else "all",
                scope_ids=categories,
                cap_points=cap_points,
            )
            earning.approve_campaign(campaign_id, seen_version=1, by=APPROVER, at=at, other_approvers=1)
