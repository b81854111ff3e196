"""What must always be true of reported purchases: they gave what rates and caps say for what is kept."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy import String as Letters
from sqlalchemy import cast as as_type

from mall.base.proof import Check
from mall.base.sql import seconds_later, whole_sum
from mall.base.text import N_
from mall.domain import earning, ledger, membership, programme

from . import proof_of_versions
from .bindings import Binding
from .purchases import DAY_CAP, MONTH_CAP, PURCHASE_CAP, PartnerMonth, Purchase, PurchaseRefund
from .versions import PartnerVersion

RULE = "partner"
DAY_SECONDS = 24 * 60 * 60


def checks() -> list[Check]:
    """Return the room's checks."""
    return [
        Check(N_("no more of a reported purchase is refunded than was paid"), _refunded()),
        Check(N_("a reported purchase gave what its rate gives for what is kept, or more by what expired"), _points()),
        Check(N_("a reported purchase has given its growth once it is kept, and none before"), _growth()),
        Check(N_("points of a reported purchase that is kept are no longer on the way"), _left_waiting()),
        Check(N_("points of a reported purchase are made ready when its partner's days are over"), _too_early()),
        Check(N_("no partner gives more than its caps allow"), _beyond_caps()),
        Check(N_("a reported purchase was given all that its rate gives, or what a cap left"), _not_by_rate()),
        Check(
            N_("a reported purchase counts by the level's multiplier, where its partner's version says so"),
            _multiplied(),
        ),
        Check(N_("a partner's month counts what its purchases gave"), _months()),
        Check(N_("a purchase by account is of the member who had bound it then"), _of_others()),
        Check(N_("points of partners come from a reported purchase"), _from_nothing()),
        Check(N_("what a reported refund says it took is what was taken for it"), _said_to_be_taken()),
        *proof_of_versions.checks(),
    ]


def _reference() -> ColumnElement[str]:
    return literal("purchase:") + as_type(Purchase.id, Letters)


def _kept() -> Any:
    """Return each purchase with the cents kept, as a subquery."""
    refund = PurchaseRefund
    gone = select(whole_sum(refund.cents)).where(refund.purchase_id == Purchase.id)
    return select(
        Purchase.id,
        _reference().label("reference"),
        Purchase.member_id,
        Purchase.points,
        Purchase.kept_at,
        Purchase.growth_per_cents,
        (Purchase.earn_points * Purchase.multiplier_percent).label("times"),
        (Purchase.earn_per_cents * 100).label("per"),
        Purchase.cents,
        (Purchase.cents - gone.correlate(Purchase).scalar_subquery()).label("kept_cents"),
    ).subquery("kept")


def _refunded() -> Select[*tuple[Any, ...]]:
    kept = _kept()
    return select(kept.c.id, kept.c.kept_cents).where(kept.c.kept_cents < 0)


def _points() -> Select[*tuple[Any, ...]]:
    posting, kept = ledger.Posting, _kept()
    given = (
        select(
            posting.reference,
            posting.member_id,
            func.sum(
                case((posting.kind == "earn", posting.points), (posting.kind == "clawback", -posting.points), else_=0)
            ).label("points"),
        )
        .where(posting.reference.startswith("purchase:"))
        .group_by(posting.reference, posting.member_id)
        .subquery("given")
    )
    expired = ledger.expired_of(RULE)
    by_rate = kept.c.kept_cents * kept.c.times // kept.c.per
    gives = case((by_rate < kept.c.points, by_rate), else_=kept.c.points)
    over = func.coalesce(given.c.points, 0) - gives
    return (
        select(kept.c.id, over.label("over"))
        .outerjoin(given, and_(given.c.reference == kept.c.reference, given.c.member_id == kept.c.member_id))
        .outerjoin(expired, expired.c.reference == kept.c.reference)
        .where(or_(over < 0, over > func.coalesce(expired.c.points, 0)))
    )


def _growth() -> Select[*tuple[Any, ...]]:
    event, kept = membership.GrowthEvent, _kept()
    given = (
        select(event.reference, event.member_id, func.sum(event.points).label("points"))
        .where(event.source == RULE)
        .group_by(event.reference, event.member_id)
        .subquery("given")
    )
    due = case(
        (or_(kept.c.kept_at.is_(None), kept.c.growth_per_cents.is_(None)), 0),
        else_=kept.c.kept_cents // kept.c.growth_per_cents,
    )
    return (
        select(kept.c.id, due.label("due"), given.c.points.label("given"))
        .outerjoin(given, and_(given.c.reference == kept.c.reference, given.c.member_id == kept.c.member_id))
        .where(func.coalesce(given.c.points, 0) != due)
    )


def _left_waiting() -> Select[*tuple[Any, ...]]:
    lot, position = ledger.Lot, ledger.Position
    return (
        select(Purchase.id, position.points)
        .join(lot, and_(lot.reference == _reference(), lot.rule == RULE))
        .join(position, and_(position.lot_id == lot.id, position.place == "pending"))
        .where(Purchase.kept_at.is_not(None))
    )


def _too_early() -> Select[*tuple[Any, ...]]:
    """Find purchases whose day is not the one their version sets, and points ready before it or still not ready."""
    lot, posting, version = ledger.Lot, ledger.Posting, PartnerVersion
    unlocked = (
        select(posting.id)
        .join(lot, lot.id == posting.lot_id)
        .where(
            lot.reference == _reference(),
            lot.rule == RULE,
            posting.kind == "unlock",
            or_(Purchase.kept_at.is_(None), posting.happened_at < Purchase.ready_at),
        )
        .correlate(Purchase)
    )
    last_night = select(func.max(membership.ReviewRun.ran_at)).scalar_subquery()
    due = seconds_later(Purchase.reported_at, version.ready_after_days * DAY_SECONDS)
    return (
        select(Purchase.id, Purchase.ready_at, Purchase.kept_at)
        .outerjoin(
            version, and_(version.partner_id == Purchase.partner_id, version.number == Purchase.partner_version)
        )
        .where(
            or_(
                Purchase.ready_at != due,
                Purchase.kept_at < Purchase.ready_at,
                unlocked.exists(),
                # As of the last nightly run: the round that keeps them comes every few minutes.
                and_(Purchase.kept_at.is_(None), seconds_later(Purchase.ready_at, literal(DAY_SECONDS)) < last_night),
            )
        )
    )


def _beyond_caps() -> Select[*tuple[Any, ...]]:
    def so_far(*within: Any) -> Any:
        return func.sum(Purchase.points).over(partition_by=(Purchase.partner_id, *within), order_by=Purchase.id)

    running = select(
        Purchase.id,
        Purchase.points,
        Purchase.purchase_points,
        Purchase.member_day_points,
        Purchase.month_points,
        so_far(Purchase.member_id, Purchase.day).label("that_day"),
        so_far(Purchase.month).label("that_month"),
    ).subquery("running")
    c = running.c
    day_or_month = or_(c.that_day > c.member_day_points, c.that_month > c.month_points)
    return select(c.id).where(c.points > 0, or_(c.points > c.purchase_points, day_or_month))


def _not_by_rate() -> Select[*tuple[Any, ...]]:
    """Find purchases that were given more or less than their rate gives, or than their caps then left of it."""
    rate = Purchase.cents * Purchase.earn_points * Purchase.multiplier_percent // (Purchase.earn_per_cents * 100)

    def before(*within: Any) -> Any:
        so_far = func.sum(Purchase.points).over(partition_by=(Purchase.partner_id, *within), order_by=Purchase.id)
        return so_far - Purchase.points

    running = select(
        Purchase.id,
        Purchase.points,
        Purchase.cap,
        rate.label("rate"),
        Purchase.purchase_points,
        (Purchase.member_day_points - before(Purchase.member_id, Purchase.day)).label("day_left"),
        (Purchase.month_points - before(Purchase.month)).label("month_left"),
    ).subquery("running")
    c = running.c

    def cut(points: Any, left: Any) -> Any:
        """Return the fewer of both, where there is a cap."""
        rest = case((left < 0, 0), else_=left)
        return case((rest < points, rest), else_=points)

    of_one = cut(c.rate, c.purchase_points)
    of_day = cut(of_one, c.day_left)
    gives = cut(of_day, c.month_left)
    by = case((gives < of_day, MONTH_CAP), (of_day < of_one, DAY_CAP), (of_one < c.rate, PURCHASE_CAP), else_="")
    return select(c.id, c.points, gives.label("gives")).where(or_(c.points != gives, c.cap != by))


def _multiplied() -> Select[*tuple[Any, ...]]:
    """Find purchases by a multiplier that no level of their programme has, or by one though it counts for nothing."""
    version, rules = PartnerVersion, programme.ProgrammeVersion
    # As JSON is written: a level's multiplier, and something else after it or nothing.
    said = literal('%"multiplier_percent": ') + as_type(Purchase.multiplier_percent, Letters)
    settings = as_type(rules.settings, Letters)
    known = and_(rules.id.is_not(None), or_(settings.like(said + ",%"), settings.like(said + "}%")))
    return (
        select(Purchase.id, Purchase.multiplier_percent)
        .join(version, and_(version.partner_id == Purchase.partner_id, version.number == Purchase.partner_version))
        .outerjoin(rules, rules.id == Purchase.version)
        .where(or_(and_(~version.with_level, Purchase.multiplier_percent != 100), and_(version.with_level, ~known)))
    )


def _months() -> Select[*tuple[Any, ...]]:
    given = (
        select(Purchase.partner_id, Purchase.month, func.sum(Purchase.points).label("points"))
        .group_by(Purchase.partner_id, Purchase.month)
        .subquery("given")
    )
    month = PartnerMonth
    same = and_(given.c.partner_id == month.partner_id, given.c.month == month.month)
    counted = (
        select(month.partner_id, month.month)
        .outerjoin(given, same)
        .where(func.coalesce(given.c.points, 0) != month.points)
    )
    of_none = select(given.c.partner_id, given.c.month).outerjoin(month, same).where(month.month.is_(None))
    both = counted.union_all(of_none).subquery("otherwise")
    return select(both.c.partner_id, both.c.month)


def _of_others() -> Select[*tuple[Any, ...]]:
    bound = (
        select(Binding.id)
        .where(
            Binding.partner_id == Purchase.partner_id,
            Binding.account == Purchase.account,
            Binding.member_id == Purchase.member_id,
            Binding.bound_at <= Purchase.reported_at,
            or_(Binding.ended_at.is_(None), Binding.ended_at >= Purchase.reported_at),
        )
        .correlate(Purchase)
    )
    return select(Purchase.id, Purchase.member_id).where(Purchase.account != "", ~bound.exists())


def _from_nothing() -> Select[*tuple[Any, ...]]:
    lot = ledger.Lot
    mine = select(Purchase.id).where(
        _reference() == lot.reference, Purchase.member_id == lot.member_id, Purchase.points == lot.points
    )
    return select(lot.id, lot.reference).where(
        lot.rule == RULE, lot.parent_id.is_(None), ~mine.correlate(lot).exists()
    )


def _said_to_be_taken() -> Select[*tuple[Any, ...]]:
    """Find refunds of which the fact, the ledger or growth tells otherwise than what the partner was told."""
    refund, fact, posting, event = PurchaseRefund, earning.FactRow, ledger.Posting, membership.GrowthEvent
    key = literal("refund:") + as_type(refund.partner_id, Letters) + ":" + refund.reference
    points = select(whole_sum(posting.points)).where(posting.move == key + ":points", posting.kind == "clawback")
    growth = select(whole_sum(-event.points)).where(event.key == key + ":growth")
    return (
        select(refund.id, refund.partner_id, refund.reference)
        .outerjoin(fact, fact.key == key)
        .outerjoin(Purchase, and_(Purchase.id == refund.purchase_id, Purchase.partner_id == refund.partner_id))
        .where(
            or_(
                fact.id.is_(None),
                fact.cents != -refund.cents,
                Purchase.id.is_(None),
                points.correlate(refund).scalar_subquery() != refund.points,
                growth.correlate(refund).scalar_subquery() != refund.growth,
            )
        )
    )
