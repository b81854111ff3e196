"""The demo's coupons: kinds of them, an item that gives one for points, and some among the members' own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mall.base.db import transaction
from mall.domain import coupons, programme

# Each kind: its name in English and Chinese, its terms, and who has one. Categories and items are named by their keys.
KINDS: dict[str, tuple[tuple[str, str], dict[str, Any], tuple[str, ...]]] = {
    "ten": (("$10 off from $60", "满 60 减 10"),
            {"kind": "amount", "amount_cents": 1_000, "threshold_cents": 6_000}, ("mei", "wei", "grace")),
    "tea": (("15 % off tea and coffee", "茶与咖啡 85 折"),
            {"kind": "percent", "percent": 15, "cap_cents": 2_000, "scope": "category"}, ("mei", "wei")),
    "parcel": (("Free delivery", "免运费"), {"kind": "shipping", "stackable": True}, ("mei", "tom", "wei")),
    "five": (("$5 off anything", "立减 5 元"),
             {"kind": "amount", "amount_cents": 500, "stackable": True, "min_rank": 2}, ("mei", "tom")),
    "candle": (("A beeswax candle, on us", "赠蜂蜡蜡烛一支"), {"kind": "gift", "scope": "product"}, ("grace", "wei")),
}  # fmt: skip
DAYS = {"ten": 30, "tea": 45, "parcel": 30, "five": 6, "candle": 60}


def give_coupons(
    members: Mapping[str, int],
    *,
    tea: int,
    candle: int,
    voucher: int,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> None:
    """Make the kinds of coupon, let the voucher give one, and give members theirs.

    `tea` is a category, `candle` and `voucher` are products; `members` are ids by name.
    """
    scopes = {"tea": [tea], "candle": [candle]}
    for key, ((english, chinese), details, owners) in KINDS.items():
        given_at = at - timedelta(days=2)
        with transaction():
            kind = coupons.make_template(
                key=f"demo-{key}",
                title={"en": english, "zh": chinese},
                valid_days=DAYS[key],
                scope_ids=scopes.get(key, ()),
                terms=terms,
                by=by,
                at=given_at,
                **details,
            )
            if key == "ten":
                coupons.sell(kind, voucher, by=by, at=given_at)
        for name in owners:
            with transaction():
                coupons.give_by_hand(
                    kind, members[name], key=f"demo-{key}-{name}", terms=terms, by=by, at=given_at, reason="Welcome"
                )
