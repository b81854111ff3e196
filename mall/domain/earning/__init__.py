"""Earning: the only room that turns behaviour into points and growth.

This is the room's front door. What happened is kept as facts; the rules of the programme say what it is worth; the
ledger and membership keep what was given. Every sum comes with the sentence that explains it.
"""

from .facts import FACTS, Fact, FactRow, record
from .formula import Earned, Rates, rates_for
from .orders import (
    Kept,
    Reduction,
    Sale,
    forgive_above_cap,
    order_kept,
    order_paid,
    order_reduced,
    reduction,
)
from .proof import checks
from .welcome import Newcomer, sign_up, welcome

__all__ = [
    "FACTS",
    "Earned",
    "Fact",
    "FactRow",
    "Kept",
    "Newcomer",
    "Rates",
    "Reduction",
    "Sale",
    "checks",
    "forgive_above_cap",
    "order_kept",
    "order_paid",
    "order_reduced",
    "rates_for",
    "record",
    "reduction",
    "sign_up",
    "welcome",
]
