"""Versions: drafted by one person, approved by another, in force from an instant. Never changed, never retroactive."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Engine,
    ForeignKey,
    Index,
    Row,
    Select,
    String,
    and_,
    cast,
    func,
    insert,
    inspect,
    literal,
    select,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, aliased, mapped_column
from mall.base.text import N_, say
from mall.domain import approvals, audit, repeats

from .settings import BadSetting, refuse_other_names, settings_of, terms_of
from .terms import Programme

KIND = "programme"


class NoProgramme(Refusal):
    """The shop has not been set up."""

    message = N_("This shop is not set up yet. Run: flask --app wsgi setup")


class NoVersion(NotFound):
    message = N_("There is no such version of the programme.")


class AlreadySetUp(Refusal):
    """There is a programme; it is changed by drafting a version, not by setting up again."""

    message = N_("This shop is set up already.")


class ThingsChanged(Refusal):
    """Another version was approved since this one was drafted; approving it would undo that one unseen."""

    message = N_("The programme has changed since this was drafted. Draft it again from version {version}.")


class NothingChanged(Refusal):
    """A draft that is the version it began from."""

    message = N_("Nothing is changed yet. Change a number, then draft it.")


class NotYours(Refusal):
    """A sketch is its drafter's, who alone sends or discards it: so nobody approves what they drafted."""

    message = N_("Somebody else drafted this, and sends or discards it. Draft your own from it.")


class ProgrammeVersion(db.Model):
    """A version as drafted. `based_on` is the version its drafter saw; none for the first."""

    __table_args__ = (CheckConstraint("based_on < id", name="based_on_an_earlier"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    based_on: Mapped[int | None] = mapped_column(ForeignKey("programme_version.id"))
    effective_from: Mapped[datetime] = mapped_column(Instant)
    drafted_by: Mapped[str] = mapped_column(String(40))
    drafted_at: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str] = mapped_column(String(1_000))


class ProgrammeApproval(db.Model):
    """A version that will be, is, or was in force: from `effective_from` until the next begins."""

    __table_args__ = (
        CheckConstraint("effective_from >= approved_at", name="never_retroactive"),
        Index(None, "effective_from", "version"),
    )

    version: Mapped[int] = mapped_column(ForeignKey("programme_version.id"), primary_key=True, autoincrement=False)
    effective_from: Mapped[datetime] = mapped_column(Instant)
    approved_by: Mapped[str] = mapped_column(String(40))
    approved_at: Mapped[datetime] = mapped_column(Instant)
    by_one_person: Mapped[bool]


class LevelThreshold(db.Model):
    """The growth that a version's levels take, so that a statement may ask for it."""

    version: Mapped[int] = mapped_column(ForeignKey("programme_version.id"), primary_key=True, autoincrement=False)
    rank: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reach: Mapped[int]
    keep: Mapped[int]


for _table in (ProgrammeVersion, ProgrammeApproval, LevelThreshold):
    append_only(_table)

# Versions never change, so each process reads each once per database.
_read: WeakKeyDictionary[Engine, dict[int, Programme]] = WeakKeyDictionary()


def has_tables() -> bool:
    """Tell whether the database has been prepared at all: it is before the first shop is set up in it."""
    return inspect(db.engine).has_table(ProgrammeVersion.__tablename__)


def current(at: datetime) -> Programme:
    """Return the programme in force at an instant. Raises NoProgramme."""
    number = execute(in_force(at)).scalar_one_or_none()
    if number is None:
        raise NoProgramme
    return version(number)


def in_force(at: datetime) -> Select[Any]:
    """Return the question which version is in force at an instant, to be asked alone or within another.

    The newest that has begun: one approved later and begun earlier has withdrawn those that were yet to begin.
    """
    return (
        select(ProgrammeApproval.version)
        .where(ProgrammeApproval.effective_from <= at)
        .order_by(ProgrammeApproval.version.desc())
        .limit(1)
    )


def newest() -> int:
    """Return the version approved last, in force or yet to begin: a draft goes on from it. Raises NoProgramme."""
    number: int | None = execute(_NEWEST_APPROVED).scalar_one_or_none()
    if number is None:
        raise NoProgramme
    return number


def upcoming(at: datetime) -> dict[int, datetime]:
    """Return the approved versions that are yet to begin, and when they do; not those withdrawn by a newer one."""
    newer = aliased(ProgrammeApproval)
    withdrawn = (
        select(newer.version)
        .where(newer.version > ProgrammeApproval.version, newer.effective_from <= ProgrammeApproval.effective_from)
        .exists()
    )
    rows = execute(
        select(ProgrammeApproval.version, ProgrammeApproval.effective_from)
        .where(ProgrammeApproval.effective_from > at, ~withdrawn)
        .order_by(ProgrammeApproval.version)
    )
    return {row.version: row.effective_from for row in rows}


def would_withdraw(effective_from: datetime, *, at: datetime) -> list[int]:
    """Return the approved versions that one approved now and beginning at an instant withdraws: those not earlier."""
    return [one for one, begins in upcoming(at).items() if begins >= effective_from]


def known_version(number: int) -> Programme | None:
    """Return a version of the programme if this process has read it before: it never changes."""
    return _read.get(db.engine, {}).get(number)


def version(number: int) -> Programme:
    """Return a version of the programme. Raises NotFound."""
    read = _read.setdefault(db.engine, {})
    if number not in read:
        settings = execute(select(ProgrammeVersion.settings).where(ProgrammeVersion.id == number)).scalar_one_or_none()
        if settings is None:
            raise NoVersion()
        read[number] = terms_of(number, settings)
    return read[number]


def versions() -> Sequence[Row[Any]]:
    """Return every version, newest first.

    Columns: id, based_on, drafted_by, drafted_at, wanted_from, reason, effective_from, approved_by, approved_at,
    by_one_person, the last four None while a version is not approved; withdrawn_by, the newer version that began
    before this one would have, or None; and declined_by, who said no to it or put it away, or None.
    """
    newer = aliased(ProgrammeApproval)
    withdrawn_by = (
        select(func.min(newer.version))
        .where(newer.version > ProgrammeApproval.version, newer.effective_from <= ProgrammeApproval.effective_from)
        .correlate(ProgrammeApproval)
        .scalar_subquery()
    )
    request = approvals.Approval
    declined_by = (
        select(request.decided_by)
        .where(request.kind == KIND, request.decision == "declined")
        .where(request.subject == literal("programme:") + cast(ProgrammeVersion.id, String))
        .order_by(request.id.desc())
        .limit(1)
        .correlate(ProgrammeVersion)
        .scalar_subquery()
    )
    return execute(
        select(
            ProgrammeVersion.id,
            ProgrammeVersion.based_on,
            ProgrammeVersion.drafted_by,
            ProgrammeVersion.drafted_at,
            ProgrammeVersion.effective_from.label("wanted_from"),
            ProgrammeVersion.reason,
            ProgrammeApproval.effective_from,
            ProgrammeApproval.approved_by,
            ProgrammeApproval.approved_at,
            ProgrammeApproval.by_one_person,
            withdrawn_by.label("withdrawn_by"),
            declined_by.label("declined_by"),
        )
        .outerjoin(ProgrammeApproval, ProgrammeApproval.version == ProgrammeVersion.id)
        .order_by(ProgrammeVersion.id.desc())
    ).all()


def establish(settings: Mapping[str, Any], *, by: str, at: datetime) -> Programme:
    """Make version 1, in force at once: the shop's first. Raises BadSetting, AlreadySetUp.

    It is one person's act, since there is nobody else yet.
    """
    if execute(select(ProgrammeVersion.id).limit(1)).first() is not None:
        raise AlreadySetUp
    terms = _write(settings, based_on=None, effective_from=at, by=by, at=at, reason="")
    _put_in_force(terms.version, effective_from=at, by=by, at=at, by_one_person=True)
    audit.write(
        "programme.established", by=by, subject="programme:1", at=at, after=settings_of(terms), by_one_person=True
    )
    return terms


_DRAFTED = N_(
    "This form was sent before: it has drafted version {number}. Nothing more was done. Look at that one, or open the"
    " page anew for another."
)


def draft(
    settings: Mapping[str, Any],
    *,
    based_on: int,
    effective_from: datetime,
    by: str,
    at: datetime,
    reason: str,
    books_begun: bool = True,
    key: str | None = None,
) -> int:
    """Draft a version and ask for its approval. Returns its number; with a `key`, once however often it is sent.

    `books_begun` says that points or money have moved, so that currency and time zone may not change: what was added
    up by days of one zone would not be what the days of another moved. Raises BadSetting, and repeats.SentOtherwise
    for another with the same key.
    """
    holds_from = effective_from if effective_from > at else None
    says = {"settings": settings, "based_on": based_on, "holds_from": holds_from, "reason": reason}
    sent = repeats.Sent(KIND, key, by, says)
    if key is not None and (asked := approvals.request_with(key)) is not None:
        repeats.refuse_other(sent)
        return int(asked.what["version"])
    number = sketch(
        settings,
        based_on=based_on,
        effective_from=effective_from,
        by=by,
        at=at,
        reason=reason,
        books_begun=books_begun,
    )
    _ask(_drafted(number), at=at, key=key)
    repeats.keep(sent, done=say(_DRAFTED, number=number), at=at)
    return number


def sketch(
    settings: Mapping[str, Any],
    *,
    based_on: int,
    effective_from: datetime,
    by: str,
    at: datetime,
    reason: str,
    books_begun: bool = True,
) -> int:
    """Draft a version that nobody is asked about before it is sent. Returns its number; the same twice is one.

    Raises BadSetting, as draft() does.
    """
    before = version(based_on)
    refuse_other_names(settings)
    if books_begun and settings.get("currency") != before.currency:
        raise BadSetting("currency", say(N_("The currency is fixed since the first points were given.")))
    if books_begun and settings.get("zone") != before.zone:
        raise BadSetting("zone", say(N_("The time zone is fixed since the first points were given.")))
    same = (
        row.id
        for row in execute(
            select(ProgrammeVersion)
            .where(
                _UNSENT,
                ProgrammeVersion.based_on == based_on,
                ProgrammeVersion.drafted_by == by,
                ProgrammeVersion.reason == reason,
            )
            .order_by(ProgrammeVersion.id)
        )
        if row.settings == settings_of(terms_of(row.id, settings))
        and (row.effective_from == effective_from or (row.effective_from <= row.drafted_at and effective_from <= at))
    )
    number = next(same, None)
    if number is None:
        terms = _write(settings, based_on=based_on, effective_from=effective_from, by=by, at=at, reason=reason)
        number = terms.version
    return number


def send(number: int, *, by: str, at: datetime) -> None:
    """Ask for the approval of a sketch. Sent twice, it is asked once. Raises NotYours, ThingsChanged, NotFound."""
    drafted = _locked_sketch(number, by=by)
    if drafted is None:
        return
    last = newest()
    if last != drafted.based_on:
        raise ThingsChanged(version=last)
    _ask(drafted, at=at, key=f"programme:{number}")


def discard(number: int, *, by: str, at: datetime) -> None:
    """Put a sketch away: it is asked for and declined at once, so that it never holds. Raises NotYours, NotFound."""
    drafted = _locked_sketch(number, by=by)
    if drafted is None:
        return
    _ask(drafted, at=at, key=f"programme:{number}")
    decline(number, by=by, at=at, reason="")


def sketches() -> Sequence[Row[Any]]:
    """Return the drafts that have not been sent, newest first: id, based_on, drafted_by, drafted_at, wanted_from,
    reason.
    """
    return execute(
        select(
            ProgrammeVersion.id,
            ProgrammeVersion.based_on,
            ProgrammeVersion.drafted_by,
            ProgrammeVersion.drafted_at,
            ProgrammeVersion.effective_from.label("wanted_from"),
            ProgrammeVersion.reason,
        )
        .where(_UNSENT)
        .order_by(ProgrammeVersion.id.desc())
    ).all()


def approve(number: int, *, by: str, at: datetime, other_approvers: int) -> datetime:
    """Approve a drafted version. Returns the instant it comes into force: as drafted, but never before now.

    Versions that were to begin then or later are withdrawn: what was approved last holds, once it has begun.

    `other_approvers` counts the people besides `by` who could approve; with none, the drafter may, and it is marked
    as done by one person. Approved by the same person before, it is the same answer.

    Raises OwnRequest, AlreadyDecided, ThingsChanged, NotFound.
    """
    drafted = _drafted(number)
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
    _put_in_force(number, effective_from=effective_from, by=by, at=at, by_one_person=request.by_one_person)
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


def _write(
    settings: Mapping[str, Any],
    *,
    based_on: int | None,
    effective_from: datetime,
    by: str,
    at: datetime,
    reason: str,
) -> Programme:
    """Write a version with the next number: versions are 1, 2, 3 on both databases, gaps or not."""
    last = execute(select(ProgrammeVersion.id).order_by(ProgrammeVersion.id.desc()).limit(1)).scalar_one_or_none()
    terms = terms_of((last or 0) + 1, settings)
    _read.setdefault(db.engine, {}).pop(terms.version, None)
    execute(
        insert(ProgrammeVersion).values(
            id=terms.version,
            settings=settings_of(terms),
            based_on=based_on,
            effective_from=effective_from,
            drafted_by=by,
            drafted_at=at,
            reason=reason,
        )
    )
    execute(
        insert(LevelThreshold),
        [
            {"version": terms.version, "rank": level.rank, "reach": level.reach, "keep": level.keep}
            for level in terms.levels
        ],
    )
    return terms


def _put_in_force(number: int, *, effective_from: datetime, by: str, at: datetime, by_one_person: bool) -> None:
    execute(
        insert(ProgrammeApproval).values(
            version=number, effective_from=effective_from, approved_by=by, approved_at=at, by_one_person=by_one_person
        )
    )


def _drafted(number: int) -> Row[Any]:
    row = execute(select(ProgrammeVersion).where(ProgrammeVersion.id == number)).one_or_none()
    if row is None:
        raise NoVersion()
    return row


def _locked_sketch(number: int, *, by: str) -> Row[Any] | None:
    """Return a sketch of somebody's, kept from others until the transaction ends; None where it was sent before."""
    drafted = execute(select(ProgrammeVersion).where(ProgrammeVersion.id == number).with_for_update()).one_or_none()
    if drafted is None:
        raise NoVersion()
    if drafted.drafted_by != by:
        raise NotYours
    unsent = execute(select(ProgrammeVersion.id).where(ProgrammeVersion.id == number, _UNSENT)).first()
    return None if unsent is None else drafted


def _ask(drafted: Row[Any], *, at: datetime, key: str | None) -> None:
    approvals.ask(
        KIND,
        subject=f"programme:{drafted.id}",
        what={
            "version": drafted.id,
            "based_on": drafted.based_on,
            "effective_from": drafted.effective_from.isoformat(),
        },
        by=drafted.drafted_by,
        at=at,
        reason=drafted.reason,
        key=key,
    )


def _request_of(number: int) -> int:
    requests = approvals.requests_about(KIND, f"programme:{number}")
    if not requests:
        raise NotFound(N_("Nobody asked to have this version approved."))
    return requests[0].id


_NEWEST_APPROVED = select(ProgrammeApproval.version).order_by(ProgrammeApproval.version.desc()).limit(1)
# Nobody was asked to approve it, and it is not the first version, which nobody had to be asked for.
_UNSENT = and_(
    ~select(ProgrammeApproval.version).where(ProgrammeApproval.version == ProgrammeVersion.id).exists(),
    ~select(approvals.Approval.id)
    .where(
        approvals.Approval.kind == KIND,
        approvals.Approval.subject == literal("programme:").concat(cast(ProgrammeVersion.id, String)),
    )
    .exists(),
)
