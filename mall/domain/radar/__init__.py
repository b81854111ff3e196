"""The abuse radar: who looks as if they farmed points, with what speaks for it, until a person has looked.

This is the room's front door. Every night `look_around` asks the other rooms for signs; nothing is refused or taken
because of one. A person dismisses a suspect with a reason, and only something new brings them back.
"""

from .dismissing import NoSuchSuspect, OwnDeed, SuspectChanged, SuspectGone, dismiss
from .looking import look_around
from .proof import checks
from .signs import Limits
from .suspects import DISMISSED, KINDS, OPEN, OVER, Suspect, open_kinds, suspect_of, suspects, suspects_of

__all__ = [
    "DISMISSED",
    "KINDS",
    "OPEN",
    "OVER",
    "Limits",
    "NoSuchSuspect",
    "OwnDeed",
    "Suspect",
    "SuspectChanged",
    "SuspectGone",
    "checks",
    "dismiss",
    "look_around",
    "open_kinds",
    "suspect_of",
    "suspects",
    "suspects_of",
]
