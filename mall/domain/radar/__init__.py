"""The abuse radar: who looks as if they farmed points, with what speaks for it, until a person has looked.

This is the room's front door. Every night `all_signs` asks the other rooms for signs, and `note_signs` holds them
against the suspects that are known; nothing is refused or taken because of one. A person dismisses a suspect with a
reason, and only something new brings them back.
"""

from .dismissing import NoSuchSuspect, OwnDeed, SuspectChanged, SuspectGone, dismiss
from .looking import all_signs, note_signs
from .proof import checks
from .signs import Limits, Sign
from .suspects import DISMISSED, KINDS, OPEN, OVER, Suspect, open_kinds, suspect_of, suspects, suspects_of

__all__ = [
    "DISMISSED",
    "KINDS",
    "OPEN",
    "OVER",
    "Limits",
    "NoSuchSuspect",
    "OwnDeed",
    "Sign",
    "Suspect",
    "SuspectChanged",
    "SuspectGone",
    "all_signs",
    "checks",
    "dismiss",
    "note_signs",
    "open_kinds",
    "suspect_of",
    "suspects",
    "suspects_of",
]
