"""Notices: what the mall has to tell people and to do later, committed with what caused it.

This is the room's front door. Rooms above say `notices.tell(...)` or `notices.later(...)` in their own transaction;
the worker claims what is due, does it outside any transaction, and marks it. Members find theirs in the shop too.
"""

from .kinds import CHOICES, COUPONS, KINDS, NEWS, TOPIC_OF, misfits
from .outbox import (
    BULK,
    JOB,
    MAIL,
    Claimed,
    Notice,
    Telling,
    claim,
    done,
    failed,
    forget,
    is_due,
    last_done,
    later,
    renew,
    tell,
    tell_all,
)
from .reading import (
    NoSuchNotice,
    RefusedTopic,
    choose_topics,
    is_unread,
    mark_all_read,
    mark_read,
    notice_of,
    refused_topics,
    shown_to,
)
from .setbacks import Setback, SomePutOff, Tally, forget_setbacks, one_by_one, put_off

__all__ = [
    "BULK",
    "CHOICES",
    "COUPONS",
    "JOB",
    "KINDS",
    "MAIL",
    "NEWS",
    "TOPIC_OF",
    "Claimed",
    "NoSuchNotice",
    "Notice",
    "RefusedTopic",
    "Setback",
    "SomePutOff",
    "Tally",
    "Telling",
    "choose_topics",
    "claim",
    "done",
    "failed",
    "forget",
    "forget_setbacks",
    "is_due",
    "is_unread",
    "last_done",
    "later",
    "mark_all_read",
    "mark_read",
    "misfits",
    "notice_of",
    "one_by_one",
    "put_off",
    "refused_topics",
    "renew",
    "shown_to",
    "tell",
    "tell_all",
]
