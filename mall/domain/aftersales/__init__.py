"""After the sale: the return window, cancelling what was paid, refunds.

This is the room's front door. Cancelling an unpaid order is checkout's; cancelling a paid one is a refund.
"""

from .refunds import (
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
from .window import close_due_windows, close_window

__all__ = [
    "REASONS",
    "AlreadyShipped",
    "CouponUsed",
    "LookedAt",
    "NoReason",
    "NotRefundable",
    "NotToBeCancelled",
    "Plan",
    "RefundChanged",
    "call_off",
    "cancel",
    "close_due_windows",
    "close_window",
    "plan_refund",
    "refund",
]
