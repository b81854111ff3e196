"""Making kinds of coupon, changing them, withdrawing them, selling them as items.

What a coupon is worth never changes once somebody has one: a member keeps what they were promised.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update

from mall.base.db import execute, in_transaction
from mall.base.errors import Refusal
from mall.base.money import LOCALES
from mall.base.text import N_, say
from mall.domain import audit, catalogue, programme, repeats

from .codes import CodeBatch
from .given import Coupon, GivenPack
from .templates import (
    SCOPES,
    CouponGood,
    CouponScope,
    CouponTemplate,
    NoSuchTemplate,
    PackPart,
    Withdrawn,
    locked_template,
    parts_of,
    possible,
    scope_of,
    subject_of,
    template_of,
)
from .terms import AMOUNT, GIFT, KINDS, PACK, PERCENT

LONGEST_TITLE = 120
MOST_CENTS, MOST_USES, MOST_DAYS, MOST_SCOPE = 1_000_000_000, 1_000_000_000, 3_660, 200


class NotForSale(Refusal):
    message = N_("A coupon that costs something must be usable: it has no limit of its own. Limit the item instead.")


class NotToBePromised(Refusal):
    """A kind of coupon that may be of no use by the time it is earned; `min_rank` is about who it is promised to."""

    message = N_(
        "Who earns this coupon must be able to use it: it needs an end so many days after it is given, no last day,"
        " no limit of its own, and no higher level than what it is earned with."
    )


class AlreadyGiven(Refusal):
    message = N_("Members have this coupon already, so what it is worth stays. Make another one, and withdraw this.")


class TemplateChanged(Refusal):
    message = N_("Somebody else changed this coupon meanwhile. Look at it as it is now, then change it again.")


class BadTemplate(Refusal):
    """A kind of coupon that cannot be meant; about a field."""


# What a coupon is worth to whoever has it.
WORTH = (
    "kind", "amount_cents", "percent", "cap_cents", "threshold_cents", "scope", "starts_at", "ends_at", "valid_days",
    "member_limit", "stackable", "min_rank",
)  # fmt: skip
DETAILS = ("title", "total_limit", *WORTH)


_MADE = N_(
    "This form was sent before: it has made the coupon “{title}”. Nothing more was done. Change that one, or open the"
    " page anew for another."
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
    values = _checked(dict.fromkeys(DETAILS) | {"threshold_cents": 0, "scope": "all", "min_rank": 0} | details, terms)
    refuse_over(values["ends_at"], at=at)
    template_id = execute(
        insert(CouponTemplate).values(**values, key=key, used=0, version=1, created_at=at).returning(CouponTemplate.id)
    ).scalar_one()
    _set_scope(template_id, values, scope_ids)
    audit.write("coupon.made", by=by, subject=subject_of(template_id), at=at, after=_kept(template_id))
    repeats.keep(sent, done=say(_MADE, title=dict(values["title"])), at=at)
    return template_id


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
    values = _checked({name: before[name] for name in DETAILS} | details, terms)
    if values["ends_at"] != before["ends_at"]:
        refuse_over(values["ends_at"], at=at)
    if is_given(template_id):
        _refuse_other_worth(before, values | {"scope_ids": sorted(scope_ids) if values["scope"] != "all" else []})
    if values["total_limit"] is not None and values["total_limit"] < row.used:
        raise BadTemplate(N_("{used} were used already. Set the total to {used} or more."), used=row.used).about(
            "total_limit"
        )
    if (values["total_limit"] or values["member_limit"]) and row.sold_at is not None:
        raise NotForSale().about("total_limit" if values["total_limit"] else "member_limit")
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


def is_given(template_id: int) -> bool:
    """Tell whether anybody has a coupon of a template, can have one by a code or a pack, or was promised one."""
    sold = select(CouponTemplate.id).where(CouponTemplate.id == template_id, CouponTemplate.sold_at.is_not(None))
    given = or_(
        sold.exists(),
        *(select(table.template_id).where(table.template_id == template_id).exists()
          for table in (Coupon, GivenPack, CodeBatch, PackPart)),
    )  # fmt: skip
    return bool(execute(select(given)).scalar_one())


def refuse_over(ends_at: datetime | None, *, at: datetime) -> None:
    """Raise BadTemplate where a coupon would have ended before anybody could have it."""
    if ends_at is not None and ends_at <= at:
        raise BadTemplate(N_("That is over already. Let it end later.")).about("ends_at")


def _refuse_other_worth(before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Raise AlreadyGiven about the first thing that would make a coupon another one than members have."""
    for name in (*WORTH, "scope_ids"):
        if before[name] != values[name]:
            raise AlreadyGiven().about(name)
    if (before["total_limit"] is None) != (values["total_limit"] is None):
        raise AlreadyGiven().about("total_limit")


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
    if not known or len(known) < len(wanted):
        raise BadTemplate(N_("Choose what the coupon is for.")).about("scope_ids")
    if values["kind"] == GIFT and len(known) > 1:
        raise BadTemplate(N_("Name one item: the gift.")).about("scope_ids")
    column = "category_id" if scope == "category" else "product_id"
    execute(insert(CouponScope), [{"template_id": template_id, column: id_} for id_ in known])


def _checked(values: Mapping[str, Any], terms: programme.Programme) -> dict[str, Any]:
    """Return the columns of a template, cleaned: what its kind does not have is dropped. Raises BadTemplate. Pure."""
    cleaned = dict(values) | {"title": cleaned_title(values["title"]), "stackable": bool(values["stackable"])}
    if cleaned["kind"] not in KINDS:
        raise BadTemplate(N_("Choose what the coupon takes off.")).about("kind")
    if cleaned["scope"] not in SCOPES:
        raise BadTemplate(N_("Choose what the coupon is for.")).about("scope")
    for name, owner in (("amount_cents", AMOUNT), ("percent", PERCENT), ("cap_cents", PERCENT)):
        if cleaned["kind"] != owner:
            cleaned[name] = None
    if cleaned["kind"] == AMOUNT:
        check_figure(cleaned, "amount_cents", MOST_CENTS, missing=N_("Say how much the coupon takes off."))
    if cleaned["kind"] == PERCENT:
        check_figure(cleaned, "percent", 100, missing=N_("Say how many per cent the coupon takes off."))
        check_figure(cleaned, "cap_cents", MOST_CENTS)
    if cleaned["kind"] == GIFT:
        cleaned["threshold_cents"] = 0  # Its scope is the gift itself.
        if cleaned["scope"] != "product":
            raise BadTemplate(N_("Name the item that is the gift.")).about("scope")
    check_figure(
        cleaned, "threshold_cents", MOST_CENTS, least=0, missing=N_("Say from which amount the coupon counts.")
    )
    check_figure(cleaned, "valid_days", MOST_DAYS)
    check_figure(cleaned, "member_limit", MOST_USES)
    check_figure(cleaned, "total_limit", MOST_USES)
    check_figure(cleaned, "min_rank", len(terms.levels), least=0, missing=N_("Choose one of the shop's levels."))
    if cleaned["ends_at"] is None and cleaned["valid_days"] is None:
        raise BadTemplate(N_("Say until when the coupon can be used, or for how many days.")).about("ends_at")
    if cleaned["starts_at"] and cleaned["ends_at"] and cleaned["starts_at"] >= cleaned["ends_at"]:
        raise BadTemplate(N_("It ends after it starts. Change one of the two dates.")).about("ends_at")
    return cleaned


def cleaned_title(title: Mapping[str, str] | None) -> dict[str, str]:
    """Return a title on one line a language. Raises BadTemplate when there is none or it is too long."""
    cleaned = {}
    for language, raw in (title or {}).items():
        visible = "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in str(raw or ""))
        line = " ".join(visible.split())
        if language not in LOCALES or len(line) > LONGEST_TITLE:
            raise BadTemplate(N_("Use {longest} signs at most for a name."), longest=LONGEST_TITLE).about("title")
        if line:
            cleaned[language] = line
    if not cleaned:
        raise BadTemplate(N_("Give the coupon a name.")).about("title")
    return cleaned


def check_figure(values: Mapping[str, Any], name: str, most: int, *, least: int = 1, missing: str = "") -> None:
    """Refuse a figure that is no whole number within bounds; one that is missing only where it is needed."""
    value = values[name]
    if value is None:
        if missing:
            raise BadTemplate(missing).about(name)
        return
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        if name.endswith("_cents"):
            sentence = N_("Write an amount from {least_cents} to {most_cents}.")
            raise BadTemplate(sentence, least_cents=least, most_cents=most).about(name)
        raise BadTemplate(N_("Use a whole number from {least} to {most}."), least=least, most=most).about(name)
