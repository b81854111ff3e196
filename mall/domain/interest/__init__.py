"""Interest: what members look at, wish for and wait for.

This is the room's front door. Other rooms say `from mall.domain import interest` and use these names only.
"""

from .proof import checks
from .requests import (
    MOST_WAITING,
    NoSuchRequest,
    NothingToWaitFor,
    StockRequest,
    TooManyRequests,
    ask_for_stock,
    tell_back_in_stock,
    waiting_counts,
    waiting_for,
    waits_for,
    withdraw,
)
from .views import (
    ON_A_SHELF,
    SEEN_AGAIN_AFTER,
    VIEWS_KEPT,
    ItemView,
    bring_views,
    forget_views,
    note_view,
    seen_lately,
)
from .wishes import MOST_WISHES, TooManyWishes, Wish, take_off, wish, wished_ids, wishes_of

__all__ = [
    "MOST_WAITING",
    "MOST_WISHES",
    "ON_A_SHELF",
    "SEEN_AGAIN_AFTER",
    "VIEWS_KEPT",
    "ItemView",
    "NoSuchRequest",
    "NothingToWaitFor",
    "StockRequest",
    "TooManyRequests",
    "TooManyWishes",
    "Wish",
    "ask_for_stock",
    "bring_views",
    "checks",
    "forget_views",
    "note_view",
    "seen_lately",
    "take_off",
    "tell_back_in_stock",
    "waiting_counts",
    "waiting_for",
    "waits_for",
    "wish",
    "wished_ids",
    "wishes_of",
    "withdraw",
]
