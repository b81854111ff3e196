"""After the sale: the return window, cancelling what was paid, refunds.

This is the room's front door. Cancelling an unpaid order is checkout's; cancelling a paid one is a refund.
"""

from .credits import CreditLine, CreditNote, credits_of
from .plans import (
    REASONS,
    NoReason,
    NothingChosen,
    NotRefundable,
    Plan,
    PlanLine,
    TooManyPieces,
    plan_refund,
    refundable,
)
from .proof import checks
from .refunds import (
    AlreadyShipped,
    LookedAt,
    MoreThanReturned,
    NotToBeCancelled,
    RefundChanged,
    call_off,
    cancel,
    refund,
)
from .window import close_due_windows, close_window

__all__ = [
    "REASONS",
    "AlreadyShipped",
    "CreditLine",
    "CreditNote",
    "LookedAt",
    "MoreThanReturned",
    "NoReason",
    "NotRefundable",
    "NotToBeCancelled",
    "NothingChosen",
    "Plan",
    "PlanLine",
    "RefundChanged",
    "TooManyPieces",
    "call_off",
    "cancel",
    "checks",
    "close_due_windows",
    "close_window",
    "credits_of",
    "plan_refund",
    "refund",
    "refundable",
]
