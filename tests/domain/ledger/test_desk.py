"""Points adjusted by hand: one person up to the limit, two above it, nobody their own."""

import pytest

from mall.base.db import transaction
from mall.domain import approvals, ledger
from tests.stage import NOON, open_shop


@pytest.fixture
def stage(app):
    return open_shop()


@pytest.fixture
def lin(stage):
    return stage.member("lin")


def ask(stage, member_id, points, *, key="a", by="staff:1", reason="goodwill", own=None):
    with transaction():
        return ledger.ask_adjustment(
            member_id, points, reason=reason, document="T-1", key=key, own_member_id=own, terms=stage.terms, by=by,
            at=NOON,
        )  # fmt: skip


def approve(stage, asked, *, by="staff:2", own=None):
    with transaction():
        ledger.approve_adjustment(
            asked.request_id, own_member_id=own, other_approvers=1, terms=stage.terms, by=by, at=NOON
        )


def test_up_to_the_limit_one_person_is_enough(stage, lin):
    assert ask(stage, lin, 1_000).done
    assert stage.balances(lin).ready == 1_000


def test_pressed_twice_it_is_one_adjustment(stage, lin):
    ask(stage, lin, 1_000)
    ask(stage, lin, 1_000)

    assert stage.balances(lin).ready == 1_000


def test_above_the_limit_nothing_moves_until_another_approves(stage, lin):
    asked = ask(stage, lin, 1_001)

    assert not asked.done
    assert stage.balances(lin).ready == 0
    approve(stage, asked)
    assert stage.balances(lin).ready == 1_001


def test_sec_27_nobody_approves_their_own(stage, lin):
    asked = ask(stage, lin, 5_000)

    with pytest.raises(approvals.OwnRequest):
        approve(stage, asked, by="staff:1")
    assert stage.balances(lin).ready == 0


def test_approved_twice_it_happens_once(stage, lin):
    asked = ask(stage, lin, 5_000)
    approve(stage, asked)

    with pytest.raises(approvals.AlreadyDecided):
        approve(stage, asked)
    assert stage.balances(lin).ready == 5_000


def test_sec_27_the_sixth_of_a_day_needs_a_second_person(stage, lin):
    for number in range(5):
        assert ask(stage, lin, 10, key=f"k{number}").done

    assert not ask(stage, lin, 10, key="k5").done
    assert stage.balances(lin).ready == 50


def test_sec_27_nobody_adjusts_their_own_points(stage, lin):
    with pytest.raises(ledger.OwnPoints):
        ask(stage, lin, 10, own=lin)
    asked = ask(stage, lin, 5_000)
    with pytest.raises(ledger.OwnPoints):
        approve(stage, asked, own=lin)


def test_taking_more_than_there_is_is_refused(stage, lin):
    ask(stage, lin, 100)

    with pytest.raises(ledger.InsufficientPoints):
        ask(stage, lin, -101, key="b")
    assert stage.balances(lin).ready == 100


def test_a_reason_of_a_known_kind_is_needed(stage, lin):
    with pytest.raises(ledger.NoReason):
        ask(stage, lin, 10, reason="because")


def test_declined_nothing_moves(stage, lin):
    asked = ask(stage, lin, 5_000)
    with transaction():
        ledger.decline_adjustment(asked.request_id, reason="no", by="staff:2", at=NOON)

    assert stage.balances(lin).ready == 0
