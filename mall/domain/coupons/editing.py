"""Making kinds of coupon, changing them, withdrawing them, selling them as items.

What a coupon is worth never changes once somebody has one: a member keeps what they were promised.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from mall.base.db import execute, in_transaction
from mall.base.errors import Refusal
from mall.base.text import N_, say
from mall.domain import audit, catalogue, programme, repeats

from .faults import (
    MOST_SCOPE,
    WORTH,
    BadTemplate,
    NotForSale,
    checked,
    faults_by_itself,
    faults_of_change,
    faults_of_scope,
    of_its_kind,
    over_faults,
)
from .templates import (
    CouponGood,
    CouponScope,
    CouponTemplate,
    NoSuchTemplate,
    Withdrawn,
    locked_template,
    parts_of,
    possible,
    scope_of,
    subject_of,
    template_of,
)
from .terms import PACK


class NotToBePromised(Refusal):
    """A kind of coupon that may be of no use by the time it is earned; `min_rank` is about who it is promised to."""

    message = N_(
        "Who earns this coupon must be able to use it: it needs an end so many days after it is given, no last day,"
        " no limit of its own, and no higher level than what it is earned with."
    )


class TemplateChanged(Refusal):
    message = N_("Somebody else changed this coupon meanwhile. Look at it as it is now, then change it again.")


DETAILS = ("title", "total_limit", *WORTH)
# What a new kind of coupon is before anything is said of it.
_NOTHING: dict[str, Any] = dict.fromkeys(DETAILS) | {"threshold_cents": 0, "scope": "all", "min_rank": 0}

_MADE = N_(
    "This form was sent before: it has made the coupon “{title}”. Nothing more was done. Change that one, or send this"
    " form again for another."
)


def make_template(*, key: str, terms: programme.Programme, by: str, at: datetime, **details: Any) -> int:
    """Write down a kind of coupon. Returns its id; with the same key again, the first one's.

    Details: title, kind, amount_cents, percent, cap_cents, threshold_cents, scope, scope_ids, starts_at, ends_at,
    valid_days, member_limit, total_limit, stackable, min_rank. Raises BadTemplate, and repeats.SentOtherwise for
    another with the same key.
    """
    assert in_transaction()
    sent = repeats.Sent("coupon", key, by, dict(details))
    if (made := execute(select(CouponTemplate.id).where(CouponTemplate.key == key)).scalar_one_or_none()) is not None:
        repeats.refuse_other(sent)
        return made
    scope_ids = details.pop("scope_ids", ())
    values = checked(_NOTHING | details, terms)
    for fault in over_faults(values["ends_at"], at=at):
        raise fault
    template_id = execute(
        insert(CouponTemplate).values(**values, key=key, used=0, version=1, created_at=at).returning(CouponTemplate.id)
    ).scalar_one()
    _set_scope(template_id, values, scope_ids)
    audit.write("coupon.made", by=by, subject=subject_of(template_id), at=at, after=_kept(template_id))
    repeats.keep(sent, done=say(_MADE, title=dict(values["title"])), at=at)
    return template_id


def faults_of_template(
    *, terms: programme.Programme, at: datetime, template_id: int | None = None, **details: Any
) -> list[Refusal]:
    """Return everything that is wrong with a kind of coupon as it is typed, each about its field: what make_template()
    takes, or edit_template() for one that there is. Raises NoSuchTemplate.
    """
    before = _NOTHING | {"scope_ids": ()} if template_id is None else _kept(template_id)
    values = of_its_kind(before | details)
    faults = [*faults_by_itself(values, terms), *faults_of_scope(values, values["scope_ids"])]
    if template_id is None:
        return [*faults, *over_faults(values["ends_at"], at=at)]
    return [*faults, *faults_of_change(template_of(template_id), before, values, at=at)]


def edit_template(
    template_id: int, *, seen_version: int, terms: programme.Programme, by: str, at: datetime, **details: Any
) -> None:
    """Change a kind of coupon. What it is worth stays once somebody has one; its name and its total may change.

    Raises NoSuchTemplate, TemplateChanged, AlreadyGiven, BadTemplate.
    """
    assert in_transaction()
    changed = update(CouponTemplate).where(CouponTemplate.id == possible(template_id))
    row = execute(changed.values(version=CouponTemplate.version + 1).returning(CouponTemplate)).one_or_none()
    if row is None or row.kind == PACK:
        raise NoSuchTemplate()
    if row.version - 1 != seen_version:
        raise TemplateChanged()
    before = _kept(template_id)
    scope_ids = details.pop("scope_ids", before["scope_ids"])
    values = checked({name: before[name] for name in DETAILS} | details, terms)
    for fault in faults_of_change(row, before, values | {"scope_ids": scope_ids}, at=at):
        raise fault
    execute(update(CouponTemplate).where(CouponTemplate.id == template_id).values(**values))
    _set_scope(template_id, values, scope_ids)
    audit.write(
        "coupon.changed", by=by, subject=subject_of(template_id), at=at, before=before, after=_kept(template_id)
    )


def withdraw_template(template_id: int, *, by: str, at: datetime) -> bool:
    """Stop giving a kind of coupon out: its codes and items give none any more; those given stay good.

    Returns whether this call did it. Raises NoSuchTemplate.
    """
    template_of(template_id)
    done = execute(
        update(CouponTemplate)
        .where(CouponTemplate.id == template_id, CouponTemplate.withdrawn_at.is_(None))
        .values(withdrawn_at=at, version=CouponTemplate.version + 1)
    ).rowcount
    if done:
        audit.write("coupon.withdrawn", by=by, subject=subject_of(template_id), at=at)
    return bool(done)


def sell(template_id: int, product_id: int, *, by: str, at: datetime) -> None:
    """Let an item of the kind "coupon" give coupons of a template, or packs, from now on.

    Raises NoSuchTemplate, NotForSale, Withdrawn, BadTemplate.
    """
    template = locked_template(template_id)
    for each in (template, *parts_of([template_id]).get(template_id, ())):
        if each.total_limit is not None or each.member_limit is not None:
            raise NotForSale()
    if template.withdrawn_at is not None:
        raise Withdrawn()
    kind = select(catalogue.Product.kind).where(catalogue.Product.id == possible(product_id))
    if execute(kind).scalar_one_or_none() != "coupon":
        raise BadTemplate(N_("Choose an item of the kind “coupon”.")).about("product_id")
    execute(delete(CouponGood).where(CouponGood.product_id == product_id))
    execute(insert(CouponGood).values(product_id=product_id, template_id=template_id))
    execute(
        update(CouponTemplate)
        .where(CouponTemplate.id == template_id, CouponTemplate.sold_at.is_(None))
        .values(sold_at=at)
    )
    audit.write("coupon.sold_as", by=by, subject=subject_of(template_id), at=at, after={"product_id": product_id})


def promisable() -> Sequence[Row[Any]]:
    """Return the kinds of coupon that may be promised to who earns them by and by: id, title, min_rank."""
    kind = CouponTemplate
    return execute(
        select(kind.id, kind.title, kind.min_rank)
        .where(
            kind.withdrawn_at.is_(None),
            kind.kind != PACK,
            kind.valid_days.is_not(None),
            *(column.is_(None) for column in (kind.starts_at, kind.ends_at, kind.total_limit, kind.member_limit)),
        )
        .order_by(kind.id)
    ).all()


def check_promise(template_id: int, *, min_rank: int) -> Any:
    """Return a kind of coupon that may be promised to members from a level on, who earn it by and by.

    Raises NoSuchTemplate, NotToBePromised, Withdrawn.
    """
    template = locked_template(template_id)
    if template.withdrawn_at is not None:
        raise Withdrawn()
    limited = template.total_limit is not None or template.member_limit is not None
    dated = template.valid_days is None or template.ends_at is not None or template.starts_at is not None
    if template.kind == PACK or limited or dated or template.min_rank > min_rank:
        raise NotToBePromised()
    return template


def promise(template_id: int, *, min_rank: int, at: datetime) -> None:
    """Promise a kind of coupon to members: what it is worth stays from now on. Raises what check_promise() raises.

    It is given to who earns it also after it was withdrawn.
    """
    check_promise(template_id, min_rank=min_rank)
    execute(
        update(CouponTemplate)
        .where(CouponTemplate.id == template_id, CouponTemplate.sold_at.is_(None))
        .values(sold_at=at)
    )


def give_out_again(template_id: int, *, by: str, at: datetime) -> bool:
    """Give a kind of coupon out again that was withdrawn. Returns whether this call did it. Raises NoSuchTemplate."""
    template_of(template_id)
    done = execute(
        update(CouponTemplate)
        .where(CouponTemplate.id == template_id, CouponTemplate.withdrawn_at.is_not(None))
        .values(withdrawn_at=None, version=CouponTemplate.version + 1)
    ).rowcount
    if done:
        audit.write("coupon.given_out_again", by=by, subject=subject_of(template_id), at=at)
    return bool(done)


def _kept(template_id: int) -> dict[str, Any]:
    """Return what the audit keeps of a template."""
    row = template_of(template_id)
    return {name: getattr(row, name) for name in DETAILS} | {"scope_ids": scope_of(template_id)}


def _set_scope(template_id: int, values: Mapping[str, Any], ids: Collection[int]) -> None:
    """Say which categories or products a template is for. Raises BadTemplate where there is none, or no such."""
    execute(delete(CouponScope).where(CouponScope.template_id == template_id))
    scope = values["scope"]
    if scope == "all":
        return
    table = catalogue.Category if scope == "category" else catalogue.Product
    wanted = sorted({id_ for id_ in ids if possible(id_)})[:MOST_SCOPE]
    known = list(execute(select(table.id).where(table.id.in_(wanted)).order_by(table.id)).scalars())
    for fault in faults_of_scope(values, known if len(known) == len(wanted) else ()):
        raise fault
    column = "category_id" if scope == "category" else "product_id"
    execute(insert(CouponScope), [{"template_id": template_id, column: id_} for id_ in known])
