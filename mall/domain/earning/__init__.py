"""Earning: the only room that turns behaviour into points and growth.

This is the room's front door. What happened is kept as facts; the rules of the programme say what it is worth; the
ledger and membership keep what was given. Every sum comes with the sentence that explains it.
"""

from .check_ins import ROUND_DAYS, CheckedIn, CheckIn, Streak, check_in, round_day, streak_of
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
from .profile import address_added, birthday_added, email_verified, news_wanted
from .proof import checks
from .welcome import Newcomer, sign_up, welcome
from .tasks import BEHAVIOURS, Done, Reward, TaskReward, done_by

__all__ = [
    "BEHAVIOURS",
    "FACTS",
    "ROUND_DAYS",
    "CheckIn",
    "CheckedIn",
    "Done",
    "Earned",
    "Fact",
    "FactRow",
    "Kept",
    "Newcomer",
    "Rates",
    "Reduction",
    "Reward",
    "Sale",
    "Streak",
    "TaskReward",
    "address_added",
    "birthday_added",
    "check_in",
    "checks",
    "done_by",
    "email_verified",
    "forgive_above_cap",
    "news_wanted",
    "order_kept",
    "order_paid",
    "order_reduced",
    "rates_for",
    "record",
    "reduction",
    "sign_up",
    "round_day",
    "streak_of",
    "welcome",
]
