"""Packs of levels in the last days: what reaching levels and birthdays gave, and what a draft's packs would give.

Who stands higher by a draft has reached its levels too, in these days where the growth from before did not do for
them; who stands lower has not. Coupons count at face as long as they were given out: their other limits are not
looked at.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import BigInteger, Row, String, case, cast, func, literal, select

from mall.base.db import execute
from mall.base.sql import as_given, given
from mall.domain import coupons, earning, membership, programme

from .replay import placed
from .replay_orders import MOVED, STEPS

REACHED, CELEBRATED, UNREACHED = "level_reached", "had_birthday", "level_unreached"
KIND_OF = {REACHED: earning.UPGRADE, CELEBRATED: earning.BIRTHDAY}
_CLIMBING = given("climbing", member_id=BigInteger())


class Occasion(Struct, frozen=True):
    """A level that a member reached, or a birthday they had on it: what gives a pack where the level has one."""

    kind: str
    member_id: int
    rank: int
    steps: int
    at: datetime

    @property
    def unmoved(self) -> "Occasion":
        """Return the same as it was."""
        return replace(self, steps=0)


class Climb(Struct, frozen=True):
    """A member whom a version brings higher than they stand: from and to which of its levels."""

    member_id: int
    from_rank: int
    to_rank: int


class Climbers(Struct, frozen=True):
    """What is known of who climbs: the growth that counted when the days began, and the levels ever reached."""

    growth: Mapping[int, int] = {}
    reached: Mapping[int, frozenset[int]] = {}


class Worth(Struct, frozen=True):
    """What a coupon or a pack of them is worth at face, how many of its coupons say no amount, and when it was had."""

    cents: int
    unpriced: int
    from_at: datetime | None
    until: datetime | None

    def is_had_at(self, at: datetime) -> bool:
        """Tell whether it was given out at an instant."""
        return (self.from_at is None or self.from_at <= at) and (self.until is None or self.until > at)


class Packs(Struct, frozen=True):
    """What packs of one kind gave: points, coupons at face, and how many coupons that say no amount."""

    points: int = 0
    coupon_cents: int = 0
    unpriced: int = 0

    def and_of(self, points: int, worth: Worth | None) -> "Packs":
        """Return the same with one more."""
        cents, unpriced = (worth.cents, worth.unpriced) if worth else (0, 0)
        return Packs(self.points + points, self.coupon_cents + cents, self.unpriced + unpriced)


def gives_packs(terms: programme.Programme) -> bool:
    """Tell whether any level of a programme gives a pack."""
    return any(
        level.upgrade_points or level.birthday_points or level.upgrade_coupon or level.birthday_coupon
        for level in terms.levels
    )


def packs_under(
    terms: programme.Programme,
    occasions: Iterable[Occasion],
    worths: Mapping[int, Worth] = {},
    *,
    places: Mapping[int, int] = {},
    lowered: Mapping[int, int] = {},
    climbs: Sequence[Climb] = (),
    climbers: Climbers = Climbers(),
    at: datetime,
) -> dict[str, Packs]:
    """Return what a programme's packs give on occasions, by kind. Pure.

    `places` are the levels that take the place of those in force, `lowered` says on which one who stands lower by it
    does; occasions have the steps by which it moves somebody.
    """
    given_packs = {earning.UPGRADE: Packs(), earning.BIRTHDAY: Packs()}
    seen: set[tuple[int, int]] = set()

    def give(kind: str, rank: int, when: datetime) -> None:
        level = terms.level(rank)
        points, coupon = {
            earning.UPGRADE: (level.upgrade_points, level.upgrade_coupon),
            earning.BIRTHDAY: (level.birthday_points, level.birthday_coupon),
        }[kind]
        worth = worths.get(coupon) if coupon else None
        had = worth if worth is not None and worth.is_had_at(when) else None
        given_packs[kind] = given_packs[kind].and_of(points, had)

    for each in occasions:
        if each.kind == earning.BIRTHDAY:
            give(each.kind, placed(each.rank, places, each.steps), each.at)
            continue
        rank = placed(each.rank, places)
        if rank <= lowered.get(each.member_id, rank) and (each.member_id, rank) not in seen:
            seen.add((each.member_id, rank))
            give(each.kind, rank, each.at)
    for climb in climbs:
        before = climbers.growth.get(climb.member_id, 0)
        reached = {placed(rank, places) for rank in climbers.reached.get(climb.member_id, ())}
        for rank in range(climb.from_rank + 1, climb.to_rank + 1):
            if rank not in reached and before < terms.level(rank).reach:
                give(earning.UPGRADE, rank, at)
    return given_packs


def occasions(since: datetime, moved: dict[str, Any]) -> list[Occasion]:
    """Return the levels reached and birthdays had since an instant; what is not borne out any more is none."""
    fact, pack = earning.FactRow, earning.LevelPack
    at_birthday = func.coalesce(pack.rank, membership.rank_then(fact.member_id, at=fact.at))
    rows = execute(
        select(
            fact.id,
            fact.kind,
            fact.member_id,
            fact.at,
            case((fact.kind == CELEBRATED, at_birthday), else_=fact.attributes["rank"].as_integer()).label("rank"),
            fact.attributes["undoes"].as_integer().label("undoes"),
            STEPS,
        )
        .join_from(fact, MOVED, MOVED.c.member_id == fact.member_id, isouter=True)
        .outerjoin(pack, (pack.member_id == fact.member_id) & (pack.kind == earning.BIRTHDAY) & (pack.at == fact.at))
        .where(
            fact.kind.in_((*KIND_OF, UNREACHED)),
            fact.at >= since,
            pack.id.is_(None) | ~earning.went_with_level(pack),
        )
        .order_by(fact.id),
        moved,
    ).all()
    undone = {row.undoes for row in rows if row.kind == UNREACHED}
    return [
        Occasion(KIND_OF[row.kind], row.member_id, row.rank, row.steps, row.at)
        for row in rows
        if row.kind in KIND_OF and row.id not in undone
    ]


def packs_given(since: datetime) -> int:
    """Return the points that packs have really given since an instant, of levels that are still borne out."""
    pack, fact = earning.LevelPack, earning.FactRow
    key = literal("member:").concat(cast(pack.member_id, String)).concat(":").concat(pack.occasion)
    undone = select(fact.id).where(fact.key == key, fact.id.in_(earning.all_undone())).correlate(pack).exists()
    stands = ~undone & ~earning.went_with_level(pack)
    points = select(func.coalesce(func.sum(pack.points), 0)).where(pack.at >= since, pack.points > 0, stands)
    return int(execute(points).scalar_one())


def climbers(climbs: Iterable[Climb], *, since: datetime, first_day: date) -> Climbers:
    """Return what counts of who climbs: {member: growth when the days began}, {member: levels ever reached}."""
    ids = sorted({each.member_id for each in climbs})
    if not ids:
        return Climbers()
    climbing = {"climbing": as_given([[id_] for id_ in ids])}
    event, fact = membership.GrowthEvent, earning.FactRow
    day_before = first_day - timedelta(days=1)
    growth = execute(
        select(event.member_id, func.sum(event.points).label("growth"))
        .join(_CLIMBING, _CLIMBING.c.member_id == event.member_id)
        .where(event.counts_on.between(membership.window_start(day_before), day_before), event.at < since)
        .group_by(event.member_id),
        climbing,
    )
    reached = defaultdict(set)
    for row in execute(
        select(fact.member_id, fact.attributes["rank"].as_integer().label("rank"))
        .join(_CLIMBING, _CLIMBING.c.member_id == fact.member_id)
        .where(fact.kind == REACHED, fact.id.not_in(earning.all_undone())),
        climbing,
    ):
        reached[row.member_id].add(row.rank)
    return Climbers(
        {row.member_id: int(row.growth) for row in growth},
        {member_id: frozenset(ranks) for member_id, ranks in reached.items()},
    )


def worths_of(*versions: programme.Programme) -> dict[int, Worth]:
    """Return what the coupons are worth that versions give in packs: {template id: worth}. Two statements, or none."""
    ids = {each for terms in versions for each in programme.coupons_of(terms)}
    if not ids:
        return {}
    template = coupons.CouponTemplate
    inside = coupons.contents_of(ids)
    return {
        row.id: _worth(row, inside.get(row.id, []))
        for row in execute(select(template).where(template.id.in_(sorted(ids))))
    }


def _worth(row: Row[Any], inside: Sequence[Row[Any]]) -> Worth:
    is_pack = row.kind == coupons.PACK
    ends = [instant for each in (row, *inside) for instant in (each.withdrawn_at, each.ends_at) if instant is not None]
    amounts = [(each.amount_cents or each.cap_cents, each.pieces) for each in inside]
    return Worth(
        cents=sum(cents * pieces for cents, pieces in amounts if cents is not None),
        unpriced=sum(pieces for cents, pieces in amounts if cents is None),
        from_at=row.starts_at if is_pack else None,
        until=min(ends, default=None),
    )
