"""What waits for a person at the desk: the menu's counts, and adjustments that need a second one."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, func, select

from mall.base.db import execute
from mall.domain import aftersales, approvals, checkout, consultation, ledger, people, radar

from .members import ready_points


class ToDo(Struct, frozen=True):
    """What waits at the desk, as its menu counts it."""

    orders: int
    adjustments: int
    returns: int
    reviews: int
    suspects: int
    questions: int


def to_do() -> ToDo:
    """Return what waits: orders to ship, adjustments to check, returns to decide, reviews and suspects to look at,
    questions to answer.

    One statement.
    """
    orders = select(func.count()).where(checkout.Order.state == checkout.PAID).scalar_subquery()
    asked = approvals.Approval
    adjustments = (
        select(func.count()).where(asked.kind == ledger.ADJUSTMENT_KIND, asked.decision.is_(None)).scalar_subquery()
    )
    to_decide = aftersales.Return.state == aftersales.ASKED
    returns = select(func.count()).select_from(aftersales.Return).where(to_decide).scalar_subquery()
    review, suspect = aftersales.ProductReview, radar.Suspect
    reviews = select(func.count()).select_from(review).where(review.state == aftersales.WAITING).scalar_subquery()
    suspects = select(func.count()).select_from(suspect).where(suspect.state == radar.OPEN).scalar_subquery()
    question = consultation.Question
    questions = select(func.count()).select_from(question).where(question.state == consultation.WAITING)
    counts = {
        "orders": orders,
        "adjustments": adjustments,
        "returns": returns,
        "reviews": reviews,
        "suspects": suspects,
        "questions": questions.scalar_subquery(),
    }
    row = execute(select(*(count.label(name) for name, count in counts.items()))).one()
    return ToDo(**row._mapping)


class AskedAdjustment(Struct, frozen=True):
    """An adjustment that waits for a second person: the request, the member, and what is ready to use now."""

    request: Row[Any]
    member: Row[Any]
    ready: int


def asked_adjustments(*, at: datetime, limit: int = 50) -> list[AskedAdjustment]:
    """Return the adjustments that wait, oldest first. Two statements."""
    requests = approvals.waiting(ledger.ADJUSTMENT_KIND, limit=limit)
    member = people.Member
    known = {
        row.id: row
        for row in execute(
            select(member.id, member.number, member.display_name, ready_points(at).label("ready")).where(
                member.id.in_({request.what["member_id"] for request in requests})
            )
        )
    }
    asked = [(request, known[request.what["member_id"]]) for request in requests]
    return [AskedAdjustment(request, row, int(row.ready)) for request, row in asked]
