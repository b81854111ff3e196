"""Packs of levels: what a level gives to who reaches it first, and on birthdays - points, and coupons if it has any.

Each once, under the version of the day: nobody gets one for a level reached, or a birthday had, before there was one.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, insert, text

from mall.base.clock import Instant
from mall.base.db import db, execute
from mall.base.guard import append_only
from mall.base.tables import Mapped, mapped_column
from mall.base.text import N_, say
from mall.domain import coupons, ledger, notices, programme

UPGRADE, BIRTHDAY = "upgrade", "birthday"
KINDS: Final = (UPGRADE, BIRTHDAY)
# What the coupons of a pack refer to begins so, and names the occasion.
REACHED = "reached:"
WHY = {UPGRADE: N_("Pack for reaching {level}"), BIRTHDAY: N_("Birthday pack of {level}")}
TOLD = {UPGRADE: "level_pack_received", BIRTHDAY: "birthday_pack_received"}


class LevelPack(db.Model):
    """A pack that a member was given for an occasion ("level:3", "birthday:2026-05-17"), at a level.

    `paid_by` says what paid for the level ("order:7:1"), where nothing else gave it: the pack goes back with that.
    Its points are the lot that refers to it by reference_of(), its coupons those that refer to its occasion, behind
    REACHED.
    """

    __table_args__ = (
        UniqueConstraint("member_id", "occasion"),
        CheckConstraint(f"kind IN {KINDS}", name="kind_known"),
        CheckConstraint("points >= 0 AND coupons >= 0 AND points + coupons > 0", name="gives_something"),
        Index(
            None,
            "paid_by",
            sqlite_where=text("paid_by IS NOT NULL"),
            postgresql_where=text("paid_by IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str] = mapped_column(String(8))
    occasion: Mapped[str] = mapped_column(String(40))
    rank: Mapped[int]
    points: Mapped[int]
    coupons: Mapped[int]
    version: Mapped[int]
    at: Mapped[datetime] = mapped_column(Instant)
    paid_by: Mapped[str | None] = mapped_column(String(60))


append_only(LevelPack)


class PackGiven(Struct, frozen=True):
    """What a pack gave: points, and so many coupons."""

    kind: str
    points: int
    coupons: int


def give_level_pack(
    kind: str,
    occasion: str,
    *,
    rank: int,
    purse: ledger.LockedPurse,
    terms: programme.Programme,
    at: datetime,
    paid_by: str | None = None,
) -> PackGiven | None:
    """Give a member the pack of a level for an occasion, which has just come about for the first time.

    The purse is locked. `paid_by` says what paid for the level, where nothing else gives it. A coupon that is to be
    had no longer is left out. Returns None where there is nothing to give.
    """
    level, member_id = terms.level(rank), purse.member_id
    points, template_id = {
        UPGRADE: (level.upgrade_points, level.upgrade_coupon),
        BIRTHDAY: (level.birthday_points, level.birthday_coupon),
    }[kind]
    reference = f"{REACHED}{occasion}"
    given = coupons.give_for(template_id, member_id, reference=reference, terms=terms, at=at) if template_id else []
    if not points and not given:
        return None
    values = {
        "member_id": member_id, "kind": kind, "occasion": occasion, "rank": level.rank, "points": points,
        "coupons": len(given), "version": terms.version, "paid_by": paid_by, "at": at,
    }  # fmt: skip
    pack_id = execute(insert(LevelPack).values(**values).returning(LevelPack.id)).scalar_one()
    if points:
        lot_id = ledger.earn(
            purse, points, reference=reference_of(pack_id), rule=f"{kind}_pack", origin="task",
            expiry=terms.expiry_of(terms.today(at)), version=terms.version, worth=terms.worth,
            why=say(WHY[kind], level=dict(level.name)), at=at, first=True,
        )  # fmt: skip
        ledger.unlock(purse, [lot_id], at=at)
    told = {"level": dict(level.name), "points": points, "coupons": len(given)}
    notices.tell(member_id, TOLD[kind], values=told, key=f"{reference_of(pack_id)}:told", at=at)
    return PackGiven(kind, points, len(given))


def lock_level_packs(*, above: int, terms: programme.Programme) -> None:
    """Lock the packs of all levels above one, before several are given in one transaction: whoever reaches a level may
    reach a higher one by what it gives, and two who lock them in other orders would deadlock.

    No statement where there are fewer than two.
    """
    packs = {level.upgrade_coupon for level in terms.levels if level.rank > above}
    if len(packs - {None}) > 1:
        coupons.lock_packs(pack for pack in packs if pack is not None)


def reference_of(pack_id: int) -> str:
    """Return what the lot of a pack refers to."""
    return f"level_pack:{pack_id}"
