"""Campaigns: for a while, some goods earn some members more. Campaigns add to what an order gives; none multiplies.

Of those that fit a line the best one counts. An order keeps the campaigns of its placing with their figures; a capped
one is drawn on when its points are given, to the point: what is left is given, then the ordinary points only. What was
given stays counted when goods go back, so that no return opens a campaign again that was told to be used up.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    String,
    case,
    func,
    select,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.marked import Marked
from mall.base.tables import Mapped, mapped_column
from mall.base.text import Text

from .drafts import APPROVED, checks

LEAST_PERCENT, MOST_PERCENT = 101, 1_000


class CampaignRow(db.Model):
    """A campaign as the desk keeps it: orders from `starts_at` to `ends_at` earn `multiplier_percent`.

    `cap_points` bounds what it may give in all; `issued_points` counts what those that have a cap have given, and no
    others: it would be one row for the shop. What was given stays counted when it is taken back. `version` grows with
    every change, and when the cap is reached. Its figures stay once it has begun.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        *checks(),
        CheckConstraint(f"multiplier_percent BETWEEN {LEAST_PERCENT} AND {MOST_PERCENT}", name="multiplier_within"),
        CheckConstraint("cap_points > 0", name="cap_positive"),
        CheckConstraint("issued_points >= 0", name="issued_not_negative"),
        CheckConstraint("cap_points IS NULL OR issued_points <= cap_points", name="issued_within_cap"),
        CheckConstraint("cap_points IS NOT NULL OR issued_points = 0", name="issued_counts_a_cap"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    multiplier_percent: Mapped[int]
    min_rank: Mapped[int]
    scope: Mapped[str] = mapped_column(String(10))
    cap_points: Mapped[int | None]
    issued_points: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), index=True)
    version: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(Instant)
    approved_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class CampaignScope(db.Model):
    """One category or product that a campaign is for."""

    __tablename__ = "campaign_scope"
    __table_args__ = (CheckConstraint("(category_id IS NULL) <> (product_id IS NULL)", name="names_one_thing"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))


class Campaign(Struct, frozen=True):
    """A campaign that was approved, as prices and orders ask for it. `is_full`: its points are given."""

    id: int
    title: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    multiplier_percent: int
    min_rank: int
    scope: str
    scope_ids: frozenset[int]
    cap_points: int | None
    is_full: bool

    def runs_for(self, rank: int, *, at: datetime) -> bool:
        """Tell whether it runs at an instant for somebody of a level."""
        return self.starts_at <= at < self.ends_at and rank >= self.min_rank

    def is_about(self, product_id: int, categories: Collection[int]) -> bool:
        """Tell whether it is about a product, which stands in these categories."""
        if self.scope == "product":
            return product_id in self.scope_ids
        return self.scope == "all" or not self.scope_ids.isdisjoint(categories)


_known: Marked[tuple[Campaign, ...]] = Marked()


def campaign_mark() -> ColumnElement[int]:
    """Return a column that differs as soon as a campaign has changed or is full: 0 where there is none."""
    return func.coalesce(select(func.sum(CampaignRow.version)).scalar_subquery(), 0)


def running(mark: int, *, at: datetime) -> tuple[Campaign, ...]:
    """Return the approved campaigns that run or will, by the mark that was read. One statement when it has changed.

    The best first: of equals the older.
    """
    return _known.get(mark, lambda: _approved(at)) if mark else ()


def _approved(at: datetime) -> tuple[Campaign, ...]:
    row, scope = CampaignRow, CampaignScope
    found: dict[int, Campaign] = {}
    scopes: dict[int, set[int]] = {}
    for each in execute(
        select(row, func.coalesce(scope.category_id, scope.product_id).label("of_id"))
        .outerjoin(scope, scope.campaign_id == row.id)
        .where(row.state == APPROVED, row.ends_at > at)
        .order_by(row.multiplier_percent.desc(), row.id)
    ):
        ids = scopes.setdefault(each.id, set())
        if each.of_id is not None:
            ids.add(each.of_id)
        found[each.id] = Campaign(
            id=each.id,
            title=each.title,
            starts_at=each.starts_at,
            ends_at=each.ends_at,
            multiplier_percent=each.multiplier_percent,
            min_rank=each.min_rank,
            scope=each.scope,
            scope_ids=frozenset(ids),
            cap_points=each.cap_points,
            is_full=each.cap_points is not None and each.issued_points >= each.cap_points,
        )
    return tuple(found.values())


def open_to(campaigns: Sequence[Campaign], rank: int, *, at: datetime) -> tuple[Campaign, ...]:
    """Return the campaigns that give points now to somebody of a level: neither over nor used up. The best first."""
    return tuple(each for each in campaigns if each.runs_for(rank, at=at) and not each.is_full)


def best_of(
    campaigns: Sequence[Campaign], products: Mapping[int, Collection[int]], *, rank: int, at: datetime
) -> dict[int, Campaign]:
    """Return the best campaign that is not used up for each product: {product id: campaign}; the others are left out.

    `products` are ids, each with those of the categories it stands in. Pure.
    """
    mine = open_to(campaigns, rank, at=at)
    found = {}
    for product_id, categories in products.items():
        if best := next((each for each in mine if each.is_about(product_id, categories)), None):
            found[product_id] = best
    return found


def draw(campaign_id: int, points: int, *, capped: bool) -> int:
    """Draw on the points a campaign may give. Returns how many there are: all, what is left, or none.

    One conditional UPDATE; two statements more only where it does not reach. One without a cap has always enough. The
    purse is locked and the order; codes and stock come after, of which codes are never waited for.
    """
    if not capped:
        return points
    if _count(campaign_id, points):
        return points
    # Locked, so that what is left is taken by one.
    left: int = execute(
        select(CampaignRow.cap_points - CampaignRow.issued_points)
        .where(CampaignRow.id == campaign_id)
        .with_for_update()
    ).scalar_one()
    if left:
        assert left < points and _count(campaign_id, left), "a locked counter moved"
    return left


def _count(campaign_id: int, points: int) -> bool:
    """Count points as given, if there are so many. Says so to who keeps the campaigns, where they were the last."""
    row = CampaignRow
    given = row.issued_points + points
    drawn = update(row).where(row.id == campaign_id, given <= row.cap_points)
    return (
        execute(
            drawn.values(issued_points=given, version=row.version + case((given == row.cap_points, 1), else_=0))
        ).rowcount
        == 1
    )


def rule_of(campaign_id: int) -> str:
    """Return the rule under which a campaign's points are given."""
    return f"campaign:{campaign_id}"


def campaign_of_rule(rule: str) -> int | None:
    """Return the campaign whose rule it is, or None."""
    kind, _, number = rule.partition(":")
    return int(number) if kind == "campaign" and number.isdigit() else None
