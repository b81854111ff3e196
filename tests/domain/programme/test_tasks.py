"""Tasks are data of the programme: what is wrong with them is said in a sentence, and old versions have none."""

from datetime import date

import pytest

from mall.domain import programme
from mall.domain.programme import BadSetting, Task, settings_of, terms_of

MAY = date(2026, 5, 10)


def settings(**task):
    """The settings of a shop with one task, changed."""
    known = {"key": "check_in", "points": 10, "growth": 1, "per_day": 1}
    return programme.default_settings(shop_name="Tessera") | {"tasks": [known | task]}


def test_a_new_shop_pays_for_checking_in_but_not_for_a_mere_sign_up():
    terms = terms_of(1, programme.default_settings(shop_name="Tessera"))
    assert terms.task("check_in").active
    assert not terms.task("sign_up").active


def test_a_shop_that_was_set_up_before_there_were_tasks_has_none():
    old = programme.default_settings(shop_name="Tessera")
    del old["tasks"]
    assert terms_of(1, old).tasks == ()


def test_tasks_come_back_from_the_settings_they_make():
    terms = terms_of(1, settings(begins_on="2026-05-01", ends_on="2026-05-31", from_rank=3, per_month=5))
    assert terms_of(1, settings_of(terms)) == terms
    assert terms.task("check_in").begins_on == date(2026, 5, 1)


@pytest.mark.parametrize(
    ("task", "runs"),
    [
        (Task("check_in", 10, 1), True),
        (Task("check_in", 10, 1, active=False), False),
        (Task("check_in", 10, 1, begins_on=MAY), True),
        (Task("check_in", 10, 1, begins_on=date(2026, 5, 11)), False),
        (Task("check_in", 10, 1, ends_on=MAY), True),
        (Task("check_in", 10, 1, ends_on=date(2026, 5, 9)), False),
    ],
)
def test_a_task_runs_from_its_first_to_its_last_day_while_it_is_on(task, runs):
    assert task.runs_on(MAY) is runs


@pytest.mark.parametrize(
    ("task", "setting", "said"),
    [
        ({"key": "sneeze"}, "tasks", "There is no task sneeze"),
        ({"points": -1}, "tasks.check_in.points", "from 0 to 100000"),
        ({"points": 1.5}, "tasks.check_in.points", "must be a whole number"),
        ({"points": 2**63}, "tasks.check_in.points", "must be a whole number"),
        ({"points": True}, "tasks.check_in.points", "must be a whole number"),
        ({"growth": 10_001}, "tasks.check_in.growth", "from 0 to 10000"),
        ({"points": 0, "growth": 0}, "tasks.check_in", "gives nothing"),
        ({"per_day": 0}, "tasks.check_in.per_day", "or not given"),
        ({"per_month": "many"}, "tasks.check_in.per_month", "or not given"),
        ({"in_all": 1_001}, "tasks.check_in.in_all", "or not given"),
        ({"from_rank": 6}, "tasks.check_in.from_rank", "from 1 to 5"),
        ({"active": "yes"}, "tasks.check_in.active", "on (true) or off (false)"),
        ({"begins_on": "2026-05-02", "ends_on": "2026-05-01"}, "tasks.check_in.ends_on", "ends before it begins"),
        ({"begins_on": "soon"}, "settings", "cannot be read"),
        ({"colour": "red"}, "settings", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_task_is_said(task, setting, said):
    with pytest.raises(BadSetting, match=said.replace("(", r"\(").replace(")", r"\)")) as refused:
        terms_of(1, settings(**task))
    assert refused.value.setting == setting


def test_a_task_cannot_be_named_twice():
    both = settings()
    both["tasks"] *= 2
    with pytest.raises(BadSetting, match="A task is named twice"):
        terms_of(1, both)
