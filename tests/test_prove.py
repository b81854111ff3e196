"""The proof finds what is broken, says where, and leaves with a status that a script can see."""

import json
from types import SimpleNamespace

import pytest
from sqlalchemy import Integer, func, select, text, union_all
from sqlalchemy import literal as value

from mall.base.db import execute, reading, transaction
from mall.base.proof import Check
from mall.domain.finance import proof_board as prove
from tests.cast import join, open_shop
from tests.conftest import NOON
from tests.sound import all_sound

SOUND = Check("nothing is wrong", select(value(1)).where(value(1) == 2))
BROKEN = Check(
    "something is wrong",
    union_all(*[select(value(number, Integer).label("lot")) for number in range(1, 9)]).subquery().select(),
)

UNANSWERED = Check("nobody knows", select(func.no_such_function(1)))


@pytest.fixture
def offered(monkeypatch):
    """Let the rooms offer these checks and no others."""

    def offer(*checks: Check) -> None:
        monkeypatch.setattr(
            prove, "ROOMS", (SimpleNamespace(__name__="mall.domain.made_up", checks=lambda: list(checks)),)
        )

    return offer


def test_what_holds_is_sound(either, offered):
    offered(SOUND)

    (result,) = prove.prove()

    assert (result.name, result.ok, result.rows, result.examples) == ("nothing is wrong", True, 0, [])
    assert result.microseconds >= 0


def test_what_is_broken_is_counted_and_shown(either, offered):
    offered(SOUND, BROKEN)

    _sound, broken = prove.prove()

    assert (broken.ok, broken.rows) == (False, 8)
    assert [example["lot"] for example in broken.examples] == [1, 2, 3, 4, 5]


def test_what_the_database_does_not_answer_is_not_known_and_stops_no_other(either, offered):
    offered(UNANSWERED, SOUND)

    unknown, sound = prove.prove()

    assert (unknown.ok, unknown.known, unknown.rows) == (False, False, 0)
    assert (sound.ok, sound.known) == (True, True)
    kept = prove.run_proof(by="system", at=NOON)
    assert not kept.ok
    with reading():
        assert prove.last_proof() == kept


def test_the_command_says_what_is_not_known(app, offered):
    open_shop(at=NOON)
    offered(SOUND, UNANSWERED)

    answer = app.test_cli_runner().invoke(args=["prove"])

    assert answer.exit_code == 1
    assert "2 checks, 1 not known: the database gave no answer" in answer.stdout


def test_the_command_answers_for_a_machine(app, offered):
    open_shop(at=NOON)
    offered(SOUND, BROKEN)

    answer = app.test_cli_runner().invoke(args=["prove", "--json"])

    assert answer.exit_code == 1
    said = json.loads(answer.stdout)
    assert said["ok"] is False
    assert [(check["name"], check["ok"], check["rows"]) for check in said["checks"]] == [
        ("nothing is wrong", True, 0),
        ("something is wrong", False, 8),
    ]
    assert all(set(check) == {"name", "ok", "known", "rows", "seconds"} for check in said["checks"])


def test_the_command_answers_for_a_person(app, offered):
    open_shop(at=NOON)
    offered(BROKEN)
    broken = app.test_cli_runner().invoke(args=["prove"])
    offered(SOUND)
    sound = app.test_cli_runner().invoke(args=["prove"])

    assert (broken.exit_code, sound.exit_code) == (1, 0)
    assert "BROKEN" in broken.stdout and "{'lot': 1}" in broken.stdout and "1 checks, 1 broken" in broken.stdout
    assert "nothing is wrong" in sound.stdout and "1 checks, all sound" in sound.stdout


def test_an_empty_mall_is_sound(either):
    assert [result for result in prove.prove() if not result.ok] == []


@pytest.mark.breaks_the_books
def test_the_proof_after_each_test_sees_what_is_broken(either):
    terms = open_shop(at=NOON)
    member_id = join("mei", at=NOON, terms=terms)
    assert all_sound()

    with transaction():
        execute(text("UPDATE purse SET wallet = wallet + 1 WHERE member_id = :id"), {"id": member_id})

    assert not all_sound()
