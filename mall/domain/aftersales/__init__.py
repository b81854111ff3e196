"""After the sale: the return window, cancelling what was paid, refunds, review, disputes, and hearing the cashier.

This is the room's front door. Cancelling an unpaid order is checkout's; cancelling a paid one is a refund.
"""

from .disputes import told_of_dispute
from .hearing import hear, hear_all
from .rechecking import NothingToAsk, OtherCashier, recheck
from .refunds import (
    ALL_REASONS,
    REASONS,
    AlreadyShipped,
    CouponUsed,
    LookedAt,
    NoReason,
    NotRefundable,
    NotToBeCancelled,
    Plan,
    RefundChanged,
    call_off,
    cancel,
    plan_refund,
    refund,
)
from .reviews import NotInReview, OtherCurrency, Review, ReviewChanged, accept, give_back, review_of
from .window import close_due_windows, close_window

__all__ = [
    "ALL_REASONS",
    "REASONS",
    "AlreadyShipped",
    "CouponUsed",
    "LookedAt",
    "NoReason",
    "NotInReview",
    "NotRefundable",
    "NotToBeCancelled",
    "NothingToAsk",
    "OtherCashier",
    "OtherCurrency",
    "Plan",
    "RefundChanged",
    "Review",
    "ReviewChanged",
    "accept",
    "call_off",
    "cancel",
    "close_due_windows",
    "close_window",
    "give_back",
    "hear",
    "hear_all",
    "plan_refund",
    "recheck",
    "refund",
    "review_of",
    "told_of_dispute",
]
