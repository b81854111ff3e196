"""What must always be true of dormancy: announced, of who was away, no more than the rule says, and never too much."""

from typing import Any

from sqlalchemy import ColumnElement, Date, Select, String, and_, case, cast, func, literal, or_, select, true

from mall.base.db import dialect
from mall.base.proof import Check
from mall.base.sql import days_later, seconds_later
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import membership, programme

from .dormancy import BOUGHT_BY, NOTICE_DAYS, DormancyNotice
from .facts import BY_ITSELF, FactRow
from .proof_of_nights import DORMANCY, MINUTE_SECONDS, held_in, last_night

Event = membership.GrowthEvent


def dormancy_checks() -> list[Check]:
    """Return the checks of dormancy."""
    return [
        Check(N_("growth is taken off for dormancy as announced 14 days before"), _unannounced()),
        Check(N_("nobody loses growth for dormancy who did something in time"), _not_dormant()),
        Check(N_("dormancy takes off the share its rule says, and leaves buyers the second level"), _other_share()),
        Check(N_("dormancy gives back no more than it took off"), _more_given_back()),
        Check(N_("as of its last night dormancy keeps nobody below what it leaves"), _kept_back()),
    ]


def _reference() -> ColumnElement[str]:
    return literal("dormancy:") + cast(DormancyNotice.id, String)


def _taken() -> list[ColumnElement[bool]]:
    return [Event.source == membership.DORMANCY, Event.points < 0]


def _unannounced() -> Select[*tuple[Any, ...]]:
    told = DormancyNotice.told_on
    least: ColumnElement[Any] = (
        func.date(told, f"+{NOTICE_DAYS} day", type_=Date) if dialect() == "sqlite" else told + NOTICE_DAYS
    )
    return (
        select(Event.id, Event.member_id, Event.points)
        .outerjoin(DormancyNotice, and_(_reference() == Event.reference, DormancyNotice.member_id == Event.member_id))
        .where(
            *_taken(),
            or_(
                DormancyNotice.id.is_(None),
                Event.counts_on < DormancyNotice.deducts_on,
                DormancyNotice.deducts_on < least,
                -Event.points > DormancyNotice.points,
                Event.version != DormancyNotice.version,
            ),
        )
    )


def _not_dormant() -> Select[*tuple[Any, ...]]:
    did = select(FactRow.id).where(
        FactRow.member_id == Event.member_id,
        FactRow.kind.not_in(BY_ITSELF),
        FactRow.at > DormancyNotice.active_at,
        FactRow.at <= DormancyNotice.until,
    )
    return (
        select(Event.id, Event.member_id, Event.points)
        .join(DormancyNotice, _reference() == Event.reference)
        .where(*_taken(), did.correlate(Event, DormancyNotice).exists())
    )


def _other_share() -> Select[*tuple[Any, ...]]:
    before, version, threshold = aliased(Event), programme.ProgrammeVersion, programme.LevelThreshold
    day = Event.counts_on
    # The first of the 365 days that count on that day.
    begins: ColumnElement[Any] = (
        func.date(day, "-364 day", type_=Date) if dialect() == "sqlite" else day - (membership.WINDOW_DAYS - 1)
    )
    earlier = and_(before.member_id == Event.member_id, before.id < Event.id)

    def sum_of(which: ColumnElement[bool]) -> Any:
        total = func.coalesce(func.sum(before.points), 0)
        return select(total).where(earlier, which).correlate(Event).scalar_subquery()

    growth = sum_of(before.counts_on.between(begins, day))
    left = case((sum_of(before.source.in_(BOUGHT_BY)) > 0, func.coalesce(threshold.reach, 0)), else_=0)
    percent = version.settings["dormancy_percent"].as_integer()
    by_rule = _least(growth * percent // 100, growth - left)
    return (
        select(Event.id, Event.member_id, Event.points)
        .join(version, version.id == Event.version)
        .outerjoin(threshold, and_(threshold.version == Event.version, threshold.rank == 2))
        .outerjoin(DormancyNotice, _reference() == Event.reference)
        .where(*_taken(), -Event.points != _least(by_rule, func.coalesce(DormancyNotice.points, by_rule)))
    )


def _least(one: Any, other: Any) -> ColumnElement[Any]:
    return case((one < other, one), else_=other)


def _more_given_back() -> Select[*tuple[Any, ...]]:
    total = func.sum(Event.points)
    return (
        select(Event.member_id, Event.reference, total.label("points"))
        .where(Event.source == membership.DORMANCY)
        .group_by(Event.member_id, Event.reference)
        .having(total > 0)
    )


def _kept_back() -> Select[*tuple[Any, ...]]:
    """Find members whom dormancy still kept below what it leaves when its last night had looked at everybody.

    Whose growth has moved since it began is looked at by the next one.
    """
    threshold, night = programme.LevelThreshold, last_night(DORMANCY)
    held = held_in(night)
    left = select(threshold.reach).where(threshold.version == held, threshold.rank == 2).scalar_subquery()
    counts = Event.counts_on.between(days_later(night.c.day, literal(1 - membership.WINDOW_DAYS)), night.c.day)

    def sum_of(which: ColumnElement[bool]) -> Any:
        return func.sum(case((which, Event.points), else_=0))

    figures = (
        select(
            Event.member_id,
            sum_of(counts).label("growth"),
            sum_of(and_(counts, Event.source == membership.DORMANCY)).label("off"),
            sum_of(Event.source.in_(BOUGHT_BY)).label("bought"),
            func.max(case((Event.source != membership.DORMANCY, Event.at))).label("moved_at"),
            func.min(night.c.written_at).label("began_at"),
            func.min(left).label("left"),
        )
        .join(night, true())
        .group_by(Event.member_id)
        .subquery("figures")
    )
    f = figures.c
    lacks = f.growth < case((f.bought > 0, func.coalesce(f.left, 0)), else_=0)
    return select(f.member_id, f.growth, f.off).where(
        f.off < 0, lacks, f.moved_at < seconds_later(f.began_at, literal(-MINUTE_SECONDS))
    )
