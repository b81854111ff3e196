"""What must always be true of levels' packs: for what came about, once, and with the points and coupons they say."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, or_, select

from mall.base.proof import Check
from mall.base.text import N_
from mall.domain import coupons, ledger

from .facts import FactRow
from .level_packs import BIRTHDAY, REACHED, UPGRADE, LevelPack


def pack_checks() -> list[Check]:
    """Return the checks of the packs that levels give."""
    return [
        Check(N_("a pack of a level is for a level its member reached, or a birthday they had"), _for_nothing()),
        Check(N_("a pack of a level has given the points and coupons it says"), _given()),
        Check(N_("points and coupons of packs come from a pack, once for each level and birthday"), _without_pack()),
    ]


def by_a_pack(given: Any) -> ColumnElement[bool]:
    """Tell whether a pack was given to the member of a posting or a lot for what it refers to."""
    mine = select(LevelPack.id).where(
        _reference_of(LevelPack.id) == given.reference, LevelPack.member_id == given.member_id
    )
    return mine.correlate(given).exists()


def _reference_of(pack_id: Any) -> ColumnElement[str]:
    return literal("level_pack:") + cast(pack_id, String)


def _for_nothing() -> Select[*tuple[Any, ...]]:
    """Find packs without the fact they are for, of their member, and packs at a level other than the one reached."""
    fact = FactRow
    # The pack that took the place of one which went with a paid level is for the same birthday.
    birthday = func.substr(LevelPack.occasion, 1, len("birthday:2026-05-17"))
    occasion = case((LevelPack.kind == BIRTHDAY, birthday), else_=LevelPack.occasion)
    key = literal("member:") + cast(LevelPack.member_id, String) + ":" + occasion
    is_for = select(fact.id).where(fact.member_id == LevelPack.member_id, fact.key == key).correlate(LevelPack)
    of_rank = literal("level:") + cast(LevelPack.rank, String)
    return select(LevelPack.id, LevelPack.member_id, LevelPack.occasion).where(
        or_(
            ~is_for.exists(),
            and_(
                LevelPack.kind == UPGRADE,
                LevelPack.occasion != of_rank,
                LevelPack.occasion.not_like(of_rank + ":again:%"),  # Where it was taken back.
            ),
        )
    )


def _given() -> Select[*tuple[Any, ...]]:
    lot, coupon = ledger.Lot, coupons.Coupon
    points = (
        select(func.coalesce(func.sum(lot.points), 0))
        .where(
            lot.reference == _reference_of(LevelPack.id), lot.member_id == LevelPack.member_id, lot.parent_id.is_(None)
        )
        .correlate(LevelPack)
        .scalar_subquery()
    )
    pieces = (
        select(func.count())
        .where(coupon.reference == literal(REACHED) + LevelPack.occasion, coupon.member_id == LevelPack.member_id)
        .correlate(LevelPack)
        .scalar_subquery()
    )
    return select(LevelPack.id, LevelPack.member_id).where(
        or_(points != LevelPack.points, pieces != LevelPack.coupons)
    )


def _without_pack() -> Select[*tuple[Any, ...]]:
    """Find lots and coupons of packs that were never given."""
    lot, coupon = ledger.Lot, coupons.Coupon
    lots = select(lot.member_id, lot.reference).where(
        lot.reference.startswith("level_pack:"), lot.parent_id.is_(None), ~by_a_pack(lot)
    )
    of_occasion = select(LevelPack.id).where(
        literal(REACHED) + LevelPack.occasion == coupon.reference, LevelPack.member_id == coupon.member_id
    )
    given = select(coupon.member_id, coupon.reference).where(
        coupon.reference.startswith(REACHED),
        ~of_occasion.correlate(coupon).exists(),
    )
    both = lots.union_all(given).subquery("given_by_no_pack")
    return select(both.c.member_id, both.c.reference)
