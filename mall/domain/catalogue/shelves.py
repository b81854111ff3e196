"""Shelves: which products are out in the shop at an instant, and putting them there and taking them off.

A state is never stored: it follows from the product's dates, so nothing has to run for a schedule to come true.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_, Message, say
from mall.domain import audit, programme

from .figures import possible_ids
from .pictures import Picture
from .prices import PriceOption
from .products import NoSuchProduct, Product, touch
from .variants import Variant

STATES = ("draft", "scheduled", "listed", "delisted")


class NotReady(Refusal):
    """A product lacks something without which it cannot be listed. Carries product_id."""

    def __init__(self, product_id: int, missing: Message) -> None:
        super().__init__(missing.text, **missing.values)
        self.product_id = product_id


def state_of(product: Any, at: datetime) -> str:
    """Return "draft", "scheduled", "listed" or "delisted": the state of a product's row at an instant. Pure."""
    if product.listed_from is None:
        return "draft"
    if product.listed_until is not None and product.listed_until <= at:
        return "delisted"
    return "listed" if product.listed_from <= at else "scheduled"


def in_state(state: str, at: Any) -> ColumnElement[bool]:
    """Return the same rule as a condition on the product table."""
    over = and_(Product.listed_until.is_not(None), Product.listed_until <= at)
    lasting = or_(Product.listed_until.is_(None), Product.listed_until > at)
    return {
        "draft": Product.listed_from.is_(None),
        "delisted": and_(Product.listed_from.is_not(None), over),
        "scheduled": and_(Product.listed_from > at, lasting),
        "listed": and_(Product.listed_from <= at, lasting),
    }[state]


def states_of(product_ids: Iterable[int], *, at: datetime) -> dict[int, str]:
    """Return the state of each product at an instant, {product_id: state}; ids of none are left out."""
    dates = select(Product.id, Product.listed_from, Product.listed_until)
    rows = execute(dates.where(Product.id.in_(possible_ids(product_ids))).order_by(Product.id))
    return {row.id: state_of(row, at) for row in rows}


def list_products(product_ids: Iterable[int], *, terms: programme.Programme, by: str, at: datetime) -> int:
    """Put products on the shelf now, until they are taken off. All or none. Returns how many were not there before.

    Raises NoSuchProduct, NotReady for the first that lacks something.
    """
    return _shelve(product_ids, listed_from=at, listed_until=None, act="product.listed", terms=terms, by=by, at=at)


def schedule(
    product_ids: Iterable[int],
    *,
    listed_from: datetime,
    listed_until: datetime | None = None,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> int:
    """Let products come on the shelf, and leave it, by themselves. All or none. Returns how many.

    Raises NoSuchProduct, NotReady, and refuses dates that make no stretch of time to come.
    """
    if listed_until is not None and (listed_until <= listed_from or listed_until <= at):
        raise Refusal(N_("An item is delisted after it is listed, and not in the past. Change one of the two dates."))
    return _shelve(
        product_ids, listed_from=listed_from, listed_until=listed_until, act="product.scheduled", terms=terms, by=by,
        at=at,
    )  # fmt: skip


def delist_products(product_ids: Iterable[int], *, by: str, at: datetime, reason: str = "") -> int:
    """Take products off the shelf now; one that was only scheduled is a draft again. Returns how many changed."""
    changed = 0
    for row in _locked(product_ids, at=at):
        state = state_of(row, at)
        if state not in ("listed", "scheduled"):
            continue
        # One listed this very instant has been on no shelf: it is a draft again as well.
        begun = state == "listed" and row.listed_from < at
        values = {"listed_from": row.listed_from if begun else None, "listed_until": at if begun else None}
        _set(row, values, act="product.delisted", by=by, at=at, reason=reason)
        changed += 1
    return changed


def missing_to_list(
    product_ids: Iterable[int], *, terms: programme.Programme, at: datetime
) -> dict[int, list[Message]]:
    """Return what each product still lacks to be listed, as sentences: {product_id: [Message]}."""
    ids = possible_ids(product_ids)
    rows = execute(select(Product.id, Product.title).where(Product.id.in_(ids))).all()
    priced = set(
        execute(
            select(Variant.product_id)
            .join(PriceOption, PriceOption.variant_id == Variant.id)
            .where(
                Variant.product_id.in_(ids),
                Variant.retired_at.is_(None),
                PriceOption.withdrawn_at.is_(None),
                or_(PriceOption.ends_at.is_(None), PriceOption.ends_at > at),
            )
            .distinct()
        ).scalars()
    )
    unspoken = {
        picture.product_id
        for picture in execute(select(Picture.product_id, Picture.alt).where(Picture.product_id.in_(ids)))
        if not picture.alt.get(terms.language)
    }
    missing: dict[int, list[Message]] = {}
    for row in rows:
        missing[row.id] = lacks = []
        if not row.title.get(terms.language):
            lacks.append(say(N_("Name {title} in the shop's main language before listing it."), title=row.title))
        if row.id not in priced:
            lacks.append(say(N_("Give {title} at least one price before listing it."), title=row.title))
        if row.id in unspoken:
            lacks.append(
                say(N_("Describe every picture of {title} in the shop's main language first."), title=row.title)
            )
    return missing


def _shelve(
    product_ids: Iterable[int],
    *,
    listed_from: datetime,
    listed_until: datetime | None,
    act: str,
    terms: programme.Programme,
    by: str,
    at: datetime,
) -> int:
    rows = _locked(product_ids, at=at)
    for product_id, lacks in missing_to_list([row.id for row in rows], terms=terms, at=at).items():
        for message in lacks:
            raise NotReady(product_id, message)
    changed = 0
    for row in rows:
        # What is on the shelf already keeps the day it came.
        stays = state_of(row, at) == "listed" and listed_from <= at
        values = {"listed_from": row.listed_from if stays else listed_from, "listed_until": listed_until}
        if values != {"listed_from": row.listed_from, "listed_until": row.listed_until}:
            _set(row, values, act=act, by=by, at=at)
            changed += 1
    return changed


def _locked(product_ids: Iterable[int], *, at: datetime) -> Sequence[Any]:
    ids = possible_ids(product_ids)
    for product_id in ids:
        touch(product_id, at=at)
    rows = execute(
        select(Product.id, Product.listed_from, Product.listed_until).where(Product.id.in_(ids)).order_by(Product.id)
    ).all()
    if not rows:
        raise NoSuchProduct()
    return rows


def _set(row: Any, values: dict[str, Any], *, act: str, by: str, at: datetime, reason: str = "") -> None:
    execute(update(Product).where(Product.id == row.id).values(**values))
    audit.write(
        act, by=by, subject=f"product:{row.id}", at=at, reason=reason,
        before={"listed_from": row.listed_from, "listed_until": row.listed_until}, after=values,
    )  # fmt: skip
