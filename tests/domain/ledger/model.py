"""What the ledger promises, said again in dicts and lists: slow, small, without a database."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .steps import end, local_day


class Refused(Exception):
    """The model says no; its text is the name of the refusal."""


@dataclass
class Lot:
    """Points earned together. A lot's number is its place in the list of lots."""

    member: int
    points: int
    last: date
    reference: str = ""
    parent: int | None = None
    taken: int = 0
    expired: int = 0


@dataclass
class Hold:
    """What an order holds, and how that ended."""

    member: int
    parts: list[tuple[int, int]]
    ended: str = ""


class Model:
    """Points of some members: lots, places and debts."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []
        self.places: dict[tuple[int, str, int], int] = {}
        self.debt: dict[int, int] = {}
        self.holds: dict[str, Hold] = {}
        self.spent: dict[str, tuple[int, list[list[int]]]] = {}

    # What can be seen.

    def held_in(self, place: str, member: int) -> list[tuple[int, int]]:
        """Return [(lot, points)] of a member in a place, soonest to expire first."""
        there = [(lot, points) for (who, where, lot), points in self.places.items() if (who, where) == (member, place)]
        return sorted(there, key=lambda part: (self.lots[part[0]].last, part[0]))

    def total(self, place: str, member: int) -> int:
        return sum(points for _lot, points in self.held_in(place, member))

    def ready(self, member: int, at: datetime) -> int:
        return sum(points for _lot, points in self.spendable(member, at))

    def spendable(self, member: int, at: datetime) -> list[tuple[int, int]]:
        return [(lot, points) for lot, points in self.held_in("wallet", member) if not self.past(lot, at)]

    def past(self, lot: int, at: datetime) -> bool:
        return at > end(self.lots[lot].last)

    # Small moves.

    def put(self, member: int, place: str, lot: int, points: int) -> None:
        left = self.places.get((member, place, lot), 0) + points
        assert left >= 0
        self.places[member, place, lot] = left
        if not left:
            del self.places[member, place, lot]

    def new_lot(self, lot: Lot) -> int:
        self.lots.append(lot)
        return len(self.lots) - 1

    def draw(self, member: int, points: int, at: datetime) -> list[tuple[int, int]]:
        if points < 1:
            raise Refused("NoPoints")
        if points > self.ready(member, at):
            raise Refused("InsufficientPoints")
        drawn = []
        for lot, there in self.spendable(member, at):
            taken = min(there, points)
            points -= taken
            if taken:
                self.put(member, "wallet", lot, -taken)
                drawn.append((lot, taken))
        return drawn

    def arrive(self, member: int, parts: list[tuple[int, int]], at: datetime) -> None:
        """Bring points into the wallet: debt first, from what would expire first; what is past expires."""
        for lot, points in sorted(parts, key=lambda part: (self.lots[part[0]].last, part[0])):
            repaid = min(points, self.debt[member])
            self.debt[member] -= repaid
            if self.past(lot, at):
                self.lots[lot].expired += points - repaid
            elif points > repaid:
                self.put(member, "wallet", lot, points - repaid)

    def come_back(self, member: int, parts: list[tuple[int, int]], at: datetime, *, days: int, least: date) -> None:
        """Bring points back to lots; a lot whose last day is before the least gets a child, a child does not."""
        arriving = []
        for lot, points in parts:
            parent = self.lots[lot]
            if parent.parent is None and parent.last < least:
                last = local_day(at) + timedelta(days=days)
                lot = self.new_lot(Lot(member, points, last, parent=lot))
            arriving.append((lot, points))
        self.arrive(member, arriving, at)

    def expire(self, member: int, at: datetime) -> None:
        for lot, points in self.held_in("wallet", member):
            if self.past(lot, at):
                self.put(member, "wallet", lot, -points)
                self.lots[lot].expired += points

    # Verbs.

    def register(self) -> int:
        member = len(self.debt)
        self.debt[member] = 0
        return member

    def earn(self, member: int, points: int, reference: str, last: date) -> None:
        if points < 1:
            raise Refused("NoPoints")
        self.put(member, "pending", self.new_lot(Lot(member, points, last, reference)), points)

    def unlock(self, member: int, lots: list[int], at: datetime) -> None:
        parts = [(lot, points) for lot, points in self.held_in("pending", member) if lot in lots]
        for lot, points in parts:
            self.put(member, "pending", lot, -points)
        self.arrive(member, parts, at)

    def hold(self, member: int, points: int, reference: str, at: datetime) -> None:
        parts = self.draw(member, points, at)
        for lot, taken in parts:
            self.put(member, "held", lot, taken)
        self.holds[reference] = Hold(member, parts)

    def redeem(self, member: int, points: int, reference: str, at: datetime) -> None:
        self.spent[reference] = (member, [list(part) for part in self.draw(member, points, at)])

    def let_go(self, reference: str, how: str) -> Hold | None:
        """End a hold; None when it ended like this before."""
        hold = self.holds[reference]
        if hold.ended:
            if hold.ended != how:
                raise Refused("KeyReused")
            return None
        hold.ended = how
        for lot, points in hold.parts:
            self.put(hold.member, "held", lot, -points)
        return hold

    def capture(self, reference: str) -> None:
        if hold := self.let_go(reference, "captured"):
            self.spent[reference] = (hold.member, [list(part) for part in hold.parts])

    def release(self, reference: str, at: datetime) -> None:
        if hold := self.let_go(reference, "released"):
            self.come_back(hold.member, hold.parts, at, days=7, least=local_day(at))

    def give_back(self, reference: str, points: int, at: datetime, *, shipped: bool) -> None:
        if points < 1:
            raise Refused("NoPoints")
        member, out = self.spent[reference]
        if points > sum(left for _lot, left in out):
            raise Refused("MoreThanRedeemed")
        parts = []
        for part in reversed(out):
            back = min(part[1], points)
            points -= back
            part[1] -= back
            if back:
                parts.append((part[0], back))
        today = local_day(at)
        if shipped:
            self.come_back(member, parts, at, days=30, least=today + timedelta(days=7))
        else:
            self.come_back(member, parts, at, days=7, least=today)

    def take_back(self, member: int, keep: dict[int, int], at: datetime) -> None:
        self.expire(member, at)
        owed: dict[int, int] = defaultdict(int)
        for number in sorted(keep):
            lot = self.lots[number]
            gone = sum(each.expired for index, each in enumerate(self.lots) if number in (index, each.parent))
            owed[number] = max(0, lot.points - lot.taken - max(keep[number], gone))
            lot.taken += owed[number]
        for number in owed:
            family = {number} | {index for index, lot in enumerate(self.lots) if lot.parent == number}
            for place in ("pending", "wallet"):
                owed[number] -= self.grab(
                    member, place, [part for part in self.held_in(place, member) if part[0] in family], owed[number]
                )
        for number in owed:
            owed[number] -= self.grab(member, "wallet", self.held_in("wallet", member), owed[number])
        self.debt[member] += sum(owed.values())

    def grab(self, member: int, place: str, parts: list[tuple[int, int]], points: int) -> int:
        grabbed = 0
        for lot, there in parts:
            taken = min(there, points - grabbed)
            grabbed += taken
            self.put(member, place, lot, -taken)
        return grabbed

    def adjust_up(self, member: int, points: int, last: date, at: datetime) -> None:
        if points < 1:
            raise Refused("NoPoints")
        self.arrive(member, [(self.new_lot(Lot(member, points, last)), points)], at)

    def adjust_down(self, member: int, points: int, at: datetime) -> None:
        self.draw(member, points, at)
