"""Giving: how a member comes by coupons and packs: for points, by a code, at the desk, for what they have reached.

A pack is given whole or not at all: where one of its coupons cannot be had, none is.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, and_, func, insert, or_, select, union_all, update

from mall.base.db import execute, in_transaction
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, ledger, notices, people, programme, repeats

from .given import REVOKED, USABLE, Coupon, GivenPack
from .templates import (
    CouponTemplate,
    PackPart,
    Withdrawn,
    end_for,
    locked_template,
    possible,
    template_of,
)
from .terms import PACK, UsedUp

# Who takes a coupon knows of it; these come by themselves.
UNASKED = ("operator", "pack")


class GivenUp(Refusal):
    message = N_("All there were of it have been given.")


class HadOften(Refusal):
    message = N_("This member has had it as often as one member may.")


class IsFrozen(Refusal):
    message = N_("This member is frozen.")


class PackNotYet(Refusal):
    message = N_("This pack can be had from {usable_at}.")


class PartGone(Refusal):
    message = N_("The coupon “{title}” in this pack is no longer given out, so the pack is not given either.")


class PartUsedUp(Refusal):
    message = N_("The coupon “{title}” in this pack is used up, so the pack is not given either.")


class PartHadOften(Refusal):
    message = N_("With this pack there would be more coupons “{title}” than one member may use, so it is not given.")


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
    parts = _locked_parts(pack_id)
    had, packs = had_by([member_id], [part.id for part in parts], pack_id=pack_id)
    if pack.member_limit is not None and packs.get(member_id, 0) >= pack.member_limit:
        raise HadOften()
    if why := why_not_given(pack, parts, had=had.get(member_id, {}), at=at):
        raise why
    giving = Giving(pack_id, key, words=words)
    return give([giving], member_id=member_id, source=source, reference=reference, zone=terms.zone, at=at)


def give_for(
    template_id: int, member_id: int, *, reference: str, terms: programme.Programme, at: datetime, words: str = ""
) -> list[int]:
    """Give a member a coupon or a pack for something ("level:3"), once, if there is one to be had: else nothing.

    Returns the ids of the coupons; asked again for that, none.
    """
    ledger.lock(member_id, zone=terms.zone)
    key = f"pack:{template_id}:{member_id}:{reference}"
    template = execute(select(CouponTemplate).where(CouponTemplate.id == possible(template_id))).one_or_none()
    if template is None or given_with([key]):
        return []
    if template.kind != PACK:
        if _why_not_by_hand(locked_template(template_id), member_id, at=at):
            return []
        giving = Giving(template_id, key, words=words)
        return give([giving], member_id=member_id, source="pack", reference=reference, zone=terms.zone, at=at)
    # Looked at before it is counted: what is counted is given, or all of it is undone.
    parts = _locked_parts(template_id)
    had, packs = had_by([member_id], [part.id for part in parts], pack_id=template_id)
    often = template.member_limit is not None and packs.get(member_id, 0) >= template.member_limit
    if often or why_not_given(template, parts, had=had.get(member_id, {}), at=at):
        return []
    try:
        return give_pack(template_id, member_id, reference=reference, terms=terms, at=at, words=words)
    except GivenUp:  # The last one went to somebody else just now: nothing was counted.
        return []


_GIVEN = N_(
    "This form was sent before: it has given “{title}”. Nothing more was done. Open the page anew to give another."
)


def give_by_hand(
    template_id: int, member_id: int, *, key: str, terms: programme.Programme, by: str, at: datetime, reason: str = ""
) -> list[int]:
    """Give a member a coupon or a pack at the desk. Asked again with the key, gives nothing more.

    A coupon that could not be used is not given: where all uses are up, or this member has as many as one may use.
    Raises OwnMatter, IsFrozen, NoSuchTemplate, Withdrawn, UsedUp, HadOften, for a pack what give_pack() raises, and
    repeats.SentOtherwise where the key has given another.
    """
    people.not_for_oneself(member_id, by=by)
    ledger.lock(member_id, zone=terms.zone)
    frozen = select(people.Member.id).where(people.Member.id == member_id, people.Member.deactivated_at.is_not(None))
    if execute(frozen).first() is not None:
        raise IsFrozen
    reference, template = f"coupon:{template_id}", template_of(template_id)
    sent = repeats.Sent("coupon_given", key, by, {"template": template_id, "member": member_id, "reason": reason})
    repeats.refuse_other(sent)
    if template.kind == PACK:
        given = give_pack(
            template_id, member_id, reference=reference, terms=terms, at=at, source="operator", key=f"desk:{key}"
        )
    else:
        if given_with([f"desk:{key}"]):
            return []
        if why := _why_not_by_hand(locked_template(template_id), member_id, at=at):
            raise why
        given = give(
            [Giving(template_id, f"desk:{key}")],
            member_id=member_id,
            source="operator",
            reference=reference,
            zone=terms.zone,
            at=at,
            first=True,
        )
    if given:
        audit.write(
            "coupon.given",
            by=by,
            subject=f"member:{member_id}",
            at=at,
            after={"template_id": template_id, "coupon_id": given[0]} | ({"coupons": len(given)} if given[1:] else {}),
            reason=reason,
        )
        repeats.keep(sent, done=say(_GIVEN, title=dict(template.title)), at=at)
    return given


def _why_not_by_hand(template: Any, member_id: int, *, at: datetime) -> Refusal | None:
    """Return why a member cannot be given a coupon at the desk, or None. Of those they had, what ended does not count.

    One statement where one member may use so many only.
    """
    if is_over(template, at=at):
        return Withdrawn()
    if template.total_limit is not None and template.used >= template.total_limit:
        return UsedUp()
    if template.member_limit is None:
        return None
    usable = and_(Coupon.state == USABLE, Coupon.ends_at > at)
    there = select(func.count()).where(
        Coupon.member_id == member_id,
        Coupon.template_id == template.id,
        or_(usable, Coupon.used_for.is_not(None)),
    )
    return HadOften() if execute(there).scalar_one() >= template.member_limit else None


def is_over(template: Any, *, at: datetime) -> bool:
    """Tell whether a template is given out no more."""
    return template.withdrawn_at is not None or (template.ends_at is not None and template.ends_at <= at)


def why_not_given(pack: Any, parts: Iterable[Any], *, had: Mapping[int, int], at: datetime) -> Refusal | None:
    """Return why a pack cannot be given now to who has had so many coupons of templates, {id: n}, or None. Pure."""
    if is_over(pack, at=at):
        return Withdrawn()
    if pack.starts_at is not None and pack.starts_at > at:
        return PackNotYet(usable_at=pack.starts_at)
    for part in parts:
        if is_over(part, at=at):
            return PartGone(title=part.title)
        if part.total_limit is not None and part.used + part.pieces > part.total_limit:
            return PartUsedUp(title=part.title)
        if part.member_limit is not None and had.get(part.id, 0) + part.pieces > part.member_limit:
            return PartHadOften(title=part.title)
    return None


def had_by(
    member_ids: Sequence[int], template_ids: Sequence[int], *, pack_id: int = 0
) -> tuple[dict[int, dict[int, int]], dict[int, int]]:
    """Return ({member: {template: coupons had}}, {member: packs had}); what was taken back does not count.

    Two statements for any number of members.
    """
    rows = execute(
        select(Coupon.member_id, Coupon.template_id, func.count().label("had"))
        .where(Coupon.member_id.in_(member_ids), Coupon.template_id.in_(template_ids), Coupon.state != REVOKED)
        .group_by(Coupon.member_id, Coupon.template_id)
    )
    had: dict[int, dict[int, int]] = {}
    for row in rows:
        had.setdefault(row.member_id, {})[row.template_id] = row.had
    packs = execute(
        select(GivenPack.member_id, func.count().label("had"))
        .where(GivenPack.member_id.in_(member_ids), GivenPack.template_id == pack_id)
        .group_by(GivenPack.member_id)
    )
    return had, {row.member_id: row.had for row in packs}


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
    if not count_packs(pack.id):
        raise GivenUp()
    return template_of(pack.id)


def _locked_parts(pack_id: int) -> list[Row[Any]]:
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
