"""Deciding on a drafted version: another person approves it, from when it is in force, or declines it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select

from mall.base.db import execute
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import approvals, audit

from .settings import settings_of
from .versions import KIND, NoVersion, ProgrammeApproval, ProgrammeVersion, newest, version, would_withdraw


class ThingsChanged(Refusal):
    """Another version was approved since this one was drafted; approving it would undo that one unseen."""

    message = N_("The programme has changed since this was drafted. Draft it again from version {version}.")


def approve(number: int, *, by: str, at: datetime, other_approvers: int) -> datetime:
    """Approve a drafted version. Returns the instant it comes into force: as drafted, but never before now.

    Versions that were to begin then or later are withdrawn: what was approved last holds, once it has begun.

    `other_approvers` counts the people besides `by` who could approve; with none, the drafter may, and it is marked
    as done by one person. Approved by the same person before, it is the same answer.

    Raises OwnRequest, AlreadyDecided, ThingsChanged, NotFound.
    """
    drafted = draft_of(number)
    # Two drafts of one version are approved one after the other, so that the second finds the first.
    execute(select(ProgrammeVersion.id).where(ProgrammeVersion.id == drafted.based_on).with_for_update())
    request = approvals.approve(_request_of(number), by=by, at=at, other_approvers=other_approvers)
    if request is None:
        began: datetime = execute(
            select(ProgrammeApproval.effective_from).where(ProgrammeApproval.version == number)
        ).scalar_one()
        return began
    last = newest()
    if last != drafted.based_on:
        raise ThingsChanged(version=last)
    effective_from = max(drafted.effective_from, at)
    withdrawn = would_withdraw(effective_from, at=at)
    put_in_force(number, effective_from=effective_from, by=by, at=at, by_one_person=request.by_one_person)
    audit.write(
        "programme.changed",
        by=by,
        subject=f"programme:{number}",
        at=at,
        before=settings_of(version(last)),
        after=settings_of(version(number)),
        reason=drafted.reason,
        by_one_person=request.by_one_person,
    )
    for one in withdrawn:
        audit.write(
            "programme.withdrawn",
            by=by,
            subject=f"programme:{one}",
            at=at,
            after={"by_version": number},
            reason=drafted.reason,
            by_one_person=request.by_one_person,
        )
    return effective_from


def decline(number: int, *, by: str, at: datetime, reason: str) -> None:
    """Decline a drafted version; its drafter may withdraw it this way. Raises AlreadyDecided, NotFound."""
    approvals.decline(_request_of(number), by=by, at=at, reason=reason)


def note_not_apart(number: int, *, by: str, at: datetime) -> None:
    """Keep for the auditors that someone tried to approve a version who may be the one that drafted it."""
    approvals.note_not_apart(_request_of(number), by=by, at=at)


def waiting() -> list[int]:
    """Return the drafted versions that nobody has decided on, oldest first."""
    return [request.what["version"] for request in approvals.waiting(KIND)]


def put_in_force(number: int, *, effective_from: datetime, by: str, at: datetime, by_one_person: bool) -> None:
    execute(
        insert(ProgrammeApproval).values(
            version=number, effective_from=effective_from, approved_by=by, approved_at=at, by_one_person=by_one_person
        )
    )


def draft_of(number: int) -> Row[Any]:
    row = execute(select(ProgrammeVersion).where(ProgrammeVersion.id == number)).one_or_none()
    if row is None:
        raise NoVersion()
    return row


def _request_of(number: int) -> int:
    requests = approvals.requests_about(KIND, f"programme:{number}")
    if not requests:
        raise NotFound(N_("Nobody asked to have this version approved."))
    return requests[0].id
