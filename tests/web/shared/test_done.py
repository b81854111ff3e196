"""What a form asks for is done whole or not at all, and once more when the database was busy."""

import sqlite3

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from mall.base.db import execute, in_transaction, reading
from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import people
from mall.web.shared.done import done_once
from tests.conftest import NOON


class No(Refusal):
    message = N_("No.")


def count() -> int:
    with reading():
        return execute(select(func.count()).select_from(people.Throttle)).scalar_one()


def test_the_verb_is_called_in_a_transaction_with_what_is_given_and_its_answer_returned(app):
    def verb(one, *, two):
        assert in_transaction()
        return one, two

    assert done_once(verb, 1, two=2) == (1, 2)
    assert not in_transaction()


def test_a_refusal_leaves_nothing_behind(app):
    def verb():
        people.count(people.VERIFY_AGAIN, "somebody", at=NOON)
        raise No()

    with pytest.raises(No):
        done_once(verb)

    assert count() == 0


def test_who_lost_a_race_is_called_again_and_writes_once(app):
    calls = []

    def verb():
        calls.append(1)
        people.count(people.VERIFY_AGAIN, "somebody", at=NOON)
        if len(calls) == 1:
            raise lost()

    done_once(verb)

    assert (len(calls), count()) == (2, 1)


def lost() -> Exception:
    return IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed: throttle.key"))
