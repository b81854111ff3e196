"""A form's key stands for what it said the first time: the same has the first answer, anything else is refused."""

from datetime import timedelta

import pytest

from mall.base.db import again, execute, reading, transaction
from mall.base.text import N_, say
from mall.domain import repeats
from mall.domain.repeats import sent as room
from tests.conftest import NOON
from tests.threads import errors, meeting, race

DONE = say(N_("It has been done with {points} points."), points=5)
SAYS = {"points": 5, "day": NOON.date(), "at": NOON, "parts": {2: 1, 1: 2}, "kinds": {"b", "a"}}


def form(key="k", by="staff:1", act="thing", **changed):
    return repeats.Sent(act, key, by, SAYS | changed)


def kept(sent, *, answer=None, at=NOON):
    with transaction():
        if (before := repeats.answer_to(sent)) is not None:
            return before
        repeats.keep(sent, done=DONE, at=at, answer=answer)
    return answer


def test_a_new_form_has_no_answer_and_the_same_again_has_the_first(either):
    assert kept(form(), answer=7) == 7
    assert kept(form(), answer=8, at=NOON + timedelta(days=1)) == 7


def test_the_order_of_what_it_says_does_not_matter(app):
    kept(form(), answer=7)
    turned = repeats.Sent("thing", "k", "staff:1", dict(reversed(SAYS.items())) | {"kinds": {"a", "b"}})
    assert kept(turned, answer=8) == 7


@pytest.mark.parametrize(
    "other",
    [
        {"points": 6},
        {"day": None},
        {"at": NOON + timedelta(seconds=1)},
        {"parts": {1: 2}},
        {"more": ""},
        {"by": "staff:2"},
    ],
    ids=str,
)
def test_anything_else_with_its_key_is_refused_in_the_words_of_what_was_done(app, other):
    kept(form(), answer=7)
    with pytest.raises(repeats.SentOtherwise, match="It has been done with 5 points"), transaction():
        repeats.refuse_other(form(**other))
    with pytest.raises(repeats.SentOtherwise):
        kept(form(**other), answer=8)
    with reading():
        (row,) = execute(repeats.SentForm.__table__.select()).all()
    assert row.answer == 7


def test_another_key_and_another_act_are_other_forms(app):
    kept(form(), answer=7)
    assert kept(form(key="l", points=6), answer=8) == 8
    assert kept(form(act="other", points=6), answer=9) == 9


def test_a_form_that_was_refused_may_be_sent_again_with_other_values(app):
    with pytest.raises(ZeroDivisionError), transaction():
        repeats.keep(form(), done=DONE, at=NOON, answer=7)
        1 / 0  # noqa: B018
    assert kept(form(points=6), answer=8) == 8


def at_once(app, keeping):
    """Let eight browsers send a form of one key at once, two by two with the same values."""
    jobs = [lambda n=n: again(lambda: keeping(form(points=n // 2), answer=n)) for n in range(8)]
    return race(app, jobs, threads=8, seconds=30)


@pytest.mark.concurrency
def test_of_many_at_once_one_is_done_the_same_have_its_answer_and_the_others_are_refused(postgres_app):
    outcomes = at_once(postgres_app, kept)

    refused = errors(outcomes)
    assert [type(each) for each in refused] == [repeats.SentOtherwise] * 6
    answers = [each for each in outcomes if not isinstance(each, BaseException)]
    assert len(answers) == 2 and len(set(answers)) == 1


@pytest.mark.concurrency
def test_without_the_key_of_the_table_more_than_one_is_done(postgres_app, monkeypatch):
    meet = meeting(8)
    monkeypatch.setattr(room.Sent, "key", property(lambda sent: f"{sent.form_key}:{sent.says['points']}"))

    def looking_first(sent, *, answer):
        with transaction():
            before = repeats.answer_to(sent)
            meet()
            if before is None:
                repeats.keep(sent, done=DONE, at=NOON, answer=answer)
        return answer

    at_once(postgres_app, looking_first)

    with reading():
        assert len(execute(repeats.SentForm.__table__.select()).all()) == 4
