"""With any one rule taken away, the random lives go wrong and say so: they would notice if the rule were forgotten."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from mall.domain.ledger import adjustments, arrivals, earnings, giving_back, holds, postings, taking_back
from mall.domain.ledger.giving_back import Spent
from mall.domain.ledger.taking_back import EarnedLot

from .machine import LedgerMachine, short

Patch = Callable[..., None]


def debt_is_not_repaid(put: Patch) -> None:
    def into_wallet(move, arriving, *, owed):
        return original(move, arriving, owed=0)

    original = arrivals.into_wallet
    put(earnings, "into_wallet", into_wallet)
    put(adjustments, "into_wallet", into_wallet)


def debt_is_not_repaid_by_what_comes_back(put: Patch) -> None:
    original = arrivals._after_arrival
    put(arrivals, "_after_arrival", lambda move, arriving, *, owed: original(move, arriving, owed=0))


def debt_is_repaid_by_the_last_to_expire(put: Patch) -> None:
    put(arrivals, "sorted", lambda parts, key: sorted(parts, key=key, reverse=True))


def what_is_past_is_taken_back_before_it_expires(put: Patch) -> None:
    put(taking_back, "expire", lambda purse, at: [])


def what_has_expired_is_taken_again(put: Patch) -> None:
    def to_take(earned: Sequence[EarnedLot], keep_points: Mapping[int, int]):
        return original([replace(lot, expired=0) for lot in earned], keep_points)

    original = taking_back.to_take
    put(taking_back, "to_take", to_take)


def what_was_taken_back_is_taken_again(put: Patch) -> None:
    def to_take(earned: Sequence[EarnedLot], keep_points: Mapping[int, int]):
        return original([replace(lot, taken_back=0) for lot in earned], keep_points)

    original = taking_back.to_take
    put(taking_back, "to_take", to_take)


def points_come_back_first_drawn_first(put: Patch) -> None:
    original = giving_back.last_drawn_first
    put(giving_back, "last_drawn_first", lambda spent, points: original(list(reversed(spent)), points))


def more_comes_back_than_was_spent(put: Patch) -> None:
    def last_drawn_first(spent: Sequence[Spent], points: int) -> list[tuple[Spent, int]]:
        return [(spent[-1], points)]

    put(giving_back, "last_drawn_first", last_drawn_first)


def a_child_has_a_child(put: Patch) -> None:
    original = arrivals.gets_child
    put(arrivals, "gets_child", lambda arrival, *, before: original(replace(arrival, parent_id=None), before=before))


def nothing_gets_a_child(put: Patch) -> None:
    put(arrivals, "gets_child", lambda arrival, *, before: False)


def a_child_lasts_longer(put: Patch) -> None:
    put(holds, "DAYS_AFTER_RELEASE", 30)


def a_return_adds_no_days(put: Patch) -> None:
    put(giving_back, "DAYS_AFTER_RETURN", 7)


def what_is_past_can_be_spent(put: Patch) -> None:
    def spendable_lots(purse, *, at):
        return original(purse, at=at.replace(year=2000))

    original = holds.spendable_lots
    put(holds, "spendable_lots", spendable_lots)


def the_last_to_expire_pays_first(put: Patch) -> None:
    original = holds.draw

    def draw(open_lots, points):
        original(open_lots, points)
        drawn = []
        for lot in reversed(open_lots):
            taken = min(lot.points, points)
            points -= taken
            if taken:
                drawn.append((lot, taken))
        return drawn

    put(holds, "draw", draw)


def a_key_is_not_looked_up(put: Patch) -> None:
    for room in (adjustments, earnings, holds, giving_back, taking_back):
        put(room, "recorded", lambda move, **more: [])


def a_key_may_stand_for_something_else(put: Patch) -> None:
    def recorded(move, **more):
        return postings.recorded(move)

    for room in (adjustments, earnings, holds, giving_back, taking_back):
        put(room, "recorded", recorded)


MUTANTS = [
    debt_is_not_repaid,
    debt_is_not_repaid_by_what_comes_back,
    debt_is_repaid_by_the_last_to_expire,
    what_is_past_is_taken_back_before_it_expires,
    what_has_expired_is_taken_again,
    what_was_taken_back_is_taken_again,
    points_come_back_first_drawn_first,
    more_comes_back_than_was_spent,
    a_child_has_a_child,
    nothing_gets_a_child,
    a_child_lasts_longer,
    a_return_adds_no_days,
    what_is_past_can_be_spent,
    the_last_to_expire_pays_first,
    a_key_is_not_looked_up,
    a_key_may_stand_for_something_else,
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_it_is_noticed(sqlite_stage, monkeypatch, mutant):
    mutant(lambda room, name, value: monkeypatch.setattr(room, name, value, raising=name != "sorted"))

    # The books, the model, or the database's own CHECKs notice.
    with sqlite_stage.app.app_context(), pytest.raises((AssertionError, IntegrityError)):
        run_state_machine_as_test(
            lambda: LedgerMachine(sqlite_stage),
            settings=short(60, phases=[Phase.generate], report_multiple_bugs=False),
        )
