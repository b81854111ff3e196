"""Categories: the shop's departments, in the order the shop wants them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Row,
    ScalarSelect,
    String,
    cast,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, Text
from mall.domain import audit

from .figures import possible_ids
from .slugs import free_slug
from .wording import words


class Category(db.Model):
    """A department of the shop, found at /shop/<slug>."""

    __tablename__ = "category"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Text)
    position: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Instant)


class ProductCategory(db.Model):
    """A product stands in a category."""

    __tablename__ = "product_category"

    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True, index=True)


class NoSuchCategory(NotFound):
    message = N_("There is no such category.")


class CategoryNeedsTitle(Refusal):
    message = N_("Give the category a name.")


class CategoryThere(Refusal):
    message = N_("There is a category of this name already. Choose another name.")


def categories() -> Sequence[Row[Any]]:
    """Return every category in the shop's order: id, slug, title, position."""
    return execute(
        select(Category.id, Category.slug, Category.title, Category.position).order_by(Category.position, Category.id)
    ).all()


def create_category(title: Mapping[str, str], *, by: str, at: datetime, slug: str = "") -> int:
    """Open a category at the end of the row. Returns its id. Raises CategoryNeedsTitle, CategoryThere."""
    title = _titled(title)
    if any(set(row.title.values()) & set(title.values()) for row in categories()):
        raise CategoryThere()
    last = execute(select(func.max(Category.position))).scalar_one() or 0
    category_id = execute(
        insert(Category)
        .values(slug=free_slug(Category.slug, slug or title), title=title, position=last + 1, created_at=at)
        .returning(Category.id)
    ).scalar_one()
    audit.write("category.created", by=by, subject=f"category:{category_id}", at=at, after={"title": title})
    return category_id


def rename_category(category_id: int, title: Mapping[str, str], *, by: str, at: datetime) -> None:
    """Give a category another name; its address stays. Raises NoSuchCategory, CategoryNeedsTitle."""
    title = _titled(title)
    before = execute(select(Category.title).where(Category.id.in_(possible_ids([category_id])))).scalar_one_or_none()
    if before is None:
        raise NoSuchCategory()
    execute(update(Category).where(Category.id == category_id).values(title=title))
    audit.write(
        "category.renamed",
        by=by,
        subject=f"category:{category_id}",
        at=at,
        before={"title": before},
        after={"title": title},
    )


def order_categories(category_ids: Sequence[int], *, by: str, at: datetime) -> None:
    """Put categories in this order."""
    known = set(execute(select(Category.id)).scalars())
    if set(category_ids) != known or len(category_ids) != len(known):
        raise NoSuchCategory(N_("The categories changed meanwhile. Reload the page and order them again."))
    for position, category_id in enumerate(category_ids, start=1):
        execute(update(Category).where(Category.id == category_id).values(position=position))
    audit.write("category.ordered", by=by, subject="category", at=at, after={"order": list(category_ids)})


def put_in_categories(product_id: int, category_ids: Iterable[int]) -> None:
    """Let a product stand in exactly these categories. Raises NoSuchCategory."""
    wanted = possible_ids(category_ids)
    if len(wanted) != execute(select(func.count()).where(Category.id.in_(wanted))).scalar_one():
        raise NoSuchCategory()
    execute(delete(ProductCategory).where(ProductCategory.product_id == product_id))
    if wanted:
        execute(insert(ProductCategory), [{"product_id": product_id, "category_id": id_} for id_ in wanted])


def category_ids_of(product_id: int) -> list[int]:
    """Return the ids of the categories a product stands in, ascending."""
    chosen = select(ProductCategory.category_id).where(ProductCategory.product_id == product_id)
    return sorted(execute(chosen).scalars())


def _titled(title: Mapping[str, str]) -> dict[str, str]:
    cleaned = words(title, longest=80)
    if not cleaned:
        raise CategoryNeedsTitle()
    return cleaned


def stands_in(product_id: Any) -> ScalarSelect[Any]:
    """Return a column of a select of products: the ids of the categories each stands in, in one text, "3,17"."""
    comma: Any = literal_column("','")  # In the statement itself: what is bound is worked out anew on every page.
    together = select(func.aggregate_strings(cast(ProductCategory.category_id, String), comma))
    of_it = together.where(ProductCategory.product_id == product_id)
    return of_it.correlate_except(ProductCategory).scalar_subquery()


def ids_in(text: str | None) -> frozenset[int]:
    """Return the ids in such a text."""
    return frozenset(int(id_) for id_ in text.split(",")) if text else frozenset()


def categories_of(product_ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """Return the ids of the categories each product stands in; products in none are left out. One statement."""
    found: dict[int, set[int]] = {}
    chosen = select(ProductCategory).where(ProductCategory.product_id.in_(possible_ids(product_ids)))
    for row in execute(chosen):
        found.setdefault(row.product_id, set()).add(row.category_id)
    return {product_id: frozenset(ids) for product_id, ids in found.items()}
