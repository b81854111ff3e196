"""Earning: the only room that turns behaviour into points and growth.

This is the room's front door. What happened is kept as facts; the rules of the programme say what it is worth; the
ledger and membership keep what was given. Every sum comes with the sentence that explains it.
"""

from .check_ins import ROUND_DAYS, CheckedIn, CheckIn, Streak, check_in, round_day, streak_of, tasks_of_check_in
from .dormancy import Announced, DormancyNotice, announced_to, take_off_dormant
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
from .profile import ADDRESS_ADDED, BIRTHDAY_ADDED, EMAIL_VERIFIED, NEWS_WANTED, told
from .proof import checks
from .tasks import BEHAVIOURS, Done, Reward, TaskReward, done_by, is_paid
from .welcome import Newcomer, sign_up, welcome

__all__ = [
    "ADDRESS_ADDED",
    "BEHAVIOURS",
    "BIRTHDAY_ADDED",
    "EMAIL_VERIFIED",
    "FACTS",
    "NEWS_WANTED",
    "ROUND_DAYS",
    "Announced",
    "CheckIn",
    "CheckedIn",
    "Done",
    "DormancyNotice",
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
    "announced_to",
    "check_in",
    "checks",
    "done_by",
    "forgive_above_cap",
    "is_paid",
    "order_kept",
    "order_paid",
    "order_reduced",
    "rates_for",
    "record",
    "reduction",
    "round_day",
    "sign_up",
    "streak_of",
    "take_off_dormant",
    "tasks_of_check_in",
    "told",
    "welcome",
]
