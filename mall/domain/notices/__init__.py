"""Notices: what the mall has to tell people and to do later, committed with what caused it.

This is the room's front door. Rooms above say `notices.tell(...)` or `notices.later(...)` in their own transaction;
the worker claims what is due, does it outside any transaction, and marks it.
"""

from .outbox import JOB, KINDS, MAIL, Claimed, Notice, claim, done, failed, forget, is_due, later, open_notices, tell

__all__ = [
    "JOB",
    "KINDS",
    "MAIL",
    "Claimed",
    "Notice",
    "claim",
    "done",
    "failed",
    "forget",
    "is_due",
    "later",
    "open_notices",
    "tell",
]
