"""What must always be true of earning: what was given is what the rules give for what is kept."""

from typing import Any

from sqlalchemy import Select, Subquery, func, or_, select

from mall.base.proof import Check
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import ledger, membership

from .facts import FactRow
from .orders import RULE
from .proof_of_approved import approved_checks
from .proof_of_campaigns import campaign_checks
from .proof_of_dormancy import dormancy_checks
from .proof_of_invitations import invitation_checks
from .proof_of_lots import lot_checks
from .proof_of_nights import night_checks
from .proof_of_packs import by_a_pack, pack_checks
from .proof_of_profile import profile_checks
from .proof_of_questions import question_checks
from .proof_of_rewards_due import reward_due_checks
from .proof_of_shares import share_checks
from .proof_of_stamps import stamp_checks
from .proof_of_tasks import by_a_task, task_checks
from .proof_of_undoing import undoing_checks

ORDER_FACTS = ("order_paid", "order_reduced", "order_kept")


def checks() -> list[Check]:
    """Return the room's checks (LEDGER 6.11)."""
    return [
        Check(N_("the facts of an order never leave less than nothing kept"), _less_than_nothing()),
        Check(N_("one lot for each order and rule"), _two_lots()),
        Check(N_("an order has given the points its rule gives for what is kept, or more by what expired"), _points()),
        Check(N_("points are earned by what a member did"), _earned_by_nothing()),
        Check(N_("who signed up has a purse and a level"), _without_purse_or_level()),
        Check(N_("a kept order has given the growth its rule gives for what is kept"), _growth()),
        *campaign_checks(),
        *approved_checks(),
        *night_checks(),
        *task_checks(),
        *invitation_checks(),
        *reward_due_checks(),
        *share_checks(),
        *stamp_checks(),
        *dormancy_checks(),
        *pack_checks(),
        *question_checks(),
        *undoing_checks(),
        *lot_checks(),
        *profile_checks(),
    ]


def _less_than_nothing() -> Select[*tuple[Any, ...]]:
    cents = func.sum(FactRow.cents)
    return (
        select(FactRow.reference, cents.label("cents"))
        .where(FactRow.kind.in_(ORDER_FACTS))
        .group_by(FactRow.reference)
        .having(cents < 0)
    )


def _earned_by_nothing() -> Select[*tuple[Any, ...]]:
    posting = ledger.Posting
    did = (
        select(FactRow.id)
        .where(FactRow.reference == posting.reference, FactRow.member_id == posting.member_id)
        .correlate(posting)
        .exists()
    )
    return select(posting.id, posting.member_id, posting.reference).where(
        posting.kind == "earn", ~did, ~by_a_task(posting), ~by_a_pack(posting)
    )


def _without_purse_or_level() -> Select[*tuple[Any, ...]]:
    purse, level = ledger.Purse, membership.LevelHistory
    has_level = select(level.id).where(level.member_id == FactRow.member_id).correlate(FactRow).exists()
    return (
        select(FactRow.member_id)
        .outerjoin(purse, purse.member_id == FactRow.member_id)
        .where(FactRow.kind == "signed_up", or_(purse.member_id.is_(None), ~has_level))
    )


def _two_lots() -> Select[*tuple[Any, ...]]:
    lot = ledger.Lot
    return (
        select(lot.reference, lot.rule, func.count().label("lots"))
        .where(lot.parent_id.is_(None), lot.origin.in_(("purchase", "campaign")))
        .group_by(lot.reference, lot.rule)
        .having(func.count() > 1)
    )


def _points() -> Select[*tuple[Any, ...]]:
    """Find where not: 0 <= earned - taken back - what the rule gives <= expired of the lot and its child."""
    lot, posting, back = ledger.Lot, ledger.Posting, aliased(ledger.Posting)
    taken_back = (
        select(func.coalesce(func.sum(back.points), 0))
        .where(back.reverses == posting.id, back.kind == "clawback")
        .correlate(posting)
        .scalar_subquery()
    )
    given = (
        select(posting.reference, func.sum(posting.points - taken_back).label("points"))
        .join(lot, lot.id == posting.lot_id)
        .where(posting.kind == "earn", lot.rule == RULE)
        .group_by(posting.reference)
        .subquery("given")
    )
    expired = ledger.expired_of(RULE)
    last = _last_facts(ORDER_FACTS)
    over = func.coalesce(given.c.points, 0) - last.c.attributes["points"].as_integer()
    return (
        select(last.c.reference, over.label("over"), expired.c.points.label("expired"))
        .outerjoin(given, given.c.reference == last.c.reference)
        .outerjoin(expired, expired.c.reference == last.c.reference)
        .where((over < 0) | (over > func.coalesce(expired.c.points, 0)))
    )


def _growth() -> Select[*tuple[Any, ...]]:
    event = membership.GrowthEvent
    given = (
        select(event.reference, func.sum(event.points).label("points"))
        .where(event.source == RULE)
        .group_by(event.reference)
        .subquery("given")
    )
    kept = select(FactRow.reference).where(FactRow.kind == "order_kept")
    last = _last_facts(ORDER_FACTS)
    gives = last.c.attributes["growth"].as_integer()
    return (
        select(last.c.reference, gives.label("gives"), given.c.points.label("given"))
        .outerjoin(given, given.c.reference == last.c.reference)
        .where(last.c.reference.in_(kept), func.coalesce(given.c.points, 0) != gives)
    )


def _last_facts(kinds: tuple[str, ...]) -> Subquery:
    """Return the last fact of each order as a subquery."""
    newest = select(func.max(FactRow.id)).where(FactRow.kind.in_(kinds)).group_by(FactRow.reference)
    return select(FactRow).where(FactRow.id.in_(newest)).subquery("last")
