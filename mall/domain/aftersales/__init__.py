"""After the sale: the return window, cancelling what was paid, refunds.

This is the room's front door. Cancelling an unpaid order is checkout's; cancelling a paid one is a refund.
"""

from .refunds import (
    REASONS,
    AlreadyShipped,
    NoReason,
    NotRefundable,
    Plan,
    RefundChanged,
    cancel,
    plan_refund,
    refund,
)
from .window import close_due_windows, close_window

__all__ = [
    "REASONS",
    "AlreadyShipped",
    "NoReason",
    "NotRefundable",
    "Plan",
    "RefundChanged",
    "cancel",
    "close_due_windows",
    "close_window",
    "plan_refund",
    "refund",
]
