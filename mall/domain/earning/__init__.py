"""Earning: the only room that turns behaviour into points and growth.

This is the room's front door. What happened is kept as facts; the rules of the programme say what it is worth; the
ledger and membership keep what was given. Every sum comes with the sentence that explains it.
"""

from .check_ins import ROUND_DAYS, CheckedIn, CheckIn, Streak, check_in, round_day, streak_of, tasks_of_check_in
from .days import (
    celebrate_anniversary,
    celebrate_birthday,
    due_anniversaries,
    due_birthdays,
    review_level,
    review_share,
    visited,
)
from .dormancy import Announced, DormancyNotice, announced_to, notice_behind, take_off_dormant
from .facts import FACTS, Fact, FactRow, record
from .formula import Earned, Rates, rates_for
from .grants import grant_level, withdraw_level
from .orders import (
    Kept,
    Reduction,
    Sale,
    forgive_above_cap,
    order_kept,
    order_paid,
    order_reduced,
    orders_on_the_way,
    reduction,
)
from .profile import ACCOUNT_BOUND, ADDRESS_ADDED, BIRTHDAY_ADDED, EMAIL_VERIFIED, NEWS_WANTED, PROFILE_COMPLETED, told
from .proof import checks
from .reported import Reported, ReportedRates, purchase_kept, purchase_refunded, purchase_reported
from .reviewing import REVIEW_PUBLISHED, review_published
from .tasks import BEHAVIOURS, Done, Reward, TaskReward, done_by, is_paid, reward_behind
from .welcome import Newcomer, sign_up, welcome

__all__ = [
    "ACCOUNT_BOUND",
    "ADDRESS_ADDED",
    "BEHAVIOURS",
    "BIRTHDAY_ADDED",
    "EMAIL_VERIFIED",
    "FACTS",
    "NEWS_WANTED",
    "PROFILE_COMPLETED",
    "REVIEW_PUBLISHED",
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
    "Reported",
    "ReportedRates",
    "Reward",
    "Sale",
    "Streak",
    "TaskReward",
    "announced_to",
    "celebrate_anniversary",
    "celebrate_birthday",
    "check_in",
    "checks",
    "done_by",
    "due_anniversaries",
    "due_birthdays",
    "forgive_above_cap",
    "grant_level",
    "is_paid",
    "notice_behind",
    "order_kept",
    "order_paid",
    "order_reduced",
    "orders_on_the_way",
    "purchase_kept",
    "purchase_refunded",
    "purchase_reported",
    "rates_for",
    "record",
    "reduction",
    "review_level",
    "review_published",
    "review_share",
    "reward_behind",
    "round_day",
    "sign_up",
    "streak_of",
    "take_off_dormant",
    "tasks_of_check_in",
    "told",
    "visited",
    "welcome",
    "withdraw_level",
]
