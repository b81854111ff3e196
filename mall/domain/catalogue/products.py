"""Products: what the shop has on offer, told in the shop's languages, and who may see, buy and how many."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Row, String, insert, select, update

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Text
from mall.domain import audit, programme

from . import search
from .categories import category_ids_of, put_in_categories
from .figures import MOST_ID
from .product_details import PLAN, checked
from .quotas import Quota, set_quota
from .slugs import free_slug


class Product(db.Model):
    """Something the shop offers.

    It can be seen from `listed_from` until `listed_until`; without the first it is a draft. It can be had from
    `redeem_from` until `redeem_until`, and not before `public_from` - early access opens that some hours before.
    Ranks are those of the programme's levels; 0 asks for none. A membership gives the level with the key `plan_level`
    for `plan_length` days or months (`plan_unit`). `review_count` and `review_stars` sum up its published
    reviews; `review_changes` counts how often what is shown of them changed. `question_count` and
    `question_changes` are the same of the questions that everybody reads.
    """

    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("kind IN ('goods', 'gift', 'coupon', 'code', 'membership')", name="kind_known"),
        CheckConstraint("delivery IN ('shipped', 'digital')", name="delivery_known"),
        CheckConstraint("see_rank >= 0 AND buy_rank >= 0", name="ranks_not_negative"),
        CheckConstraint("limit_per_member > 0", name="limit_positive"),
        CheckConstraint(
            "limit_days IS NULL OR (limit_days > 0 AND limit_per_member IS NOT NULL)", name="limit_days_of_a_limit"
        ),
        CheckConstraint("listed_from < listed_until", name="listed_before_delisted"),
        CheckConstraint("redeem_from < redeem_until", name="redeemable_before_over"),
        CheckConstraint(
            "(plan_level IS NULL) = (plan_length IS NULL) AND (plan_level IS NULL) = (plan_unit IS NULL)",
            name="plan_whole",
        ),
        CheckConstraint("plan_length > 0 AND plan_unit IN ('days', 'months')", name="plan_has_a_length"),
        CheckConstraint("plan_level IS NULL OR kind = 'membership'", name="plan_of_a_membership"),
        CheckConstraint(
            "review_count >= 0 AND review_stars BETWEEN review_count AND 5 * review_count", name="stars_of_reviews"
        ),
        CheckConstraint("question_count >= 0", name="questions_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    delivery: Mapped[str] = mapped_column(String(8))
    title: Mapped[dict[str, str]] = mapped_column(Text)
    summary: Mapped[dict[str, str] | None] = mapped_column(Text)
    description: Mapped[dict[str, str] | None] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(JSON)
    tax_class: Mapped[str] = mapped_column(String(40))
    see_rank: Mapped[int]
    buy_rank: Mapped[int]
    limit_per_member: Mapped[int | None]
    limit_days: Mapped[int | None]
    listed_from: Mapped[datetime | None] = mapped_column(Instant, index=True)
    listed_until: Mapped[datetime | None] = mapped_column(Instant)
    redeem_from: Mapped[datetime | None] = mapped_column(Instant)
    redeem_until: Mapped[datetime | None] = mapped_column(Instant)
    public_from: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    review_count: Mapped[int]
    review_stars: Mapped[int]
    review_changes: Mapped[int]
    plan_level: Mapped[str | None] = mapped_column(String(40))
    plan_length: Mapped[int | None]
    plan_unit: Mapped[str | None] = mapped_column(String(6))
    question_count: Mapped[int]
    question_changes: Mapped[int]


class NoSuchProduct(NotFound):
    message = N_("There is no such item.")


class ChangedMeanwhile(Refusal):
    message = N_("Somebody else changed this item meanwhile. Look at it as it is now, then change it again.")


def create_product(
    *, title: Mapping[str, str], terms: programme.Programme, by: str, at: datetime, **details: Any
) -> int:
    """Write down a new product as a draft. Returns its id. Raises BadProduct, BadWording, BadFigure, QuotaBelowTaken.

    Details: slug, kind, delivery, summary, description, tags, tax_class, see_rank, buy_rank, limit_per_member,
    limit_days, redeem_from, redeem_until, public_from, plan_level (the key of a level), plan_length, plan_unit,
    categories (ids), total_quota.
    """
    assert in_transaction()
    kind = details.get("kind", "goods")
    plain = {
        "kind": kind,
        "delivery": "shipped" if kind in ("goods", "gift") else "digital",
        "summary": None,
        "description": None,
        "tags": [],
        "tax_class": next(iter(terms.tax_classes), "standard"),
        "see_rank": 0,
        "buy_rank": 0,
        **dict.fromkeys(("limit_per_member", "limit_days", "redeem_from", "redeem_until", "public_from", *PLAN)),
    }
    slug, categories, total_quota = (details.pop(name, None) for name in ("slug", "categories", "total_quota"))
    values = checked(plain | details | {"title": title}, terms)
    product_id = execute(
        insert(Product)
        .values(
            **values,
            slug=free_slug(Product.slug, slug or values["title"]),
            version=1,
            created_at=at,
            changed_at=at,
            listed_from=None,
            listed_until=None,
            review_count=0,
            review_stars=0,
            review_changes=0,
            question_count=0,
            question_changes=0,
        )
        .returning(Product.id)
    ).scalar_one()
    _put(product_id, categories=categories, total_quota=total_quota)
    _index(product_id, values)
    audit.write(
        "product.created",
        by=by,
        subject=f"product:{product_id}",
        at=at,
        after={"title": values["title"], "kind": kind},
    )
    return product_id


def edit_product(
    product_id: int,
    *,
    terms: programme.Programme,
    by: str,
    at: datetime,
    seen_version: int | None = None,
    **changes: Any,
) -> None:
    """Change some details of a product: any that create_product() takes, but its kind and address.

    Raises NoSuchProduct, ChangedMeanwhile (when it is no longer the version the editor saw), and what
    create_product() raises.
    """
    touch(product_id, at=at, seen_version=seen_version)
    before = everything_of(product_id)
    stands_in, total_quota = changes.pop("categories", None), changes.pop("total_quota", before["total_quota"])
    editable = {name: before[name] for name in DETAILS} | changes
    if unknown := set(editable) - set(DETAILS):
        raise TypeError(f"edit_product() has no {sorted(unknown)}")
    values = checked(editable | {"kind": before["kind"]}, terms)
    execute(update(Product).where(Product.id == product_id).values(**values))
    _put(product_id, categories=stands_in, total_quota=total_quota)
    _index(product_id, values)
    audit.write(
        "product.changed",
        by=by,
        subject=f"product:{product_id}",
        at=at,
        before=before,
        after=everything_of(product_id),
    )


DETAILS = (
    "delivery", "title", "summary", "description", "tags", "tax_class", "see_rank", "buy_rank", "limit_per_member",
    "limit_days", "redeem_from", "redeem_until", "public_from", *PLAN,
)  # fmt: skip


def touch(product_id: int, *, at: datetime, seen_version: int | None = None) -> None:
    """Mark a product as changed, and keep other editors out until the transaction ends.

    Raises NoSuchProduct, ChangedMeanwhile.
    """
    assert in_transaction()
    if not 0 < product_id <= MOST_ID:
        raise NoSuchProduct()
    changed = update(Product).where(Product.id == product_id).values(version=Product.version + 1, changed_at=at)
    version = execute(changed.returning(Product.version)).scalar_one_or_none()
    if version is None:
        raise NoSuchProduct()
    if seen_version is not None and seen_version != version - 1:
        raise ChangedMeanwhile()


def count_reviews(product_id: int, *, reviews: int = 0, stars: int = 0) -> None:
    """Add to what a product's published reviews sum up to, or take off it; by nothing where only words changed.

    Who edits the product is not disturbed: its version stays.
    """
    assert in_transaction()
    execute(
        update(Product)
        .where(Product.id == product_id)
        .values(
            review_count=Product.review_count + reviews,
            review_stars=Product.review_stars + stars,
            review_changes=Product.review_changes + 1,
        )
    )


def count_questions(product_id: int, *, questions: int = 0) -> None:
    """Add to the questions of a product that everybody reads, or take off them; none where only words changed."""
    assert in_transaction()
    execute(
        update(Product)
        .where(Product.id == product_id)
        .values(
            question_count=Product.question_count + questions,
            question_changes=Product.question_changes + 1,
        )
    )


def product_row(product_id: int) -> Row[Any]:
    """Return a product's row with total_quota and taken. Raises NoSuchProduct."""
    row = execute(
        select(*Product.__table__.columns, Quota.total.label("total_quota"), Quota.taken)
        .select_from(Product)
        .outerjoin(Quota, Quota.product_id == Product.id)
        .where(Product.id == (product_id if 0 < product_id <= MOST_ID else 0))
    ).one_or_none()
    if row is None:
        raise NoSuchProduct()
    return row


def everything_of(product_id: int) -> dict[str, Any]:
    """Return what the audit keeps of a product: its details, categories and total."""
    row = product_row(product_id)
    names = ("kind", *DETAILS, "total_quota")
    return {name: getattr(row, name) for name in names} | {"categories": category_ids_of(product_id)}


def _put(product_id: int, *, categories: Iterable[int] | None, total_quota: int | None) -> None:
    if categories is not None:
        put_in_categories(product_id, categories)
    set_quota(product_id, total_quota)


def _index(product_id: int, values: Mapping[str, Any]) -> None:
    texts: dict[str, str] = {}
    for text in (values["summary"], values["description"]):
        for language, part in (text or {}).items():
            texts[language] = f"{texts.get(language, '')} {part}"
    search.index(product_id, search.grams_of(values["title"], texts, values["tags"]))
