"""What must always be true of questions: each is what was written to it, and what is shown has been answered."""

from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from mall.base.proof import Check
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import catalogue

from .questions import ANSWERED, BY_MEMBER, BY_SHOP, WAITING, Question, QuestionMessage


def checks() -> list[Check]:
    """Return the room's checks (LEDGER 6)."""
    return [
        Check(N_("a question counts what was written to it, and its member asked first"), _written()),
        Check(N_("a question that is answered ends with the shop's words, one that waits with its member's"), _ends()),
        Check(N_("a question everybody reads has been answered by the shop"), _shown()),
        Check(N_("an item counts the questions that everybody reads"), _counted()),
    ]


def _written() -> Select[*tuple[Any, ...]]:
    message = QuestionMessage
    first, written = aliased(message), func.count(message.id)
    return (
        select(Question.id)
        .outerjoin(message, message.question_id == Question.id)
        .outerjoin(first, and_(first.question_id == Question.id, first.number == 1, first.side == BY_MEMBER))
        .group_by(Question.id, Question.revision, first.id)
        .having(or_(written != Question.revision, func.max(message.number) != Question.revision, first.id.is_(None)))
    )


def _ends() -> Select[*tuple[Any, ...]]:
    last = aliased(QuestionMessage)
    return (
        select(Question.id)
        .outerjoin(last, and_(last.question_id == Question.id, last.number == Question.revision))
        .where(
            or_(
                and_(Question.state == ANSWERED, func.coalesce(last.side, "") != BY_SHOP),
                and_(Question.state == WAITING, func.coalesce(last.side, "") != BY_MEMBER),
            )
        )
    )


def _shown() -> Select[*tuple[Any, ...]]:
    message = QuestionMessage
    answered = select(message.id).where(message.question_id == Question.id, message.side == BY_SHOP)
    return select(Question.id).where(Question.published_at.is_not(None), ~answered.correlate(Question).exists())


def _counted() -> Select[*tuple[Any, ...]]:
    product = catalogue.Product
    shown = (
        select(Question.product_id, func.count().label("n"))
        .where(Question.published_at.is_not(None))
        .group_by(Question.product_id)
        .subquery("shown_questions")
    )
    return (
        select(product.id)
        .outerjoin(shown, shown.c.product_id == product.id)
        .where(product.question_count != func.coalesce(shown.c.n, 0))
    )
