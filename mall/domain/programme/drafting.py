"""Drafting: one person drafts a version and asks for it; deciding.py has what another answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, String, and_, cast, insert, literal, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import approvals, audit, repeats

from .deciding import ThingsChanged, decline, draft_of, put_in_force
from .settings import BadSetting, refuse_other_names, settings_of, terms_of
from .terms import Programme
from .versions import KIND, LevelThreshold, NoVersion, ProgrammeApproval, ProgrammeVersion, forget, newest, version


class AlreadySetUp(Refusal):
    """There is a programme; it is changed by drafting a version, not by setting up again."""

    message = N_("This shop is set up already.")


class NothingChanged(Refusal):
    """A draft that is the version it began from."""

    message = N_("Nothing is changed yet. Change a number, then draft it.")


class NotYours(Refusal):
    """A sketch is its drafter's, who alone sends or discards it: so nobody approves what they drafted."""

    message = N_("Somebody else drafted this, and sends or discards it. Draft your own from it.")


def establish(settings: Mapping[str, Any], *, by: str, at: datetime) -> Programme:
    """Make version 1, in force at once: the shop's first. Raises BadSetting, AlreadySetUp.

    It is one person's act, since there is nobody else yet.
    """
    if execute(select(ProgrammeVersion.id).limit(1)).first() is not None:
        raise AlreadySetUp
    terms = _write(settings, based_on=None, effective_from=at, by=by, at=at, reason="")
    put_in_force(terms.version, effective_from=at, by=by, at=at, by_one_person=True)
    audit.write(
        "programme.established", by=by, subject="programme:1", at=at, after=settings_of(terms), by_one_person=True
    )
    return terms


_DRAFTED = N_(
    "This form was sent before: it has drafted version {number}. Nothing more was done. Look at that one, or send this"
    " form again for another."
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
    _ask(draft_of(number), at=at, key=key)
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
    forget(terms.version)
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
