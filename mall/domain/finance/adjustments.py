"""Adjustments for finance: every point given or taken by hand, why, by whom, and who approved it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from msgspec import Struct
from sqlalchemy import func, select

from mall.base.db import execute
from mall.base.money import half_up
from mall.base.text import Message
from mall.domain import approvals, audit, ledger, people

from .liability import Amount
from .measure import worth
from .movements import EFFECT, with_lots

PER_PAGE = 50


class Adjustment(Struct, frozen=True):
    """Points given (or taken, negative) by hand. `approved_by` is None where no second person was needed."""

    move: str
    written_at: datetime
    member_id: int
    member_number: str
    amount: Amount
    reason: Message | None
    actor: str
    approved_by: str | None
    approved_at: datetime | None
    by_one_person: bool


class AdjustmentPage(Struct, frozen=True):
    """A page of adjustments, the number of all, and the names of the staff on it: {"staff:1": "Nadia Amari"}."""

    adjustments: list[Adjustment]
    count: int
    names: Mapping[str, str]


def adjustments_page(*, until: datetime, page: int, per_page: int = PER_PAGE) -> AdjustmentPage:
    """Return a page of adjustments, the latest first."""
    moves = _moves(until)
    count = execute(select(func.count()).select_from(moves.subquery())).scalar_one()
    offset = (page - 1) * per_page
    if offset >= count:
        return AdjustmentPage([], count, {})
    rows = _read(moves, limit=per_page, offset=offset)
    worths = _worth_of([row.move for row in rows])
    decisions = _decisions(rows)
    found = [_adjustment(row, worths[row.move], decisions.get(row.move)) for row in rows]
    return AdjustmentPage(found, count, _names(found))


def acts_by_one_person(*, after: datetime, until: datetime) -> int:
    """Return how many acts that take two people were done by one, because there was nobody else."""
    act = audit.Entry
    return execute(
        select(func.count()).where(act.by_one_person.is_(True), act.at > after, act.at <= until)
    ).scalar_one()


def _moves(until: datetime) -> Any:
    posting = ledger.Posting
    return (
        select(posting.move, func.min(posting.id).label("first_id"))
        .where(posting.kind == "adjust", posting.written_at <= until)
        .group_by(posting.move)
    )


def _read(moves: Any, *, limit: int, offset: int) -> Sequence[Any]:
    posting, each = ledger.Posting, moves.subquery()
    return execute(
        select(
            posting.move,
            posting.written_at,
            posting.member_id,
            people.Member.number,
            posting.reason,
            posting.actor,
        )
        .join(each, each.c.first_id == posting.id)
        .join(people.Member, people.Member.id == posting.member_id)
        .order_by(posting.written_at.desc(), posting.id.desc())
        .limit(limit)
        .offset(offset)
    ).all()


def _worth_of(moves: Sequence[str]) -> dict[str, Amount]:
    posting, lot = ledger.Posting, ledger.Lot
    points: dict[str, int] = dict.fromkeys(moves, 0)
    exact: dict[str, Fraction] = dict.fromkeys(moves, Fraction(0))
    for row in execute(
        with_lots(select(posting.move, lot.worth_points, lot.worth_cents, func.sum(EFFECT).label("points")))
        .where(posting.move.in_(moves), posting.kind == "adjust")
        .group_by(posting.move, lot.worth_points, lot.worth_cents)
    ):
        points[row.move] += int(row.points)
        exact[row.move] += worth(int(row.points), worth_points=row.worth_points, worth_cents=row.worth_cents)
    return {move: Amount(points[move], half_up(exact[move])) for move in moves}


def _decisions(rows: Sequence[Any]) -> dict[str, Any]:
    """Return the approvals behind adjustments, by their move, which has the request's own key."""
    approval = approvals.Approval
    found = execute(
        select(approval.key, approval.decided_by, approval.decided_at, approval.by_one_person).where(
            approval.decision == "approved",
            approval.kind == ledger.ADJUSTMENT_KIND,
            approval.key.in_([row.move for row in rows]),
        )
    )
    return {row.key: row for row in found}


def _adjustment(row: Any, amount: Amount, decision: Any) -> Adjustment:
    return Adjustment(
        move=row.move,
        written_at=row.written_at,
        member_id=row.member_id,
        member_number=row.number,
        amount=amount,
        reason=row.reason,
        actor=row.actor,
        approved_by=decision.decided_by if decision else None,
        approved_at=decision.decided_at if decision else None,
        by_one_person=bool(decision and decision.by_one_person),
    )


def _names(found: Sequence[Adjustment]) -> dict[str, str]:
    actors = {actor for each in found for actor in (each.actor, each.approved_by) if actor}
    ids = [int(actor[6:]) for actor in actors if actor.startswith("staff:") and actor[6:].isdigit()]
    return {
        f"staff:{row.id}": row.name
        for row in execute(select(people.Staff.id, people.Staff.name).where(people.Staff.id.in_(ids)))
    }
