"""Letters: what each kind of notice says, by mail and in the shop. One function a kind; the templates only set it.

A letter is plain words, never markup: whatever a person typed is escaped when the letter is set.
"""

from collections.abc import Callable
from typing import Any

from . import of_account, of_coupons, of_levels, of_orders, of_points, of_questions, of_returns, of_reviews
from .parts import Letter, Values

LETTERS: dict[str, Callable[[Values], Letter]] = {
    letter.__name__: letter
    for room in (of_account, of_coupons, of_levels, of_orders, of_points, of_questions, of_returns, of_reviews)
    for letter in room.LETTERS
}
# The page a letter's button opens when the notice brings no link of its own, by how the kind begins.
_ABOUT = {
    "order_": "store.orders.show",
    "refund_": "store.orders.show",
    "return_": "store.orders.show",
    "exchange_": "store.orders.show",
    "points_": "store.wallet.show",
    "level_": "store.member.show",
    # Where it can be had again.
    "level_ending": "store.levels.show",
    "birthday_": "store.member.show",
    "coupon_": "store.coupons.show",
    "campaign_": "store.shop.index",
    "stamp_": "store.coupons.show",
    "back_in_stock": "store.item.show",
    "review_published": "store.item.show",
    "review_answered": "store.item.show",
    "review_rejected": "store.reviews.index",
    "review_taken_down": "store.reviews.index",
    "question_": "store.questions.show",
}
PAGES = {kind: page for kind in LETTERS for begins, page in _ABOUT.items() if kind.startswith(begins)}
# What the address of such a page is filled with, where it names one.
_NAMED_BY = {"store.orders.show": "number", "store.item.show": "slug", "store.questions.show": "question_id"}


def page_of(kind: str, values: Values) -> tuple[str, dict[str, Any]] | None:
    """Return the page a letter is about, as (endpoint, what its address is filled with); None where there is none."""
    endpoint = PAGES.get(kind)
    if endpoint is None:
        return None
    name = _NAMED_BY.get(endpoint)
    return endpoint, {name: values[name]} if name else {}
