"""Tasks are changed at the desk by a draft that another administrator approves; what is wrong stands at its field."""

import re

import pytest

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import programme
from tests import cast
from tests.stage import NOON
from tests.web.office.conftest import hire
from tests.web.store.till import words

PAGE = "/office/programme/drafts/tasks"


@pytest.fixture
def ada(app, stage):
    return cast.desk_of(app, cast.hire("ada", at=NOON))


@pytest.fixture
def bea(app, stage, ada):
    return cast.desk_of(app, hire("bea", "admin"))


def fields_of(page):
    """Return what the form on a page would send."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name = re.search(r'name="([^"]+)"', tag)
        if not name or ('type="checkbox"' in tag and "checked" not in tag):
            continue
        value = re.search(r'value="([^"]*)"', tag)
        found[name.group(1)] = value.group(1) if value else ""
    for name, inner in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option selected value="(\d+)"', inner)
        found[name] = chosen.group(1) if chosen else "1"
    return found


def draft(desk, **changes):
    data = fields_of(desk.get(PAGE).text) | {"reason": "More for coming by"}
    data |= {name.replace("__", "-"): value for name, value in changes.items()}
    return desk.post(PAGE, data={name: value for name, value in data.items() if value is not None})


def newest():
    with reading():
        return programme.versions()[0].id


def drafted():
    with reading():
        return programme.version(newest())


def test_every_task_is_on_the_form_with_what_holds(ada):
    page = ada.get(PAGE).text
    fields = fields_of(page)
    assert all(f"{key}-points" in fields for key in programme.TASK_KEYS)
    assert fields["check_in-points"] == "10" and fields["check_in-per_day"] == "1"
    assert "sign_up-active" not in fields and fields["check_in-active"]


def test_a_change_is_drafted_shown_and_holds_once_approved(ada, bea):
    assert (
        draft(ada, check_in__points="15", check_in__per_month="20", friend_bought__least_cents="25.00").status_code
        == 303
    )
    page = words(ada.get("/office/programme").text)
    assert "Daily check-in 10 pts, 1 a day 15 pts, 1 a day, 20 a month" in page
    with reading():
        assert programme.current(now()).task("check_in").points == 10
    assert bea.post(f"/office/programme/drafts/{newest()}/approval").status_code == 303
    with reading():
        task = programme.current(now()).task("check_in")
        assert (task.points, task.per_month) == (15, 20)
        assert programme.current(now()).task("friend_bought").least_cents == 2_500


@pytest.mark.parametrize(("changes", "said"), [
    ({"check_in__points": "-1"}, "Choose from 0 to 100000."),
    ({"check_in__points": ""}, "Enter a whole number."),
    ({"check_in__points": "ten"}, "Write a whole number."),
    ({"check_in__points": "9" * 40}, "Choose from 0 to 100000."),
    ({"check_in__per_day": "0"}, "Choose from 1 to 1000."),
    ({"check_in__begins_on": "2026-05-01", "check_in__ends_on": "2026-04-01"}, "ends before it begins"),
    ({"check_in__begins_on": "soon"}, "Write the day like 1990-05-31."),
    ({"check_in__points": "0"}, "gives nothing"),
    ({"visit__points": "5"}, "gives growth, no points"),
    ({"check_in__from_rank": "99"}, "must be a whole number from 1 to 5"),
    ({"friend_bought__least_cents": "lots"}, "Write an amount like 15.90."),
    ({"reason": ""}, "Say why; it is kept with the version."),
])  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(ada, changes, said):
    before = newest()
    answer = draft(ada, birthday__points="77", **changes)
    assert answer.status_code == 422
    assert said in words(answer.text)
    assert fields_of(answer.text)["birthday-points"] == "77"
    assert newest() == before


def test_nothing_changed_is_no_draft(ada):
    answer = draft(ada)
    assert answer.status_code == 422 and "Nothing is changed yet" in words(answer.text)


def test_a_form_sent_twice_is_one_draft(ada):
    data = fields_of(ada.get(PAGE).text) | {"reason": "Twice", "check_in-points": "12"}
    before = newest()
    for _time in range(2):
        assert ada.post(PAGE, data=data).status_code == 303
    assert newest() == before + 1


def test_a_task_can_be_switched_on_and_off(ada):
    draft(ada, sign_up__active="y", check_in__active=None)
    assert drafted().task("sign_up").active is True
    assert drafted().task("check_in").active is False


def test_operators_do_not_draft(desk):
    assert desk.get(PAGE).status_code == 404
