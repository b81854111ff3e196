"""Requests: asked by one person, decided once by another."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import JSON, CheckConstraint, Index, Row, String, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_
from mall.domain import audit

APPROVED = "approved"
DECLINED = "declined"
# How long before a request the access of whoever approves it must be their own.
APART = timedelta(hours=24)


class OwnRequest(Refusal):
    """Nobody approves what they asked for themselves."""

    message = N_("You asked for this yourself. Another person has to approve it.")


class NotApart(Refusal):
    """A colleague gave the approver access while this was asked for: the two may be one person."""

    message = N_(
        "A colleague gave you access, or reset it, after this was asked for or less than {hours} hours before. "
        "Somebody else has to approve it, or it is asked for again {hours} hours later."
    )


class NotAlone(NotApart):
    """Access on the staff was touched while this was asked for: whoever could approve may have been sent away."""

    message = N_(
        "A colleague's access was changed after this was asked for or less than {hours} hours before, so you cannot "
        "approve it alone. A colleague approves it, or it is asked for again {hours} hours later."
    )


class AlreadyDecided(Refusal):
    """The request has been approved or declined before."""

    message = N_("This was already decided. Nothing was changed.")


class Approval(db.Model):
    """A request and, once it is made, the decision. `what` holds all that the act needs."""

    __table_args__ = (
        CheckConstraint("decision IN ('approved', 'declined')", name="decision_known"),
        CheckConstraint(
            "(decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint(
            "decision IS NULL OR decision = 'declined' OR decided_by <> asked_by OR by_one_person",
            name="never_oneself",
        ),
        Index(None, "kind", "subject"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    # Of the press of a button, so that pressed twice it is one request; None where the subject itself is asked once.
    key: Mapped[str | None] = mapped_column(String(120), unique=True)
    subject: Mapped[str] = mapped_column(String(60))
    what: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(1_000))
    asked_by: Mapped[str] = mapped_column(String(40))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    decision: Mapped[str | None] = mapped_column(String(10))
    decided_by: Mapped[str | None] = mapped_column(String(40))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decision_reason: Mapped[str] = mapped_column(String(1_000))
    by_one_person: Mapped[bool]


class Request(Struct, frozen=True):
    """What was asked, as the act's own room receives it back."""

    id: int
    kind: str
    key: str | None
    subject: str
    what: dict[str, Any]
    reason: str
    asked_by: str
    asked_at: datetime
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    by_one_person: bool
    decision_reason: str


def ask(
    kind: str,
    *,
    subject: str,
    what: Mapping[str, Any],
    by: str,
    at: datetime,
    reason: str,
    key: str | None = None,
) -> int:
    """Ask for an act to be approved. Returns the request's id. A `key` stands for one request: look it up before."""
    request_id: int = execute(
        insert(Approval)
        .values(
            kind=kind,
            key=key,
            subject=subject,
            what=dict(what),
            reason=reason,
            asked_by=by,
            asked_at=at,
            decision_reason="",
            by_one_person=False,
        )
        .returning(Approval.id)
    ).scalar_one()
    audit.write(f"{kind}.asked", by=by, subject=subject, at=at, after=what, reason=reason)
    return request_id


def approve(request_id: int, *, by: str, at: datetime, other_approvers: int = 1, reason: str = "") -> Request | None:
    """Approve a request, once. Returns what was asked, for the caller to do; None when the same person has approved
    it before, so that there is nothing more to do.

    `other_approvers` counts the people besides `by` who could approve it: only where there is none may the one who
    asked approve, and the act is marked as done by one person.

    Nobody approves whose access a colleague has touched (joining, leaving, roles, a link to set the password, the
    second factor) since the request, or less than a day before: whoever asked could come in as them. And nobody
    approves alone when anyone's access was touched in that time: whoever asked could have sent the others away.

    Raises OwnRequest, NotApart, NotAlone, AlreadyDecided, NotFound.
    """
    request = request_for(request_id)
    alone = request.asked_by == by
    if request.decided_by != by:
        if alone and other_approvers > 0:
            raise OwnRequest
        if access_touched(None if alone else by, since=request.asked_at - APART):
            raise (NotAlone if alone else NotApart)(hours=APART // timedelta(hours=1))
    return _decide(request, APPROVED, by=by, at=at, reason=reason, by_one_person=alone)


def note_not_apart(request_id: int, *, by: str, at: datetime) -> None:
    """Keep for the auditors that someone tried to approve who may be the one that asked."""
    request = request_for(request_id)
    audit.write(
        f"{request.kind}.not_apart", by=by, subject=request.subject, at=at, after={"asked_by": request.asked_by}
    )


def decline(request_id: int, *, by: str, at: datetime, reason: str) -> None:
    """Decline a request, once; the one who asked may withdraw it this way. Declined by the same person before: done.

    Raises AlreadyDecided, NotFound.
    """
    _decide(request_for(request_id), DECLINED, by=by, at=at, reason=reason, by_one_person=False)


def request_for(request_id: int) -> Request:
    """Return a request. Raises NotFound."""
    row = execute(select(*_COLUMNS).where(Approval.id == request_id)).one_or_none()
    if row is None:
        raise NotFound
    return Request(**row._mapping)


def request_with(key: str) -> Request | None:
    """Return the request that was asked with a key, or None."""
    row = execute(select(*_COLUMNS).where(Approval.key == key)).one_or_none()
    return None if row is None else Request(**row._mapping)


def waiting(kind: str | None = None, *, limit: int = 100) -> Sequence[Row[Any]]:
    """Return the requests not yet decided, oldest first: the columns of a Request."""
    query = select(*_COLUMNS).where(Approval.decision.is_(None))
    if kind is not None:
        query = query.where(Approval.kind == kind)
    return execute(query.order_by(Approval.id).limit(limit)).all()


def requests_about(kind: str, subject: str) -> Sequence[Row[Any]]:
    """Return every request of a kind about a subject, newest first: the columns of a Request."""
    return execute(
        select(*_COLUMNS).where(Approval.kind == kind, Approval.subject == subject).order_by(Approval.id.desc())
    ).all()


def access_touched(actor: str | None, *, since: datetime) -> bool:
    """Tell whether a colleague did something to the access of someone on the staff, or of anyone, since an instant.

    It is in the audit: nobody loses or gains access otherwise but by the server's own commands.
    """
    entry = audit.Entry
    whose = entry.subject.startswith("staff:") if actor is None else entry.subject == actor
    touched = select(entry.id).where(whose, entry.by != entry.subject, entry.by.startswith("staff:"), entry.at > since)
    return execute(touched.limit(1)).first() is not None


def _decide(
    request: Request, decision: str, *, by: str, at: datetime, reason: str, by_one_person: bool
) -> Request | None:
    # The condition decides a race: of two people who press at once, one finds it decided.
    decided = execute(
        update(Approval)
        .where(Approval.id == request.id, Approval.decision.is_(None))
        .values(decision=decision, decided_by=by, decided_at=at, decision_reason=reason, by_one_person=by_one_person)
    )
    if decided.rowcount == 0:
        before = request_for(request.id)
        if (before.decision, before.decided_by) == (decision, by):
            return None
        raise AlreadyDecided
    audit.write(
        f"{request.kind}.{decision}",
        by=by,
        subject=request.subject,
        at=at,
        after=request.what,
        reason=reason or request.reason,
        by_one_person=by_one_person,
    )
    return request_for(request.id)


_COLUMNS = [getattr(Approval, name) for name in Request.__struct_fields__]
