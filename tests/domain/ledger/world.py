"""The model and the real ledger side by side: every step is done to both, and compared."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from mall.base.db import execute, reading
from mall.base.errors import Refusal
from mall.domain import ledger
from tests.conftest import NOON

from . import steps
from .model import Model, Refused
from .stages import Stage

RealCall = Callable[..., Any]

_lot, _position, _purse = ledger.Lot, ledger.Position, ledger.Purse
_POSTINGS = select(func.count()).select_from(ledger.Posting)
_LOTS = select(_lot.id, _lot.member_id, _lot.points, _lot.expires_on, _lot.parent_id).order_by(_lot.id)
_POSITIONS = select(_position.member_id, _position.place, _position.lot_id, _position.points)
_PURSES = select(_purse.member_id, _purse.wallet, _purse.pending, _purse.held, _purse.debt)


class World:
    """Some members, their lots and orders, a clock; numbers and names restart with every world.

    A real call takes the instant, and `other=True` to ask for something else with the same key.
    """

    def __init__(self, stage: Stage) -> None:
        stage.empty()
        self.model = Model()
        self.at = NOON
        self.members: list[int] = []
        self.lots: list[int] = []
        self.calls: list[tuple[RealCall, Any]] = []
        self.numbers = 0
        self.written = (0, 0)

    # How a step is done.

    def both(self, expected: Callable[[], None], real: RealCall, *, keyed: bool = True) -> None:
        """Do a step to the model and to the ledger: same refusal or same outcome; a refused step changes nothing.

        A step that is `keyed` and wrote something can be asked for again.
        """
        before = self.written
        answer, refusal = outcome_of(lambda: real(self.at))
        try:
            expected()
        except Refused as said:
            assert refusal == str(said), f"the model refuses: {said}; the ledger: {refusal}"
            self.compare()
            assert self.written == before, "a refused step left something"
            return
        assert refusal is None, f"the ledger refuses: {refusal}"
        self.compare()
        if keyed and answer:
            self.calls.append((real, answer))

    def repeat(self, pick: int) -> None:
        """Ask again for something done earlier: the same answer, and nothing changes."""
        real, answer = self.calls[pick % len(self.calls)]
        before = self.written
        assert outcome_of(lambda: real(self.at)) == (answer, None)
        self.compare()
        assert self.written == before

    def reuse(self, pick: int) -> None:
        """Ask for something else with a key in use: refused, and nothing changes."""
        real, _answer = self.calls[pick % len(self.calls)]
        before = self.written
        assert outcome_of(lambda: real(self.at, other=True)) == (None, "KeyReused")
        self.compare()
        assert self.written == before

    def compare(self) -> None:
        """Compare purses, positions, lots and what is ready, member by member; and count what was written."""
        model, number = self.model, {real: index for index, real in enumerate(self.members)}
        with reading():
            lots = execute(_LOTS).all()
            self.lots = [row.id for row in lots]
            self.written = (execute(_POSTINGS).scalar_one(), len(lots))
            index = {real: place for place, real in enumerate(self.lots)}
            assert [(number[row.member_id], row.points, row.expires_on, index.get(row.parent_id)) for row in lots] == [
                (each.member, each.points, each.last, each.parent) for each in model.lots
            ]
            assert {
                (number[row.member_id], row.place, index[row.lot_id]): row.points for row in execute(_POSITIONS)
            } == model.places
            assert {
                number[row.member_id]: (row.wallet, row.pending, row.held, row.debt) for row in execute(_PURSES)
            } == {
                member: (*(model.total(place, member) for place in ("wallet", "pending", "held")), -debt)
                for member, debt in model.debt.items()
            }
            for real, member in number.items():
                assert ledger.spendable(real, at=self.at) == model.ready(member, self.at)

    def prove(self) -> None:
        """Ask the whole proof."""
        assert steps.broken() == []

    # What can be done.

    def fresh(self, what: str) -> str:
        self.numbers += 1
        return f"{what}:{self.numbers}"

    def last_day(self, days: int) -> date:
        return steps.local_day(self.at) + timedelta(days=days)

    def register(self) -> int:
        member = self.model.register()
        self.members.append(steps.new_member(f"m{member}", at=self.at))
        self.compare()
        return member

    def earn(self, member: int, points: int, *, days: int, reference: str = "") -> str:
        """Earn points that last so many days, of a new order or one that has earned before. Returns the order."""
        reference, rule, last = reference or self.fresh("order"), self.fresh("rule"), self.last_day(days)

        def real(at: datetime, *, other: bool = False) -> int:
            return steps.earn(self.members[member], points + other, reference, rule=rule, last=last, at=at)

        self.both(lambda: self.model.earn(member, points, reference, last), real)
        return reference

    def unlock(self, member: int, lots: list[int]) -> None:
        def real(at: datetime) -> None:
            steps.unlock(self.members[member], *(self.lots[lot] for lot in lots), at=at)

        self.both(lambda: self.model.unlock(member, lots, self.at), real, keyed=False)

    def hold(self, member: int, points: int) -> str:
        reference = self.fresh("order")

        def real(at: datetime, *, other: bool = False) -> list[ledger.Line]:
            return steps.hold(self.members[member], points + other, reference, at=at)

        self.both(lambda: self.model.hold(member, points, reference, self.at), real)
        return reference

    def redeem(self, member: int, points: int) -> str:
        reference = self.fresh("order")

        def real(at: datetime, *, other: bool = False) -> list[ledger.Line]:
            return steps.redeem(self.members[member], points + other, reference, at=at)

        self.both(lambda: self.model.redeem(member, points, reference, self.at), real)
        return reference

    def capture(self, reference: str) -> None:
        member = self.members[self.model.holds[reference].member]

        def real(at: datetime, *, other: bool = False) -> list[ledger.Line]:
            return (steps.release if other else steps.capture)(member, reference, at=at)

        self.both(lambda: self.model.capture(reference), real)

    def release(self, reference: str) -> None:
        member = self.members[self.model.holds[reference].member]

        def real(at: datetime, *, other: bool = False) -> list[ledger.Line]:
            return (steps.capture if other else steps.release)(member, reference, at=at)

        self.both(lambda: self.model.release(reference, self.at), real)

    def give_back(self, reference: str, points: int, *, shipped: bool) -> None:
        member, key = self.members[self.model.spent[reference][0]], self.fresh("refund")

        def real(at: datetime, *, other: bool = False) -> list[ledger.Line]:
            return steps.give_back(member, points + other, reference, key=key, shipped=shipped, at=at)

        self.both(lambda: self.model.give_back(reference, points, self.at, shipped=shipped), real)

    def take_back(self, reference: str, percent: int) -> None:
        """Take back what an order has earned, but for so many percent of each of its lots."""
        earned = {number: lot for number, lot in enumerate(self.model.lots) if lot.reference == reference}
        keep = {number: lot.points * percent // 100 for number, lot in earned.items()}
        member, key = next(iter(earned.values())).member, self.fresh("refund")
        real_keep = {self.lots[number]: points for number, points in keep.items()}

        def real(at: datetime, *, other: bool = False) -> list[ledger.Line]:
            kept = dict.fromkeys(real_keep, 1_000_000) if other else real_keep
            return steps.take_back(self.members[member], kept, reference, key=key, at=at)

        self.both(lambda: self.model.take_back(member, keep, self.at), real)

    def adjust_up(self, member: int, points: int, *, days: int) -> None:
        key, last = self.fresh("adjustment"), self.last_day(days)

        def real(at: datetime, *, other: bool = False) -> list[ledger.Line]:
            return steps.adjust_up(self.members[member], points + other, key=key, reference=key, last=last, at=at)

        self.both(lambda: self.model.adjust_up(member, points, last, self.at), real)

    def adjust_down(self, member: int, points: int) -> None:
        key = self.fresh("adjustment")

        def real(at: datetime, *, other: bool = False) -> list[ledger.Line]:
            return steps.adjust_down(self.members[member], points + other, key=key, reference=key, at=at)

        self.both(lambda: self.model.adjust_down(member, points, self.at), real)

    def forgive(self, member: int, cap: int) -> None:
        key, excess = self.fresh("forgiven"), self.model.debt[member] - cap

        def real(at: datetime) -> list[ledger.Line]:
            return steps.forgive(self.members[member], cap=cap, key=key, at=at)

        def expected() -> None:
            if excess > 0:
                self.model.adjust_up(member, excess, steps.LAST, self.at)

        self.both(expected, real, keyed=False)

    def night(self) -> None:
        """Run the nightly job."""
        steps.expire_due(at=self.at)
        for member in self.model.debt:
            self.model.expire(member, self.at)
        self.compare()

    def wait(self, time: timedelta) -> None:
        self.at += time
        self.compare()

    def wait_for_the_end_of(self, lot: int, *, over: bool) -> None:
        """Let time pass to the last instant of a lot, or to the one after it; it never goes back."""
        ends = steps.end(self.model.lots[lot].last) + timedelta(microseconds=over)
        self.at = max(self.at, ends)
        self.compare()


def outcome_of(call: Callable[[], Any]) -> tuple[Any, str | None]:
    """Return (answer, None), or (None, the name of the refusal)."""
    try:
        return call(), None
    except Refusal as refusal:
        return None, type(refusal).__name__
