"""What must always be true of undoing: what is no longer so was undone, and all that was given for it is back."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from mall.base.db import dialect
from mall.base.proof import Check
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import coupons, ledger, membership, programme

from .facts import UNDOES, FactRow
from .level_packs import REACHED, LevelPack
from .tasks import TaskReward, fell_short
from .undoing import went_with_level

Event = membership.GrowthEvent


def undoing_checks() -> list[Check]:
    """Return the checks of what was undone."""
    return [
        Check(N_("what undoes a fact is of the same member, and of one that can be undone"), _of_nothing()),
        Check(N_("an order of which nothing is kept any more is undone, and no other"), _orders()),
        Check(N_("a task keeps what it gave for an order while so much is kept as it asks for, no longer"), _short()),
        Check(N_("an invitation is undone for an order of which too little is kept"), _friends()),
        Check(N_("a level reached by what went back since is undone, and no other"), _levels()),
        Check(N_("what was given for a fact that is undone was taken back, and for no other"), _rewards()),
        Check(N_("points and coupons of an undone level's pack were taken back"), _packs()),
        Check(N_("what a paid level brought was taken back where it was given back, and nowhere else"), _brought()),
    ]


def _undoes(undo: Any) -> ColumnElement[Any]:
    return undo.attributes["undoes"].as_integer()


def undone(fact_id: Any) -> ColumnElement[bool]:
    """Tell whether a fact was undone, as a column."""
    undo = aliased(FactRow)
    of_fact = select(undo.id).where(undo.kind.in_(UNDOES), _undoes(undo) == fact_id)
    return of_fact.correlate_except(undo).exists()


def _ids_undone() -> Select[Any]:
    return select(_undoes(FactRow)).where(FactRow.kind.in_(UNDOES))


def _of_nothing() -> Select[*tuple[Any, ...]]:
    undo, fact = FactRow, aliased(FactRow)
    return (
        select(undo.id, undo.member_id, undo.kind)
        .outerjoin(fact, fact.id == _undoes(undo))
        .where(
            undo.kind.in_(UNDOES),
            or_(
                fact.id.is_(None),
                fact.member_id != undo.member_id,
                fact.kind != case(UNDOES, value=undo.kind),
                undo.key != fact.key + ":undone",
            ),
        )
    )


def _orders() -> Select[*tuple[Any, ...]]:
    kept, less, undo = FactRow, aliased(FactRow), aliased(FactRow)
    gone = (
        select(less.id)
        .where(
            less.reference == kept.reference,
            less.kind == "order_reduced",
            less.id > kept.id,
            less.attributes["kept_cents"].as_integer() == 0,
        )
        .correlate(kept)
        .exists()
    )
    had = kept.attributes["kept_cents"].as_integer() > 0
    return (
        select(kept.id, kept.member_id, kept.reference)
        .outerjoin(undo, undo.key == kept.key + ":undone")
        .where(kept.kind == "order_kept", and_(had, gone) != undo.id.is_not(None))
    )


def _short() -> Select[*tuple[Any, ...]]:
    """Find rewards for orders that ask for more than is kept and were not taken back, or were though they do not."""
    reward, kept, less = TaskReward, FactRow, aliased(FactRow)
    short = (
        select(less.id)
        .where(
            less.reference == kept.reference,
            less.kind == "order_reduced",
            less.id > kept.id,
            less.attributes["kept_cents"].as_integer() < reward.least_cents,
            # Where nothing is kept, all of it is undone.
            less.attributes["kept_cents"].as_integer() > 0,
        )
        .correlate(kept, reward)
        .exists()
    )
    back = or_(fell_short(reward), reward.fact_id.in_(_ids_undone()), went_with_level(reward))
    return (
        select(reward.id, reward.member_id, reward.task)
        .join(kept, kept.id == reward.fact_id)
        .where(kept.kind == "order_kept", or_(and_(short, ~back), and_(fell_short(reward), ~short)))
    )


def _friends() -> Select[*tuple[Any, ...]]:
    undo, bought, less = FactRow, aliased(FactRow), aliased(FactRow)
    least = func.coalesce(bought.attributes["least_cents"].as_integer(), 1)
    return (
        select(undo.id, undo.member_id)
        .join(bought, bought.id == _undoes(undo))
        .outerjoin(
            less,
            and_(
                less.kind == "order_reduced",
                less.reference == bought.attributes["order"].as_string(),
                less.attributes["kept_cents"].as_integer() < least,
            ),
        )
        .where(undo.kind == "friend_unbought", less.id.is_(None))
    )


def _levels() -> Select[*tuple[Any, ...]]:
    """Compare with the growth that counted on the day a level was reached, or on any day since, less what went back.

    What the level itself gave is left out, and what later ones gave.

    What was reached before its version was kept is not looked at.
    """
    fact, undo, threshold, later = FactRow, aliased(FactRow), programme.LevelThreshold, aliased(Event)
    day = fact.attributes["day"].as_string()
    since: ColumnElement[Any] = day if dialect() == "sqlite" else cast(day, Date)

    def reaches(day: Any, at: Any, *before: Any) -> ColumnElement[bool]:
        return _growth_on(day, fact, at, *before).correlate(fact, later, undo).scalar_subquery() >= threshold.reach

    on_its_day = reaches(since, fact.at)
    on_a_later = (
        select(later.id)
        .where(
            later.member_id == fact.member_id,
            later.counts_on > since,
            reaches(later.counts_on, later.at),
        )
        .correlate(fact, threshold)
        .exists()
    )
    wrongly = reaches(since, fact.at, undo.at)
    return (
        select(fact.id, fact.member_id, fact.key)
        .join(
            threshold,
            and_(
                threshold.version == cast(fact.attributes["version"].as_integer(), Integer),
                threshold.rank == cast(fact.attributes["rank"].as_integer(), Integer),
            ),
        )
        .outerjoin(undo, undo.key == fact.key + ":undone")
        .where(
            fact.kind == "level_reached",
            or_(wrongly, and_(undo.id.is_(None), ~on_its_day, ~on_a_later)),
        )
    )


def _growth_on(day: Any, fact: Any, at: Any, *before: Any) -> Select[Any]:
    """Ask for the growth of a fact's member that counted on a day, without what the fact itself gave.

    As it stood at an instant, and, where one is said, without what came after another.
    """
    event, reward = aliased(Event), aliased(TaskReward)
    by_itself = select(reward.id).where(
        event.source == "level_reached",
        literal("task:") + cast(reward.id, String) == event.reference,
        reward.member_id == event.member_id,
        reward.fact_id >= fact.id,
    )
    begins: ColumnElement[Any] = (
        func.date(day, f"-{membership.WINDOW_DAYS - 1} day")
        if dialect() == "sqlite"
        else cast(day - (membership.WINDOW_DAYS - 1), Date)
    )
    return select(func.coalesce(func.sum(event.points), 0)).where(
        event.member_id == fact.member_id,
        event.counts_on >= begins,
        event.counts_on <= day,
        # What dormancy gave back later was not there yet.
        or_(event.source != membership.DORMANCY, event.points < 0, event.at <= at),
        ~by_itself.correlate(event, fact).exists(),  # What it gave does not bear it out.
        *(or_(event.at < each, event.points < 0) for each in before),
    )


def _rewards() -> Select[*tuple[Any, ...]]:
    reward, posting = TaskReward, ledger.Posting
    reference = literal("task:") + cast(reward.id, String)
    growth = (
        select(func.coalesce(func.sum(Event.points), 0))
        .where(Event.reference == reference, Event.source == reward.task)
        .correlate(reward)
        .scalar_subquery()
    )
    taken = select(posting.id).where(posting.reference == reference, posting.kind == "clawback").correlate(reward)
    gone = or_(reward.fact_id.in_(_ids_undone()), went_with_level(reward), fell_short(reward))
    return select(reward.id, reward.member_id, reward.task).where(
        or_(
            and_(gone, or_(growth != 0, _left_of(reference, reward) > 0)),
            and_(~gone, or_(growth != reward.growth, taken.exists())),
        )
    )


def _left_of(reference: Any, of: Any) -> Any:
    """Return what is left of the points that were given for a reference: neither taken back nor expired."""
    lot, posting, back, gone, child = (
        aliased(ledger.Lot),
        aliased(ledger.Posting),
        aliased(ledger.Posting),
        aliased(ledger.Posting),
        aliased(ledger.Lot),
    )
    taken = (
        select(func.coalesce(func.sum(back.points), 0))
        .where(back.reverses == posting.id, back.kind == "clawback")
        .correlate(posting)
        .scalar_subquery()
    )
    expired = (
        select(func.coalesce(func.sum(gone.points), 0))
        .join(child, child.id == gone.lot_id)
        .where(or_(child.id == lot.id, child.parent_id == lot.id), gone.kind == "expire")
        .correlate(lot)
        .scalar_subquery()
    )
    return (
        select(func.coalesce(func.sum(posting.points - taken - expired), 0))
        .join(lot, lot.id == posting.lot_id)
        .where(posting.reference == reference, posting.kind == "earn")
        .correlate(of)
        .scalar_subquery()
    )


def _packs() -> Select[*tuple[Any, ...]]:
    pack, fact, coupon = LevelPack, FactRow, coupons.Coupon
    key = literal("member:") + cast(pack.member_id, String) + ":" + pack.occasion
    usable = select(coupon.id).where(
        coupon.reference == literal(REACHED) + pack.occasion,
        coupon.member_id == pack.member_id,
        coupon.state != "revoked",
        # Those used before stay used.
        coupon.netted_for.is_(None),
    )
    reference = literal("level_pack:") + cast(pack.id, String)
    left = _left_of(reference, pack)
    return (
        select(pack.id, pack.member_id)
        .join(fact, and_(fact.key == key, fact.member_id == pack.member_id))
        .where(undone(fact.id), or_(left > 0, usable.correlate(pack).exists()))
    )


def _brought() -> Select[*tuple[Any, ...]]:
    """Find what levels brought that were given back without it, facts that say so of a level that goes on, and packs
    whose points or coupons stayed.
    """
    pack, reward, fact = LevelPack, TaskReward, FactRow
    grant, end, coupon = membership.LevelGrant, membership.LevelGrantEnd, coupons.Coupon

    def ended(reference: Any, *how: Any) -> ColumnElement[bool]:
        return (
            select(end.grant_id)
            .join(grant, grant.id == end.grant_id)
            .where(grant.reference == reference, grant.kind == membership.PAID, end.how != "replaced", *how)
            .correlate_except(grant, end)
            .exists()
        )

    usable = select(coupon.id).where(
        coupon.reference == literal(REACHED) + pack.occasion,
        coupon.member_id == pack.member_id,
        coupon.state != "revoked",
        coupon.netted_for.is_(None),
    )
    left = _left_of(literal("level_pack:") + cast(pack.id, String), pack)
    kept = [
        select(given.member_id, given.paid_by).where(
            given.paid_by.is_not(None), ended(given.paid_by, end.how == "withdrawn"), ~went_with_level(given)
        )
        for given in (pack, reward)
    ]
    stayed = select(pack.member_id, pack.paid_by).where(
        went_with_level(pack), or_(left > 0, usable.correlate(pack).exists())
    )
    goes_on = select(fact.member_id, fact.reference).where(fact.kind == "paid_level_undone", ~ended(fact.reference))
    found = union_all(*kept, stayed, goes_on).subquery("brought")
    return select(found.c.member_id, found.c.paid_by)
