"""What a return takes of the stamps an order gave, with the cards they had filled and the coupons of those.

Where goods go back after a card was filled with them, the card and its coupon are void if the coupon has not been
used; if it has, the stamps are owed: the next ones make up for them first. A used coupon that comes back while stamps
are owed on its card is void at once, with the card: so nothing is owed for it any more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Row, func, insert, select, update

from mall.base.db import execute, in_transaction
from mall.domain import coupons

from .stamp_cards import Bought, StampCard, StampCardRow, as_card
from .stamps import FullCard, Stamp, StampLine, Standing, standings_of


class StampsBack(Struct, frozen=True):
    """What a return takes of a card: stamps; full cards that are void then, with their coupons, {id: coupon id}; and
    the full cards whose coupons were used, so that their stamps are owed.
    """

    card: StampCard
    stamps: int
    voids: dict[int, int]
    owes: tuple[int, ...]


def stamps_back(reference: str, *, member_id: int, bought: Iterable[Bought]) -> tuple[StampsBack, ...]:
    """Return what a return takes back of the stamps that an order gave, once `bought` is what is kept of it.

    It takes nothing itself. One statement where the order gave none, three where some go back.
    """
    by_line = {line.line: line for line in bought}
    found: dict[int, tuple[Row[Any], list[Bought]]] = {}
    for row in execute(_counting(reference)):
        _row, lines = found.setdefault(row.id, (row, []))
        if row.line in by_line:
            lines.append(by_line[row.line])
    going = {
        row.id: (as_card(row), back)
        for row, lines in found.values()
        # PostgreSQL adds up integers to a decimal.
        if (back := int(row.given) - as_card(row).stamps_for(lines)) > 0
    }
    if not going:
        return ()
    standings = standings_of(member_id, list(going))
    full = _full_cards(member_id, list(going))
    return tuple(
        _back(card, back, standing=standings[card.id], full=[each for each in full if each.card_id == card.id])
        for card, back in going.values()
    )


def take_stamps(backs: Sequence[StampsBack], reference: str, *, key: str, member_id: int, at: datetime) -> None:
    """Take stamps back as stamps_back() said while the purse was locked, with the cards and coupons they filled."""
    assert in_transaction()
    if not backs:
        return
    execute(
        insert(Stamp),
        [
            {
                "card_id": back.card.id,
                "member_id": member_id,
                "reference": reference,
                "stamps": -back.stamps,
                "key": f"{key}:card:{back.card.id}",
                "at": at,
            }
            for back in backs
        ],
    )
    voids = {id_: coupon_id for back in backs for id_, coupon_id in back.voids.items()}
    if voids:
        _void(voids, at=at)
    owes = [id_ for back in backs for id_ in back.owes]
    if owes:
        execute(update(FullCard).where(FullCard.id.in_(owes)).values(owed_at=at))


def coupons_owed(coupon_ids: Collection[int], *, member_id: int, backs: Sequence[StampsBack] = ()) -> dict[int, int]:
    """Return which full cards are void once these coupons of them are not used any more: {full card: its coupon}.

    Those are as many as stamps are owed for, the last first, after what a return takes: `backs`. One statement where
    none of the coupons came of a stamp card, three otherwise.
    """
    if not coupon_ids:
        return {}
    full = FullCard
    held = execute(
        select(full.id, full.card_id, full.coupon_id)
        .where(full.coupon_id.in_(sorted(coupon_ids)), full.member_id == member_id, full.voided_at.is_(None))
        .order_by(full.number.desc())
    ).all()
    if not held:
        return {}
    ids = {each.card_id for each in held}
    cards = {row.id: as_card(row) for row in execute(select(StampCardRow).where(StampCardRow.id.in_(sorted(ids))))}
    standings = standings_of(member_id, ids)
    going = {back.card.id: back for back in backs}
    void: dict[int, int] = {}
    for card_id, card in cards.items():
        standing, back = standings[card_id], going.get(card_id)
        if back is not None:
            standing = replace(standing, stamps=standing.stamps - back.stamps, full=standing.full - len(back.voids))
        mine = [each for each in held if each.card_id == card_id]
        void |= {each.id: each.coupon_id for each in mine[: standing.uncovered_on(card)]}
    return void


def settle_coupons(coupon_ids: Collection[int], *, member_id: int, at: datetime) -> None:
    """Void the coupons of full cards that came back, as many as stamps are owed for, with their cards."""
    assert in_transaction()
    if void := coupons_owed(coupon_ids, member_id=member_id):
        _void(void, at=at)


def _void(full_cards: Mapping[int, int], *, at: datetime) -> None:
    """Void full cards with their coupons, {full card: its coupon}."""
    coupons.void(full_cards.values(), at=at)
    execute(update(FullCard).where(FullCard.id.in_(sorted(full_cards))).values(voided_at=at, owed_at=None))


def _counting(reference: str) -> Any:
    """Return the select of the lines of an order that count for a card, with what it `given` on it less what went."""
    row, of_order = StampCardRow, Stamp.__table__.alias("of_order")
    given = (
        select(func.sum(of_order.c.stamps))
        .where(of_order.c.reference == reference, of_order.c.card_id == row.id)
        .correlate(row)
        .scalar_subquery()
    )
    return (
        select(row, StampLine.line, given.label("given"))
        .join(Stamp, Stamp.card_id == row.id)
        .join(StampLine, StampLine.stamp_id == Stamp.id)
        .where(Stamp.reference == reference)
        .order_by(row.id, StampLine.line)
    )


def _full_cards(member_id: int, card_ids: Collection[int]) -> list[Row[Any]]:
    """Return a member's full cards that are not void, the last first, with where their coupons stand."""
    full, coupon = FullCard, coupons.Coupon
    return list(
        execute(
            select(full.id, full.card_id, full.coupon_id, full.owed_at, coupon.state)
            .join(coupon, coupon.id == full.coupon_id)
            .where(full.member_id == member_id, full.card_id.in_(card_ids), full.voided_at.is_(None))
            .order_by(full.card_id, full.number.desc())
        )
    )


def _back(card: StampCard, stamps: int, *, standing: Standing, full: Sequence[Any]) -> StampsBack:
    """Return what taking so many stamps of a card does, where so many cards are full, the last first. Pure."""
    uncovered = Standing(standing.stamps - stamps, len(full)).uncovered_on(card)
    unused = [each for each in full if each.state != coupons.USED][:uncovered]
    owed = [each for each in full if each.state == coupons.USED][: uncovered - len(unused)]
    return StampsBack(
        card=card,
        stamps=stamps,
        voids={each.id: each.coupon_id for each in unused},
        owes=tuple(each.id for each in owed if each.owed_at is None),
    )
