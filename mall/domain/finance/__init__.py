"""Finance: what the outstanding points are worth, how that came about, and the proof of it.

This is the room's front door. Money is "at worth": the worth per point stored on each lot, without breakage.
"""

from .adjustments import Adjustment, AdjustmentPage, adjustments_page
from .ageing import Ageing, Band, Debtor, Row, ageing, debtors
from .entries import PER_PAGE, Choice, Entry, NoSuchMovement, Page, choose, document_of, entries_page, every_entry
from .liability import Amount, Day, Liability, Line, MonthEnd, Place, RollForward, liability, roll_forward
from .measure import in_cents, worth
from .movements import MOVEMENTS, NAMES, ORIGINS, PLACE_NAMES
from .periods import (
    BadDay,
    BadMonth,
    BadTime,
    Month,
    NotBegun,
    NotSettled,
    WrongWayRound,
    month_of,
    months_between,
    read_day,
    read_instant,
    read_month,
    settled,
)
from .proof import checks
from .proof_board import Proof, ProofRun, Result, last_proof, prove, run_proof, watched
from .rollup import DaySum, RolledDay, first_posting_at, forget_roll_up, roll_up, watermark

__all__ = [
    "MOVEMENTS",
    "NAMES",
    "ORIGINS",
    "PER_PAGE",
    "PLACE_NAMES",
    "Adjustment",
    "AdjustmentPage",
    "Ageing",
    "Amount",
    "BadDay",
    "BadMonth",
    "BadTime",
    "Band",
    "Choice",
    "Day",
    "DaySum",
    "Debtor",
    "Entry",
    "Liability",
    "Line",
    "Month",
    "MonthEnd",
    "NoSuchMovement",
    "NotBegun",
    "NotSettled",
    "Page",
    "Place",
    "Proof",
    "ProofRun",
    "Result",
    "RollForward",
    "RolledDay",
    "Row",
    "WrongWayRound",
    "adjustments_page",
    "ageing",
    "checks",
    "choose",
    "debtors",
    "document_of",
    "entries_page",
    "every_entry",
    "first_posting_at",
    "forget_roll_up",
    "in_cents",
    "last_proof",
    "liability",
    "month_of",
    "months_between",
    "prove",
    "read_day",
    "read_instant",
    "read_month",
    "roll_forward",
    "roll_up",
    "run_proof",
    "settled",
    "watched",
    "watermark",
    "worth",
]
