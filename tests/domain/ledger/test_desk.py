"""Points adjusted by hand: one person up to the limit, two above it, nobody their own."""

import pytest

from mall.base.db import reading, transaction
from mall.domain import approvals, audit, ledger, repeats
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

    approve(stage, asked)
    with pytest.raises(approvals.AlreadyDecided):
        approve(stage, asked, by="staff:3")
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


def entries(act):
    with reading():
        return audit.entries(act=act)


def test_pressed_twice_it_is_written_down_once(stage, lin):
    first, second = ask(stage, lin, 1_000), ask(stage, lin, 1_000)

    assert first == second == ledger.Asked(None)
    assert len(entries("points.adjustment")) == 1


def test_a_request_pressed_twice_is_one_request(stage, lin):
    first, second = ask(stage, lin, 1_001), ask(stage, lin, 1_001)

    assert first == second
    assert len(entries("points.adjustment.asked")) == 1


OTHERWISE = [{"points": 11}, {"points": -10}, {"points": 1_500}, {"reason": "misuse"}, {"by": "staff:2"}]


@pytest.mark.parametrize("points", [10, 5_000])
@pytest.mark.parametrize("changed", OTHERWISE, ids=str)
def test_another_adjustment_with_the_same_key_is_refused(stage, lin, points, changed):
    ask(stage, lin, points)

    with pytest.raises(repeats.SentOtherwise, match=r"This form was sent before: .*Nothing more was done"):
        ask(stage, lin, **{"points": points} | changed)

    assert stage.balances(lin).ready == (10 if points == 10 else 0)


@pytest.mark.parametrize(("first", "second"), [(10, 10), (10, 5_000), (5_000, 5_000), (5_000, 10)])
def test_the_same_key_for_another_member_is_refused(stage, lin, first, second):
    other = stage.member("tom")
    ask(stage, lin, first)

    with pytest.raises(repeats.SentOtherwise):
        ask(stage, other, second)

    assert stage.balances(other).ready == 0


def test_pressed_again_after_it_was_approved_it_is_done(stage, lin):
    approve(stage, ask(stage, lin, 5_000))

    assert ask(stage, lin, 5_000).done
    assert stage.balances(lin).ready == 5_000


def test_pressed_again_after_it_was_declined_says_so(stage, lin):
    asked = ask(stage, lin, 5_000)
    with transaction():
        ledger.decline_adjustment(asked.request_id, reason="no", by="staff:2", at=NOON)

    with pytest.raises(ledger.AlreadyDeclined, match="has declined"):
        ask(stage, lin, 5_000)


def test_pressed_again_on_a_full_day_it_is_still_the_one_that_was_done(stage, lin):
    for number in range(5):
        ask(stage, lin, 10, key=f"k{number}")

    assert ask(stage, lin, 10, key="k4").done
    assert stage.balances(lin).ready == 50


def test_sec_27_the_limit_of_a_day_counts_over_all_members_and_is_each_persons_own(stage, lin):
    others = [stage.member(f"member{number}") for number in range(5)]
    for number, member in enumerate(others):
        assert ask(stage, member, 10, key=f"k{number}").done

    assert not ask(stage, lin, 10, key="k5").done
    assert ask(stage, lin, 10, key="k6", by="staff:2").done


def test_what_was_refused_does_not_count_for_the_day(stage, lin):
    for number in range(6):
        with pytest.raises(ledger.InsufficientPoints):
            ask(stage, lin, -10, key=f"k{number}")

    assert ask(stage, lin, 10, key="k6").done
