"""The liability: what members have and owe, in points and at worth, at any past instant, and how it came about.

Money of a movement in a period is the rounded total of all time after it, less that before it: whatever points are
worth, days add up to months. The liability itself is rounded once; what the two differ by is a line of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from functools import cached_property

from msgspec import Struct

from mall.base.clock import day_of, end_of
from mall.base.money import half_up

from .measure import in_cents, worth
from .movements import (
    CASHED_BACK,
    EARNED,
    GIVEN_BACK,
    MOVED,
    MOVEMENTS,
    NAMES,
    ORIGINS,
    PLACE_NAMES,
    PLACES,
    REDEEMED,
    REPRICED,
    ROUNDING,
    TAKEN_BACK,
)
from .periods import Month, settled
from .rollup import Sum, sums

# The small lines beside the figures show so many months; each looks a year back.
MONTHS_IN_TREND, MONTHS_LOOKED_BACK = 6, 12
# The lines of the roll-forward, in their order: (movement, origin), every origin together where that is empty.
LINES = (
    *((EARNED, origin) for origin in ORIGINS),
    *((movement, "") for movement in MOVEMENTS if movement != EARNED),
    (ROUNDING, ""),
)
# Shown although nothing moved: the shape of the roll-forward is the same every month.
ALWAYS_SHOWN = {
    (EARNED, "purchase"),
    (EARNED, "campaign"),
    (EARNED, "task"),
    *((movement, "") for movement in MOVEMENTS if movement not in (EARNED, CASHED_BACK, REPRICED)),
}


class Amount(Struct, frozen=True):
    """Points, and what they are worth in cents."""

    points: int
    cents: int

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.points + other.points, self.cents + other.cents)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.points - other.points, self.cents - other.cents)


NOTHING = Amount(0, 0)


class Place(Struct, frozen=True):
    """What is at one place of all members together."""

    key: str
    name: str
    amount: Amount


class Liability(Struct, frozen=True):
    """What members had and owed at an instant. The places add up to the total."""

    as_of: datetime
    total: Amount
    places: tuple[Place, ...]


class Line(Struct, frozen=True):
    """One line of the roll-forward: what a movement added (or took, negative), and by how many entries."""

    movement: str
    origin: str
    name: str
    amount: Amount
    entries: int


class Day(Struct, frozen=True):
    """One day of a roll-forward: its opening, an amount for each line, its closing."""

    day: date
    opening: Amount
    amounts: tuple[Amount, ...]
    closing: Amount


class MonthEnd(Struct, frozen=True):
    """How a month closed, and its redemption rate over twelve months in tenths of a percent."""

    month: Month
    closing: Amount
    redeemed_permille: int | None


class RollForward(Struct, frozen=True):
    """How a month's opening became its closing; in the month that runs, up to `until`.

    `trend` has, for the months before and this one, the closing and what of the points earned in the twelve months
    to its end was redeemed in them, in tenths of a percent (None when nothing was earned).
    """

    month: Month
    until: datetime
    opening: Amount
    lines: tuple[Line, ...]
    closing: Amount
    places: tuple[Place, ...]
    days: tuple[Day, ...]
    trend: tuple["MonthEnd", ...]


def liability(*, as_of: datetime, zone: str) -> Liability:
    """Return the liability as of a settled instant: the same digits every time it is asked."""
    return liability_of(sums(ends=(), zone=zone, until=as_of), as_of=as_of)


def liability_of(every: Iterable[Sum], *, as_of: datetime) -> Liability:
    """Return the liability that sums since the beginning make. Pure."""
    points: dict[str, int] = defaultdict(int)
    exact: dict[str, Fraction] = defaultdict(Fraction)
    for each in every:
        points[each.place] += each.points
        exact[each.place] += _worth_of(each)
    cents = in_cents([exact[place] for place in PLACES])
    places = tuple(
        Place(place, PLACE_NAMES[place], Amount(points[place], part))
        for place, part in zip(PLACES, cents, strict=True)
    )
    return Liability(as_of, sum((place.amount for place in places), NOTHING), places)


def roll_forward(month: Month, *, zone: str, at: datetime) -> RollForward:
    """Return a month's roll-forward, by day too; one statement."""
    until = min(end_of(month.last, zone), settled(at))
    days = [day for day in month.days if day <= day_of(until, zone)]
    before = [month.later(-number).last for number in range(MONTHS_IN_TREND + MONTHS_LOOKED_BACK, 0, -1)]
    every = sums(ends=[*before, *days[:-1]], zone=zone, until=until)
    states = running(every, stretches=len(before) + len(days))
    opening, closing = states[len(before) - 1], states[-1]
    stood = [state.lines() for state in states[len(before) - 1 :]]
    shown = [
        place
        for place, line in enumerate(LINES)
        if line in ALWAYS_SHOWN or any(then[place] != stood[0][place] for then in stood)
    ]
    return RollForward(
        month=month,
        until=until,
        opening=opening.total,
        lines=tuple(
            Line(
                *LINES[place],
                name=NAMES[LINES[place]],
                amount=stood[-1][place] - stood[0][place],
                entries=closing.entries_of(LINES[place]) - opening.entries_of(LINES[place]),
            )
            for place in shown
        ),
        closing=closing.total,
        places=liability_of(every, as_of=until).places,
        days=tuple(
            Day(day, before_it.total, tuple(now[place] - then[place] for place in shown), after_it.total)
            for day, before_it, after_it, then, now in zip(
                days, states[len(before) - 1 :], states[len(before) :], stood, stood[1:], strict=False
            )
        ),
        trend=tuple(
            MonthEnd(month.later(-back), state.total, redeemed_permille(then, state))
            for back, then, state in _trend([*states[: len(before)], closing])
        ),
    )


def redeemed_permille(then: "State", now: "State") -> int | None:
    """Return how much of what was earned between two states was redeemed, each less what went back. Pure."""

    def net(*movements: str) -> int:
        cells = [(movement, origin) for movement in movements for origin in ORIGINS]
        return sum(now.points.get(cell, 0) - then.points.get(cell, 0) for cell in cells)

    earned = net(EARNED, TAKEN_BACK)
    return half_up(Fraction(-1000 * net(REDEEMED, GIVEN_BACK), earned)) if earned > 0 else None


def _trend(month_ends: Sequence["State"]) -> Iterable[tuple[int, "State", "State"]]:
    """Return for each month of the trend how far back it is, the state a year before, and its own. Pure."""
    for back in range(MONTHS_IN_TREND - 1, -1, -1):
        here = len(month_ends) - 1 - back
        yield back, month_ends[here - MONTHS_LOOKED_BACK], month_ends[here]


class State:
    """All that was ever moved up to an instant, by movement and origin: points, exact worth, entries."""

    def __init__(self) -> None:
        self.points: dict[tuple[str, str], int] = defaultdict(int)
        self.exact: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        self.entries: dict[tuple[str, str], int] = defaultdict(int)

    def add(self, movement: str, origin: str, points: int, exact: Fraction, entries: int) -> None:
        """Count something that moved."""
        self.points[movement, origin] += points
        self.exact[movement, origin] += exact
        self.entries[movement, origin] += entries

    def copy(self) -> "State":
        """Return the same, to go on from."""
        other = State()
        other.points.update(self.points)
        other.exact.update(self.exact)
        other.entries.update(self.entries)
        return other

    @cached_property
    def total(self) -> Amount:
        """The liability, rounded once; asked when nothing more is added."""
        return Amount(sum(self.points.values()), half_up(sum(self.exact.values(), Fraction(0))))

    def cell(self, movement: str, origin: str) -> Amount:
        """All that a movement of one origin ever moved, its worth rounded."""
        key = (movement, origin)
        return Amount(self.points.get(key, 0), half_up(self.exact.get(key, Fraction(0))))

    def lines(self) -> list[Amount]:
        """All that ever stood in each of LINES; rounding is what the liability, rounded once, has beyond the rest."""
        cells = {key: Amount(self.points[key], half_up(exact)) for key, exact in self.exact.items()}
        stood = [sum((cells.get(each, NOTHING) for each in _behind(line)), NOTHING) for line in LINES[:-1]]
        return [*stood, Amount(0, self.total.cents - sum(amount.cents for amount in cells.values()))]

    @property
    def rounding_cents(self) -> int:
        """What the liability, rounded once, is more than its movements, each rounded."""
        return self.lines()[-1].cents

    def entries_of(self, cell: tuple[str, str]) -> int:
        """How many entries ever stood in a line."""
        return 0 if cell[0] == ROUNDING else sum(self.entries.get(each, 0) for each in _behind(cell))


def running(every: Iterable[Sum], *, stretches: int) -> list[State]:
    """Return the state at the end of each stretch of time. Pure."""
    by_stretch: Mapping[int, list[Sum]] = defaultdict(list)
    for each in every:
        if each.movement != MOVED:
            by_stretch[each.stretch].append(each)
    states, state = [], State()
    for number in range(stretches):
        state = state.copy()
        for each in by_stretch.get(number, ()):
            state.add(each.movement, each.origin, each.points, _worth_of(each), each.entries)
        states.append(state)
    return states


def _behind(cell: tuple[str, str]) -> list[tuple[str, str]]:
    """Return the movements and origins that a line shows together."""
    movement, origin = cell
    return [(movement, origin)] if origin else [(movement, each) for each in ORIGINS]


def _worth_of(each: Sum) -> Fraction:
    return worth(each.points, worth_points=each.worth_points, worth_cents=each.worth_cents)
