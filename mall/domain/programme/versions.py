"""Versions: in force from an instant, never changed, never retroactive. How one comes about is in drafting.py."""

from collections.abc import Sequence
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
    bindparam,
    cast,
    func,
    inspect,
    literal,
    select,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, aliased, mapped_column
from mall.base.text import N_
from mall.domain import approvals

from .settings import terms_of
from .terms import Programme

KIND = "programme"


class NoProgramme(Refusal):
    """The shop has not been set up."""

    message = N_("This shop is not set up yet. Run: flask --app wsgi setup")


class NoVersion(NotFound):
    message = N_("There is no such version of the programme.")


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
    number = execute(_IN_FORCE, {"at": at}).scalar_one_or_none()
    if number is None:
        raise NoProgramme
    return version(number)


def in_force(at: Any) -> Select[Any]:
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


def forget(number: int) -> None:
    """Read a version anew when it is asked for next: its number is being given."""
    _read.setdefault(db.engine, {}).pop(number, None)


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


_NEWEST_APPROVED = select(ProgrammeApproval.version).order_by(ProgrammeApproval.version.desc()).limit(1)
_IN_FORCE = in_force(bindparam("at", type_=Instant()))
