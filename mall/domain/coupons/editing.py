"""Making kinds of coupon, changing them, withdrawing them, selling them as items.

What a coupon is worth never changes once somebody has one: a member keeps what they were promised.
"""

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
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
    values = _checked(_NOTHING | details, terms)
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
    values = _of_its_kind(before | details)
    faults = [*_faults(values, terms), *_faults_of_scope(values, values["scope_ids"])]
    if template_id is None:
        return [*faults, *over_faults(values["ends_at"], at=at)]
    return [*faults, *_faults_of_change(template_of(template_id), before, values, at=at)]


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
    for fault in _faults_of_change(row, before, values | {"scope_ids": scope_ids}, at=at):
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


def is_given(template_id: int) -> bool:
    """Tell whether anybody has a coupon of a template, can have one by a code or a pack, or was promised one."""
    sold = select(CouponTemplate.id).where(CouponTemplate.id == template_id, CouponTemplate.sold_at.is_not(None))
    given = or_(
        sold.exists(),
        *(select(table.template_id).where(table.template_id == template_id).exists()
          for table in (Coupon, GivenPack, CodeBatch, PackPart)),
    )  # fmt: skip
    return bool(execute(select(given)).scalar_one())


def over_faults(ends_at: datetime | None, *, at: datetime) -> Iterator[BadTemplate]:
    """Find a coupon that would have ended before anybody could have it."""
    if ends_at is not None and ends_at <= at:
        yield BadTemplate(N_("That is over already. Let it end later.")).about("ends_at")


def _faults_of_change(
    row: Any, before: Mapping[str, Any], values: Mapping[str, Any], *, at: datetime
) -> Iterator[Refusal]:
    """Find what of a kind of coupon cannot become as it is typed, since it was had, used or sold as it is."""
    if values["ends_at"] != before["ends_at"]:
        yield from over_faults(values["ends_at"], at=at)
    if is_given(row.id):
        yield from _other_worth(before, values)
    if isinstance(values["total_limit"], int) and values["total_limit"] < row.used:
        yield BadTemplate(N_("{used} were used already. Set the total to {used} or more."), used=row.used).about(
            "total_limit"
        )
    if (values["total_limit"] or values["member_limit"]) and row.sold_at is not None:
        yield NotForSale().about("total_limit" if values["total_limit"] else "member_limit")


def _other_worth(before: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Refusal]:
    """Find what would make a coupon another one than members have."""
    scope_ids = sorted(values["scope_ids"]) if values["scope"] != "all" else []
    for name in (*WORTH, "scope_ids"):
        if before[name] != (scope_ids if name == "scope_ids" else values[name]):
            yield AlreadyGiven().about(name)
    if (before["total_limit"] is None) != (values["total_limit"] is None):
        yield AlreadyGiven().about("total_limit")


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
    for fault in _faults_of_scope(values, known if len(known) == len(wanted) else ()):
        raise fault
    column = "category_id" if scope == "category" else "product_id"
    execute(insert(CouponScope), [{"template_id": template_id, column: id_} for id_ in known])


def _faults_of_scope(values: Mapping[str, Any], ids: Collection[int]) -> Iterator[BadTemplate]:
    """Find what is wrong with the categories or products that a kind of coupon is for. Pure."""
    if values["scope"] != "all" and not ids:
        yield BadTemplate(N_("Choose what the coupon is for.")).about("scope_ids")
    elif values["kind"] == GIFT and len(ids) > 1:
        yield BadTemplate(N_("Name one item: the gift.")).about("scope_ids")


def _checked(values: Mapping[str, Any], terms: programme.Programme) -> dict[str, Any]:
    """Return the columns of a template, cleaned. Raises BadTemplate. Pure."""
    for fault in _faults(values, terms):
        raise fault
    return _of_its_kind(values) | {"title": cleaned_title(values["title"])}


def _of_its_kind(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed without what a kind of coupon does not have. Pure."""
    kept = dict(values) | {"stackable": bool(values["stackable"])}
    for name, owner in (("amount_cents", AMOUNT), ("percent", PERCENT), ("cap_cents", PERCENT)):
        if kept["kind"] != owner:
            kept[name] = None
    if kept["kind"] == GIFT:
        kept["threshold_cents"] = 0  # Its scope is the gift itself.
    return kept


def _faults(values: Mapping[str, Any], terms: programme.Programme) -> Iterator[BadTemplate]:
    """Find all that is wrong with a kind of coupon by itself. Pure."""
    kept = _of_its_kind(values)
    yield from title_faults(kept["title"])
    if kept["kind"] not in KINDS:
        yield BadTemplate(N_("Choose what the coupon takes off.")).about("kind")
    if kept["scope"] not in SCOPES:
        yield BadTemplate(N_("Choose what the coupon is for.")).about("scope")
    if kept["kind"] == AMOUNT:
        yield from figure_faults(kept, "amount_cents", MOST_CENTS, missing=N_("Say how much the coupon takes off."))
    if kept["kind"] == PERCENT:
        yield from figure_faults(kept, "percent", 100, missing=N_("Say how many per cent the coupon takes off."))
        yield from figure_faults(kept, "cap_cents", MOST_CENTS)
    if kept["kind"] == GIFT and kept["scope"] != "product":
        yield BadTemplate(N_("Name the item that is the gift.")).about("scope")
    missing = N_("Say from which amount the coupon counts.")
    yield from figure_faults(kept, "threshold_cents", MOST_CENTS, least=0, missing=missing)
    yield from figure_faults(kept, "valid_days", MOST_DAYS)
    yield from figure_faults(kept, "member_limit", MOST_USES)
    yield from figure_faults(kept, "total_limit", MOST_USES)
    missing = N_("Choose one of the shop's levels.")
    yield from figure_faults(kept, "min_rank", len(terms.levels), least=0, missing=missing)
    if kept["ends_at"] is None and kept["valid_days"] is None:
        yield BadTemplate(N_("Say until when the coupon can be used, or for how many days.")).about("ends_at")
    yield from window_faults(kept)


def window_faults(values: Mapping[str, Any]) -> Iterator[BadTemplate]:
    """Find an end that is no later than its start. Pure."""
    if values["starts_at"] and values["ends_at"] and values["starts_at"] >= values["ends_at"]:
        yield BadTemplate(N_("It must end after it starts. Change one of the two dates.")).about("ends_at")


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


def title_faults(title: Mapping[str, str] | None) -> Iterator[BadTemplate]:
    """Find what is wrong with a title. Pure."""
    try:
        cleaned_title(title)
    except BadTemplate as bad:
        yield bad


def figure_faults(
    values: Mapping[str, Any], name: str, most: int, *, least: int = 1, missing: str = ""
) -> Iterator[BadTemplate]:
    """Find a figure that is no whole number within bounds; one that is missing only where it is needed. Pure."""
    value = values[name]
    if value is None:
        if missing:
            yield BadTemplate(missing).about(name)
    elif isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        if name.endswith("_cents"):
            sentence = N_("Write an amount from {least_cents} to {most_cents}.")
            yield BadTemplate(sentence, least_cents=least, most_cents=most).about(name)
        else:
            yield BadTemplate(N_("Use a whole number from {least} to {most}."), least=least, most=most).about(name)
