"""Templates: what kinds of coupon the shop gives out, what each takes off, of what, and how often it may be used.

What a coupon is worth never changes once somebody has one: a member keeps what they were promised. A pack is a kind
too: of several coupons that are given together, all or none.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Row, String, func, or_, select

from mall.base.clock import Instant, day_of, end_of
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, aliased, mapped_column
from mall.base.text import N_, Text
from mall.domain import catalogue

from .terms import KINDS, PACK

SCOPES = ("all", "category", "product")
MOST_ID = 2**63 - 1


class CouponTemplate(db.Model):
    """One kind of coupon.

    Amounts are cents. A coupon can be used from `starts_at` (or when it is given) until `ends_at` or the end of the
    day `valid_days` after it was given, whichever is earlier. `total_limit` and `member_limit` bound how often it is
    used; `used` counts the live uses of those that have a total, and of no others: it would be one row for the shop.
    Of a pack the dates say when it can be had, the limits how often it is given, and `used` counts that.
    `sold_at`: since then an item or a stamp card gives it, or gave it: it may have been promised to somebody.
    """

    __tablename__ = "coupon_template"
    __table_args__ = (
        CheckConstraint(f"kind IN {(*KINDS, PACK)}", name="kind_known"),
        CheckConstraint(f"scope IN {SCOPES}", name="scope_known"),
        CheckConstraint("(kind = 'amount') = (amount_cents IS NOT NULL)", name="amount_of_an_amount"),
        CheckConstraint("(kind = 'percent') = (percent IS NOT NULL)", name="percent_of_a_percent"),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("percent BETWEEN 1 AND 100", name="percent_within"),
        CheckConstraint("cap_cents IS NULL OR (cap_cents > 0 AND kind = 'percent')", name="cap_of_a_percent"),
        CheckConstraint("threshold_cents >= 0", name="threshold_not_negative"),
        CheckConstraint("ends_at IS NOT NULL OR valid_days IS NOT NULL OR kind = 'pack'", name="has_an_end"),
        CheckConstraint("valid_days > 0", name="days_positive"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("member_limit > 0", name="member_limit_positive"),
        CheckConstraint("used >= 0", name="used_not_negative"),
        CheckConstraint("total_limit IS NULL OR used <= total_limit", name="used_within_total"),
        CheckConstraint("total_limit IS NOT NULL OR used = 0", name="used_counts_a_total"),
        CheckConstraint("min_rank >= 0", name="rank_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(10))
    amount_cents: Mapped[int | None]
    percent: Mapped[int | None]
    cap_cents: Mapped[int | None]
    threshold_cents: Mapped[int]
    scope: Mapped[str] = mapped_column(String(10))
    starts_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    valid_days: Mapped[int | None]
    member_limit: Mapped[int | None]
    total_limit: Mapped[int | None]
    used: Mapped[int]
    stackable: Mapped[bool]
    min_rank: Mapped[int]
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Instant)
    sold_at: Mapped[datetime | None] = mapped_column(Instant)


class CouponScope(db.Model):
    """One category or product that a template is for."""

    __tablename__ = "coupon_scope"
    __table_args__ = (CheckConstraint("(category_id IS NULL) <> (product_id IS NULL)", name="names_one_thing"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))


class PackPart(db.Model):
    """So many coupons of one kind in a pack."""

    __tablename__ = "pack_part"
    __table_args__ = (CheckConstraint("pieces > 0", name="pieces_positive"),)

    pack_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), primary_key=True, autoincrement=False)
    template_id: Mapped[int] = mapped_column(
        ForeignKey("coupon_template.id"), primary_key=True, autoincrement=False, index=True
    )
    pieces: Mapped[int]


class CouponGood(db.Model):
    """An item whose pieces are coupons: having it puts a coupon of the template among one's own."""

    __tablename__ = "coupon_good"

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True, autoincrement=False)
    template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"), index=True)


class NoSuchTemplate(NotFound):
    message = N_("There is no such kind of coupon.")


class Withdrawn(Refusal):
    message = N_("This kind of coupon is no longer given out.")


def sold_by(product_ids: Collection[int] | None = None, *, at: datetime) -> dict[int, int]:
    """Return which template each item gives now: {product id: template id}; items that give none are left out.

    Without `product_ids` of all items.
    """
    statement = (
        select(CouponGood.product_id, CouponGood.template_id)
        .join(CouponTemplate, CouponTemplate.id == CouponGood.template_id)
        .where(given_out(at))
    )
    if product_ids is not None:
        statement = statement.where(CouponGood.product_id.in_(product_ids))
    return {row.product_id: row.template_id for row in execute(statement)}


def contents_of(template_ids: Collection[int]) -> dict[int, list[Row[Any]]]:
    """Return what each of some templates is to who has it: the coupons in it with their `pieces`, itself for most.

    {template id: [template]}, in one statement.
    """
    pack = aliased(CouponTemplate)
    rows = execute(
        select(
            pack.id.label("of_id"),
            func.coalesce(PackPart.pieces, 1).label("pieces"),
            *CouponTemplate.__table__.columns,
        )
        .select_from(pack)
        .outerjoin(PackPart, PackPart.pack_id == pack.id)
        .join(CouponTemplate, CouponTemplate.id == func.coalesce(PackPart.template_id, pack.id))
        .where(pack.id.in_(template_ids))
        .order_by(pack.id, CouponTemplate.id)
    )
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.of_id, []).append(row)
    return found


def given_out(at: datetime) -> Any:
    """Return the condition that a template is given out at an instant; of a pack, that all that is in it is."""
    over = CouponTemplate.ends_at.is_not(None) & (CouponTemplate.ends_at <= at)
    is_pack = CouponTemplate.kind == PACK
    too_early = is_pack & CouponTemplate.starts_at.is_not(None) & (CouponTemplate.starts_at > at)
    inside = aliased(CouponTemplate)
    gone = or_(inside.withdrawn_at.is_not(None), inside.ends_at <= at)
    broken = (
        select(PackPart.pack_id)
        .join(inside, inside.id == PackPart.template_id)
        .where(PackPart.pack_id == CouponTemplate.id, gone)
        .correlate(CouponTemplate)
        .exists()
    )
    return CouponTemplate.withdrawn_at.is_(None) & ~over & ~too_early & ~(is_pack & broken)


def template_of(template_id: int) -> Row[Any]:
    """Return a template. Raises NoSuchTemplate."""
    row = execute(select(CouponTemplate).where(CouponTemplate.id == possible(template_id))).one_or_none()
    if row is None:
        raise NoSuchTemplate()
    return row


def titles_of(template_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """Return what templates are called, {id: title in the shop's languages}; ids of none are left out."""
    wanted = [possible(id_) for id_ in sorted(template_ids)]
    rows = execute(select(CouponTemplate.id, CouponTemplate.title).where(CouponTemplate.id.in_(wanted)))
    return {row.id: row.title for row in rows}


def locked_template(template_id: int) -> Row[Any]:
    """Return a template, locked against a change of what it is worth. Raises NoSuchTemplate."""
    statement = select(CouponTemplate).where(CouponTemplate.id == possible(template_id))
    row = execute(statement.with_for_update(read=True)).one_or_none()
    if row is None:
        raise NoSuchTemplate()
    return row


def scope_of(template_id: int) -> list[int]:
    """Return the ids of the categories or products a template is for, ascending; none when it is for all."""
    rows = execute(
        select(func.coalesce(CouponScope.category_id, CouponScope.product_id)).where(
            CouponScope.template_id == template_id
        )
    )
    return sorted(rows.scalars())


def products_selling(template_id: int) -> Sequence[Row[Any]]:
    """Return the items that give a template's coupons: id, title."""
    return execute(
        select(catalogue.Product.id, catalogue.Product.title)
        .join(CouponGood, CouponGood.product_id == catalogue.Product.id)
        .where(CouponGood.template_id == template_id)
        .order_by(catalogue.Product.id)
    ).all()


def coupon_products() -> Sequence[Row[Any]]:
    """Return every item of the kind "coupon", with the template it gives, if any: id, title, template_id."""
    return execute(
        select(catalogue.Product.id, catalogue.Product.title, CouponGood.template_id)
        .outerjoin(CouponGood, CouponGood.product_id == catalogue.Product.id)
        .where(catalogue.Product.kind == "coupon")
        .order_by(catalogue.Product.id)
    ).all()


def end_for(template: Any, *, zone: str, at: datetime) -> datetime:
    """Return the instant a coupon given now ends: the template's, or the end of the last of its days, the earlier."""
    ends = [template.ends_at] if template.ends_at is not None else []
    if template.valid_days is not None:
        begins = max(at, template.starts_at) if template.starts_at is not None else at
        ends.append(end_of(day_of(begins, zone) + timedelta(days=template.valid_days), zone))
    return min(ends)


def parts_of(pack_ids: Collection[int]) -> dict[int, list[Row[Any]]]:
    """Return what is in packs, {pack id: [template with its `pieces`]}, as they were put in. One statement."""
    rows = execute(
        select(PackPart.pack_id, PackPart.pieces, *CouponTemplate.__table__.columns)
        .join(CouponTemplate, CouponTemplate.id == PackPart.template_id)
        .where(PackPart.pack_id.in_(pack_ids))
        .order_by(PackPart.pack_id, PackPart.template_id)
    )
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.pack_id, []).append(row)
    return found


def subject_of(template_id: int) -> str:
    """Return what the audit knows a template by."""
    return f"coupon:{template_id}"


def possible(template_id: int) -> int:
    """Return an id a template could have, or 0, which none has."""
    return template_id if 0 < template_id <= MOST_ID else 0
