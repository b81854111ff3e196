"""What must always be true of growth and levels."""

from sqlalchemy import Date, String, and_, case, cast, false, func, literal, or_, select, union_all

from mall.base.proof import Check
from mall.base.sql import days_later
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import audit, programme

from .grants import MANUAL, OVER, REPLACED, WITHDRAWN, LevelGrant, LevelGrantEnd
from .growth import DORMANCY, GrowthEvent
from .level_notices import LevelNotice
from .levels import CARRIED, KEPT, LOWERED, REACHED, REGISTERED, WINDOW_DAYS, LevelHistory
from .reviews import ReviewRun


def checks() -> list[Check]:
    """Return the room's checks (LEDGER 6.12)."""
    return [
        Check(N_("a member's level is the last row of an unbroken history"), _broken_histories()),
        Check(N_("a member begins at the lowest level, and reaches others by growth"), _levels_from_nowhere()),
        Check(N_("every fall was announced for that day or before"), _unannounced_falls()),
        Check(N_("as of the last nightly run nobody is below a level they have reached"), _below_their_level()),
        Check(N_("a level granted by hand was granted and withdrawn as the audit says"), _grants_from_nowhere()),
        Check(N_("a granted level ends when its time is over, and as of the last nightly run it has"), _grant_ends()),
        Check(N_("a granted level lasts until the end of its last day"), _other_ends()),
        Check(N_("a level is looked at again 12 months on, by the growth of the 365 days before"), _other_reviews()),
        Check(N_("no reference has taken back more growth than it gave"), _more_taken_than_given()),
        Check(
            N_("growth counts from the day it came, and what is taken back on the day of what it takes"), _other_days()
        ),
    ]


def _broken_histories():
    return (
        select(LevelHistory.member_id, func.count().label("steps"), func.max(LevelHistory.step).label("last"))
        .group_by(LevelHistory.member_id)
        .having((func.count() != func.max(LevelHistory.step)) | (func.min(LevelHistory.step) != 1))
    )


def _levels_from_nowhere():
    """Find steps that their reason does not explain: growth that was never given, less of it than the level takes."""
    before = aliased(LevelHistory)
    threshold = programme.LevelThreshold
    given = (
        select(func.coalesce(func.sum(GrowthEvent.points), 0))
        .where(
            GrowthEvent.member_id == LevelHistory.member_id,
            GrowthEvent.points > 0,
            GrowthEvent.at <= LevelHistory.began_at,
        )
        .correlate(LevelHistory)
        .scalar_subquery()
    )
    first = LevelHistory.step == 1
    wrong = case(
        (LevelHistory.reason == REGISTERED, or_(~first, LevelHistory.rank != 1)),
        (first, True),
        (
            LevelHistory.reason == REACHED,
            or_(
                LevelHistory.rank <= before.rank,
                LevelHistory.growth < func.coalesce(threshold.reach, LevelHistory.growth + 1),
                LevelHistory.growth > given,
            ),
        ),
        (LevelHistory.reason == KEPT, LevelHistory.rank > before.rank),
        # Into another version only, and not where the level is the same one.
        (
            LevelHistory.reason == CARRIED,
            or_(LevelHistory.version == before.version, LevelHistory.rank == before.rank),
        ),
        else_=False,
    )
    return (
        select(LevelHistory.id, LevelHistory.member_id, LevelHistory.rank, LevelHistory.reason)
        .outerjoin(before, and_(before.member_id == LevelHistory.member_id, before.step == LevelHistory.step - 1))
        .outerjoin(threshold, and_(threshold.version == LevelHistory.version, threshold.rank == LevelHistory.rank))
        .where(wrong)
    )


def _unannounced_falls():
    before = aliased(LevelHistory)
    return (
        select(LevelHistory.id, LevelHistory.member_id, before.rank.label("from_rank"), LevelHistory.rank)
        .join(before, (before.member_id == LevelHistory.member_id) & (before.step == LevelHistory.step - 1))
        .outerjoin(LevelNotice, LevelNotice.history_id == before.id)
        .where(
            LevelHistory.reason == LOWERED,
            LevelNotice.decides_on.is_(None)
            | (LevelNotice.decides_on > LevelHistory.began_on)
            | (LevelNotice.told_on >= LevelNotice.decides_on)
            | (LevelHistory.rank >= before.rank),
        )
    )


def _below_their_level():
    run = select(ReviewRun).order_by(ReviewRun.id.desc()).limit(1).subquery("run")
    growth = (
        select(GrowthEvent.member_id, func.sum(GrowthEvent.points).label("points"))
        .join(run, GrowthEvent.at <= run.c.ran_at)
        .where(GrowthEvent.counts_on.between(run.c.counts_from, run.c.ran_on))
        .group_by(GrowthEvent.member_id)
        .subquery("growth")
    )
    last = (
        select(LevelHistory.member_id, func.max(LevelHistory.step).label("step"))
        .join(run, LevelHistory.began_at <= run.c.ran_at)
        .group_by(LevelHistory.member_id)
        .subquery("last")
    )
    threshold = programme.LevelThreshold
    return (
        select(LevelHistory.member_id, LevelHistory.rank, threshold.rank.label("reached"), growth.c.points)
        .join(last, (last.c.member_id == LevelHistory.member_id) & (last.c.step == LevelHistory.step))
        .join(growth, growth.c.member_id == LevelHistory.member_id)
        .join(run, run.c.id.is_not(None))
        .join(threshold, threshold.version == run.c.version)
        .where(threshold.rank > LevelHistory.rank, threshold.reach <= growth.c.points)
    )


def _grants_from_nowhere():
    entry, grant, end = audit.Entry, LevelGrant, LevelGrantEnd

    def said(act, what, by):
        about = literal("member:") + cast(grant.member_id, String)
        return (
            select(entry.id)
            .where(
                entry.act == act,
                entry.subject == about,
                entry.by == by,
                what["grant"].as_integer() == grant.id,
                what["rank"].as_integer() == grant.rank,
                what["last_day"].as_string() == cast(grant.last_day, String),
            )
            .correlate(grant, end)
            .exists()
        )

    return (
        select(grant.id, grant.member_id, grant.rank)
        .outerjoin(end, end.grant_id == grant.id)
        .where(
            or_(
                and_(grant.kind == MANUAL, ~said("level.granted", entry.after, grant.by)),
                and_(end.how == WITHDRAWN, ~said("level.grant_withdrawn", entry.before, end.by)),
            )
        )
    )


def _grant_ends():
    run, grant, end = select(func.max(ReviewRun.ran_at)).scalar_subquery(), LevelGrant, LevelGrantEnd
    other = aliased(LevelGrant)
    follower = (
        select(other.id)
        .where(
            other.member_id == grant.member_id,
            other.ends_at == grant.ends_at,
            other.version > grant.version,
            other.key.like(literal("grant:") + cast(grant.id, String) + ":version:%"),
        )
        .correlate(grant)
        .exists()
    )
    return (
        select(grant.id, grant.member_id, grant.ends_at, end.ended_at)
        .outerjoin(end, end.grant_id == grant.id)
        .where(
            or_(
                and_(end.grant_id.is_(None), grant.ends_at < run),
                and_(end.how == OVER, end.ended_at <= grant.ends_at),
                # What is paid beyond a level that lasts may end before it begins.
                and_(grant.kind == MANUAL, end.ended_at < grant.begins_at),
                and_(end.how == REPLACED, ~follower),
            )
        )
    )


def _other_ends():
    """Find grants that end on another day than they say. The day of an instant in UTC is that of the shop, or, since a
    day ends later in the west, the one after it.
    """
    ends = func.date(LevelGrant.ends_at, type_=Date)
    return select(LevelGrant.id, LevelGrant.member_id).where(
        ~ends.between(LevelGrant.last_day, days_later(LevelGrant.last_day, literal(1)))
    )


def _other_reviews():
    """Find steps whose review is not a year on, nor the one of the level that was carried over, and those at whose
    review other growth would count.
    """
    step, before = LevelHistory, aliased(LevelHistory)
    a_year_on = step.review_on.between(
        days_later(step.began_on, literal(WINDOW_DAYS)), days_later(step.began_on, literal(WINDOW_DAYS + 1))
    )
    stayed = and_(step.reason == CARRIED, step.review_on == before.review_on)
    return (
        select(step.id, step.member_id, step.review_on)
        .outerjoin(before, and_(before.member_id == step.member_id, before.step == step.step - 1))
        .where(
            step.review_on.is_not(None),
            or_(
                ~or_(a_year_on, func.coalesce(stayed, false())),
                days_later(step.counts_from, literal(WINDOW_DAYS - 1)) != step.review_on,
            ),
        )
    )


def _more_taken_than_given():
    return (
        select(GrowthEvent.member_id, GrowthEvent.reference, func.sum(GrowthEvent.points).label("points"))
        .where(GrowthEvent.source != DORMANCY)
        .group_by(GrowthEvent.member_id, GrowthEvent.reference)
        .having(func.sum(GrowthEvent.points) < 0)
    )


def _other_days():
    """Find what one thing gave and took back on several days, so that they leave the window apart, and growth that
    counts from another day than it came. The day of an instant in UTC is that of the shop, or the one beside it.
    """
    event = GrowthEvent
    apart = (
        select(event.member_id, event.reference)
        .group_by(event.member_id, event.reference)
        .having(func.min(event.counts_on) != func.max(event.counts_on))
    )
    came = func.date(event.at, type_=Date)
    another = select(event.member_id, event.reference).where(
        event.points > 0,
        event.source != DORMANCY,
        ~event.counts_on.between(days_later(came, literal(-1)), days_later(came, literal(1))),
    )
    found = union_all(apart, another).subquery("other_days")
    return select(found.c.member_id, found.c.reference)
