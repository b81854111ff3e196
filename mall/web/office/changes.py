"""What an act changed, in words: each thing by what the desk calls it, its value as a reader reads it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from mall.web.shared import layout
from mall.web.shared.texts import LANGUAGES, local, moment_words, money_words, number

from . import coupon_forms, item_forms, scoped_forms, stamp_card_forms
from .actors import actor_words
from .acts import reason_words
from .programme import EVERYDAY, OTHERS

LONGEST_VALUE = 160
# What is kept with an entry, by what the desk calls it.
NAMES = {
    **EVERYDAY,
    **OTHERS,
    "account": _l("Account there"),
    "active": _l("On"),
    "address_line": _l("Address"),
    "adjustments": _l("Adjustments"),
    "alt": _l("What the picture shows"),
    "amount_cents": _l("Amount"),
    "approved_by": _l("Approved by"),
    "asked_by": _l("Asked by"),
    "batch_id": _l("Number of the upload"),
    "buy_rank": _l("Who may have it"),
    "by_version": _l("By version"),
    "cap_cents": _l("At most"),
    "campaign_id": _l("Campaign"),
    "cap_points": _l("At most so many points in all"),
    "carrier": _l("Carrier"),
    "cash_cents": _l("Cash"),
    "cash_out": _l("Number of the request"),
    "categories": _l("Categories"),
    "category_ids": _l("Categories"),
    "codes": _l("Codes"),
    "coupon_id": _l("Number of the coupon"),
    "coupons": _l("Coupons"),
    "counts": _l("What gives a stamp"),
    "days": _l("Days"),
    "deleted": _l("Removed"),
    "delivery": _l("Delivery"),
    "description": _l("Description"),
    "document": _l("Document"),
    "each_for": _l("Each for"),
    "effective_from": _l("Holds from"),
    "email": _l("E-mail"),
    "ends_at": _l("Ends"),
    "key": _l("Key, its beginning"),
    "evidence": _l("Evidence"),
    "friend": _l("The friend"),
    "grant": _l("Number of the grant"),
    "kind": _l("Kind"),
    "last_day": _l("Last day"),
    "question": _l("Number of the question"),
    "rank": _l("Level"),
    "least_cents": _l("From an amount in cash of"),
    "left": _l("Left to send"),
    "lines": _l("Lines"),
    "list_id": _l("Number of the file"),
    "listed_from": _l("Listed from"),
    "listed_until": _l("Listed until"),
    "low_water": _l("Low-stock mark"),
    "member_day_points": _l("Most points a member may earn here a day"),
    "member_id": _l("Member"),
    "member_limit": _l("At most for each member"),
    "members": _l("Members"),
    "min_rank": _l("From level"),
    "month_points": _l("Most points all members may earn here a month"),
    "multiplier_percent": _l("So many per cent of the ordinary points"),
    "name": _l("Name"),
    "new": _l("New"),
    "on_hand": _l("On hand"),
    "options": _l("Options"),
    "order": _l("Order of the list"),
    "owner": _l("Owner"),
    "partner": _l("Partner"),
    "parts": _l("What is in it"),
    "percent": _l("Per cent"),
    "pieces": _l("Pieces"),
    "points": _l("Points"),
    "points_back": _l("Points back"),
    "prices": _l("Prices"),
    "product_id": _l("Item"),
    "purchase_points": _l("Most points one purchase may give"),
    "quantity": _l("Pieces"),
    "ready_after_days": _l("Days until the points are ready"),
    "reason": _l("Reason"),
    "refund_id": _l("Number of the refund"),
    "reply": _l("The shop's reply"),
    "return": _l("Number of the return"),
    "returns_lapse_days": _l("Days to send a return"),
    "plan_length": _l("How long it lasts"),
    "plan_level": _l("Level it gives"),
    "plan_unit": _l("Counted in"),
    "review": _l("Number of the review"),
    "revision": _l("Texts so far"),
    "roles": _l("Roles"),
    "scope": _l("What it is for"),
    "scope_ids": _l("Of them"),
    "see_rank": _l("Who may see it"),
    "shown_answer": _l("The answer, as everybody reads it"),
    "shown_question": _l("The question, as everybody reads it"),
    "since": _l("Since"),
    "sku": _l("SKU"),
    "slug": _l("Address in the shop"),
    "stackable": _l("Together with others"),
    "stamp_card_id": _l("Stamp card"),
    "stamps_needed": _l("Stamps on a full card"),
    "starts_at": _l("Begins"),
    "state": _l("State"),
    "summary": _l("In one sentence"),
    "tags": _l("Tags"),
    "taken_back": _l("Points taken back"),
    "tax_class": _l("Tax class"),
    "template_id": _l("Coupon"),
    "threshold_cents": _l("From an amount in cash of"),
    "title": _l("Name"),
    "total_limit": _l("In all at most"),
    "tracking": _l("Tracking number"),
    "valid_days": _l("Days it is good for"),
    "variant_id": _l("Number of the variant"),
    "version": _l("Version"),
    "words": _l("What the member is told"),
    "with_level": _l("Times the multiplier of the member's level"),
}
# Words for values of which there are few; those of a coupon go before them.
OF_COUPONS = {**coupon_forms.KINDS, **scoped_forms.SCOPES, **stamp_card_forms.COUNTS}
KNOWN = {
    **item_forms.KINDS,
    **item_forms.DELIVERIES,
    **item_forms.UNITS,
    "open": _l("open"),
    "explained": _l("explained"),
    "closed": _l("closed"),
    "operator": _l("Operator"),
    "finance": _l("Finance"),
    "admin": _l("Admin"),
    "sizes": _l("Sizes"),
    "style": _l("Style"),
}
RANKS = ("buy_rank", "see_rank", "min_rank")
ACTOR = re.compile(r"staff:[0-9]+|member:[0-9]+|system")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.+")


def changes_of(entry: Any) -> list[tuple[str, Any, Any]]:
    """Return what an act changed: [(name, before, after)]; None where there was or is nothing to say."""
    before, after = entry.before or {}, entry.after or {}
    known = KNOWN | (OF_COUPONS if entry.act.startswith(("coupon.", "campaign.", "stamp_card.")) else {})
    found = (
        (name_words(name), *(value_words(name, values.get(name), known=known) for values in (before, after)))
        for name in dict.fromkeys([*before, *after])
    )
    return [each for each in found if each[1] is not None or each[2] is not None]


def name_words(name: str) -> str:
    """Return what something is called; what has no name of its own is its column in plain letters."""
    return str(NAMES.get(name) or name.replace("_", " "))


def value_words(name: str, value: Any, *, known: Mapping[str, Any] = KNOWN) -> Any:
    """Return a value as a reader reads it, None for nothing."""
    if value is None or value == "" or value == [] or value == {}:
        return None
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int):
        return _number_words(name, value)
    if isinstance(value, dict):
        return _short(local(value)) if value.keys() <= LANGUAGES.keys() else gettext("see the version")
    if isinstance(value, list):
        if any(isinstance(each, dict | list) for each in value):
            return number(len(value))
        return _short(", ".join(str(value_words(name, each, known=known)) for each in value))
    return _text_words(name, str(value), known)


def _number_words(name: str, value: int) -> str:
    if name in RANKS:
        return local(layout.terms().level(value).name) if value else gettext("Everybody")
    if name.endswith("_cents"):
        return money_words(value) if value >= 0 else f"−{money_words(-value)}"
    if name.endswith("_id") or name in ("return", "version", "by_version"):
        return str(value)
    return number(value)


def _text_words(name: str, value: str, known: Mapping[str, Any]) -> Any:
    if ACTOR.fullmatch(value):
        return actor_words(value)
    if INSTANT.fullmatch(value):
        try:
            return moment_words(datetime.fromisoformat(value))
        except ValueError:
            return _short(value)
    if name == "reason":
        return _short(reason_words(value))
    return str(known[value]) if value in known else _short(value)


def _short(words: str) -> str:
    return words if len(words) <= LONGEST_VALUE else f"{words[:LONGEST_VALUE]}…"
