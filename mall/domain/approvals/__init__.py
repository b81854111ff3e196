"""Approvals: what one person asks for and another must approve. One table, one rule: never oneself.

This is the room's front door. The room that owns the act calls `ask`, later `approve`, and then does it, all in its
own transaction.
"""

from .requests import (
    APART,
    APPROVED,
    DECLINED,
    AlreadyDecided,
    Approval,
    NotAlone,
    NotApart,
    OwnRequest,
    Request,
    access_touched,
    approve,
    ask,
    decline,
    note_not_apart,
    request_for,
    request_with,
    requests_about,
    waiting,
)

__all__ = [
    "APART",
    "APPROVED",
    "DECLINED",
    "AlreadyDecided",
    "Approval",
    "NotAlone",
    "NotApart",
    "OwnRequest",
    "Request",
    "access_touched",
    "approve",
    "ask",
    "decline",
    "note_not_apart",
    "request_for",
    "request_with",
    "requests_about",
    "waiting",
]
