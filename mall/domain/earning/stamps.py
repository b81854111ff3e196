"""Stamps of members: given when an order is kept, taken back by what is returned later; a full card gives its coupon.

All stamps of a member on a card are one sum, cards are filled from it, and what is over begins the next one. Where
goods go back after a card was filled with them, the card and its coupon are void if the coupon has not been used; if
it has, the stamps are owed: the next ones make up for them first. A used coupon that comes back while stamps are owed
on its card is void at once, with the card: so nothing is owed for it any more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Row,
    String,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.domain import coupons, ledger, notices, programme

from .stamp_cards import Bought, StampCard, StampCardRow, as_card, cards_at, count_filled, lines_for

# What the coupons of full cards refer to begins so, and names the card.
STAMPED = "stamp_card:"


class Stamp(db.Model):
    """Stamps that an order gave a member on a card, or, below 0, that were taken back since goods of it were returned.

    `key` makes it happen once for each order and card, and for each return.
    """

    __table_args__ = (
        CheckConstraint("stamps <> 0", name="some_stamps"),
        Index(None, "member_id", "card_id"),
        Index(None, "reference"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("stamp_card.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"))
    reference: Mapped[str] = mapped_column(String(60))
    stamps: Mapped[int]
    key: Mapped[str] = mapped_column(String(90), unique=True)
    at: Mapped[datetime] = mapped_column(Instant)


class StampLine(db.Model):
    """A line of the order that gave stamps: the pieces of it that were paid for count as long as they are kept."""

    __tablename__ = "stamp_line"
    __table_args__ = (CheckConstraint("paid > 0", name="paid_for_some"),)

    stamp_id: Mapped[int] = mapped_column(ForeignKey("stamp.id"), primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    paid: Mapped[int]


class FullCard(db.Model):
    """A card that a member has filled, their first, second and so on, and the coupon it gave.

    `voided_at`: goods went back before the coupon was used, and both are void. `owed_at`: they went back after that,
    and the stamps were owed from then on.
    """

    __tablename__ = "full_card"
    __table_args__ = (
        UniqueConstraint("card_id", "member_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("voided_at IS NULL OR owed_at IS NULL", name="void_or_owed"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("stamp_card.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("purse.member_id"), index=True)
    number: Mapped[int]
    coupon_id: Mapped[int] = mapped_column(ForeignKey("coupon.id"), unique=True)
    filled_at: Mapped[datetime] = mapped_column(Instant)
    voided_at: Mapped[datetime | None] = mapped_column(Instant)
    owed_at: Mapped[datetime | None] = mapped_column(Instant)


append_only(Stamp)
append_only(StampLine)


class Stamping(Struct, frozen=True):
    """Stamps that an order gives on a card, and the lines of it that count."""

    card: StampCard
    stamps: int
    lines: tuple[Bought, ...]


class Standing(Struct, frozen=True):
    """How a member stands with a card: all stamps, full cards that are not void, and the number of the last one."""

    stamps: int = 0
    full: int = 0
    last: int = 0

    @classmethod
    def read(cls, row: Any) -> "Standing":
        """Return the standing in a row with standing_columns()."""
        return cls(int(row.all_stamps), int(row.full_cards), int(row.last_number))

    def on_card(self, card: StampCard) -> int:
        """Return the stamps on the card that is being filled."""
        return max(0, min(self.stamps - self.full * card.stamps_needed, card.stamps_needed))

    def owed_on(self, card: StampCard) -> int:
        """Return the stamps that come before the next card, since goods of a full one went back."""
        return max(0, self.full * card.stamps_needed - self.stamps)

    def uncovered_on(self, card: StampCard) -> int:
        """Return how many of the full cards the stamps do not bear out, since goods went back."""
        return max(0, self.full - self.stamps // card.stamps_needed)

    def had_all(self, card: StampCard) -> bool:
        """Tell whether the member has filled as many as one may."""
        return card.member_limit is not None and self.full >= card.member_limit

    def with_more(self, stamps: int) -> "Standing":
        """Return it with so many stamps more."""
        return replace(self, stamps=self.stamps + stamps)

    def to_fill(self, card: StampCard) -> int:
        """Return how many cards the stamps fill that are not full yet, as many as one member may fill."""
        due = self.stamps // card.stamps_needed - self.full
        return max(0, due if card.member_limit is None else min(due, card.member_limit - self.full))


class StampsBack(Struct, frozen=True):
    """What a return takes of a card: stamps; full cards that are void then, with their coupons, {id: coupon id}; and
    the full cards whose coupons were used, so that their stamps are owed.
    """

    card: StampCard
    stamps: int
    voids: dict[int, int]
    owes: tuple[int, ...]


def give_stamps(
    reference: str,
    *,
    placed_at: datetime,
    rank: int,
    bought: Collection[Bought],
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
) -> int:
    """Give the stamps of an order that is kept, and the coupons of the cards they fill. Asked again, gives none more.

    Returns how many stamps. The purse is locked, so that two orders kept at once do not both fill the same card. One
    statement where no card ran; about seven with stamps, ten where a card is full, for any number of lines.
    """
    assert in_transaction()
    if not (wanted := stamps_due(placed_at, rank=rank, bought=bought)):
        return 0
    given_before = _given_by(reference)
    new = [stamping for stamping in wanted if stamping.card.id not in given_before]
    if not new:
        return 0
    _write(new, reference, member_id=purse.member_id, at=at)
    standings = standings_of(purse.member_id, [stamping.card.id for stamping in new])
    for stamping in new:
        card, standing = stamping.card, standings[stamping.card.id]
        if (due := standing.to_fill(card)) and (filled := count_filled(card, due)):
            _fill(card, range(standing.last + 1, standing.last + 1 + filled), purse=purse, terms=terms, at=at)
    return sum(stamping.stamps for stamping in new)


def stamps_due(placed_at: datetime, *, rank: int, bought: Collection[Bought]) -> list[Stamping]:
    """Return the stamps that an order placed then gives for what is kept of it. Two statements at most."""
    if not any(line.kept_cents > 0 for line in bought):
        return []
    cards = cards_at(placed_at, rank=rank)
    lines = lines_for(cards, bought)
    return [
        Stamping(card, stamps, tuple(lines[card.id]))
        for card in cards
        if card.id in lines and (stamps := card.stamps_for(lines[card.id]))
    ]


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


def standings_of(member_id: int, card_ids: Collection[int]) -> dict[int, Standing]:
    """Return how a member stands with cards: {card id: standing}. One statement."""
    rows = execute(select(StampCardRow.id, *standing_columns(member_id)).where(StampCardRow.id.in_(sorted(card_ids))))
    return {each.id: Standing.read(each) for each in rows}


def standing_columns(member_id: int) -> list[ColumnElement[int]]:
    """Return the columns of a select of stamp_card that say how a member stands with each, for Standing.read()."""

    def of(what: Any, table: Any, *more: Any) -> Any:
        mine = select(func.coalesce(what, 0)).where(
            table.member_id == member_id, table.card_id == StampCardRow.id, *more
        )
        return mine.correlate(StampCardRow).scalar_subquery()

    full = FullCard
    return [
        of(func.sum(Stamp.stamps), Stamp).label("all_stamps"),
        of(func.count(full.id), full, full.voided_at.is_(None)).label("full_cards"),
        of(func.max(full.number), full).label("last_number"),
    ]


def _void(full_cards: Mapping[int, int], *, at: datetime) -> None:
    """Void full cards with their coupons, {full card: its coupon}."""
    coupons.void(full_cards.values(), at=at)
    execute(update(FullCard).where(FullCard.id.in_(sorted(full_cards))).values(voided_at=at, owed_at=None))


def _given_by(reference: str) -> set[int]:
    """Return the cards on which an order gave stamps."""
    return set(execute(select(Stamp.card_id).where(Stamp.reference == reference, Stamp.stamps > 0)).scalars())


def _write(stampings: Sequence[Stamping], reference: str, *, member_id: int, at: datetime) -> None:
    """Write down stamps with the lines that count."""
    written = execute(
        insert(Stamp).returning(Stamp.id, Stamp.card_id),
        [
            {
                "card_id": stamping.card.id,
                "member_id": member_id,
                "reference": reference,
                "stamps": stamping.stamps,
                "key": f"{reference}:card:{stamping.card.id}",
                "at": at,
            }
            for stamping in stampings
        ],
    )
    ids = {row.card_id: row.id for row in written}
    execute(
        insert(StampLine),
        [
            {"stamp_id": ids[stamping.card.id], "line": line.line, "paid": line.paid}
            for stamping in stampings
            for line in stamping.lines
        ],
    )


def _fill(
    card: StampCard, numbers: Iterable[int], *, purse: ledger.LockedPurse, terms: programme.Programme, at: datetime
) -> None:
    """Note cards as full, give the coupon of each, and tell the member."""
    numbers, member_id, reference = list(numbers), purse.member_id, f"{STAMPED}{card.id}"
    given = coupons.give(
        [coupons.Giving(card.template_id, f"{reference}:{member_id}:{number}") for number in numbers],
        member_id=member_id,
        source="pack",
        reference=reference,
        zone=terms.zone,
        at=at,
        first=True,
        quietly=True,
    )
    execute(
        insert(FullCard),
        [
            {"card_id": card.id, "member_id": member_id, "number": number, "coupon_id": coupon_id, "filled_at": at}
            for number, coupon_id in zip(numbers, sorted(given), strict=True)
        ],
    )
    coupon, template = coupons.Coupon, coupons.CouponTemplate
    told = execute(
        select(template.title, coupon.ends_at)
        .join(template, template.id == coupon.template_id)
        .where(coupon.id == given[0])
    ).one()
    notices.tell(
        member_id,
        "stamp_card_full",
        values={
            "title": card.title, "coupon": told.title, "coupons": len(given), "ends_at": told.ends_at.isoformat(),
        },
        key=f"{reference}:{member_id}:{numbers[0]}:full",
        at=at,
    )  # fmt: skip


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
