"""What must always be true of questions followed up: the shop had answered, and the member wrote after that."""

from typing import Any

from sqlalchemy import Select, String, and_, cast, literal, select

from mall.base.proof import Check
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import consultation

from .facts import FactRow
from .following_up import QUESTION_FOLLOWED_UP


def question_checks() -> list[Check]:
    """Return the checks of questions that were followed up."""
    return [Check(N_("a question counts as followed up when its member wrote after an answer"), _never())]


def _never() -> Select[*tuple[Any, ...]]:
    fact, question = FactRow, consultation.Question
    answer, more = aliased(consultation.QuestionMessage), aliased(consultation.QuestionMessage)
    followed_up = (
        select(question.id)
        .join(answer, and_(answer.question_id == question.id, answer.side == consultation.BY_SHOP))
        .join(
            more,
            and_(
                more.question_id == question.id,
                more.side == consultation.BY_MEMBER,
                more.number > answer.number,
            ),
        )
        .where(
            fact.key == literal("question:").concat(cast(question.id, String)).concat(":followed_up"),
            question.member_id == fact.member_id,
        )
        .correlate(fact)
    )
    return select(fact.id).where(fact.kind == QUESTION_FOLLOWED_UP, ~followed_up.exists())
