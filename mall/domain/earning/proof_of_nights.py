"""What the last night must have done: what was announced is taken off, and who has a birthday is given theirs.

A night is known by its job, as long as that is kept. One that came late says nothing: the next one looks at everybody.
"""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    or_,
    select,
    true,
)

from mall.base.db import dialect
from mall.base.proof import Check
from mall.base.sql import days_later, seconds_later
from mall.base.text import N_
from mall.domain import membership, notices, people, programme

from .days import BETWEEN_BIRTHDAYS_DAYS
from .dormancy import BOUGHT_BY, NOTICE_DAYS, DormancyNotice
from .facts import BY_ITSELF, FactRow

Event = membership.GrowthEvent
# The jobs of a night, whose keys end with the day; and within what one is in time.
DORMANCY, CELEBRATING = "growth.dormancy", "members.celebrate"
IN_TIME_SECONDS, MINUTE_SECONDS, DAY_SECONDS = 3_600, 60, 86_400
# A birthday counts where it was told so long before, and a night more.
TOLD_DAYS: Final = 8


def night_checks() -> list[Check]:
    """Return the checks of what the last night has left undone."""
    return [
        Check(N_("as of the last night what dormancy announced was taken off of who did nothing"), _never_taken()),
        Check(N_("as of the last night who has a birthday was given what it is worth"), _not_celebrated()),
    ]


def last_night(kind: str) -> Subquery:
    """Return the last night whose job of a kind was done in time: when it began, and its day."""
    job = notices.Notice
    day = func.substr(job.key, len(kind) + 2)
    return (
        select(
            job.written_at,
            (func.date(day, type_=Date) if dialect() == "sqlite" else cast(day, Date)).label("day"),
        )
        .where(
            job.kind == kind,
            job.sent_at.is_not(None),
            job.sent_at < seconds_later(job.written_at, literal(IN_TIME_SECONDS)),
        )
        .order_by(job.key.desc())
        .limit(1)
        .subquery("night")
    )


def held_in(night: Subquery) -> Any:
    """Return the version of the programme that held when a night began."""
    version = programme.ProgrammeApproval
    return (
        select(version.version)
        .where(version.effective_from <= night.c.written_at)
        .order_by(version.effective_from.desc(), version.version.desc())
        .limit(1)
        .correlate(night)
        .scalar_subquery()
    )


def _never_taken() -> Select[*tuple[Any, ...]]:
    """Find the last notice of members that was due, of who did nothing since, where growth to be taken off stayed."""
    notice, version, threshold, member = (
        DormancyNotice, programme.ProgrammeVersion, programme.LevelThreshold, people.Member
    )  # fmt: skip
    night = last_night(DORMANCY)
    active = select(version.settings["dormancy_active"].as_boolean()).where(version.id == held_in(night))
    last = select(func.max(notice.id)).group_by(notice.member_id)
    written = select(Event.id).where(Event.reference == literal("dormancy:") + cast(notice.id, String))
    done = select(FactRow.id).where(
        FactRow.member_id == notice.member_id, FactRow.kind.not_in(BY_ITSELF), FactRow.at > notice.active_at
    )

    def of_member(what: Any, *which: Any) -> Any:
        of = select(what).where(Event.member_id == notice.member_id, *which)
        return of.correlate(notice, night).scalar_subquery()

    counts = Event.counts_on.between(days_later(night.c.day, literal(1 - membership.WINDOW_DAYS)), night.c.day)
    growth = of_member(func.coalesce(func.sum(Event.points), 0), counts)
    bought = of_member(func.coalesce(func.sum(Event.points), 0), Event.source.in_(BOUGHT_BY))
    left = case((bought > 0, func.coalesce(threshold.reach, 0)), else_=0)
    percent = version.settings["dormancy_percent"].as_integer()
    return (
        select(notice.id, notice.member_id, notice.points)
        .select_from(notice)
        .join(night, true())
        .join(version, version.id == notice.version)
        .join(member, member.id == notice.member_id)
        .outerjoin(threshold, and_(threshold.version == notice.version, threshold.rank == 2))
        .where(
            notice.id.in_(last),
            notice.deducts_on <= night.c.day,
            notice.deducts_on >= days_later(night.c.day, literal(-NOTICE_DAYS)),
            member.deactivated_at.is_(None),
            active.correlate(night).scalar_subquery(),
            ~written.correlate(notice).exists(),
            ~done.correlate(notice).exists(),
            growth * percent // 100 > 0,
            growth > left,
            # What has moved since the night began is looked at by the next.
            of_member(func.max(Event.at)) < seconds_later(night.c.written_at, literal(-MINUTE_SECONDS)),
        )
    )


def _not_celebrated() -> Select[*tuple[Any, ...]]:
    """Find members whose birthday the day of the last night was, told in time, without what it is worth."""
    member, night = people.Member, last_night(CELEBRATING)

    def before(days: int) -> ColumnElement[Any]:
        return seconds_later(night.c.written_at, literal(-days * DAY_SECONDS))

    celebrated = select(FactRow.id).where(
        FactRow.member_id == member.id,
        FactRow.kind == "had_birthday",
        FactRow.at > before(BETWEEN_BIRTHDAYS_DAYS),
    )
    return (
        select(member.id, member.birthday)
        .join(night, true())
        .where(
            extract("month", member.birthday) == extract("month", night.c.day),
            extract("day", member.birthday) == extract("day", night.c.day),
            or_(member.birthday_changed_at.is_(None), member.birthday_changed_at < before(TOLD_DAYS)),
            member.created_at < before(1),
            member.deactivated_at.is_(None),
            ~celebrated.correlate(member, night).exists(),
        )
    )
