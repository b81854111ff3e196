"""The operators' questions: which comes first, which is overdue, and who is asking.

Questions of levels that have it as a benefit come before the others, by the level their members have now; among each,
the longest waiting first.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select, type_coerce

from mall.base.clock import Instant
from mall.base.db import execute
from mall.domain import catalogue, checkout, consultation, ledger, membership, people, programme

from .found import Found, Queue
from .members import ready_points

Question = consultation.Question

WAITING_QUESTIONS, OVERDUE_QUESTIONS, PUBLISHED_QUESTIONS = consultation.WAITING, "overdue", "published"
# The tabs of the operators' questions.
QUESTION_QUEUES = (
    WAITING_QUESTIONS, OVERDUE_QUESTIONS, consultation.ANSWERED, consultation.CLOSED, PUBLISHED_QUESTIONS
)  # fmt: skip


class Asker(Struct, frozen=True):
    """Who asks: the member with their level and the points ready to use, and what lies in the basket."""

    member: Row[Any]
    basket: Sequence[Row[Any]]


def questions_in(queue: str, *, terms: programme.Programme, at: datetime, page: int = 1, per_page: int = 25) -> Found:
    """Return a page of a queue of questions, each with its item, its member and their `rank`, and its first `words`.

    Those that wait, those of levels whose questions come first before all others; else the latest first.
    """
    member, product = people.Member, catalogue.Product
    rank = membership.rank_of(Question.member_id, at=at)
    wanted = _wanted(queue, terms=terms, at=at)
    waits = queue in (WAITING_QUESTIONS, OVERDUE_QUESTIONS)
    by_time = [Question.waits_since, Question.id] if waits else [Question.id.desc()]
    first = [case((_comes_first(rank, terms), 0), else_=1)] if waits else []
    rows = execute(
        select(
            *Question.__table__.columns,
            consultation.first_words().label("words"),
            product.title,
            member.display_name,
            rank.label("rank"),
        )
        .join(product, product.id == Question.product_id)
        .join(member, member.id == Question.member_id)
        .where(wanted)
        .order_by(*first, *by_time)
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    return Found(rows, execute(select(func.count()).select_from(Question).where(wanted)).scalar_one())


def question_queues(*, terms: programme.Programme, at: datetime) -> dict[str, Queue]:
    """Return every queue of questions, {name: Queue}. One statement."""
    columns: list[Any] = []
    for queue in QUESTION_QUEUES:
        wanted = _wanted(queue, terms=terms, at=at)
        columns += [
            func.count().filter(wanted).label(f"n_{queue}"),
            type_coerce(func.min(case((wanted, Question.waits_since))), Instant).label(f"since_{queue}"),
        ]
    row = execute(select(*columns).select_from(Question)).one()._mapping
    return {queue: Queue(row[f"n_{queue}"], row[f"since_{queue}"]) for queue in QUESTION_QUEUES}


def asker(member_id: int, *, at: datetime) -> Asker:
    """Return who asks, for the desk to see beside the text. Two statements."""
    member, line, basket = people.Member, checkout.BasketLine, checkout.Basket
    variant, product = catalogue.Variant, catalogue.Product
    who = execute(
        select(
            member.id,
            member.number,
            member.display_name,
            member.language,
            member.deactivated_at,
            membership.rank_of(member.id, at=at).label("rank"),
            ready_points(at).label("ready"),
            ledger.Purse.pending,
        )
        .join(ledger.Purse, ledger.Purse.member_id == member.id)
        .where(member.id == member_id)
    ).one()
    lines = execute(
        select(line.quantity, product.id, product.title, variant.title.label("variant_title"))
        .join(basket, basket.id == line.basket_id)
        .join(variant, variant.id == line.variant_id)
        .join(product, product.id == variant.product_id)
        .where(basket.member_id == member_id)
        .order_by(line.id)
    ).all()
    return Asker(who, lines)


def comes_first(rank: int, terms: programme.Programme) -> bool:
    """Tell whether questions of a level are answered before others. Pure."""
    return terms.level(rank).question_priority


def _comes_first(rank: ColumnElement[Any], terms: programme.Programme) -> ColumnElement[bool]:
    """Return the same of a column; as for terms.level(), a rank above the top is the top."""
    first = [level.rank for level in terms.levels if level.question_priority]
    return or_(rank.in_(first), rank > len(terms.levels)) if terms.levels[-1].question_priority else rank.in_(first)


def _wanted(queue: str, *, terms: programme.Programme, at: datetime) -> ColumnElement[bool]:
    if queue == OVERDUE_QUESTIONS:
        late = at - timedelta(hours=terms.answer_within_hours)
        return and_(Question.state == consultation.WAITING, Question.waits_since <= late)
    if queue == PUBLISHED_QUESTIONS:
        return Question.published_at.is_not(None)
    return Question.state == queue
