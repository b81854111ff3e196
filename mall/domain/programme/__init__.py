"""The programme: the merchant's settings and levels, versioned and dated. Nothing in it is retroactive.

This is the room's front door. A face asks once, `terms = programme.current(now())`, and passes the value down.
"""

from .proof import checks
from .ready_made import LEVEL_SETS, PYRAMID, SIX_STEPS, default_settings
from .settings import BOUNDS, BadSetting, changes, is_address, settings_of, terms_of
from .tasks import READY_MADE_TASKS, TASK_KEYS, Task
from .terms import Level, Programme, ShippingMethod, TaxClass
from .versions import (
    AlreadySetUp,
    LevelThreshold,
    NoProgramme,
    NothingChanged,
    ProgrammeApproval,
    ProgrammeVersion,
    ThingsChanged,
    approve,
    current,
    decline,
    draft,
    establish,
    has_tables,
    in_force,
    known_version,
    newest,
    note_not_apart,
    upcoming,
    version,
    versions,
    waiting,
    would_withdraw,
)

__all__ = [
    "BOUNDS",
    "LEVEL_SETS",
    "PYRAMID",
    "READY_MADE_TASKS",
    "SIX_STEPS",
    "TASK_KEYS",
    "AlreadySetUp",
    "BadSetting",
    "Level",
    "LevelThreshold",
    "NoProgramme",
    "NothingChanged",
    "Programme",
    "ProgrammeApproval",
    "ProgrammeVersion",
    "ShippingMethod",
    "Task",
    "TaxClass",
    "ThingsChanged",
    "approve",
    "changes",
    "checks",
    "current",
    "decline",
    "default_settings",
    "draft",
    "establish",
    "has_tables",
    "in_force",
    "is_address",
    "known_version",
    "newest",
    "note_not_apart",
    "settings_of",
    "terms_of",
    "upcoming",
    "version",
    "versions",
    "waiting",
    "would_withdraw",
]
