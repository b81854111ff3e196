"""Ready-made sets of levels, and the settings a new shop starts with. An operator edits both."""

from typing import Any

from .tasks import READY_MADE_TASKS, settings_of_task


def _level(
    key: str,
    name: dict[str, str],
    reach: int,
    *,
    multiplier: int,
    discount: int,
    free_shipping: int | None,
    early_hours: int,
    sentences: tuple[dict[str, str], ...] = (),
    instant_refund: int = 0,
    questions_first: bool = False,
    event_notice_days: int = 0,
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "reach": reach,
        "keep": reach,
        "multiplier_percent": multiplier,
        "discount_percent": discount,
        "free_shipping_from_cents": free_shipping,
        "early_access_hours": early_hours,
        "sentences": list(sentences),
        "instant_refund_cents": instant_refund,
        # What limits its members, or costs points or coupons, a shop sets itself.
        "redemptions_per_month": None,
        "upgrade_points": 0,
        "upgrade_coupon": None,
        "birthday_points": 0,
        "birthday_coupon": None,
        "question_priority": questions_first,
        "event_notice_days": event_notice_days,
    }


_EVENTS = {"en": "Invitations to offline events", "zh": "线下活动邀请"}
_ADVISER = {"en": "A personal adviser", "zh": "专属顾问"}

PYRAMID = (
    _level(
        "registered",
        {"en": "Registered", "zh": "注册会员"},
        0,
        multiplier=100,
        discount=0,
        free_shipping=None,
        early_hours=0,
    ),
    _level(
        "ordinary",
        {"en": "Ordinary", "zh": "普通会员"},
        1,
        multiplier=100,
        discount=0,
        free_shipping=5_000,
        early_hours=0,
    ),
    _level(
        "senior",
        {"en": "Senior", "zh": "高级会员"},
        1_500,
        multiplier=120,
        discount=0,
        free_shipping=3_000,
        early_hours=12,
        questions_first=True,
    ),
    _level(
        "vip",
        {"en": "VIP", "zh": "贵宾"},
        5_000,
        multiplier=150,
        discount=5,
        free_shipping=0,
        early_hours=24,
        sentences=(_EVENTS,),
        questions_first=True,
        event_notice_days=3,
        instant_refund=5_000,
    ),
    _level(
        "svip",
        {"en": "SVIP", "zh": "至尊贵宾"},
        15_000,
        multiplier=200,
        discount=10,
        free_shipping=0,
        early_hours=48,
        sentences=(_EVENTS, _ADVISER),
        questions_first=True,
        event_notice_days=7,
        instant_refund=20_000,
    ),
)

SIX_STEPS = tuple(
    _level(
        f"v{step}",
        {"en": f"V{step}", "zh": f"V{step}"},
        reach,
        multiplier=multiplier,
        discount=discount,
        free_shipping=free_shipping,
        early_hours=early_hours,
        sentences=sentences,
        instant_refund={5: 5_000, 6: 20_000}.get(step, 0),
        questions_first=step >= 4,
        event_notice_days={5: 3, 6: 7}.get(step, 0),
    )
    for step, (reach, multiplier, discount, free_shipping, early_hours, sentences) in enumerate(
        (
            (0, 100, 0, None, 0, ()),
            (500, 105, 0, 5_000, 0, ()),
            (1_000, 110, 2, 4_000, 0, ()),
            (2_000, 120, 3, 3_000, 12, ()),
            (5_000, 150, 5, 0, 24, (_EVENTS,)),
            (12_000, 200, 10, 0, 48, (_EVENTS, _ADVISER)),
        ),
        start=1,
    )
)

LEVEL_SETS = {"pyramid": PYRAMID, "six_steps": SIX_STEPS}


def level_settings(name: str) -> list[dict[str, Any]]:
    """Return the levels of a ready-made set, one of LEVEL_SETS, as settings have them."""
    return [level | {"rank": rank} for rank, level in enumerate(LEVEL_SETS[name], start=1)]


def default_settings(
    *,
    shop_name: str | dict[str, str],
    currency: str = "USD",
    zone: str = "UTC",
    language: str = "en",
    support_email: str = "",
    legal_name: str = "",
    address: str = "",
    tax_number: str = "",
    levels: str = "pyramid",
) -> dict[str, Any]:
    """Return the settings a new shop starts with; `levels` names one of LEVEL_SETS."""
    name = {language: shop_name} if isinstance(shop_name, str) else shop_name
    return {
        "shop_name": name,
        "legal_name": legal_name or next(iter(name.values()), ""),
        "address": address,
        "tax_number": tax_number,
        "support_email": support_email,
        "currency": currency,
        "zone": zone,
        "language": language,
        "worth_points": 100,
        "worth_cents": 100,
        "earn_points": 10,
        "earn_per_cents": 100,
        "growth_per_cents": 100,
        "validity_months": 12,
        "return_window_days": 14,
        "completes_after_days": 10,
        "returns_lapse_days": 30,
        "answer_within_hours": 24,
        "points_cap_percent": 50,
        "least_cash_cents": 50,
        "debt_cap_points": 20_000,
        "adjustment_limit_points": 1_000,
        "adjustments_per_day": 5,
        "pay_within_minutes": 35,
        "unpaid_orders": 3,
        "points_only_ships_free": True,
        "levels": level_settings(levels),
        "tax_classes": {
            "standard": {"name": {"en": "Standard rate", "zh": "标准税率"}, "rates": [["2000-01-01", 0]]},
        },
        "shipping_methods": [
            {
                "key": "parcel",
                "name": {"en": "Parcel", "zh": "快递"},
                "price_cents": 490,
                "free_from_cents": None,
                "kind": "parcel",
            }
        ],
        "dormancy_active": True,
        "dormancy_after_days": 90,
        "dormancy_percent": 10,
        "membership_least_days": 30,
        "tasks": [settings_of_task(task) for task in READY_MADE_TASKS],
    }
