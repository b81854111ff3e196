"""What an invitation is worth was given a day after it was due, and as its task says."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, text, update

from mall.base.db import execute, reading, transaction
from mall.domain import earning, notices, people, programme
from tests.domain.earning.test_invitations import KEPT, buy, invite, move_in, reward
from tests.domain.ledger.test_proof import lower_the_guards
from tests.stage import NOON, open_shop

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
DUE = "as of the last round invitations are rewarded a day after what they are for"
PAID = "a stage of an invitation was paid what its task says, unless a cap was reached"
TASKS = [
    {"key": "friend_joined", "points": 20, "growth": 0, "per_month": 2, "active": True},
    {"key": "friend_bought", "points": 300, "growth": 5, "least_cents": 1_000, "active": True},
]


@pytest.fixture
def stage(either):
    return open_shop(tasks=TASKS)


@pytest.fixture
def mei(stage):
    return stage.member("mei")


def broken():
    with reading():
        return [check.name for check in earning.checks() if execute(check.breaks).first()]


def round_done(*instants):
    """Let the outbox say that the round which rewards invitations was done."""
    for at in instants:
        with transaction():
            key = f"invitations.reward:1m:{int(at.timestamp()) // 60}"
            notices.later("invitations.reward", {}, key=key, at=at)
            execute(update(notices.Notice).where(notices.Notice.sent_at.is_(None)).values(sent_at=at + MINUTE))


def keep(stage, friend, cents=1_590, at=KEPT):
    order = buy(stage, friend, cents)
    assert stage.close(order, at=at)
    return order


def test_who_is_rewarded_by_a_round_is_sound(stage, mei):
    lin = invite(stage, mei, "lin")
    keep(stage, lin)
    assert reward(stage, KEPT + MINUTE) == [("friend_joined", 20), ("friend_bought", 300)]
    round_done(KEPT + 2 * MINUTE, KEPT + 2 * DAY)
    assert broken() == []


@pytest.mark.breaks_the_books
def test_the_proof_finds_whom_no_round_rewarded_for_who_joined(stage, mei):
    invite(stage, mei, "lin")
    round_done(NOON + MINUTE, NOON + DAY)
    assert broken() == []  # The round a day before may have begun too early.
    round_done(NOON + 2 * DAY)
    assert broken() == [DUE]
    reward(stage, NOON + 2 * DAY)
    assert broken() == []


@pytest.mark.breaks_the_books
def test_the_proof_finds_whom_no_round_rewarded_for_what_a_friend_keeps(stage, mei):
    lin = invite(stage, mei, "lin")
    reward(stage)
    keep(stage, lin)
    round_done(KEPT, KEPT + DAY)
    assert broken() == []
    round_done(KEPT + MINUTE, KEPT + DAY + MINUTE)
    assert broken() == [DUE]
    reward(stage, KEPT + 2 * DAY)
    assert broken() == []


def test_nothing_is_due_while_no_round_was_done_or_a_day_has_not_passed(stage, mei):
    lin = invite(stage, mei, "lin")
    keep(stage, lin)
    assert broken() == []
    round_done(KEPT + MINUTE, KEPT + DAY)
    assert broken() == []


@pytest.mark.parametrize("why", ["small", "returned", "unconfirmed", "suspect", "rejected", "frozen", "unfrozen"])
def test_what_is_not_due_is_sound(stage, mei, why):
    lin = invite(stage, mei, "lin", verified=why != "unconfirmed", same_browser=why in ("suspect", "rejected"))
    if why in ("small", "returned"):
        reward(stage)
        order = keep(stage, lin, 1_590 if why == "returned" else 900)
        if why == "returned":
            stage.refund(order, at=KEPT + MINUTE)
    if why == "rejected":
        with transaction():
            earning.decide_invitation(lin, accept=False, by="staff:1", reason="-", terms=stage.terms, at=NOON)
    if why in ("frozen", "unfrozen"):
        with transaction():
            people.freeze_member(mei, own_member_id=None, by="staff:1", reason="A ring", at=NOON)
    round_done(KEPT + DAY)
    if why == "unfrozen":
        with transaction():
            people.unfreeze_member(mei, own_member_id=None, by="staff:1", reason="None", at=KEPT + 2 * DAY)
    round_done(KEPT + 2 * DAY + MINUTE)
    assert broken() == []


@pytest.mark.breaks_the_books
def test_who_is_unfrozen_is_owed_a_day_later_and_who_is_accepted_too(stage, mei):
    lin, bo = invite(stage, mei, "lin", same_browser=True), invite(stage, mei, "bo")
    move_in(mei, "12 Mill Lane")
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="A ring", at=NOON)
    with transaction():
        earning.decide_invitation(lin, accept=True, by="staff:1", reason="Looked", terms=stage.terms, at=NOON)
    with transaction():
        people.unfreeze_member(mei, own_member_id=None, by="staff:1", reason="None", at=NOON + DAY)
    round_done(NOON + DAY, NOON + 2 * DAY)
    assert broken() == []
    round_done(NOON + DAY + MINUTE, NOON + 2 * DAY + MINUTE)
    assert broken() == [DUE]
    assert bo > lin


@pytest.mark.breaks_the_books
def test_what_a_new_programme_makes_due_is_due_a_day_after_it_began(stage, mei):
    lin = invite(stage, mei, "lin")
    reward(stage)
    keep(stage, lin, 900)
    round_done(KEPT + MINUTE, KEPT + 2 * DAY)
    assert broken() == []
    begins = KEPT + 3 * DAY
    with transaction():
        settings = programme.settings_of(stage.terms) | {"tasks": [TASKS[0], TASKS[1] | {"least_cents": 500}]}
        draft = programme.draft(settings, based_on=1, effective_from=begins, by="staff:1", at=KEPT, reason="Less")
    with transaction():
        programme.approve(draft, by="staff:2", at=KEPT, other_approvers=1)
    round_done(begins - MINUTE, begins + DAY)
    assert broken() == []
    round_done(begins + 2 * DAY)
    assert broken() == [DUE]


def unpaid(member_id, friend, kind, at, **attributes):
    """Write down that a stage was reached, and pay nothing for it."""
    with transaction():
        execute(
            insert(earning.FactRow).values(
                kind=kind, member_id=member_id, reference=f"invitation:{friend}", cents=0,
                key=f"invitation:{friend}:{kind.removeprefix('friend_')}",
                attributes={"friend": friend} | attributes, at=at,
            )
        )  # fmt: skip


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_stage_that_was_reached_and_never_paid(stage, mei):
    lin = invite(stage, mei, "lin")
    unpaid(mei, lin, "friend_joined", NOON + DAY)
    assert broken() == [PAID]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_reward_for_what_a_friend_keeps_that_is_gone(stage, mei):
    lin = invite(stage, mei, "lin")
    order = keep(stage, lin)
    reward(stage, KEPT + MINUTE)
    assert broken() == []
    with transaction():
        lower_the_guards()
        execute(text("UPDATE task_reward SET task = 'friend_joined' WHERE task = 'friend_bought'"))
    assert PAID in broken()
    assert order.id


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("task", "found"),
    [
        ({"active": False}, []),
        ({"from_rank": 2}, []),
        ({"begins_on": "2026-03-04"}, []),
        ({"ends_on": "2026-03-01"}, []),
        ({"begins_on": "2026-02-01", "ends_on": "2026-04-30"}, [PAID]),
        ({"in_all": 1}, []),
        ({"per_day": 1}, []),
        ({"in_all": 2}, [PAID]),
        ({"per_month": 1}, []),
    ],
    ids=str,
)
def test_a_stage_is_unpaid_where_its_task_was_not_paid_then_or_a_cap_was_reached(either, task, found):
    stage = open_shop(tasks=[TASKS[0] | {"per_month": None} | task])
    mei = stage.member("mei")
    lin, bo = invite(stage, mei, "lin"), invite(stage, mei, "bo")
    with transaction():
        earning.reward_invitation(lin, terms=stage.terms, at=NOON + MINUTE)
    unpaid(mei, bo, "friend_joined", NOON + DAY / 2)
    assert broken() == found


def test_beyond_its_cap_a_stage_is_reached_and_not_paid(stage, mei):
    for name in ("lin", "bo", "ann"):
        invite(stage, mei, name)
    assert reward(stage, NOON + MINUTE) == [("friend_joined", 20)] * 2
    assert broken() == []
