"""Asked questions: short ways to ask, answer, follow up, close and publish."""

from datetime import date
from typing import Any

from mall.base.db import reading, transaction
from mall.domain import consultation, earning, membership
from tests.stage import NOON, Item, Stage

WORDS = "Does it keep tea warm for an hour?"
ANSWER = "For half an hour, we measured."


def ask(stage: Stage, member_id: int, item: Item, words: str = WORDS, *, key: str = "", at: Any = NOON) -> Any:
    """Let a member ask about an item."""
    with transaction():
        return consultation.ask(
            member_id, item.product_id, words=words, key=key or f"ask-{at}-{words}", terms=stage.terms, at=at
        ).row


def answer(row: Any, words: str = ANSWER, *, key: str = "", revision: int = 0, by: str = "staff:1", at: Any = NOON):
    """Let the desk answer a question as it stands."""
    with transaction():
        now = consultation.question_of(row.id)
        return consultation.answer(
            row.id, words=words, revision=revision or now.revision, key=key or f"answer-{words}", by=by, at=at
        )


def follow_up(stage: Stage, row: Any, words: str = "And with a lid?", *, key: str = "", by: int = 0, at: Any = NOON):
    """Let the member of a question write once more, as the page does. Returns what tasks gave."""
    member_id = by or row.member_id
    with transaction():
        written = consultation.follow_up(
            row.id, member_id=member_id, words=words, key=key or f"more-{words}", terms=stage.terms, at=at
        )
        if not written.follows_answer:
            return ()
        return earning.question_followed_up(member_id, question_id=row.id, terms=stage.terms, at=at)


def close(row: Any, reason: str = "It is no longer made.", *, revision: int = 0, at: Any = NOON) -> Any:
    """Let the desk close a question."""
    with transaction():
        now = consultation.question_of(row.id)
        return consultation.close_question(
            row.id, reason=reason, revision=revision or now.revision, by="staff:1", at=at
        )


def publish(row: Any, question: str = WORDS, shown: str = ANSWER, *, at: Any = NOON) -> Any:
    """Let the desk show a question and its answer to everybody."""
    with transaction():
        return consultation.publish_question(row.id, question=question, answer=shown, by="staff:1", at=at)


def withdraw(row: Any, *, at: Any = NOON) -> Any:
    """Let the desk show a question no longer."""
    with transaction():
        return consultation.withdraw_question(row.id, by="staff:1", at=at)


def now(row: Any) -> Any:
    """Return a question as it stands."""
    with reading():
        return consultation.question_of(row.id)


def said(row: Any) -> list[tuple[str, str]]:
    """Return what was written to a question: [(side, words)]."""
    with reading():
        return [(each.side, each.words) for each in consultation.thread(row.id)]


def grant(stage: Stage, member_id: int, rank: int) -> None:
    """Give a member a level for a time."""
    given = membership.Grant(member_id, rank, date(2026, 3, 31), "A friend", "staff:1", f"grant-{member_id}")
    with transaction():
        earning.grant_level(given, terms=stage.terms, at=NOON)
