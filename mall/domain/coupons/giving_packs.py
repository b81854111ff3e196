"""Giving packs: whole or not at all. Where one of its coupons cannot be had, none is."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update

from mall.base.db import execute, in_transaction
from mall.base.errors import Refusal
from mall.base.tables import aliased
from mall.base.text import N_
from mall.domain import ledger, programme

from .given import GivenPack
from .giving import Giving, give, given_with
from .limits import HadOften, coupons_had, is_over, why_not_given_one
from .templates import CouponTemplate, PackPart, Withdrawn, locked_template, template_of
from .terms import UsedUp


class GivenUp(Refusal):
    message = N_("All there were of it have been given.")


class PackNotYet(Refusal):
    message = N_("This pack can be had from {usable_at}.")


class PartGone(Refusal):
    message = N_("The coupon “{title}” in this pack is no longer given out, so the pack is not given either.")


class PartUsedUp(Refusal):
    message = N_("The coupon “{title}” in this pack is used up, so the pack is not given either.")


class PartHadOften(Refusal):
    message = N_("With this pack there would be more coupons “{title}” than one member may use, so it is not given.")


# What is said of a pack for what is said of a coupon in it.
_OF_PART: dict[type[Refusal], type[Refusal]] = {Withdrawn: PartGone, UsedUp: PartUsedUp, HadOften: PartHadOften}


def give_pack(
    pack_id: int,
    member_id: int,
    *,
    reference: str,
    terms: programme.Programme,
    at: datetime,
    source: str = "pack",
    key: str = "",
    words: str = "",
) -> list[int]:
    """Give a member a pack for something ("level:3"), once: asked again for that, gives nothing more.

    Returns the ids of its coupons. Raises NoSuchTemplate, Withdrawn, GivenUp, HadOften, PackNotYet, PartGone,
    PartUsedUp, PartHadOften: then nothing of it is given.
    """
    ledger.lock(member_id, zone=terms.zone)
    key = key or f"pack:{pack_id}:{member_id}:{reference}"
    if given_with([key]):
        return []
    pack = _counted(template_of(pack_id))
    parts = locked_parts(pack_id)
    if why := why_not_given_pack(pack, parts, member_id, at=at):
        raise why
    giving = Giving(pack_id, key, words=words)
    return give([giving], member_id=member_id, source=source, reference=reference, zone=terms.zone, at=at)


def why_not_given_pack(pack: Any, parts: Sequence[Any], member_id: int, *, at: datetime) -> Refusal | None:
    """Return why a member cannot be given a pack now, or None. Two statements."""
    had, packs = had_by([member_id], [part.id for part in parts], pack_id=pack.id, at=at)
    if pack.member_limit is not None and packs.get(member_id, 0) >= pack.member_limit:
        return HadOften()
    return why_not_given(pack, parts, had=had.get(member_id, {}), at=at)


def why_not_given(pack: Any, parts: Iterable[Any], *, had: Mapping[int, int], at: datetime) -> Refusal | None:
    """Return why a pack cannot be given now to who has had so many coupons of templates, {id: n}, or None. Pure."""
    if is_over(pack, at=at):
        return Withdrawn()
    if pack.starts_at is not None and pack.starts_at > at:
        return PackNotYet(usable_at=pack.starts_at)
    for part in parts:
        if why := why_not_given_one(part, had=had.get(part.id, 0), pieces=part.pieces, at=at):
            return _OF_PART[type(why)](title=part.title)
    return None


def had_by(
    member_ids: Sequence[int], template_ids: Sequence[int], *, at: datetime, pack_id: int = 0
) -> tuple[dict[int, dict[int, int]], dict[int, int]]:
    """Return ({member: {template: coupons that count}}, {member: packs had}).

    Two statements for any number of members.
    """
    packs = execute(
        select(GivenPack.member_id, func.count().label("had"))
        .where(GivenPack.member_id.in_(member_ids), GivenPack.template_id == pack_id)
        .group_by(GivenPack.member_id)
    )
    return coupons_had(member_ids, template_ids, at=at), {row.member_id: row.had for row in packs}


def lock_packs(pack_ids: Iterable[int]) -> None:
    """Lock what is in packs that have a total against a change, then the packs, each ascending, before any is counted.

    To be called once for all packs that one transaction may give; whoever gives one alone need not.
    """
    assert in_transaction()
    ids, pack = sorted(pack_ids), CouponTemplate
    _lock_inside(ids)
    counted = select(pack.id).where(pack.id.in_(ids), pack.total_limit.is_not(None))
    execute(counted.order_by(pack.id).with_for_update(key_share=True))


def _lock_inside(pack_ids: Sequence[int]) -> None:
    """Lock what is in packs that have a total against a change, ascending."""
    pack, part = aliased(CouponTemplate), CouponTemplate
    inside = (
        select(PackPart.template_id)
        .join(pack, pack.id == PackPart.pack_id)
        .where(pack.id.in_(pack_ids), pack.total_limit.is_not(None))
    )
    execute(select(part.id).where(part.id.in_(inside)).order_by(part.id).with_for_update(read=True))


def count_packs(pack_id: int, packs: int = 1) -> bool:
    """Count that a pack with a total was given so many times more, if there are so many. One conditional UPDATE."""
    return (
        execute(
            update(CouponTemplate)
            .where(CouponTemplate.id == pack_id, CouponTemplate.used + packs <= CouponTemplate.total_limit)
            .values(used=CouponTemplate.used + packs)
        ).rowcount
        == 1
    )


def _counted(pack: Any) -> Any:
    """Return a pack, counted as given where it has a total, locked otherwise. Raises GivenUp, NoSuchTemplate."""
    if pack.total_limit is None:
        return locked_template(pack.id)
    _lock_inside([pack.id])  # Before the pack, as everybody does.
    if not count_packs(pack.id):
        raise GivenUp()
    return template_of(pack.id)


def locked_parts(pack_id: int) -> list[Row[Any]]:
    """Return what is in a pack, locked against a change of what it is worth, ascending."""
    return list(
        execute(
            select(PackPart.pieces, *CouponTemplate.__table__.columns)
            .join(CouponTemplate, CouponTemplate.id == PackPart.template_id)
            .where(PackPart.pack_id == pack_id)
            .order_by(CouponTemplate.id)
            .with_for_update(read=True, of=CouponTemplate)
        )
    )
