"""Packs: making them, and changing them. What is in one never changes once somebody has it, or was promised it.

When and how often it is given may change at any time: that is about the next, not about those given.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from mall.base.db import execute, in_transaction
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, repeats

from .editing import TemplateChanged
from .faults import (
    MOST_USES,
    AlreadyGiven,
    BadTemplate,
    NotForSale,
    cleaned_title,
    figure_faults,
    is_given,
    over_faults,
    title_faults,
    window_faults,
)
from .given import GivenPack
from .limits import is_over
from .templates import CouponTemplate, NoSuchTemplate, PackPart, parts_of, possible, subject_of, template_of
from .terms import PACK

LEAST_IN_PACK, MOST_IN_PACK, MOST_PARTS = 2, 20, 6
# What a pack says of itself, beside what is in it.
SAID = ("title", "starts_at", "ends_at", "member_limit", "total_limit")
# What a template has that is no coupon itself.
NO_COUPON = {
    "kind": PACK, "amount_cents": None, "percent": None, "cap_cents": None, "threshold_cents": 0, "scope": "all",
    "valid_days": None, "stackable": False, "min_rank": 0,
}  # fmt: skip


class PackChanged(TemplateChanged):
    message = N_("Somebody else changed this pack meanwhile. Look at it as it is now, then change it again.")


class PackGiven(AlreadyGiven):
    message = N_("Members have this pack already, so what is in it stays. Make another one, and withdraw this.")


class NoSuchPack(NoSuchTemplate):
    message = N_("There is no such pack.")


class BadPack(BadTemplate):
    """A pack that cannot be meant; about a field."""


_MADE = N_(
    "This form was sent before: it has made the pack “{title}”. Nothing more was done. Change that one, or send this"
    " form again for another."
)


def make_pack(*, key: str, parts: Mapping[int, int], by: str, at: datetime, **said: Any) -> int:
    """Write down a pack of so many coupons of templates, {template id: pieces}. Returns its id.

    With the same key again, it is the first one's. `said`: title, starts_at, ends_at, member_limit (packs for one
    member), total_limit (packs in all). Raises BadPack, and repeats.SentOtherwise for another with the same key.
    """
    assert in_transaction()
    sent = repeats.Sent("coupon_pack", key, by, said | {"parts": sorted(parts.items())})
    if (made := execute(select(CouponTemplate.id).where(CouponTemplate.key == key)).scalar_one_or_none()) is not None:
        repeats.refuse_other(sent)
        return made
    values = _checked(dict.fromkeys(SAID) | said)
    for fault in over_faults(values["ends_at"], at=at):
        raise fault
    pack_id: int = execute(
        insert(CouponTemplate)
        .values(**NO_COUPON, **values, key=key, used=0, version=1, created_at=at)
        .returning(CouponTemplate.id)
    ).scalar_one()
    _put_in(pack_id, parts, at=at)
    audit.write("coupon.pack_made", by=by, subject=subject_of(pack_id), at=at, after=_kept(pack_id))
    repeats.keep(sent, done=say(_MADE, title=dict(values["title"])), at=at)
    return pack_id


def faults_of_pack(*, at: datetime, pack_id: int | None = None, **details: Any) -> list[Refusal]:
    """Return everything that is wrong with a pack as it is typed, each about its field: what make_pack() takes, or
    edit_pack() for one that there is. Raises NoSuchPack.
    """
    parts = details.pop("parts", None)
    faults: list[Refusal] = []
    if pack_id is None:
        values = dict.fromkeys(SAID) | details
        faults += over_faults(values["ends_at"], at=at)
    else:
        row = pack_of(pack_id)
        values = {name: getattr(row, name) for name in SAID} | details
        faults += _faults_of_change(row, values, given=_given(pack_id), at=at)
    return [*_faults(values), *faults, *(_faults_of_parts(parts, at=at) if parts is not None else ())]


def edit_pack(pack_id: int, *, seen_version: int, by: str, at: datetime, **details: Any) -> None:
    """Change a pack: what make_pack() takes. What is in it stays once somebody has one.

    Raises NoSuchPack, PackChanged, PackGiven, NotForSale, BadPack.
    """
    assert in_transaction()
    changed = update(CouponTemplate).where(CouponTemplate.id == possible(pack_id), CouponTemplate.kind == PACK)
    row = execute(changed.values(version=CouponTemplate.version + 1).returning(CouponTemplate)).one_or_none()
    if row is None:
        raise NoSuchPack()
    if row.version - 1 != seen_version:
        raise PackChanged()
    before = _kept(pack_id)
    parts = details.pop("parts", None)
    values = _checked({name: getattr(row, name) for name in SAID} | details)
    given = _given(pack_id)
    for fault in _faults_of_change(row, values, given=given, at=at):
        raise fault
    inside = {part.id: part.pieces for part in parts_of([pack_id]).get(pack_id, ())}
    if parts is not None and dict(parts) != inside:
        if is_given(pack_id):
            raise PackGiven().about("parts")
        _put_in(pack_id, parts, at=at)
    values["used"] = 0 if values["total_limit"] is None else given
    execute(update(CouponTemplate).where(CouponTemplate.id == pack_id).values(**values))
    audit.write("coupon.pack_changed", by=by, subject=subject_of(pack_id), at=at, before=before, after=_kept(pack_id))


def pack_of(pack_id: int) -> Any:
    """Return a pack. Raises NoSuchPack."""
    row = template_of(pack_id)
    if row.kind != PACK:
        raise NoSuchPack()
    return row


def _kept(pack_id: int) -> dict[str, Any]:
    """Return what the audit keeps of a pack."""
    row = template_of(pack_id)
    # The first of its names will do: beside what is kept here stands the pack itself.
    parts = [f"{part.pieces} × {next(iter(part.title.values()))}" for part in parts_of([pack_id]).get(pack_id, ())]
    return {name: getattr(row, name) for name in SAID} | {"parts": parts}


def _given(pack_id: int) -> int:
    """Return how many of a pack were given."""
    return int(execute(select(func.count()).where(GivenPack.template_id == pack_id)).scalar_one())


def _faults_of_change(row: Any, values: Mapping[str, Any], *, given: int, at: datetime) -> Iterator[Refusal]:
    """Find what of a pack cannot become as it is typed, since it was given or is sold."""
    if values["ends_at"] != row.ends_at:
        yield from over_faults(values["ends_at"], at=at)
    if row.sold_at is not None:
        yield from (NotForSale().about(name) for name in ("total_limit", "member_limit") if values[name] is not None)
    if isinstance(values["total_limit"], int) and values["total_limit"] < given:
        yield BadPack(N_("{given} were given already. Set the total to {given} or more."), given=given).about(
            "total_limit"
        )


def _put_in(pack_id: int, parts: Mapping[int, int], *, at: datetime) -> None:
    """Say what is in a pack. Raises BadPack where that cannot be given."""
    for fault in _faults_of_parts(parts, at=at, lock=True):
        raise fault
    execute(delete(PackPart).where(PackPart.pack_id == pack_id))
    execute(
        insert(PackPart).inline(),
        [
            {"pack_id": pack_id, "template_id": template_id, "pieces": count}
            for template_id, count in sorted(parts.items())
        ],
    )


def _faults_of_parts(parts: Mapping[int, int], *, at: datetime, lock: bool = False) -> Iterator[BadPack]:
    """Find what cannot be in a pack. With a `lock` the coupons stay as they are until the transaction ends."""
    pieces = list(parts.values())
    if (
        any(not 1 <= count <= MOST_IN_PACK for count in pieces)
        or sum(pieces) > MOST_IN_PACK
        or len(parts) > MOST_PARTS
    ):
        yield BadPack(
            N_("A pack holds {most} coupons of {kinds} kinds at most, of each at least one."),
            most=MOST_IN_PACK,
            kinds=MOST_PARTS,
        ).about("parts")
    if sum(pieces) < LEAST_IN_PACK:
        yield BadPack(N_("Put at least two coupons in the pack.")).about("parts")
    wanted = [id_ for id_ in sorted(parts) if possible(id_)]
    there = select(CouponTemplate).where(CouponTemplate.id.in_(wanted)).order_by(CouponTemplate.id)
    found = {row.id: row for row in execute(there.with_for_update(read=True) if lock else there)}
    for template_id, count in sorted(parts.items()):
        template = found.get(template_id)
        if template is None or template.kind == PACK:
            yield BadPack(N_("Choose coupons that there are.")).about("parts")
        elif is_over(template, at=at):
            yield BadPack(N_("“{title}” is no longer given out. Leave it out."), title=template.title).about("parts")
        elif template.member_limit is not None and count > template.member_limit:
            yield BadPack(
                N_("One member may use “{title}” {most} times. Put no more of it in the pack."),
                title=template.title,
                most=template.member_limit,
            ).about("parts")


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a pack, cleaned. Raises BadTemplate. Pure."""
    for fault in _faults(values):
        raise fault
    return dict(values) | {"title": cleaned_title(values["title"])}


def _faults(values: Mapping[str, Any]) -> Iterator[BadTemplate]:
    """Find all that is wrong with what a pack says of itself. Pure."""
    yield from title_faults(values["title"])
    yield from figure_faults(values, "member_limit", MOST_USES)
    yield from figure_faults(values, "total_limit", MOST_USES)
    yield from window_faults(values)
