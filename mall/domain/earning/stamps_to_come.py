"""Stamps to come: which cards an item fills, and how many stamps a basket will bring, before anything is bought.

The cards are read once for each mark, so that a page that says it asks the database nothing more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, func, select

from mall.base.db import execute
from mall.base.marked import Marked
from mall.domain import coupons

from .drafts import APPROVED
from .stamp_cards import PIECE, Bought, StampCard, StampCardRow, StampScope, as_card, lines_for
from .stamps import Stamp, Standing


class OpenCard(Struct, frozen=True):
    """A stamp card that was approved, as pages ask for it. `is_full`: all cards there were are full."""

    card: StampCard
    coupon: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    min_rank: int
    is_full: bool

    def goes_on(self, standing: Standing, *, rank: int, at: datetime) -> bool:
        """Tell whether an order placed now brings somebody of a level nearer to its coupon."""
        runs = self.starts_at <= at < self.ends_at and rank >= self.min_rank
        return runs and not self.is_full and not standing.had_all(self.card)


class Filling(Struct, frozen=True):
    """A card that buying fills, with so many `stamps`; `standing` is how the member stands with it before."""

    open: OpenCard
    stamps: int
    standing: Standing

    @property
    def has(self) -> int:
        """The stamps on the card that is being filled."""
        return self.standing.on_card(self.open.card)

    @property
    def fills(self) -> int:
        """How many cards are full with these stamps."""
        return self.standing.with_more(self.stamps).to_fill(self.open.card)


_known: Marked[tuple[OpenCard, ...]] = Marked()


def card_mark() -> ColumnElement[int]:
    """Return a column that differs as soon as a stamp card or its coupon has changed, or all of it are full.

    0 where there is none.
    """
    row, template = StampCardRow, coupons.CouponTemplate
    versions = select(func.sum(row.version + template.version)).join(template, template.id == row.template_id)
    return func.coalesce(versions.scalar_subquery(), 0)


def last_stamp(member_id: ColumnElement[int]) -> ColumnElement[int]:
    """Return a column that differs as soon as stamps of a member came or went: 0 where there never were any."""
    mine = select(func.max(Stamp.id)).where(Stamp.member_id == member_id)
    return func.coalesce(mine.correlate_except(Stamp).scalar_subquery(), 0)


def open_cards(mark: int, *, at: datetime) -> tuple[OpenCard, ...]:
    """Return the approved cards that run or will, by the mark that was read, the sooner to end first.

    Two statements when it has changed.
    """
    return _known.get(mark, lambda: _approved(at)) if mark else ()


def _approved(at: datetime) -> tuple[OpenCard, ...]:
    row, scope, template = StampCardRow, StampScope, coupons.CouponTemplate
    ids: dict[int, set[int]] = {}
    for each in execute(select(scope.card_id, func.coalesce(scope.category_id, scope.product_id).label("of_id"))):
        ids.setdefault(each.card_id, set()).add(each.of_id)
    return tuple(
        OpenCard(
            card=as_card(each, scope=each.scope, scope_ids=frozenset(ids.get(each.id, ()))),
            coupon=each.coupon,
            starts_at=each.starts_at,
            ends_at=each.ends_at,
            min_rank=each.min_rank,
            is_full=each.total_limit is not None and each.filled >= each.total_limit,
        )
        for each in execute(
            select(*row.__table__.columns, template.title.label("coupon"))
            .join(template, template.id == row.template_id)
            .where(row.state == APPROVED, row.ends_at > at)
            .order_by(row.ends_at, row.id)
        )
    )


def filled_by(
    cards: Iterable[OpenCard],
    product_id: int,
    categories: Collection[int],
    *,
    most_cents: int,
    standings: Mapping[int, Standing],
    rank: int,
    at: datetime,
) -> list[Filling]:
    """Return the cards that a piece of a product fills where up to `most_cents` of it are paid in cash. Pure.

    Where a card counts orders the amount is asked of the order, so any cash will do.
    """
    return [
        Filling(each, 1, standing)
        for each, standing in _going_on(cards, standings, rank=rank, at=at)
        if each.card.is_about(product_id, categories)
        and most_cents >= (max(1, each.card.least_cents) if each.card.counts == PIECE else 1)
    ]


def stamps_to_come(
    cards: Iterable[OpenCard],
    bought: Collection[Bought],
    categories: Mapping[int, Collection[int]],
    *,
    standings: Mapping[int, Standing],
    rank: int,
    at: datetime,
) -> list[Filling]:
    """Return the stamps that an order of these lines will bring once all of it is kept. Pure."""
    going_on = _going_on(cards, standings, rank=rank, at=at)
    lines = lines_for((each.card for each, _standing in going_on), bought, of=categories)
    return [
        Filling(each, stamps, standing)
        for each, standing in going_on
        if (stamps := each.card.stamps_for(lines.get(each.card.id, ())))
    ]


def _going_on(
    cards: Iterable[OpenCard], standings: Mapping[int, Standing], *, rank: int, at: datetime
) -> Sequence[tuple[OpenCard, Standing]]:
    with_standings = [(each, standings.get(each.card.id, Standing())) for each in cards]
    return [(each, standing) for each, standing in with_standings if each.goes_on(standing, rank=rank, at=at)]
