"""Points: where they are, how they got there, when they expire.

This is the ledger's front door. Other rooms say `from mall.domain import ledger` and use these names only.
"""

from .adjustments import adjust_down, adjust_up, forgive
from .arrivals import DAYS_AFTER_RELEASE, DAYS_AFTER_RETURN
from .desk import (
    ADJUSTMENT_KIND,
    REASONS,
    AlreadyDeclined,
    Asked,
    NoReason,
    OwnPoints,
    approve_adjustment,
    ask_adjustment,
    decline_adjustment,
)
from .earnings import earn, earned_by, unlock
from .expiry import due_to_expire, expire, expire_due, expired_of
from .freezing import freeze, thaw
from .giving_back import MoreThanRedeemed, Returning, give_back, spent_by, would_give_back
from .history import Due, Entry, expiring, history, move_of, on_the_way, set_aside, waiting
from .holds import NothingCashedOut, NothingHeld, capture, cash_out, hold, redeem, release, undo_cash_out
from .lots import Lot, last_day
from .positions import Position
from .postings import InsufficientPoints, KeyReused, Line, NoPoints, Posting
from .proof import checks
from .purses import (
    PURSE_COLUMNS,
    Balances,
    LockedPurse,
    Purse,
    balances,
    lock,
    lock_many,
    open_purse,
    purse_in,
    spendable,
)
from .reminders import tell_expiring
from .taking_back import EarnedLot, lots_earned, lots_earned_for, take_back, to_take
from .writing import one_write

__all__ = [
    "ADJUSTMENT_KIND",
    "DAYS_AFTER_RELEASE",
    "DAYS_AFTER_RETURN",
    "PURSE_COLUMNS",
    "REASONS",
    "AlreadyDeclined",
    "Asked",
    "Balances",
    "Due",
    "EarnedLot",
    "Entry",
    "InsufficientPoints",
    "KeyReused",
    "Line",
    "LockedPurse",
    "Lot",
    "MoreThanRedeemed",
    "NoPoints",
    "NoReason",
    "NothingCashedOut",
    "NothingHeld",
    "OwnPoints",
    "Position",
    "Posting",
    "Purse",
    "Returning",
    "adjust_down",
    "adjust_up",
    "approve_adjustment",
    "ask_adjustment",
    "balances",
    "capture",
    "cash_out",
    "checks",
    "decline_adjustment",
    "due_to_expire",
    "earn",
    "earned_by",
    "expire",
    "expire_due",
    "expired_of",
    "expiring",
    "forgive",
    "freeze",
    "give_back",
    "history",
    "hold",
    "last_day",
    "lock",
    "lock_many",
    "lots_earned",
    "lots_earned_for",
    "move_of",
    "on_the_way",
    "one_write",
    "open_purse",
    "purse_in",
    "redeem",
    "release",
    "set_aside",
    "spendable",
    "spent_by",
    "take_back",
    "tell_expiring",
    "thaw",
    "to_take",
    "undo_cash_out",
    "unlock",
    "waiting",
    "would_give_back",
]
