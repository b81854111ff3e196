"""An invitation rewarded many times at once is rewarded once: the inviter's purse lets one in at a time."""

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.domain import earning, ledger, people
from mall.domain.earning import invitation_rewards as room
from mall.domain.ledger import purses
from tests.concurrency.test_purse import unlocked
from tests.stage import NOON, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 8


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop(tasks=[{"key": "friend_joined", "points": 20, "growth": 0, "per_month": 2}])


def friend_of(stage: Stage, inviter: int, name: str) -> int:
    with transaction():
        code = earning.make_code(inviter, at=NOON)
        friend = earning.sign_up(
            earning.Newcomer(
                email=people.read_email(f"{name}@example.com"), password=people.PasswordHash("-"), display_name=name,
                language="en", wants_news=False, verify_page="http://x/verify/", invited=earning.Invited(code),
            ),
            terms=stage.terms, at=NOON,
        )  # fmt: skip
    assert friend is not None
    stage.verify(friend)
    return friend


def rewarded_by_all(app: Flask, stage: Stage, friends: list[int]) -> list:
    def one(friend: int):
        def reward() -> tuple[earning.Reward, ...]:
            with transaction():
                return earning.reward_invitation(friend, terms=stage.terms, at=NOON)

        return reward

    return race(app, [one(friend) for friend in friends], threads=THREADS)


def points_of(member_id: int) -> int:
    with reading():
        return ledger.balances(member_id, at=NOON).ready


def test_one_friend_is_rewarded_once(postgres_app, stage):
    mei = stage.member("mei")
    friend = friend_of(stage, mei, "lin")

    outcomes = rewarded_by_all(postgres_app, stage, [friend] * THREADS)

    assert errors(outcomes) == []
    assert sum(len(each) for each in outcomes) == 1
    assert points_of(mei) == 20


def test_many_friends_at_once_do_not_pass_the_cap(postgres_app, stage):
    mei = stage.member("mei")
    friends = [friend_of(stage, mei, name) for name in ("lin", "bo", "an", "yu")]

    outcomes = rewarded_by_all(postgres_app, stage, friends)

    assert errors(outcomes) == []
    assert points_of(mei) == 40


@pytest.mark.breaks_the_books
def test_without_the_lock_the_cap_is_passed_or_the_others_see_a_bare_error(postgres_app, stage, monkeypatch):
    mei = stage.member("mei")
    friends = [friend_of(stage, mei, name) for name in ("lin", "bo", "an", "yu")]
    meet, did = meeting(len(friends)), room.did

    def give_together(*given, **named):
        meet()
        return did(*given, **named)

    monkeypatch.setattr(purses, "lock_many", unlocked)
    monkeypatch.setattr(room, "did", give_together)
    outcomes = rewarded_by_all(postgres_app, stage, friends)

    broken_on = {type(error.orig) for error in errors(outcomes) if isinstance(error, DBAPIError)}
    with reading():
        given = len(execute(earning.TaskReward.__table__.select()).all())
    assert given > 2 or broken_on & {psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation}
