"""Stamps of members: given when an order is kept; a full card gives its coupon.

All stamps of a member on a card are one sum, cards are filled from it, and what is over begins the next one. What goes
back when goods are returned is in stamps_returned.py.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    func,
    insert,
    select,
)

from mall.base.clock import Instant
from mall.base.db import db, execute, in_transaction
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.domain import coupons, ledger, notices, programme

from .stamp_cards import Bought, StampCard, StampCardRow, cards_at, count_filled, lines_for

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
