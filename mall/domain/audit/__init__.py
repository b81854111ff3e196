"""Audit: who did what to what, when, why, and what it was before and after. Only added to.

This is the room's front door. Every room above says `audit.write(...)` in the transaction of the act itself.
"""

from .entries import LONGEST_REASON, Entry, entries, write, write_many

__all__ = ["LONGEST_REASON", "Entry", "entries", "write", "write_many"]
