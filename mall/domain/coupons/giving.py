"""Giving: coupons and packs are put among a member's, whatever they come by, once for each key."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, insert, or_, select, union_all

from mall.base.db import execute, in_transaction
from mall.domain import notices

from .given import USABLE, Coupon, GivenPack
from .templates import CouponTemplate, PackPart, end_for
from .terms import PACK

# Who takes a coupon knows of it; these come by themselves.
UNASKED = ("operator", "pack")


class Giving(Struct, frozen=True):
    """One coupon or pack to be given: of which template, and the key under which that happens once.

    `member_id` and `words`, a sentence to the member, where several members are given something together.
    """

    template_id: int
    key: str
    member_id: int = 0
    words: str = ""


def give(
    givings: Sequence[Giving],
    *,
    member_id: int,
    source: str,
    reference: str,
    zone: str,
    at: datetime,
    first: bool = False,
    quietly: bool = False,
) -> list[int]:
    """Put coupons and packs among a member's, whose purse is locked. Asked again with a key, gives nothing more.

    `first`: whoever calls knows that none of the keys was given before, and saves asking. `quietly`: whoever calls
    tells the member of it.

    Returns the ids of the coupons that are new. Two statements for any number of them and one more to write them; one
    more where there are packs, and where the coupon came without their doing one for each kind of notice.
    """
    to_one = [Giving(giving.template_id, giving.key, member_id, giving.words) for giving in givings]
    return give_all(to_one, source=source, reference=reference, zone=zone, at=at, first=first, quietly=quietly)


def give_all(
    givings: Sequence[Giving],
    *,
    source: str,
    reference: str,
    zone: str,
    at: datetime,
    first: bool = False,
    quietly: bool = False,
) -> list[int]:
    """As give(), to several members whose purses are locked, in as many statements."""
    assert in_transaction()
    there = set() if first else given_with([giving.key for giving in givings])
    new = [giving for giving in givings if giving.key not in there]
    if not new:
        return []
    templates, inside = _with_parts({giving.template_id for giving in new})
    packs = [giving for giving in new if templates[giving.template_id].kind == PACK]
    ids = _write_packs(packs, source=source, reference=reference, at=at)
    rows: list[dict[str, Any]] = []
    ends: dict[str, list[datetime]] = {}
    for giving in new:
        for template, key in _coupons_of(giving, templates, inside=inside, pack_id=ids.get(giving.key)):
            ends_at = end_for(template, zone=zone, at=at)
            ends.setdefault(giving.key, []).append(ends_at)
            rows.append(
                {
                    "member_id": giving.member_id,
                    "template_id": template.id,
                    "source": source,
                    "reference": reference,
                    "key": key,
                    "given_at": at,
                    "usable_from": max(at, template.starts_at or at),
                    "ends_at": ends_at,
                    "state": USABLE,
                    "pack_id": ids.get(giving.key),
                }
            )
    given = list(execute(insert(Coupon).returning(Coupon.id), rows).scalars())
    if source in UNASKED and not quietly:
        _tell(new, templates, ends, at=at)
    return given


def given_with(keys: Sequence[str]) -> set[str]:
    """Return the keys with which something was given."""
    return set(
        execute(
            union_all(
                select(Coupon.key).where(Coupon.key.in_(keys)),
                select(GivenPack.key).where(GivenPack.key.in_(keys)),
            )
        ).scalars()
    )


def _with_parts(ids: set[int]) -> tuple[dict[int, Any], dict[int, list[Any]]]:
    """Return ({template id: template}, {pack id: [template with its `pieces`]}). One statement."""
    rows = execute(
        select(*CouponTemplate.__table__.columns, PackPart.pack_id, PackPart.pieces)
        .outerjoin(PackPart, and_(PackPart.template_id == CouponTemplate.id, PackPart.pack_id.in_(ids)))
        .where(or_(CouponTemplate.id.in_(ids), PackPart.pack_id.is_not(None)))
        .order_by(CouponTemplate.id)
    ).all()
    inside: dict[int, list[Any]] = {}
    for row in rows:
        if row.pack_id is not None:
            inside.setdefault(row.pack_id, []).append(row)
    return {row.id: row for row in rows}, inside


def _write_packs(packs: Sequence[Giving], *, source: str, reference: str, at: datetime) -> dict[str, int]:
    """Write down packs as given. Returns {key: id}."""
    if not packs:
        return {}
    written = execute(
        insert(GivenPack).returning(GivenPack.id, GivenPack.key),
        [
            {
                "template_id": giving.template_id,
                "member_id": giving.member_id,
                "source": source,
                "reference": reference,
                "key": giving.key,
                "given_at": at,
            }
            for giving in packs
        ],
    )
    return {row.key: row.id for row in written}


def _coupons_of(
    giving: Giving, templates: Mapping[int, Any], *, inside: Mapping[int, Sequence[Any]], pack_id: int | None
) -> list[tuple[Any, str]]:
    """Return the coupons that a giving is, each as (its template, its key)."""
    if pack_id is None:
        return [(templates[giving.template_id], giving.key)]
    return [
        (part, f"given:{pack_id}:{part.id}:{piece}")
        for part in inside[giving.template_id]
        for piece in range(1, part.pieces + 1)
    ]


def _tell(
    givings: Sequence[Giving],
    templates: Mapping[int, Any],
    ends: Mapping[str, Sequence[datetime]],
    *,
    at: datetime,
) -> None:
    """Tell members what came without their doing, each coupon and each pack once."""
    tellings: dict[str, list[notices.Telling]] = {"coupon_received": [], "coupon_pack_received": []}
    for giving in givings:
        template, first_end = templates[giving.template_id], min(ends[giving.key])
        kind = "coupon_pack_received" if template.kind == PACK else "coupon_received"
        values = {"title": template.title, "ends_at": first_end.isoformat(), "words": giving.words}
        if template.kind == PACK:
            values["coupons"] = len(ends[giving.key])
        tellings[kind].append(notices.Telling(giving.member_id, f"{kind}:{giving.key}", values))
    for kind, told in tellings.items():
        if told:
            notices.tell_all(kind, told, at=at)
