"""A member asks before buying, the shop answers, the member writes again; closed, it is over. Each once."""

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.base.errors import NotFound
from mall.domain import audit, catalogue, consultation, earning, notices, people
from tests.domain.consultation.asked import (
    ANSWER,
    WORDS,
    answer,
    ask,
    close,
    follow_up,
    now,
    publish,
    said,
    withdraw,
)
from tests.stage import NOON


def told(member_id):
    """Return the kinds of notices about questions a member got, the first first."""
    with reading():
        rows = execute(notices.Notice.__table__.select().order_by(notices.Notice.id)).all()
    return [row.kind for row in rows if row.member_id == member_id and row.kind.startswith("question_")]


def shown(mug):
    with reading():
        count = select(catalogue.Product.question_count).where(catalogue.Product.id == mug.product_id)
        rows = consultation.published_questions(mug.product_id, limit=10)
        return execute(count).scalar_one(), [(row.shown_question, row.shown_answer) for row in rows]


def test_a_question_waits_until_it_is_answered_and_its_member_is_told_once(stage, mei, mug):
    row = ask(stage, mei, mug)
    assert (row.state, row.waits_since) == (consultation.WAITING, NOON)

    for _press in range(2):
        answer(row, key="one")
    assert (now(row).state, now(row).waits_since) == (consultation.ANSWERED, None)
    assert said(row) == [("member", WORDS), ("shop", ANSWER)]
    assert told(mei) == ["question_answered"]
    with reading():
        assert len(audit.entries(act="question.answered")) == 1


def test_sent_twice_by_one_form_it_is_asked_once(stage, mei, mug):
    first, again = (ask(stage, mei, mug, key="form-1") for _press in range(2))
    assert first.id == again.id
    assert ask(stage, mei, mug, key="form-2").id != first.id


@pytest.mark.parametrize(
    ("words", "refusal"),
    [("  hm ", consultation.TooShort), ("x" * 501, consultation.TooLong), ("", consultation.TooShort)],
)
def test_a_question_has_some_words_and_not_too_many(stage, mei, mug, words, refusal):
    with pytest.raises(refusal):
        ask(stage, mei, mug, words)


def test_a_member_has_five_questions_waiting_at_most(stage, mei, mug):
    rows = [ask(stage, mei, mug, key=f"form-{number}") for number in range(consultation.MOST_WAITING)]
    with pytest.raises(consultation.TooManyQuestions):
        ask(stage, mei, mug, key="one-more")
    answer(rows[0])
    assert ask(stage, mei, mug, key="one-more").state == consultation.WAITING


def test_a_frozen_member_neither_asks_nor_follows_up(stage, mei, mug):
    row = ask(stage, mei, mug)
    answer(row)
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="Asked for it", at=NOON)
    with pytest.raises(consultation.MayNotAsk, match="frozen"):
        ask(stage, mei, mug, key="another")
    with pytest.raises(consultation.MayNotAsk, match="frozen"):
        follow_up(stage, row)


def test_another_s_question_is_not_there_to_follow_up(stage, mei, tom, mug):
    row = ask(stage, mei, mug)
    with pytest.raises(NotFound):
        follow_up(stage, row, by=tom)


def test_followed_up_it_waits_again_and_what_is_still_unanswered_waits_as_long_as_before(stage, mei, mug):
    row = ask(stage, mei, mug)
    follow_up(stage, row, "I mean the big one.", at=NOON.replace(hour=13))
    assert now(row).waits_since == NOON
    answer(row)
    follow_up(stage, row, at=NOON.replace(hour=15))
    assert (now(row).state, now(row).waits_since) == (consultation.WAITING, NOON.replace(hour=15))


def test_two_who_answer_at_once_the_second_is_told(stage, mei, mug):
    row = ask(stage, mei, mug)
    answer(row, "Yes.", revision=1)
    with pytest.raises(consultation.WrittenMeanwhile):
        answer(row, "No.", revision=1)
    assert said(row)[1:] == [("shop", "Yes.")]
    answer(row, "More precisely: half an hour.", revision=2)


def test_what_its_member_wrote_meanwhile_is_read_before_it_is_answered(stage, mei, mug):
    row = ask(stage, mei, mug)
    follow_up(stage, row)
    with pytest.raises(consultation.WrittenMeanwhile):
        answer(row, revision=1)
    with pytest.raises(consultation.WrittenMeanwhile):
        close(row, revision=1)


def test_it_is_closed_with_a_reason_and_then_over(stage, mei, mug):
    row = ask(stage, mei, mug)
    with pytest.raises(consultation.NoClosingReason):
        close(row, " ")
    for _press in range(2):
        close(row)
    assert (now(row).state, now(row).close_reason) == (consultation.CLOSED, "It is no longer made.")
    assert told(mei) == ["question_closed"]
    with pytest.raises(consultation.QuestionClosed):
        follow_up(stage, row)
    with pytest.raises(consultation.ClosedMeanwhile):
        answer(row)


def test_only_what_is_answered_is_shown_to_everybody_as_the_desk_words_it(stage, mei, mug):
    row = ask(stage, mei, mug)
    with pytest.raises(consultation.NothingToShow):
        publish(row)
    answer(row)
    with pytest.raises(consultation.NoWords):
        publish(row, " ")
    for _press in range(2):
        publish(row, "Does it keep warm?", "For half an hour.")
    assert shown(mug) == (1, [("Does it keep warm?", "For half an hour.")])
    publish(row, "How long does it keep warm?", "For half an hour.")
    assert shown(mug) == (1, [("How long does it keep warm?", "For half an hour.")])

    for _press in range(2):
        withdraw(row)
    assert shown(mug) == (0, [])
    publish(row)
    assert shown(mug) == (1, [(WORDS, ANSWER)])


def paid(member_id):
    reward = earning.TaskReward.__table__
    with reading():
        rows = execute(reward.select().where(reward.c.member_id == member_id, reward.c.task == "follow_up"))
        return [(row.points, row.growth) for row in rows]


def test_following_up_a_question_is_paid_after_an_answer_only_and_once_a_question(stage, mei, mug):
    row = ask(stage, mei, mug)
    assert follow_up(stage, row, "Still there?") == ()
    answer(row)
    follow_up(stage, row, "Thank you. And the lid?")
    answer(row, "There is one.")
    follow_up(stage, row, "And its colour?")
    follow_up(stage, row, "And its colour?")
    assert paid(mei) == [(5, 1)]


def test_following_up_many_questions_is_paid_once_a_day(stage, mei, mug):
    for number in range(3):
        row = ask(stage, mei, mug, key=f"form-{number}")
        answer(row)
        follow_up(stage, row)
    assert paid(mei) == [(5, 1)]


def test_replies_are_kept_renamed_and_switched_off(app, stage):
    with transaction():
        reply = consultation.make_reply({"en": "Sizes", "zh": " "}, {"en": "See the table."}, by="staff:1", at=NOON)
    with transaction():
        with pytest.raises(consultation.EmptyReply):
            consultation.make_reply({"en": ""}, {"en": "x"}, by="staff:1", at=NOON)
        for _press in range(2):
            consultation.change_reply(
                reply, {"en": "Size"}, {"en": "See the table.", "zh": "见表格。"}, active=False, by="staff:1", at=NOON
            )
    with reading():
        assert consultation.canned_replies(offered=True) == []
        (row,) = consultation.canned_replies()
        assert (row.name, row.words["zh"]) == ({"en": "Size"}, "见表格。")
        assert len(audit.entries(act="canned_reply.changed")) == 1
