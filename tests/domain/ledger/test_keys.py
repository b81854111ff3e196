"""A verb asked again answers the first time; the same key for something else is refused and changes nothing."""

from datetime import date

import pytest

from mall.domain import ledger

from .steps import (
    adjust_down,
    adjust_up,
    capture,
    earn,
    flow,
    give,
    give_back,
    hold,
    instant,
    positions,
    postings,
    purse,
    redeem,
    release,
    take_back,
    unlock,
)

LATER = instant("2026-03-05 08:00")


@pytest.fixture
def stocked(mei):
    """Mei with 100 points of one lot and 100 of another."""
    give(mei, 100, "order:1", last=date(2027, 3, 31))
    give(mei, 100, "order:2", last=date(2027, 4, 30))
    return mei


def asked_twice(verb, *args, **kwargs):
    """Ask for the same thing twice, later the second time; return what was answered first."""
    first = verb(*args, **kwargs)
    member = args[0]
    written = postings(member)
    assert verb(*args, **kwargs, at=LATER) == first
    assert postings(member) == written
    return first


def test_a_hold(stocked):
    assert len(asked_twice(hold, stocked, 150)) == 2


def test_a_redemption(stocked):
    assert len(asked_twice(redeem, stocked, 150)) == 2


def test_a_capture(stocked):
    hold(stocked, 150)
    assert len(asked_twice(capture, stocked)) == 2


def test_a_release(stocked):
    hold(stocked, 150)
    assert len(asked_twice(release, stocked)) == 2


def test_a_giving_back(stocked):
    redeem(stocked, 150)
    assert len(asked_twice(give_back, stocked, 120)) == 2


def test_a_giving_back_to_children_whose_lines_follow_from_it(mei):
    give(mei, 100, last=date(2026, 3, 8))
    redeem(mei, 100)

    lines = asked_twice(give_back, mei, 100, shipped=True)

    assert [line.kind for line in lines] == ["give_back", "renew"]


def test_a_taking_back(mei):
    lot = earn(mei, 100)
    assert len(asked_twice(take_back, mei, {lot: 30})) == 1


def test_an_adjustment_up(mei):
    assert len(asked_twice(adjust_up, mei, 50)) == 1
    assert purse(mei) == {"wallet": 50}


def test_an_adjustment_down(stocked):
    assert len(asked_twice(adjust_down, stocked, 150)) == 2


def test_a_hold_asked_again_after_it_ended_answers_the_first(stocked):
    first = hold(stocked, 150)
    release(stocked)

    assert hold(stocked, 150) == first
    assert purse(stocked) == {"wallet": 200}


def test_an_answer_includes_the_debt_it_repaid(mei):
    lot = give(mei, 100)
    hold(mei, 100)
    take_back(mei, {lot: 60})

    lines = asked_twice(release, mei)

    assert flow(lines) == [("release", "held", "wallet", lot, 100), ("repay", "wallet", "debt", lot, 40)]


def refused(verb, *args, **kwargs):
    """Ask for something else with a key in use; nothing may change."""
    member = args[0]
    written, there = postings(member), positions(member)
    with pytest.raises(ledger.KeyReused):
        verb(*args, **kwargs)
    assert (postings(member), positions(member)) == (written, there)


def test_other_points(stocked):
    hold(stocked, 50, "order:7")
    refused(hold, stocked, 51, "order:7")
    redeem(stocked, 50, "order:8")
    refused(redeem, stocked, 49, "order:8")
    give_back(stocked, 20, "order:8")
    refused(give_back, stocked, 21, "order:8")
    adjust_up(stocked, 20)
    refused(adjust_up, stocked, 10)


def test_another_member(stocked, tom):
    give(tom, 100, "order:3")
    hold(stocked, 50, "order:7")
    refused(hold, tom, 50, "order:7")
    adjust_up(stocked, 20)
    refused(adjust_up, tom, 20)


def test_another_reference(stocked):
    redeem(stocked, 50, "order:7")
    redeem(stocked, 50, "order:8")
    give_back(stocked, 20, "order:7", key="refund:1")
    refused(give_back, stocked, 20, "order:8", key="refund:1")


def test_another_kind(stocked):
    redeem(stocked, 50)
    give_back(stocked, 20, key="key")
    refused(adjust_up, stocked, 20, key="key", reference="order:7")


def test_up_is_not_down(stocked):
    adjust_up(stocked, 20)
    refused(adjust_down, stocked, 20)
    adjust_down(stocked, 20, key="adjustment:2", reference="adjustment:2")
    refused(adjust_up, stocked, 20, key="adjustment:2", reference="adjustment:2")


def test_a_released_hold_is_not_captured_nor_a_captured_one_released(stocked):
    hold(stocked, 50, "order:7")
    release(stocked, "order:7")
    refused(capture, stocked, "order:7")
    hold(stocked, 50, "order:8")
    capture(stocked, "order:8")
    refused(release, stocked, "order:8")


def test_an_order_that_holds_points_does_not_redeem_beside_the_hold(stocked):
    hold(stocked, 50, "order:7")
    refused(redeem, stocked, 50, "order:7")


def test_an_order_that_redeemed_does_not_hold_after_it(stocked):
    redeem(stocked, 50, "order:7")
    refused(hold, stocked, 50, "order:7")


def test_a_taking_back_of_other_amounts_or_lots(mei):
    one, other = earn(mei, 100, "order:1"), earn(mei, 100, "order:1", rule="campaign:1")
    take_back(mei, {one: 30, other: 100})
    refused(take_back, mei, {one: 31, other: 100})
    refused(take_back, mei, {one: 30, other: 99})
    refused(take_back, mei, {other: 30})


def test_a_taking_back_is_compared_with_the_books_as_they_were_before_it(mei):
    lot = give(mei, 100, last=date(2026, 3, 31))
    first = take_back(mei, {lot: 60})
    after = instant("2026-04-02 10:00")
    take_back(mei, {lot: 0}, key="refund:2", at=after)

    assert take_back(mei, {lot: 60}, at=after) == first


def test_unlocking_a_lot_is_its_own_key(mei):
    lot = earn(mei, 100)
    unlock(mei, lot)

    assert unlock(mei, lot) == []
    assert [row.move for row in postings(mei)] == ["order:1:order:earn", f"lot:{lot}:unlock"]
