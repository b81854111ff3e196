"""The strip above every page: points ready, level, basket, coupons, unread notices, wishes, and which programme is in
force - at once.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, bindparam, func, literal_column, select

from mall.base.clock import Instant
from mall.base.db import execute
from mall.domain import catalogue, checkout, coupons, earning, interest, ledger, membership, notices, people, programme


class Strip(Struct, frozen=True):
    """What the frame of a page shows of a visitor. `version` is the programme's, None before the shop is set up.

    `wished` are the ids of the items on a member's wish list: so that no page asks for them once more. `shelf_mark`
    differs as soon as something on the shelves has changed; None: not asked for. `campaign_mark` does so
    for campaigns, `card_mark` for stamp cards, and `last_stamp` for the member's own stamps.
    """

    version: int | None
    ready_points: int
    rank: int
    basket_count: int
    coupon_count: int
    unread_count: int
    wished: frozenset[int]
    shelf_mark: tuple[int, int] | None = None
    campaign_mark: int = 0
    card_mark: int = 0
    last_stamp: int = 0


def strip(*, member_id: int | None, basket_token: str | None, at: datetime, shelves: bool = False) -> Strip:
    """Return the strip for a member, or for a visitor by the token of the basket. One statement.

    `shelves`: with the mark of the shelves.
    """
    values = {"at": at, "member_id": member_id, "token": basket_token}
    question = _question(member=member_id is not None, basket=bool(basket_token), shelves=shelves)
    return _read(execute(question, {name: value for name, value in values.items() if value}).one(), shelves=shelves)


def arrival(token: str, *, at: datetime, shelves: bool = False) -> tuple[people.Person | None, Strip | None]:
    """Return the member who holds a sign-in and the strip for them: one statement, where most pages need both.

    (None, None): nobody who may come in.
    """
    row = execute(_arrival(shelves=shelves), {"token_hash": people.hash_of(token), "at": at}).one_or_none()
    person = None if row is None else people.member_from(row._mapping, at=at)
    return (None, None) if row is None or person is None else (person, _read(row, shelves=shelves))


def _read(row: Row[Any], *, shelves: bool) -> Strip:
    mark = (int(row.changes or 0), int(row.moves or 0)) if shelves else None
    wished = frozenset(int(id_) for id_ in (row.wished or "").split(",") if id_)
    return Strip(
        row.version, int(row.ready), row.rank, int(row.pieces), int(row.coupons), int(row.unread), wished, mark,
        int(row.campaign_mark), int(row.card_mark), int(row.last_stamp),
    )  # fmt: skip


@lru_cache
def _question(*, member: bool, basket: bool, shelves: bool) -> Any:
    """Build the strip's statement: it stands on every page, so it is built once for each kind of visitor."""
    if member:
        return select(*_of_member(bindparam("member_id", type_=people.Member.id.type)), *_of_all(shelves=shelves))
    pieces = _pieces(checkout.Basket.token == bindparam("token")) if basket else _NOTHING
    nothing: dict[str, Any] = {name: _NOTHING for name in ("ready", "rank", "coupons", "unread", "last_stamp")}
    nothing |= {"pieces": pieces, "wished": literal_column("''")}
    return select(*(column.label(name) for name, column in nothing.items()), *_of_all(shelves=shelves))


@lru_cache
def _arrival(*, shelves: bool) -> Any:
    question: Any = people.member_select()
    return question.add_columns(*_of_member(people.Member.id), *_of_all(shelves=shelves))


def _of_member(member_id: Any) -> list[ColumnElement[Any]]:
    """Return the columns that are the member's own, by the id or the column that says whose."""
    position, lot, coupon = ledger.Position, ledger.Lot, coupons.Coupon
    ready = (
        select(func.coalesce(func.sum(position.points), _NOTHING))
        .join(lot, lot.id == position.lot_id)
        .where(position.member_id == member_id, position.place == "wallet", lot.expires_at >= _AT)
    )
    rank = membership.rank_of(member_id, at=_AT)
    usable = select(func.count()).where(
        coupon.member_id == member_id, coupon.state == coupons.USABLE, coupon.ends_at > _AT
    )
    unread = select(func.count()).where(notices.is_unread(member_id))
    return [
        ready.correlate(people.Member).scalar_subquery().label("ready"),
        rank.label("rank"),
        _pieces(checkout.Basket.member_id == member_id).label("pieces"),
        usable.correlate(people.Member).scalar_subquery().label("coupons"),
        unread.correlate(people.Member).scalar_subquery().label("unread"),
        interest.wished_ids(member_id).correlate(people.Member).scalar_subquery().label("wished"),
        earning.last_stamp(member_id).label("last_stamp"),
    ]


def _of_all(*, shelves: bool) -> list[ColumnElement[Any]]:
    """Return the columns that are alike for everybody."""
    version = programme.in_force(_AT).scalar_subquery().label("version")
    campaigns = earning.campaign_mark().label("campaign_mark")
    cards = earning.card_mark().label("card_mark")
    return [version, campaigns, cards, *(catalogue.shelf_mark() if shelves else ())]


def _pieces(whose: ColumnElement[bool]) -> ColumnElement[int]:
    owned, line = checkout.Basket, checkout.BasketLine
    pieces = (
        select(func.coalesce(func.sum(line.quantity), _NOTHING)).join(owned, owned.id == line.basket_id).where(whose)
    )
    return pieces.correlate(people.Member).scalar_subquery()


# Constants are in the statement itself: what is bound is handed over anew on every page.
_NOTHING: Any = literal_column("0")
_AT: Any = bindparam("at", type_=Instant)
