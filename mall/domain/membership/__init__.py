"""Membership: growth, the level it leads to, and how a level is kept or lost.

This is the room's front door. Growth is not points: spending points never lowers it. Only earning adds growth.
"""

from .carrying import carry, is_followed
from .grant_ends import GIVEN_BACK, OWN_REASONS, NoSuchGrant, WasPaid, end_grants, withdraw_grant
from .grants import (
    MANUAL,
    PAID,
    Grant,
    GrantTooLong,
    LevelGrant,
    LevelGrantEnd,
    NoSuchLevel,
    grants_of,
    refuse_length,
    write_grant,
)
from .growth import DORMANCY, GrowthChange, GrowthEvent, change_growth, growth_entries, growth_event, growth_of
from .level_notices import LevelNotice
from .levels import (
    WINDOW_DAYS,
    LevelChange,
    LevelHistory,
    RankHeld,
    begin,
    growth_rank_of,
    history_of,
    latest_steps,
    rank_held,
    rank_of,
    rank_then,
    window_start,
)
from .paid_grants import MONTHS, PAID_KEY, Period, end_paid_grants, paid_after, paid_periods, write_paid_grant
from .places import place_of
from .proof import checks
from .reminders import tell_ending
from .reviews import ReviewRun, add_growth, due_in_share, note_review, review, review_many, settled, to_review
from .standing import Standing, standing

__all__ = [
    "DORMANCY",
    "GIVEN_BACK",
    "MANUAL",
    "MONTHS",
    "OWN_REASONS",
    "PAID",
    "PAID_KEY",
    "WINDOW_DAYS",
    "Grant",
    "GrantTooLong",
    "GrowthChange",
    "GrowthEvent",
    "LevelChange",
    "LevelGrant",
    "LevelGrantEnd",
    "LevelHistory",
    "LevelNotice",
    "NoSuchGrant",
    "NoSuchLevel",
    "Period",
    "RankHeld",
    "ReviewRun",
    "Standing",
    "WasPaid",
    "add_growth",
    "begin",
    "carry",
    "change_growth",
    "checks",
    "due_in_share",
    "end_grants",
    "end_paid_grants",
    "grants_of",
    "growth_entries",
    "growth_event",
    "growth_of",
    "growth_rank_of",
    "history_of",
    "is_followed",
    "latest_steps",
    "note_review",
    "paid_after",
    "paid_periods",
    "place_of",
    "rank_held",
    "rank_of",
    "rank_then",
    "refuse_length",
    "review",
    "review_many",
    "settled",
    "standing",
    "tell_ending",
    "to_review",
    "window_start",
    "withdraw_grant",
    "write_grant",
    "write_paid_grant",
]
