"""Baskets: what a member means to take. A basket reserves nothing; its key makes placing it happen once."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    tuple_,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.errors import NotFound, Refusal
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_

from .quote import QuoteChanged

MOST_PIECES = 99
MOST_LINES = 20
MOST_POINTS = 10**9
# How long a visitor's basket is kept after something was put in, and how many are deleted in one go.
VISITORS_KEPT = timedelta(days=60)
FORGOTTEN_AT_ONCE = 1_000


class BadQuantity(Refusal):
    message = N_("Choose a quantity from 1 to {most}.")


class BasketFull(Refusal):
    message = N_("A basket holds {most} different items. Place this order first, or remove one.")


class Basket(db.Model):
    """A basket of a member, or of a visitor who has not signed in (by a token in the visitor's cookie)."""

    __tablename__ = "basket"
    __table_args__ = (CheckConstraint("(member_id IS NULL) <> (token IS NULL)", name="has_one_owner"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), unique=True)
    token: Mapped[str | None] = mapped_column(String(64), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    touched_at: Mapped[datetime] = mapped_column(Instant)


class BasketLine(db.Model):
    """One line: a variant by a price option, and the points a piece where the member may choose them.

    `seen_cents` and `seen_points` are the price when it was put in, so that a change can be pointed out.
    """

    __tablename__ = "basket_line"
    __table_args__ = (
        UniqueConstraint("basket_id", "variant_id", "option_id"),
        CheckConstraint(f"quantity BETWEEN 1 AND {MOST_PIECES}", name="quantity_within"),
        CheckConstraint("points_each >= 0", name="points_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    basket_id: Mapped[int] = mapped_column(ForeignKey("basket.id"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"))
    option_id: Mapped[int] = mapped_column(ForeignKey("price_option.id"))
    points_each: Mapped[int]
    quantity: Mapped[int]
    seen_cents: Mapped[int | None]
    seen_points: Mapped[int | None]


class BasketRow(Protocol):
    """A line of a basket as it is read: a row of BasketLine without its basket."""

    id: int
    variant_id: int
    option_id: int
    points_each: int
    quantity: int
    seen_cents: int | None
    seen_points: int | None


class Owner(Struct, frozen=True):
    """Whose basket: a member's, or a visitor's by token."""

    member_id: int | None = None
    token: str | None = None


class BasketNow(Struct, frozen=True):
    """A basket as it stands: its key, and its lines in the order they were put in. `id` None: there is none yet."""

    id: int | None
    key: str
    lines: tuple[BasketRow, ...]


def basket_of(owner: Owner) -> BasketNow:
    """Return a basket with its lines in the order they were put in; an empty one where there is none yet."""
    rows = execute(_BASKET[_kind(owner)], {"owner": owner.member_id or owner.token}).all()
    return from_rows(rows)


def from_rows(rows: Sequence[Any]) -> BasketNow:
    """Return the basket that rows of OF_MEMBER hold."""
    if not rows:
        return BasketNow(None, "", ())
    return BasketNow(rows[0].basket_id, rows[0].key, tuple(row for row in rows if row.id is not None))


def put_in(
    owner: Owner,
    *,
    variant_id: int,
    option_id: int,
    points_each: int = 0,
    quantity: int = 1,
    seen_cents: int | None = None,
    seen_points: int | None = None,
    at: datetime,
) -> None:
    """Put pieces of a variant in a basket; a line that is there already grows. Refuses: BadQuantity, BasketFull."""
    basket_id = _open(owner, at=at)
    asked = {"of_basket": basket_id, "of_variant": variant_id, "of_option": option_id}
    line = execute(_SAME_LINE, asked).one_or_none()
    wanted = (line.quantity if line else 0) + quantity
    if quantity < 1 or wanted > MOST_PIECES or not 0 <= points_each <= MOST_POINTS:
        raise BadQuantity(most=MOST_PIECES)
    figures = {"points_each": points_each, "seen_cents": seen_cents, "seen_points": seen_points}
    if line:
        execute(_CHANGE_LINE, figures | {"of_line": line.id, "quantity": wanted})
        return
    if len(execute(_THERE, {"of_basket": basket_id}).all()) >= MOST_LINES:
        raise BasketFull(most=MOST_LINES)
    this = {"basket_id": basket_id, "variant_id": variant_id, "option_id": option_id, "quantity": quantity}
    execute(_ADD_LINE, figures | this)


def set_line(
    owner: Owner,
    line_id: int,
    *,
    quantity: int | None = None,
    points_each: int | None = None,
    seen_cents: int | None = None,
    seen_points: int | None = None,
) -> None:
    """Change a line's quantity or its points a piece; a quantity of 0 removes it. Raises NotFound, BadQuantity.

    `seen_cents` and `seen_points` are its price as it was just shown; what is None stays as it is.
    """
    if quantity is not None and not 0 <= quantity <= MOST_PIECES:
        raise BadQuantity(most=MOST_PIECES)
    if points_each is not None and not 0 <= points_each <= MOST_POINTS:
        raise BadQuantity(most=MOST_PIECES)
    mine = BasketLine.basket_id.in_(select(Basket.id).where(_owned(owner)))
    if quantity == 0:
        changed = execute(delete(BasketLine).where(BasketLine.id == line_id, mine)).rowcount
    else:
        values = {
            "quantity": quantity,
            "points_each": points_each,
            "seen_cents": seen_cents,
            "seen_points": seen_points,
        }
        given = {name: value for name, value in values.items() if value is not None}
        changed = execute(update(BasketLine).where(BasketLine.id == line_id, mine).values(**given)).rowcount
    if not changed:
        raise NotFound(N_("This item is not in your basket."))


def take_out(basket: BasketNow, *, at: datetime) -> None:
    """Take the lines of a basket that was placed out of it, and give it a new key.

    What was put in since it was read stays. Raises QuoteChanged when one of its lines is no longer what was read.
    """
    # The basket before its lines, as whoever puts something in does.
    execute(_RENEW_KEY, {"of_basket": basket.id, "key": new_key(), "touched_at": at})
    lines = [(line.id, line.quantity, line.points_each) for line in basket.lines]
    if execute(_TAKE_OUT, {"of_basket": basket.id, "lines": lines}).rowcount < len(lines):
        raise QuoteChanged()


def take_in_again(member_id: int, lines: Sequence[Any], *, at: datetime) -> None:
    """Put the lines of an order that was let go back into its member's basket, next to what is there now."""
    _bring(
        Owner(member_id=member_id),
        [
            {
                "variant_id": line.variant_id,
                "option_id": line.option_id,
                "points_each": line.points_each,
                "quantity": line.quantity,
                "seen_cents": line.list_cents // line.quantity,  # Before the level discount, as a basket keeps it.
                "seen_points": line.unit_points,
            }
            for line in lines
        ],
        at=at,
    )


def merge(token: str, member_id: int, *, at: datetime) -> None:
    """Bring what a visitor put in before signing in into the member's basket; what does not fit is left out.

    Who has no basket yet takes over the visitor's as it is.
    """
    visitor = basket_of(Owner(token=token))
    if visitor.id is None:
        return
    if basket_of(Owner(member_id=member_id)).id is None:  # With its key: what was shown of it still holds.
        execute(_HAND_OVER, {"of_basket": visitor.id, "to_member": member_id, "touched_at": at})
        return
    brought = [{name: getattr(line, name) for name in _BROUGHT} for line in visitor.lines]
    _bring(Owner(member_id=member_id), brought, at=at)
    execute(delete(BasketLine).where(BasketLine.basket_id == visitor.id))
    execute(delete(Basket).where(Basket.id == visitor.id))


def _bring(owner: Owner, lines: Sequence[dict[str, Any]], *, at: datetime) -> None:
    """Put lines into a basket as far as there is room; what is there already stays as it is. Three statements."""
    basket_id = _open(owner, at=at)
    there = {(row.variant_id, row.option_id) for row in execute(_THERE, {"of_basket": basket_id})}
    new = [line for line in lines if (line["variant_id"], line["option_id"]) not in there]
    if fitting := new[: max(0, MOST_LINES - len(there))]:
        execute(_ADD_LINE, [line | {"basket_id": basket_id} for line in fitting])


def forget_baskets(*, at: datetime) -> int:
    """Delete up to a thousand baskets of visitors who have put nothing in for long. Returns how many.

    A member's basket stays, and so does one that is being put into.
    """
    old = execute(
        select(Basket.id)
        .where(Basket.member_id.is_(None), Basket.touched_at < at - VISITORS_KEPT)
        .order_by(Basket.id)
        .limit(FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).scalars()
    if ids := list(old):
        execute(delete(BasketLine).where(BasketLine.basket_id.in_(ids)))
        execute(delete(Basket).where(Basket.id.in_(ids)))
    return len(ids)


def new_key() -> str:
    """Return a key nobody can guess."""
    return secrets.token_urlsafe(24)


def _open(owner: Owner, *, at: datetime) -> int:
    who = {"owner": owner.member_id or owner.token, "now": at}
    basket_id = execute(_TOUCHED[_kind(owner)], who).scalar_one_or_none()
    if basket_id is not None:
        return basket_id
    return execute(
        insert(Basket)
        .values(member_id=owner.member_id, token=owner.token, key=new_key(), touched_at=at)
        .returning(Basket.id)
    ).scalar_one()


def _owned(owner: Owner) -> ColumnElement[bool]:
    return Basket.member_id == owner.member_id if owner.member_id is not None else Basket.token == owner.token


def _kind(owner: Owner) -> str:
    return "member" if owner.member_id is not None else "token"


_BY = {"member": Basket.member_id == bindparam("owner"), "token": Basket.token == bindparam("owner")}
_BASKET = {
    kind: select(
        Basket.id.label("basket_id"),
        Basket.key,
        BasketLine.id,
        BasketLine.variant_id,
        BasketLine.option_id,
        BasketLine.points_each,
        BasketLine.quantity,
        BasketLine.seen_cents,
        BasketLine.seen_points,
    )
    .outerjoin(BasketLine, BasketLine.basket_id == Basket.id)
    .where(owned)
    .order_by(BasketLine.id)
    for kind, owned in _BY.items()
}
_TOUCHED = {
    kind: update(Basket).where(owned).values(touched_at=bindparam("now")).returning(Basket.id)
    for kind, owned in _BY.items()
}
_SAME_LINE = select(BasketLine.id, BasketLine.quantity).where(
    BasketLine.basket_id == bindparam("of_basket"),
    BasketLine.variant_id == bindparam("of_variant"),
    BasketLine.option_id == bindparam("of_option"),
)
_THERE = select(BasketLine.variant_id, BasketLine.option_id).where(BasketLine.basket_id == bindparam("of_basket"))
_BROUGHT = ("variant_id", "option_id", "points_each", "quantity", "seen_cents", "seen_points")
_ADD_LINE = insert(BasketLine).inline()
_CHANGE_LINE = (
    update(BasketLine)
    .where(BasketLine.id == bindparam("of_line"))
    .values({name: bindparam(name) for name in ("quantity", "points_each", "seen_cents", "seen_points")})
)
_TAKE_OUT = delete(BasketLine).where(
    BasketLine.basket_id == bindparam("of_basket"),
    tuple_(BasketLine.id, BasketLine.quantity, BasketLine.points_each).in_(bindparam("lines", expanding=True)),
)
_RENEW_KEY = (
    update(Basket)
    .where(Basket.id == bindparam("of_basket"))
    .values(key=bindparam("key"), touched_at=bindparam("touched_at"))
)
_HAND_OVER = (
    update(Basket)
    .where(Basket.id == bindparam("of_basket"))
    .values(member_id=bindparam("to_member"), token=None, touched_at=bindparam("touched_at"))
)
# A member's basket with its lines, to be asked together with something else; its parameter is `owner`.
OF_MEMBER = _BASKET["member"]
