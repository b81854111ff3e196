"""The proof finds questions without their words, answered or shown without an answer, and follow-ups of none."""

import pytest
from sqlalchemy import text

from mall.base.db import execute, reading, transaction
from mall.domain import consultation
from mall.domain.earning.proof_of_questions import question_checks
from tests.domain.consultation.asked import answer, ask, follow_up, publish

WRITTEN = "a question counts what was written to it, and its member asked first"
ENDS = "a question that is answered ends with the shop's words, one that waits with its member's"
SHOWN = "a question everybody reads has been answered by the shop"
COUNTED = "an item counts the questions that everybody reads"
FOLLOWED = "a question counts as followed up when its member wrote after an answer"


def found():
    with reading():
        both = [*consultation.checks(), *question_checks()]
        return [check.name for check in both if execute(check.breaks).first()]


@pytest.fixture
def asked(stage, mei, mug):
    """Mei's question 1, answered, published and followed up; 2, answered; 3, which waits."""
    rows = [ask(stage, mei, mug, key=f"form-{number}") for number in range(3)]
    answer(rows[0])
    follow_up(stage, rows[0])
    publish(rows[0])
    answer(rows[1])
    return rows


def test_questions_as_they_are_written_break_nothing(asked):
    assert found() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ("UPDATE question SET revision = 4 WHERE id = 3", [WRITTEN, ENDS]),
        ("DELETE FROM question_message WHERE question_id = 3", [WRITTEN, ENDS]),
        ("UPDATE question_message SET side = 'shop' WHERE question_id = 3", [WRITTEN, ENDS]),
        ("UPDATE question SET state = 'answered', waits_since = NULL WHERE id = 3", [ENDS]),
        ("UPDATE question SET state = 'waiting', waits_since = asked_at WHERE id = 2", [ENDS]),
        ("UPDATE question_message SET side = 'member' WHERE question_id = 2", [ENDS]),
        ("UPDATE question_message SET side = 'member' WHERE question_id = 1", [SHOWN, FOLLOWED]),
        ("UPDATE product SET question_count = 2", [COUNTED]),
        ("UPDATE question SET published_at = NULL, published_by = NULL", [COUNTED]),
        ("UPDATE fact SET key = 'question:2:followed_up' WHERE kind = 'question_followed_up'", [FOLLOWED]),
        ("UPDATE fact SET key = 'question:77:followed_up' WHERE kind = 'question_followed_up'", [FOLLOWED]),
        ("UPDATE fact SET member_id = {tom} WHERE kind = 'question_followed_up'", [FOLLOWED]),
    ],
)
def test_what_is_changed_alone_is_named(stage, tom, asked, changed, broken):
    with transaction():
        for (guard,) in execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            execute(text(f'DROP TRIGGER "{guard}"'))
        execute(text(changed.format(tom=tom)))

    assert found() == broken
