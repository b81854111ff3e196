"""Grants: a level that is given for a time, by hand or by a paid plan; growth goes on underneath.

While a grant lasts, its member's rank is the higher of the two. It ends with the last instant of its last day whether
or not a job has run; the night writes down that it has ended, and tells the member.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Row,
    ScalarSelect,
    String,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    true,
)

from mall.base.clock import Instant, end_of, months_later, start_of
from mall.base.db import db, execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.guard import append_only
from mall.base.tables import Mapped, aliased, mapped_column
from mall.base.text import N_, say
from mall.domain import audit, notices, programme, repeats

from .places import place_of

MANUAL, PAID = "manual", "paid"
OVER, WITHDRAWN, REPLACED = "over", "withdrawn", "replaced"
MONTHS = "months"
LONGEST_DAYS = 366
AT_ONCE = 1_000
# Why the mall itself withdraws one, as the audit keeps it.
GIVEN_BACK = N_("The membership was given back.")
NOW_LOWEST = N_("Its level is the lowest by now, which everybody has.")
OWN_REASONS = {str(each): each for each in (GIVEN_BACK, NOW_LOWEST)}


class NoSuchLevel(Refusal):
    message = N_("Choose a level above the lowest.")


class GrantTooLong(Refusal):
    message = N_("A level is granted until a day from {first} to {last}.")


class WasPaid(Refusal):
    message = N_("This level was paid for. Give the membership back on the page of its order: it ends by that.")


class NoSuchGrant(NotFound):
    message = N_("There is no such grant.")


class LevelGrant(db.Model):
    """A level given to a member for a time, and why. `reference` says what paid for it, for a paid plan."""

    __table_args__ = (
        CheckConstraint("kind IN ('manual', 'paid')", name="kind_known"),
        CheckConstraint("rank > 1", name="above_the_lowest"),
        CheckConstraint("ends_at > begins_at", name="ends_after_it_begins"),
        CheckConstraint("kind <> 'manual' OR reason <> ''", name="by_hand_for_a_reason"),
        Index(None, "member_id", "ends_at"),
        Index(None, "ends_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    rank: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))
    begins_on: Mapped[date]
    begins_at: Mapped[datetime] = mapped_column(Instant)
    last_day: Mapped[date]
    ends_at: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str] = mapped_column(String(500))
    reference: Mapped[str] = mapped_column(String(60))
    by: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    key: Mapped[str] = mapped_column(String(120), unique=True)


class LevelGrantEnd(db.Model):
    """A grant has ended: its time was over, somebody withdrew it and said why, or one of a newer version with other
    levels has taken its place.
    """

    __table_args__ = (
        CheckConstraint("how IN ('over', 'withdrawn', 'replaced')", name="how_known"),
        CheckConstraint("how <> 'withdrawn' OR reason <> ''", name="withdrawn_for_a_reason"),
    )

    grant_id: Mapped[int] = mapped_column(ForeignKey("level_grant.id"), primary_key=True, autoincrement=False)
    how: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(500))
    by: Mapped[str] = mapped_column(String(40))
    ended_at: Mapped[datetime] = mapped_column(Instant)


for _table in (LevelGrant, LevelGrantEnd):
    append_only(_table)


class Grant(Struct, frozen=True):
    """A level to be given: which, up to and with which day, why, and by whom. `key` makes it once.

    It begins at once, or with `first_day`, where that is still to come.
    """

    member_id: int
    rank: int
    last_day: date
    reason: str
    by: str
    key: str
    kind: str = MANUAL
    reference: str = ""
    first_day: date | None = None


class Period(Struct, frozen=True):
    """The days of a level that was paid for: from one to another, both included. `how` it ended, None where it
    has not.
    """

    grant_id: int
    member_id: int
    rank: int
    begins_on: date
    last_day: date
    how: str | None = None

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last_day - self.begins_on).days + 1

    def used_by(self, day: date) -> int:
        """How many of its days are over or running on a day."""
        return min(max(0, (day - self.begins_on).days + 1), self.days)


_GRANTED = N_(
    "This form was sent before: it has granted {level} until {last_on}. Nothing more was done. Open the page anew to"
    " grant another, or end that one early."
)
_PAID_KEY = "paid:"
# What the key of a level that was paid for begins with, in SQL; what paid for it follows.
PAID_KEY = literal(_PAID_KEY)


def write_grant(grant: Grant, *, terms: programme.Programme, at: datetime) -> int:
    """Give a level for a time, and tell the member. Asked again, answers the first grant.

    The member's purse is locked. Raises NoSuchLevel, GrantTooLong, and repeats.SentOtherwise for another by hand.
    """
    assert in_transaction()
    says = {name: getattr(grant, name) for name in ("member_id", "rank", "last_day", "reason")}
    sent = repeats.Sent("level_grant", grant.key, grant.by, says)
    if (known := execute(select(LevelGrant.id).where(LevelGrant.key == grant.key)).scalar_one_or_none()) is not None:
        repeats.refuse_other(sent)
        return int(known)
    today = grant.first_day or terms.today(at)
    latest = today + timedelta(days=LONGEST_DAYS)
    if grant.kind == MANUAL and not 1 < grant.rank <= len(terms.levels):
        raise NoSuchLevel
    if not today <= grant.last_day <= latest:
        raise GrantTooLong(first=today, last=latest)
    values = {name: getattr(grant, name) for name in Grant.__struct_fields__ if name != "first_day"} | {
        "begins_on": today,
        "begins_at": max(at, start_of(today, terms.zone)),
        "ends_at": end_of(grant.last_day, terms.zone),
        "version": terms.version,
    }
    grant_id = int(execute(insert(LevelGrant).values(values).returning(LevelGrant.id)).scalar_one())
    level = dict(terms.level(grant.rank).name)
    if grant.kind == MANUAL:
        _audit(grant_id, values, at=at)
        repeats.keep(sent, done=say(_GRANTED, level=level, last_on=grant.last_day), at=at)
    notices.tell(
        grant.member_id,
        "level_granted",
        values={"level": level, "last_day": grant.last_day.isoformat()},
        key=f"level_granted:{grant_id}",
        at=at,
    )
    return grant_id


def write_paid_grant(
    member_id: int, rank: int, *, length: int, unit: str, reference: str, terms: programme.Programme, at: datetime
) -> int:
    """Give a level that was paid for, and tell the member. Returns how many days it has.

    It begins now, or after the last day of what the member has paid for that level before. A level that is the lowest
    by now, which everybody has, is the one above it. The member's purse is locked.
    """
    rank = max(rank, 2)
    # What was granted under other levels goes on under these first: of one member, ranks are of one version.
    replace_grants([member_id], terms=terms, at=at)
    last_paid = select(func.max(LevelGrant.last_day)).where(
        LevelGrant.member_id == member_id,
        LevelGrant.kind == PAID,
        LevelGrant.rank == rank,
        LevelGrant.ends_at >= at,
        not_ended(),
    )
    ends = execute(last_paid).scalar_one()
    first = ends + timedelta(days=1) if ends else terms.today(at)
    last = (months_later(first, length) if unit == MONTHS else first + timedelta(days=length)) - timedelta(days=1)
    grant = Grant(
        member_id, rank, last, "", "system", f"{_PAID_KEY}{reference}", kind=PAID, reference=reference, first_day=first
    )
    write_grant(grant, terms=terms, at=at)
    return (last - first).days + 1


def paid_periods(references: Sequence[str]) -> dict[str, Period]:
    """Return the days of levels that were paid for, by what paid for them: {reference: period}. One statement."""
    end = LevelGrantEnd
    rows = execute(
        select(LevelGrant, end.how)
        .outerjoin(end, end.grant_id == LevelGrant.id)
        .where(LevelGrant.reference.in_(references), LevelGrant.kind == PAID)
        .order_by(LevelGrant.id)
    )
    # Of one that was carried over to other levels, the last row is the one that goes on.
    return {
        row.reference: Period(row.id, row.member_id, row.rank, row.begins_on, row.last_day, row.how) for row in rows
    }


def paid_after(period: Period, *, but: Collection[str]) -> Row[Any] | None:
    """Return the last grant that was paid beyond a period, for the same member and level, but by some references;
    None where there is none.
    """
    return execute(
        select(LevelGrant)
        .where(
            LevelGrant.member_id == period.member_id,
            LevelGrant.kind == PAID,
            LevelGrant.rank == period.rank,
            LevelGrant.begins_on > period.last_day,
            LevelGrant.reference.not_in(but),
            not_ended(),
        )
        .order_by(LevelGrant.begins_on.desc())
        .limit(1)
    ).one_or_none()


def end_paid_grants(references: Sequence[str], *, by: str, terms: programme.Programme, at: datetime) -> None:
    """End the levels that were paid for by what is given back. What has ended stays as it ended."""
    rows = execute(
        select(LevelGrant)
        .where(LevelGrant.reference.in_(references), LevelGrant.kind == PAID, not_ended())
        .order_by(LevelGrant.id)
    ).all()
    for row in rows:
        if row.ends_at < at:  # The night has not come round to it.
            _note_over([row], at=at)
        else:
            _withdraw(row, reason=GIVEN_BACK, by=by, at=at)
    _tell_ended([row for row in rows if row.begins_at <= at], terms=terms, at=at)


def withdraw_grant(
    grant_id: int, *, member_id: int, reason: str, by: str, terms: programme.Programme, at: datetime
) -> None:
    """End a grant before its day, for a reason. One that has ended stays as it ended. Raises NoSuchGrant, WasPaid."""
    grant = execute(
        select(LevelGrant).where(LevelGrant.id == grant_id, LevelGrant.member_id == member_id)
    ).one_or_none()
    if grant is None:
        raise NoSuchGrant
    ended = select(LevelGrantEnd.grant_id).where(LevelGrantEnd.grant_id == grant_id)
    if grant.ends_at < at or execute(ended).first() is not None:
        return
    if grant.kind == PAID:
        raise WasPaid
    _withdraw(grant, reason=reason, by=by, at=at)
    _tell_ended([grant], terms=terms, at=at)


def end_grants(*, terms: programme.Programme, at: datetime, limit: int = AT_ONCE) -> int:
    """Write down of up to `limit` grants that their time is over, and tell their members. Returns how many."""
    over = execute(
        select(LevelGrant).where(LevelGrant.ends_at < at, not_ended()).order_by(LevelGrant.id).limit(limit)
    ).all()
    if over:
        _note_over(over, at=at)
        _tell_ended(over, terms=terms, at=at)
    return len(over)


def to_replace(*, terms: programme.Programme, at: datetime, limit: int) -> list[int]:
    """Return up to `limit` members whose grants are to go on under a version with other levels, in order."""
    pairs = execute(select(LevelGrant.version, LevelGrant.rank).where(*_of_others(terms, at=at)).distinct()).all()
    moved = [
        and_(LevelGrant.version == pair.version, LevelGrant.rank == pair.rank)
        for pair in pairs
        if _place(pair, terms=terms) != pair.rank
    ]
    if not moved:
        return []
    members = select(LevelGrant.member_id).where(*_of_others(terms, at=at), or_(*moved)).distinct()
    return list(execute(members.order_by(LevelGrant.member_id).limit(limit)).scalars())


def replace_grants(member_ids: Sequence[int], *, terms: programme.Programme, at: datetime) -> int:
    """Let what members are granted go on under a version with other levels. Returns how many were replaced, or
    withdrawn since their level is the lowest by now. The members' purses are locked.
    """
    theirs = select(LevelGrant).where(LevelGrant.member_id.in_(member_ids), *_of_others(terms, at=at))
    rows = execute(theirs.order_by(LevelGrant.member_id, LevelGrant.id)).all()
    moved = [(row, to) for row in rows if (to := _place(row, terms=terms)) != row.rank]
    for row, to in moved:
        if to == 1 and row.kind == PAID:  # The lowest everybody has; what was paid for is the one above it.
            to = 2
        if to == 1:  # Its level is the lowest now, which everybody has: its old number would be another's.
            _withdraw(row, reason=NOW_LOWEST, by="system", at=at)
            continue
        execute(
            insert(LevelGrantEnd).values(grant_id=row.id, how=REPLACED, reason="", by="system", ended_at=at),
        )
        values = {name: value for name, value in row._mapping.items() if name != "id"} | {
            "rank": to,
            "version": terms.version,
            "begins_at": max(at, row.begins_at),
            "by": "system",
            "key": f"grant:{row.id}:version:{terms.version}",
        }
        grant_id = execute(insert(LevelGrant).values(values).returning(LevelGrant.id)).scalar_one()
        if row.kind == MANUAL:
            _audit(grant_id, values, at=at)
    return len(moved)


def _of_others(terms: programme.Programme, *, at: datetime) -> tuple[Any, ...]:
    """Return the conditions on which a grant is of another version and goes on."""
    return LevelGrant.version != terms.version, LevelGrant.ends_at >= at, not_ended()


def _place(grant: Any, *, terms: programme.Programme) -> int:
    return place_of(grant.rank, before=programme.version(grant.version), now=terms)


def grants_of(member_id: int) -> Sequence[Row[Any]]:
    """Return a member's grants, newest first: the columns of LevelGrant, and how, why, by whom and when it ended."""
    end = LevelGrantEnd
    return execute(
        select(
            LevelGrant,
            end.how,
            end.reason.label("end_reason"),
            end.by.label("ended_by"),
            end.ended_at,
        )
        .outerjoin(end, end.grant_id == LevelGrant.id)
        .where(LevelGrant.member_id == member_id)
        .order_by(LevelGrant.id.desc())
    ).all()


def lasts(member_id: Any, *, at: Any) -> list[Any]:
    """Return the conditions on which a grant of a member, or of any (None), gives its level at an instant."""
    return [
        LevelGrant.member_id == member_id if member_id is not None else true(),
        LevelGrant.begins_at <= at,
        LevelGrant.ends_at >= at,
        not_ended(),
    ]


def lasted(member_id: Any, *, at: Any) -> list[Any]:
    """Return the conditions on which a grant of a member gave its level at an instant that is over."""
    ended = select(LevelGrantEnd.grant_id).where(LevelGrantEnd.grant_id == LevelGrant.id, LevelGrantEnd.ended_at <= at)
    return [
        LevelGrant.member_id == member_id,
        LevelGrant.begins_at <= at,
        LevelGrant.ends_at >= at,
        ~ended.correlate_except(LevelGrantEnd).exists(),
    ]


def goes_on(grant: Any) -> ScalarSelect[Any]:
    """Return the last day of what a member has paid for a level beyond a paid grant of it, as a column; NULL where
    nothing.
    """
    later = aliased(LevelGrant)
    return (
        select(func.max(later.last_day))
        .where(
            grant.kind == PAID,
            later.kind == PAID,
            later.member_id == grant.member_id,
            later.rank == grant.rank,
            later.begins_on > grant.last_day,
            not_ended(later),
        )
        .correlate(grant)
        .scalar_subquery()
    )


def not_ended(grant: Any = LevelGrant) -> Any:
    """Return the condition that nothing has ended a grant, nor written down that its time is over."""
    ended = select(LevelGrantEnd.grant_id).where(LevelGrantEnd.grant_id == grant.id)
    return ~ended.correlate(grant).exists()


def _note_over(grants: Sequence[Row[Any]], *, at: datetime) -> None:
    rows = [{"grant_id": row.id, "how": OVER, "reason": "", "by": "system", "ended_at": at} for row in grants]
    execute(insert(LevelGrantEnd), rows)


def _withdraw(grant: Row[Any], *, reason: str, by: str, at: datetime) -> None:
    execute(
        insert(LevelGrantEnd).values(grant_id=grant.id, how=WITHDRAWN, reason=reason, by=by, ended_at=at),
    )
    audit.write(
        "level.grant_withdrawn",
        by=by,
        subject=f"member:{grant.member_id}",
        at=at,
        before={"grant": grant.id, "rank": grant.rank, "last_day": grant.last_day.isoformat()},
        reason=reason,
    )


def _audit(grant_id: int, values: Mapping[str, Any], *, at: datetime) -> None:
    audit.write(
        "level.granted",
        by=values["by"],
        subject=f"member:{values['member_id']}",
        at=at,
        after={"grant": grant_id, "rank": values["rank"], "last_day": values["last_day"].isoformat()},
        reason=values["reason"],
    )


def _tell_ended(grants: Sequence[Row[Any]], *, terms: programme.Programme, at: datetime) -> None:
    """Tell the members whose levels have ended; not those for whom one as high goes on."""
    if not grants:
        return
    going_on = {
        row.member_id: row.rank
        for row in execute(
            select(LevelGrant.member_id, func.max(LevelGrant.rank).label("rank"))
            .where(*lasts(None, at=at), LevelGrant.member_id.in_({row.member_id for row in grants}))
            .group_by(LevelGrant.member_id)
        )
    }
    notices.tell_all(
        "level_grant_ended",
        [
            notices.Telling(row.member_id, f"level_grant_ended:{row.id}", {"level": dict(terms.level(row.rank).name)})
            for row in grants
            if row.rank > going_on.get(row.member_id, 0)
        ],
        at=at,
    )
