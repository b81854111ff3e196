"""Stamp cards as members see them: how many stamps are on each, what a full one gives, and where stamps came from."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Select, and_, case, func, literal_column, or_, select, true

from mall.base.db import execute
from mall.base.sql import whole_sum
from mall.domain import catalogue, coupons

from .dormancy import ANNOUNCED, Announced
from .drafts import DRAFT
from .stamp_cards import StampCard, StampCardRow, StampScope, as_card, ends_of
from .stamps import FullCard, Stamp, Standing, standing_columns


class MemberCard(Struct, frozen=True):
    """A stamp card with a member's stamps on it. `runs`: orders placed now give stamps on it; `used_up`: all cards
    there were are full.
    """

    card: StampCard
    standing: Standing
    coupon: dict[str, str]
    ends_at: datetime
    scope: str
    runs: bool
    used_up: bool

    @property
    def filled(self) -> int:
        """Return the stamps on the card that is being filled."""
        return self.standing.on_card(self.card)

    @property
    def owed(self) -> int:
        """Return the stamps that come before the next card, since goods of a full one went back."""
        return self.standing.owed_on(self.card)

    @property
    def had_all(self) -> bool:
        """Tell whether the member has filled as many as one may."""
        return self.standing.had_all(self.card)

    @property
    def goes_on(self) -> bool:
        """Tell whether buying now brings the member nearer to a coupon."""
        return self.runs and not self.used_up and not self.had_all


def cards_seen(member_id: int, *, rank: int, at: datetime) -> list[MemberCard]:
    """Return the cards that run for a member of a level, and those that have stamps of theirs. One statement.

    Those that run come first, each the sooner to end.
    """
    seen = _seen(member_id, rank=rank, at=at)
    rows = execute(_with_coupon(select(*_columns(member_id)).select_from(StampCardRow)).where(seen))
    return _read(rows, rank=rank, at=at)


def cards_and_notice(
    member_id: int, *, rank: int, today: date, at: datetime
) -> tuple[list[MemberCard], Announced | None]:
    """Return cards_seen() and announced_to() at once: for the member centre, in one statement."""
    # One row in any case, where there is no card and no notice.
    always = select(literal_column("1").label("there")).subquery("one_row")
    notice = ANNOUNCED.subquery("notice")
    seen = _seen(member_id, rank=rank, at=at)
    statement = _with_coupon(
        select(notice.c.deducts_on, notice.c.points.label("points_off"), *_columns(member_id))
        .select_from(always)
        .outerjoin(notice, true())
        .outerjoin(StampCardRow, seen)
    )
    rows = execute(statement, {"of_member": member_id, "today": today}).all()
    announced = Announced(rows[0].deducts_on, rows[0].points_off) if rows[0].deducts_on else None
    return _read((row for row in rows if row.id is not None), rank=rank, at=at), announced


def _columns(member_id: int) -> list[Any]:
    template = coupons.CouponTemplate
    return [
        *StampCardRow.__table__.columns,
        template.title.label("coupon"),
        ends_of().label("over_at"),
        *standing_columns(member_id),
    ]


def _with_coupon(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    template = coupons.CouponTemplate
    joined = statement.outerjoin(template, template.id == StampCardRow.template_id)
    return joined.order_by(ends_of(), StampCardRow.id)


def _seen(member_id: int, *, rank: int, at: datetime) -> ColumnElement[bool]:
    row = StampCardRow
    mine = select(Stamp.id).where(Stamp.card_id == row.id, Stamp.member_id == member_id).correlate(row).exists()
    runs = and_(ends_of() > at, row.min_rank <= rank)
    return and_(row.state != DRAFT, row.starts_at <= at, or_(runs, mine))


def _read(rows: Iterable[Any], *, rank: int, at: datetime) -> list[MemberCard]:
    cards = [
        MemberCard(
            card=as_card(each),
            standing=Standing.read(each),
            coupon=each.coupon,
            ends_at=each.over_at,
            scope=each.scope,
            runs=each.over_at > at and each.min_rank <= rank,
            used_up=each.total_limit is not None and each.filled >= each.total_limit,
        )
        for each in rows
    ]
    return sorted(cards, key=lambda card: not card.runs)


def stamps_of(member_id: int, *, page: int, per_page: int) -> tuple[Sequence[Row[Any]], int]:
    """Return a page of what came and went of a member's stamps, the latest first, and how many there are."""
    total: int = execute(select(func.count()).where(Stamp.member_id == member_id)).scalar_one()
    rows = execute(
        select(Stamp.stamps, Stamp.reference, Stamp.at, StampCardRow.title)
        .join(StampCardRow, StampCardRow.id == Stamp.card_id)
        .where(Stamp.member_id == member_id)
        .order_by(Stamp.id.desc())
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    return rows, total


def full_cards_of(member_id: int, *, limit: int = 100) -> Sequence[Row[Any]]:
    """Return a member's full cards, the latest first, each with its title and where its coupon stands."""
    full, coupon, template = FullCard, coupons.Coupon, coupons.CouponTemplate
    return execute(
        select(
            full.id, full.number, full.filled_at, full.voided_at, full.owed_at, StampCardRow.title,
            template.title.label("coupon"), coupon.state, coupon.usable_from, coupon.ends_at,
        )
        .join(StampCardRow, StampCardRow.id == full.card_id)
        .join(coupon, coupon.id == full.coupon_id)
        .join(template, template.id == coupon.template_id)
        .where(full.member_id == member_id)
        .order_by(full.id.desc())
        .limit(limit)
    ).all()  # fmt: skip


def voided_of(coupon_ids: Collection[int]) -> frozenset[int]:
    """Return which of these coupons are void, since goods went back that their stamp cards were filled with."""
    coupon_id = FullCard.coupon_id
    void = select(coupon_id).where(coupon_id.in_(sorted(coupon_ids)), FullCard.voided_at.is_not(None))
    return frozenset(execute(void).scalars())


def given_by_order(reference: str) -> Sequence[Row[Any]]:
    """Return what an order gave on each card: its title, the stamps `given`, and how many of them `went` back."""
    given = whole_sum(case((Stamp.stamps > 0, Stamp.stamps), else_=0))
    went = whole_sum(case((Stamp.stamps < 0, -Stamp.stamps), else_=0))
    return execute(
        select(StampCardRow.title, given.label("given"), went.label("went"))
        .join(StampCardRow, StampCardRow.id == Stamp.card_id)
        .where(Stamp.reference == reference)
        .group_by(StampCardRow.id)
        .order_by(StampCardRow.id)
    ).all()


def scopes_of_cards(card_ids: Collection[int]) -> dict[int, list[Row[Any]]]:
    """Return what cards are for, {card id: [row]}: the title and slug of a category, or the id of a product."""
    scope, category = StampScope, catalogue.Category
    rows = execute(
        select(scope.card_id, scope.product_id, category.title, category.slug)
        .outerjoin(category, category.id == scope.category_id)
        .where(scope.card_id.in_(sorted(card_ids)))
        .order_by(scope.id)
    )
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.card_id, []).append(row)
    return found
