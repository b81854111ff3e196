"""Documents in words: what a reference of the books - "order:7", "task:12" - is called where people read it."""

import re

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from mall.domain import checkout

# By the word before the first colon. What follows is the number or the key it is known by, and stays.
DOCUMENTS = {
    "adjustment": _l("Adjustment"),
    "campaign": _l("Campaign"),
    "cashout": _l("Points to cash"),
    "codes": _l("Upload of codes"),
    "coupon": _l("Coupon"),
    "credit": _l("Credit note"),
    "dormancy": _l("Dormancy"),
    "invitation": _l("Invitation"),
    "level_pack": _l("Level pack"),
    "list": _l("List of members"),
    "lot": _l("Lot"),
    "member": _l("Member"),
    "partner": _l("Partner"),
    "payment": _l("Payment"),
    "product": _l("Item"),
    "purchase": _l("Reported purchase"),
    "question": _l("Question"),
    "refund": _l("Refund"),
    "return": _l("Return"),
    "review": _l("Review of an item"),
    "share": _l("Shared item"),
    "stamp-card": _l("Stamp card"),
    "stamp_card": _l("Stamp card"),
    "task": _l("Reward of a task"),
}
LINE = re.compile(r"(order:[0-9]{1,18}):([0-9]{1,9})")


def document_words(reference: str) -> str:
    """Return what a reference is called: "Order 10007", "Reward of a task 12"; an unknown one is as it is kept."""
    if (order_id := checkout.order_id_of(reference)) is not None:
        return _("Order %(number)s", number=checkout.number_of(order_id))
    if (found := LINE.fullmatch(reference)) and (order_id := checkout.order_id_of(found[1])) is not None:
        return _("Order %(number)s, line %(line)s", number=checkout.number_of(order_id), line=found[2])
    kind, _colon, known_by = reference.partition(":")
    return f"{DOCUMENTS[kind]} {known_by}" if known_by and kind in DOCUMENTS else reference
