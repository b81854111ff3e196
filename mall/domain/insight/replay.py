"""The replay: what facts give under a programme's rules, by the very formulas that gave it. Pure; no database.

Facts of one kind that give the same stand together: (what they are, how many times). Whose level a draft changes is
counted at the level they would have; everybody else at the level they had when they ordered.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from mall.domain import checkout, earning, membership, programme

# What is another of members' growth, by the day: {member_id: [(day, growth)]}.
GrowthByDay = Mapping[int, Sequence[tuple[int, int]]]


class Kept(Struct, frozen=True):
    """Orders of which so much cash for goods is kept, each placed at a level and under rates of its own."""

    rank: int
    kept_cents: int
    rates: earning.Rates
    times: int


class Piece(Struct, frozen=True):
    """Pieces bought at a list price and not given back, by somebody of a level."""

    rank: int
    list_cents: int
    form: str
    times: int


class Sent(Struct, frozen=True):
    """Orders that were sent: the method and its price then, and the cash for goods that free delivery looks at.

    `for_points`: all that was sent was paid in points.
    """

    rank: int
    method: str
    price_cents: int
    goods_cents: int
    for_points: bool
    times: int


class Given(Struct, frozen=True):
    """What orders gave and what a level's benefits cost: points, of them those of multipliers, and cents."""

    points: int = 0
    multiplier_points: int = 0
    discount_cents: int = 0
    shipping_cents: int = 0

    def and_of(self, other: "Given", *, sign: int = 1) -> "Given":
        """Return both together, or (sign -1) this one less the other."""
        return Given(*(getattr(self, name) + sign * getattr(other, name) for name in Given.__struct_fields__))


class Bought(Struct, frozen=True):
    """All that was bought in a time, as the replay sees it."""

    kept: tuple[Kept, ...] = ()
    pieces: tuple[Piece, ...] = ()
    sent: tuple[Sent, ...] = ()

    def on(self, places: Mapping[int, int], steps: int = 0) -> "Bought":
        """Return the same as bought by people on the levels that take their places, so many steps higher."""
        return Bought(
            tuple(replace(each, rank=placed(each.rank, places, steps)) for each in self.kept),
            tuple(replace(each, rank=placed(each.rank, places, steps)) for each in self.pieces),
            tuple(replace(each, rank=placed(each.rank, places, steps)) for each in self.sent),
        )


def placed(rank: int, places: Mapping[int, int], steps: int = 0) -> int:
    """Return the level that takes the place of one, so many steps higher, and not below the lowest."""
    return max(places[min(rank, len(places))] + steps, 1)


def given_for(bought: Bought, *, terms: programme.Programme, at: datetime) -> Given:
    """Return what a programme gives for what was bought."""

    @lru_cache(None)
    def rates_at(rank: int) -> tuple[earning.Rates, earning.Rates]:
        rates = earning.rates_for(terms.level(rank), terms)
        return rates, replace(rates, multiplier_percent=100)

    @lru_cache(None)
    def shippings_at(rank: int, method: str) -> tuple[checkout.Shipping, checkout.Shipping] | None:
        known = terms.shipping_method(method)
        if known is None:
            return None
        shipping = checkout.shipping_of(known, level=terms.level(rank), terms=terms, at=at)
        return shipping, replace(shipping, free_from_cents=known.free_from_cents)

    points = multiplier_points = discount_cents = shipping_cents = 0
    for kept in bought.kept:
        rates, plain = rates_at(kept.rank)
        earned = rates.earned(kept.kept_cents).points
        points += earned * kept.times
        multiplier_points += (earned - plain.earned(kept.kept_cents).points) * kept.times
    for piece in bought.pieces:
        paid = checkout.PieceFor(terms.level(piece.rank), terms).cents(piece.list_cents, form=piece.form)
        discount_cents += (piece.list_cents - paid) * piece.times
    for sent in bought.sent:
        shippings = shippings_at(sent.rank, sent.method)
        if shippings is None or (sent.for_points and terms.points_only_ships_free):
            continue
        by_level, by_method = shippings
        if by_level.is_free_for(sent.goods_cents) and not by_method.is_free_for(sent.goods_cents):
            shipping_cents += sent.price_cents * sent.times
    return Given(points, multiplier_points, discount_cents, shipping_cents)


def really_issued(kept: Iterable[Kept]) -> int:
    """Return the points that orders were given, each under the rates of its own placing."""
    return sum(each.rates.earned(each.kept_cents).points * each.times for each in kept)


def growth_change(kept: Iterable[Kept], terms: programme.Programme) -> int:
    """Return the growth that a programme's rate gives for orders, less what their own rates gave."""
    rates = earning.rates_for(terms.levels[0], terms)
    return sum(
        (rates.earned(each.kept_cents).growth - each.rates.earned(each.kept_cents).growth) * each.times
        for each in kept
    )


class TaskDone(Struct, frozen=True):
    """What a member did once: the fact and its id, the day it falls on, and the level they had."""

    fact: earning.Fact
    day: date
    rank: int
    fact_id: int = 0


def tasks_paid(
    done: Iterable[TaskDone],
    tasks: Iterable[programme.Task],
    *,
    before: Mapping[tuple[int, str], earning.Done] = {},
    since: date,
) -> dict[tuple[int, str, date], int]:
    """Return how often each task is paid to each member on each day for what they did, earliest first.

    As {(member, task, day): times}, less what goes back: for what was undone later, and for an order of which less was
    kept later than the task asks for. `before` says how often each was paid before the day the replay begins, that
    month and ever.
    """
    tasks = tuple(tasks)
    paid = _Paid(before, since)
    for each in done:
        if each.fact.kind in earning.UNDOES:
            paid.take_back(each.fact.attributes["undoes"])
        elif each.fact.kind == "order_reduced":
            paid.take_back_short(each.fact.reference, kept_cents=each.fact.attributes["kept_cents"])
        else:
            met = [task for task in tasks if earning.BEHAVIOURS[task.key].is_met_by(each.fact, task)]
            # All are looked at before any is paid.
            for task in [task for task in met if paid.is_due(task, each)]:
                paid.pay(task, each)
    return {key: times for key, times in paid.by_day.items() if times}


class _Paid:
    """What tasks have paid so far, by day, by month and ever; and for which fact."""

    def __init__(self, before: Mapping[tuple[int, str], earning.Done], since: date) -> None:
        self.before, self.first_month = before, since.replace(day=1)
        self.ever: dict[tuple[int, str], int] = defaultdict(int)
        self.by_day: dict[tuple[int, str, date], int] = defaultdict(int)
        self.by_month: dict[tuple[int, str, date], int] = defaultdict(int)
        self.for_fact: dict[int, list[tuple[programme.Task, TaskDone]]] = defaultdict(list)
        self.kept: dict[str, int] = {}

    def is_due(self, task: programme.Task, each: TaskDone) -> bool:
        """Tell whether a task is paid for what a member did."""
        member_id, month = each.fact.member_id, each.day.replace(day=1)
        had = self.before.get((member_id, task.key), earning.Done())
        so_far = earning.Done(
            that_day=self.by_day[member_id, task.key, each.day],
            that_month=self.by_month[member_id, task.key, month]
            + (had.that_month if month == self.first_month else 0),
            ever=self.ever[member_id, task.key] + had.ever,
        )
        return earning.is_paid(task, each.day, rank=each.rank, done=so_far)

    def pay(self, task: programme.Task, each: TaskDone) -> None:
        """Pay a task once."""
        self._count(task, each, 1)
        self.for_fact[each.fact_id].append((task, each))
        if each.fact.kind == "order_kept":
            self.kept[each.fact.reference] = each.fact_id

    def take_back(self, fact_id: int) -> None:
        """Take back all that was paid for a fact."""
        for task, each in self.for_fact.pop(fact_id, ()):
            self._count(task, each, -1)

    def take_back_short(self, reference: str, *, kept_cents: int) -> None:
        """Take back what was paid for an order that asks for more than is kept of it."""
        for_order = self.for_fact.get(self.kept.get(reference, 0), [])
        short = [paid for paid in for_order if paid[0].least_cents > kept_cents]
        for task, each in short:
            for_order.remove((task, each))
            self._count(task, each, -1)

    def _count(self, task: programme.Task, each: TaskDone, times: int) -> None:
        member_id = each.fact.member_id
        self.ever[member_id, task.key] += times
        self.by_day[member_id, task.key, each.day] += times
        self.by_month[member_id, task.key, each.day.replace(day=1)] += times


class Settling:
    """Where rules bring members, if the growth that counts stays as it is: each standing is decided once."""

    def __init__(self, terms: programme.Programme, today: date) -> None:
        self.terms, self.today = terms, today
        self.known: dict[tuple[int, int], int] = {}

    def rank(self, rank: int, growth: int) -> int:
        """Return the rank of somebody after their next review."""
        if (rank, growth) not in self.known:
            self.known[rank, growth] = membership.settled(self.terms, rank=rank, growth=growth, today=self.today)
        return self.known[rank, growth]
