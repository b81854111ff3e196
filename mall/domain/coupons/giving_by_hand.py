"""Giving by hand: a coupon or a pack at the desk, or for what a member has reached, if there is one to be had."""

from datetime import datetime

from sqlalchemy import select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, ledger, people, programme, repeats

from .giving import Giving, give, given_with
from .giving_packs import GivenUp, give_pack, locked_parts, why_not_given_pack
from .limits import why_not_given_to
from .templates import CouponTemplate, locked_template, parts_of, possible, template_of
from .terms import PACK

_GIVEN = N_(
    "This form was sent before: it has given “{title}”. Nothing more was done. Send the form again to give this, too."
)


class IsFrozen(Refusal):
    message = N_("This member is frozen.")


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
    _refuse_frozen(member_id)
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
        if why := why_not_given_to(member_id, locked_template(template_id), at=at):
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
        if why_not_given_to(member_id, locked_template(template_id), at=at):
            return []
        giving = Giving(template_id, key, words=words)
        return give([giving], member_id=member_id, source="pack", reference=reference, zone=terms.zone, at=at)
    # Looked at before it is counted: what is counted is given, or all of it is undone.
    parts = locked_parts(template_id)
    if why_not_given_pack(template, parts, member_id, at=at):
        return []
    try:
        return give_pack(template_id, member_id, reference=reference, terms=terms, at=at, words=words)
    except GivenUp:  # The last one went to somebody else just now: nothing was counted.
        return []


def refuse_by_hand(template_id: int, member_id: int, *, by: str, at: datetime) -> None:
    """Raise why a member cannot be given a coupon or a pack at the desk now, as give_by_hand() would. Only reads."""
    people.not_for_oneself(member_id, by=by)
    _refuse_frozen(member_id)
    template = template_of(template_id)
    if template.kind == PACK:
        parts = parts_of([template_id]).get(template_id, [])
        why = why_not_given_pack(template, parts, member_id, at=at)
    else:
        why = why_not_given_to(member_id, template, at=at)
    if why:
        raise why


def _refuse_frozen(member_id: int) -> None:
    frozen = select(people.Member.id).where(people.Member.id == member_id, people.Member.deactivated_at.is_not(None))
    if execute(frozen).first() is not None:
        raise IsFrozen
