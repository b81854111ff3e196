"""The queue of a year: acts stand in it by time, and put further acts in it while they happen."""

import heapq
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from mall.base.clock import moved_to


class Act(Struct, order=True):
    """Something that happens at an instant; `number` keeps acts of one instant in the order they were planned."""

    at: datetime
    number: int
    do: Callable[[], None]


class Queue:
    """What is yet to happen before an instant; what would happen later never does."""

    def __init__(self, end: datetime) -> None:
        self.end = end
        self._acts: list[Act] = []
        self._planned = 0

    def at(self, at: datetime, do: Callable[[], None]) -> None:
        """Plan an act."""
        if at < self.end:
            self._planned += 1
            heapq.heappush(self._acts, Act(at, self._planned, do))

    def run(self) -> None:
        """Let everything happen in its order, each with the clock at its own instant."""
        while self._acts:
            act = heapq.heappop(self._acts)
            with moved_to(act.at):
                act.do()
