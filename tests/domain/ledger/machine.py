"""Random lives of a few members, each step done to the model and to the real ledger."""

import os
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from .stages import Stage
from .world import World

# `make soak` sets SOAK=50: so many times as long, and never the same twice.
SOAK = int(os.environ.get("SOAK", "1"))

picks = st.integers(0, 30)
points = st.integers(0, 30)
some_points = st.integers(1, 30)
days = st.sampled_from([0, 1, 5, 6, 7, 8, 29, 31, 365])
percents = st.sampled_from([0, 0, 25, 50, 90, 100])
MOST_MEMBERS = 3


def short(examples: int, *, steps: int = 30, **more) -> settings:
    """Return settings: so many examples of so many steps, the same ones every time unless soaking."""
    return settings(
        max_examples=examples * SOAK,
        stateful_step_count=steps,
        derandomize=SOAK == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


class LedgerMachine(RuleBasedStateMachine):
    """The rules by which a life goes on. Compound rules go where single steps seldom come: debt, children."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.world = World(stage)

    def teardown(self) -> None:
        self.world.prove()

    # Whom and what a rule is about.

    def member(self, pick: int) -> int:
        return pick % len(self.world.members)

    def hold_of(self, pick: int) -> str:
        return list(self.world.model.holds)[-1 - pick % len(self.world.model.holds)]

    def order_that_spent(self, pick: int) -> str:
        return list(self.world.model.spent)[-1 - pick % len(self.world.model.spent)]

    def orders_that_earned(self) -> list[str]:
        return list(dict.fromkeys(lot.reference for lot in self.world.model.lots if lot.reference))

    def ready(self, member: int) -> int:
        return self.world.model.ready(member, self.world.at)

    # Single steps.

    @initialize()
    def first_member(self) -> None:
        self.world.register()

    @precondition(lambda self: len(self.world.members) < MOST_MEMBERS)
    @rule()
    def register(self) -> None:
        self.world.register()

    @rule(pick=picks, points=points, days=days)
    def earn(self, pick: int, points: int, days: int) -> None:
        self.world.earn(self.member(pick), points, days=days)

    @precondition(lambda self: self.orders_that_earned())
    @rule(pick=picks, points=some_points, days=days)
    def earn_by_another_rule(self, pick: int, points: int, days: int) -> None:
        orders = self.orders_that_earned()
        reference = orders[pick % len(orders)]
        member = next(lot.member for lot in self.world.model.lots if lot.reference == reference)
        self.world.earn(member, points, days=days, reference=reference)

    @rule(pick=picks, most=st.integers(1, 4))
    def unlock(self, pick: int, most: int) -> None:
        member = self.member(pick)
        lots = [lot for lot, _points in self.world.model.held_in("pending", member)]
        self.world.unlock(member, lots[:most])

    @precondition(lambda self: self.world.model.lots)
    @rule(pick=picks)
    def unlock_again_or_too_early(self, pick: int) -> None:
        """Unlock whatever lots, of which some may be unlocked, taken back, another member's."""
        self.world.unlock(self.member(pick), list(range(len(self.world.model.lots)))[: pick + 1])

    @rule(pick=picks, points=points)
    def hold(self, pick: int, points: int) -> None:
        self.world.hold(self.member(pick), points)

    @rule(pick=picks, points=points)
    def redeem(self, pick: int, points: int) -> None:
        self.world.redeem(self.member(pick), points)

    @precondition(lambda self: self.world.model.holds)
    @rule(pick=picks)
    def capture(self, pick: int) -> None:
        self.world.capture(self.hold_of(pick))

    @precondition(lambda self: self.world.model.holds)
    @rule(pick=picks)
    def release(self, pick: int) -> None:
        self.world.release(self.hold_of(pick))

    @precondition(lambda self: self.world.model.spent)
    @rule(pick=picks, points=points, shipped=st.booleans())
    def give_back(self, pick: int, points: int, shipped: bool) -> None:
        self.world.give_back(self.order_that_spent(pick), points, shipped=shipped)

    @precondition(lambda self: self.orders_that_earned())
    @rule(pick=picks, percent=percents)
    def take_back(self, pick: int, percent: int) -> None:
        orders = self.orders_that_earned()
        self.world.take_back(orders[-1 - pick % len(orders)], percent)

    @rule(pick=picks, points=points, days=days)
    def adjust_up(self, pick: int, points: int, days: int) -> None:
        self.world.adjust_up(self.member(pick), points, days=days)

    @rule(pick=picks, points=points)
    def adjust_down(self, pick: int, points: int) -> None:
        self.world.adjust_down(self.member(pick), points)

    @rule(pick=picks, cap=st.integers(0, 20))
    def forgive(self, pick: int, cap: int) -> None:
        self.world.forgive(self.member(pick), cap)

    @rule(hours=st.sampled_from([1, 24, 24 * 3, 24 * 8, 24 * 31]))
    def wait(self, hours: int) -> None:
        self.world.wait(timedelta(hours=hours))

    @precondition(lambda self: self.world.model.lots)
    @rule(pick=picks, over=st.booleans())
    def wait_for_the_end_of_a_lot(self, pick: int, over: bool) -> None:
        self.world.wait_for_the_end_of(pick % len(self.world.model.lots), over=over)

    @rule()
    def night(self) -> None:
        self.world.night()

    @precondition(lambda self: self.world.calls)
    @rule(pick=picks)
    def repeat(self, pick: int) -> None:
        self.world.repeat(pick)

    @precondition(lambda self: self.world.calls)
    @rule(pick=picks)
    def reuse(self, pick: int) -> None:
        self.world.reuse(pick)

    # Compound steps.

    def give(self, member: int, points: int, days: int) -> str:
        order = self.world.earn(member, points, days=days)
        self.world.unlock(member, [len(self.world.model.lots) - 1])
        return order

    @rule(pick=picks, points=some_points, days=days, captured=st.booleans())
    def owe_then_end_the_hold(self, pick: int, points: int, days: int, captured: bool) -> None:
        """Earn, hold everything, refund what earned it; then the hold is captured or released, to repay."""
        member = self.member(pick)
        order = self.give(member, points, days)
        if not (free := self.ready(member)):
            return
        held = self.world.hold(member, free)
        self.world.take_back(order, 0)
        if captured:
            self.world.capture(held)
        else:
            self.world.release(held)

    @rule(pick=picks, points=some_points, days=days)
    def owe_then_earn(self, pick: int, points: int, days: int) -> None:
        """Earn, spend, refund what earned it, and earn again."""
        member = self.member(pick)
        order = self.give(member, points, days)
        if free := self.ready(member):
            self.world.redeem(member, free)
        self.world.take_back(order, 0)
        self.give(member, points + 3, days)

    @rule(pick=picks, points=some_points, days=days, wait=st.sampled_from([1, 8]), again=st.booleans())
    def release_too_late(self, pick: int, points: int, days: int, wait: int, again: bool) -> None:
        """Hold past the last day, release to a child; and perhaps hold and release the child past its own."""
        member = self.member(pick)
        self.give(member, points, days)
        for _time in range(1 + again):
            if not (free := self.ready(member)):
                return
            held = self.world.hold(member, free)
            self.world.wait_for_the_end_of(len(self.world.model.lots) - 1, over=True)
            self.world.release(held)
            self.world.wait(timedelta(days=wait))

    @rule(pick=picks, points=some_points, days=days, shipped=st.booleans(), percent=percents)
    def return_too_late(self, pick: int, points: int, days: int, shipped: bool, percent: int) -> None:
        """Spend two lots, return a part after the last day of the first, and then what the lots had earned."""
        member = self.member(pick)
        orders = [self.give(member, points, days), self.give(member, points, days + 10)]
        if not (free := self.ready(member)):
            return
        spent = self.world.redeem(member, free)
        self.world.wait(timedelta(days=days + 1))
        self.world.give_back(spent, max(1, free // 2), shipped=shipped)
        self.world.take_back(orders[1], percent)

    @rule(pick=picks, points=st.integers(2, 30), days=days, percent=percents)
    def take_back_what_has_expired(self, pick: int, points: int, days: int, percent: int) -> None:
        """Spend a part of a lot, let the rest expire beside other points, and refund what earned it."""
        member = self.member(pick)
        order = self.give(member, points, days)
        self.give(member, points, days + 40)
        if self.ready(member) > 1:
            self.world.redeem(member, 1)
        self.world.wait(timedelta(days=days + 1))
        self.world.take_back(order, percent)
