"""A member's dormancy, night by night, under any rule: what is taken off and given back. Pure; no database.

Days are whole numbers, as date.toordinal() gives them. A night is at the beginning of its day: it sees what was
written on days before it, and whoever does something on a day has not done it by that day's night.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from msgspec import Struct

from mall.base.clock import months_later
from mall.domain import earning, membership, programme

WINDOW_DAYS, NOTICE_DAYS = membership.WINDOW_DAYS, earning.NOTICE_DAYS
FOREVER = date.max.toordinal()

# From when to when somebody did nothing: the day they last did something, and the one on which they did again.
Away = tuple[int, int]
# Growth: the night that first sees it, the day it counts on, how much, and whether it was for something bought.
Growth = tuple[int, int, int, bool]


class Dormancy(Struct, frozen=True):
    """What a version says of dormancy. `left` is the growth it leaves to who has bought."""

    active: bool
    after_days: int
    percent: int
    left: int

    @classmethod
    def of(cls, terms: programme.Programme) -> "Dormancy":
        """Return the rule of a version."""
        return cls(
            terms.dormancy_active, terms.dormancy_after_days, terms.dormancy_percent, terms.growth_left(bought=True)
        )


class Past:
    """What dormancy looks at of a member when the replay begins, and what comes besides it, up to the last night.

    `away` and `growth` in the order in which they came. `taken` is what dormancy had taken off before, by the day it
    counts on; it is part of `growth` too, with what was given back.
    """

    __slots__ = ("away", "bought", "counts", "growth", "last", "seen_on", "taken")

    def __init__(self, away: Sequence[Away], growth: Sequence[Growth], taken: Mapping[int, int], *, last: int) -> None:
        self.away, self.growth, self.taken, self.last = away, growth, taken, last
        self.seen_on, self.counts, self.bought = _steps(growth, last)

    def and_growth(self, more: Sequence[Growth]) -> "Past":
        """Return the same with more growth, of whatever days."""
        return Past(self.away, (*self.growth, *more), self.taken, last=self.last) if more else self

    def changed_by(self, rule: Dormancy, *, first: int) -> int:
        """Return what the nights from the first day to the last change of the growth that counts after the last."""
        if not self.seen_on or not (self.taken or self._has_more_than_is_left(rule)):
            return 0
        nights, last = _Nights(self, rule, first=first), self.last
        for did, again in self.away if rule.active else ():
            nights.be_away(did, again if again < last else last)
        nights.go_to(last)
        return nights.changed

    def _has_more_than_is_left(self, rule: Dormancy) -> bool:
        return rule.active and max(self.counts) > (rule.left if min(self.bought) > 0 else 0)


class _Nights:
    """The nights of one member. Only those are gone through in which something may happen, and never back.

    `growth` is what counts in the night arrived at, `left` what is left to the member then; `next_on` is the next
    night that sees another growth.
    """

    __slots__ = ("changed", "first", "growth", "lapses", "left", "next_on", "past", "place", "rule", "taken")

    def __init__(self, past: Past, rule: Dormancy, *, first: int) -> None:
        self.past, self.rule, self.first = past, rule, first
        self.place, self.growth, self.left, self.next_on = -1, 0, 0, past.seen_on[0]
        self.taken = dict(past.taken)
        self.changed = 0
        # What was given back counts no longer from these nights on.
        self.lapses: dict[int, int] = {}

    def be_away(self, did: int, end: int) -> None:
        """Go through the nights in which a member has been away since a day: what is announced, and then taken off."""
        percent = self.rule.percent
        due = did + self.rule.after_days
        while (told_on := due - NOTICE_DAYS) <= end:  # Any rule asks for longer than the notice.
            self.go_to(told_on)
            while not (announced := earning.points_off(self.growth, percent=percent, left=self.left)):
                told_on = self.next_on
                if told_on > end:
                    return
                self.go_to(told_on)
            deducts_on = max(due, told_on + NOTICE_DAYS)
            if deducts_on > end:
                return
            points = announced
            if self.next_on <= deducts_on:
                self.go_to(deducts_on)
                points = min(points, earning.points_off(self.growth, percent=percent, left=self.left))
            if points and deducts_on >= self.first:
                self.taken[deducts_on] = points
                self._change(-points)
            due = _month_later(deducts_on)

    def go_to(self, night: int) -> None:
        """Go on to a night, and give back in each on the way what brings the member below what is left."""
        past = self.past
        while self.next_on <= night:
            here = self.next_on
            self.place = place = self.place + 1
            self.next_on = past.seen_on[place + 1] if place + 1 < len(past.seen_on) else FOREVER
            self.changed -= self.lapses.pop(here, 0) if self.lapses else 0
            self.growth = past.counts[place] + self.changed
            self.left = self.rule.left if past.bought[place] > 0 else 0
            if self.growth < self.left and self.taken and here >= self.first:
                self._give_back(here)

    def _change(self, points: int) -> None:
        self.changed += points
        self.growth += points

    def _give_back(self, night: int) -> None:
        """Give back what was taken off and counts, the oldest first, up to what is left to the member."""
        for counts_on in sorted(self.taken):
            points = min(self.taken[counts_on], self.left - self.growth)
            if points > 0 and counts_on > night - WINDOW_DAYS:
                self.taken[counts_on] -= points
                lapses_on = counts_on + WINDOW_DAYS
                self.lapses[lapses_on] = self.lapses.get(lapses_on, 0) + points
                self._change(points)


def _steps(growth: Iterable[Growth], last: int) -> tuple[list[int], list[int], list[int]]:
    """Return the nights that see another growth than those before, what counts then, and what was ever bought.

    Those after the last are left out: no replay comes to them.
    """
    changes: list[tuple[int, int, int]] = []
    for seen_on, counts_on, points, bought in growth:
        gone_on = counts_on + WINDOW_DAYS
        counts = seen_on < gone_on
        if seen_on <= last and (counts or bought):
            changes.append((seen_on, points if counts else 0, points if bought else 0))
        if counts and gone_on <= last:
            changes.append((gone_on, -points, 0))
    changes.sort()
    nights: list[int] = []
    counts_then: list[int] = []
    bought_then: list[int] = []
    counting = ever_bought = before = 0
    for night, points, points_bought in changes:
        counting += points
        ever_bought += points_bought
        if night == before:
            counts_then[-1], bought_then[-1] = counting, ever_bought
        else:
            nights.append(night)
            counts_then.append(counting)
            bought_then.append(ever_bought)
            before = night
    return nights, counts_then, bought_then


@lru_cache(4_096)
def _month_later(day: int) -> int:
    """Return the same day a month on."""
    return months_later(date.fromordinal(day), 1).toordinal()
