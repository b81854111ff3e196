"""Membership: growth, the level it leads to, and how a level is kept or lost.

This is the room's front door. Growth is not points: spending points never lowers it. Only earning adds growth.
"""

from .growth import DORMANCY, GrowthChange, GrowthEvent, change_growth, growth_entries, growth_of
from .level_notices import LevelNotice
from .levels import WINDOW_DAYS, LevelChange, LevelHistory, begin, history_of, latest_steps, rank_of, window_start
from .proof import checks
from .reviews import ReviewRun, add_growth, note_review, review, to_review
from .standing import Standing, standing

__all__ = [
    "DORMANCY",
    "WINDOW_DAYS",
    "GrowthChange",
    "GrowthEvent",
    "LevelChange",
    "LevelHistory",
    "LevelNotice",
    "ReviewRun",
    "Standing",
    "add_growth",
    "begin",
    "change_growth",
    "checks",
    "growth_entries",
    "growth_of",
    "history_of",
    "latest_steps",
    "note_review",
    "rank_of",
    "review",
    "standing",
    "to_review",
    "window_start",
]
