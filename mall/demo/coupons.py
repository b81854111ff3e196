"""The demo's coupons: kinds of them, packs, items that give them for points, and some among the members' own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mall.base.db import transaction
from mall.domain import coupons, programme

# Each kind: its name in English and Chinese, its terms, and who has one. Categories and items are named by their keys.
KINDS: dict[str, tuple[tuple[str, str], dict[str, Any], tuple[str, ...]]] = {
    "ten": (("$10 off from $60", "满 60 美元减 10 美元"),
            {"kind": "amount", "amount_cents": 1_000, "threshold_cents": 6_000}, ("mei", "wei", "grace")),
    "tea": (("15 % off tea and coffee", "茶与咖啡 85 折"),
            {"kind": "percent", "percent": 15, "cap_cents": 2_000, "scope": "category"}, ("mei", "wei")),
    "parcel": (("Free delivery", "免运费"), {"kind": "shipping", "stackable": True}, ("mei", "tom", "wei")),
    "five": (("$5 off anything", "立减 5 美元"),
             {"kind": "amount", "amount_cents": 500, "stackable": True, "min_rank": 2}, ("mei", "tom")),
    "candle": (("A beeswax candle, on us", "赠蜂蜡蜡烛一支"), {"kind": "gift", "scope": "product"}, ("grace", "wei")),
}  # fmt: skip
# Each pack: its name, what is in it, and its limits. The first can be had for points, the second is given at the desk.
PACKS: dict[str, tuple[tuple[str, str], dict[str, int], dict[str, int]]] = {
    "spring": (("Spring pack", "春日礼包"), {"ten": 1, "tea": 1, "parcel": 2}, {}),
    "sorry": (("With our apologies", "致歉礼包"), {"parcel": 1, "ten": 1}, {"member_limit": 1, "total_limit": 500}),
}
DAYS = {"ten": 30, "tea": 45, "parcel": 30, "five": 6, "candle": 60}


def give_coupons(
    members: Mapping[str, int],
    *,
    tea: int,
    candle: int,
    voucher: int,
    pack: int,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> dict[str, int]:
    """Make the kinds of coupon, let the voucher give one and another item a pack, and give members theirs.

    Returns the kinds, {name: id}.

    `tea` is a category, `candle`, `voucher` and `pack` are products; `members` are ids by name.
    """
    scopes = {"tea": [tea], "candle": [candle]}
    kinds: dict[str, int] = {}
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
            kinds[key] = kind
            if key == "ten":
                coupons.sell(kind, voucher, by=by, at=given_at)
        for name in owners:
            with transaction():
                coupons.give_by_hand(
                    kind, members[name], key=f"demo-{key}-{name}", terms=terms, by=by, at=given_at, reason="Welcome"
                )
    made: dict[str, int] = {}
    for key, ((english, chinese), parts, limits) in PACKS.items():
        with transaction():
            made[key] = coupons.make_pack(
                key=f"demo-{key}",
                title={"en": english, "zh": chinese},
                parts={kinds[name]: pieces for name, pieces in parts.items()},
                by=by,
                at=at,
                **limits,
            )
    with transaction():
        coupons.sell(made["spring"], pack, by=by, at=at)
    with transaction():
        coupons.give_by_hand(
            made["sorry"], members["grace"], key="demo-sorry", terms=terms, by=by, at=at, reason="A parcel came late"
        )
    return kinds
