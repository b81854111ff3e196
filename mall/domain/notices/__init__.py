"""Notices: what the mall has to tell people and to do later, committed with what caused it.

This is the room's front door. Rooms above say `notices.tell(...)` or `notices.later(...)` in their own transaction;
the worker claims what is due, does it outside any transaction, and marks it.
"""

from .outbox import (
    JOB,
    KINDS,
    MAIL,
    Claimed,
    Notice,
    claim,
    done,
    failed,
    forget,
    is_due,
    last_done,
    later,
    open_notices,
    renew,
    tell,
)
from .setbacks import Setback, SomePutOff, Tally, forget_setbacks, one_by_one, put_off

__all__ = [
    "JOB",
    "KINDS",
    "MAIL",
    "Claimed",
    "Notice",
    "Setback",
    "SomePutOff",
    "Tally",
    "claim",
    "done",
    "failed",
    "forget",
    "forget_setbacks",
    "is_due",
    "last_done",
    "later",
    "one_by_one",
    "open_notices",
    "put_off",
    "renew",
    "tell",
]
