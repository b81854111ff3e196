"""Keys: what a partner shows when it reports. Made after its rates were approved, by whoever did not approve them.

A key is 256 random bits. Only its hash is kept, with its first letters to tell keys apart; whoever loses one gets
another, which ends the one before.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import approvals, audit, people

from .accounts import HINT_LETTERS, Partner, lock_partner, subject_of
from .versions import request_that_holds


class NotYetApproved(Refusal):
    message = N_("What this partner gives is not approved yet. Its key is made after that.")


class ApproverHasNoKey(Refusal):
    """Who says yes to rates and who can report by them are two people."""

    message = N_("You approved what this partner gives, so you cannot have its key. A colleague makes it.")


class KeyNotApart(Refusal):
    """A colleague gave whoever wants the key their access: the two may be one person."""

    message = N_(
        "A colleague gave you access, or reset it, less than {hours} hours ago. Somebody else makes the key, or you"
        " do it {hours} hours later."
    )


def make_key(partner_id: int, *, by: str, at: datetime) -> str:
    """Make a partner a key; the one before opens nothing from now on. Returns it: nobody can read it again.

    Raises NoSuchPartner, NotYetApproved, ApproverHasNoKey, KeyNotApart.
    """
    partner = lock_partner(partner_id)
    request = request_that_holds(partner)
    if request is None:
        raise NotYetApproved
    if request.decided_by == by and not request.by_one_person:
        raise ApproverHasNoKey
    if not request.by_one_person and approvals.access_touched(by, since=at - approvals.APART):
        raise KeyNotApart(hours=approvals.APART // timedelta(hours=1))
    key = secrets.token_urlsafe(32)
    hint = key[:HINT_LETTERS]
    execute(
        update(Partner)
        .where(Partner.id == partner_id)
        .values(key_hash=people.hash_of(key), key_hint=hint, key_made_at=at, key_made_by=by)
    )
    audit.write(
        "partner.key_made",
        by=by,
        subject=subject_of(partner_id),
        at=at,
        before={"key": partner.key_hint},
        after={"key": hint},
        by_one_person=request.decided_by == by,
    )
    return key


def revoke_key(partner_id: int, *, by: str, at: datetime) -> None:
    """Let a partner report nothing more. Once, however often. Raises NoSuchPartner."""
    before = lock_partner(partner_id)
    if before.key_hash is None:
        return
    execute(
        update(Partner)
        .where(Partner.id == partner_id)
        .values(key_hash=None, key_made_at=None, key_hint="", key_made_by="")
    )
    audit.write(
        "partner.key_revoked", by=by, subject=subject_of(partner_id), at=at, before={"key": before.key_hint}, after={}
    )


def key_holder(key: str) -> Row[Any] | None:
    """Return the partner whose key this is, or None: a row of Partner. A key revoked or replaced is nobody's."""
    return execute(select(Partner).where(Partner.key_hash == people.hash_of(key))).one_or_none()
