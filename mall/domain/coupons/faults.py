"""What is wrong with a kind of coupon as it is typed: all of it at once, each about its field."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from mall.base.db import execute
from mall.base.errors import Refusal
from mall.base.money import LOCALES
from mall.base.text import N_
from mall.domain import programme

from .codes import CodeBatch
from .given import Coupon, GivenPack
from .templates import SCOPES, CouponTemplate, PackPart
from .terms import AMOUNT, GIFT, KINDS, PERCENT

LONGEST_TITLE = 120
MOST_CENTS, MOST_USES, MOST_DAYS, MOST_SCOPE = 1_000_000_000, 1_000_000_000, 3_660, 200


class NotForSale(Refusal):
    message = N_("A coupon that costs something must be usable: it has no limit of its own. Limit the item instead.")


class AlreadyGiven(Refusal):
    message = N_("Members have this coupon already, so what it is worth stays. Make another one, and withdraw this.")


class BadTemplate(Refusal):
    """A kind of coupon that cannot be meant; about a field."""


# What a coupon is worth to whoever has it.
WORTH = (
    "kind", "amount_cents", "percent", "cap_cents", "threshold_cents", "scope", "starts_at", "ends_at", "valid_days",
    "member_limit", "stackable", "min_rank",
)  # fmt: skip


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


def faults_of_change(
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


def faults_of_scope(values: Mapping[str, Any], ids: Collection[int]) -> Iterator[BadTemplate]:
    """Find what is wrong with the categories or products that a kind of coupon is for. Pure."""
    if values["scope"] != "all" and not ids:
        yield BadTemplate(N_("Choose what the coupon is for.")).about("scope_ids")
    elif values["kind"] == GIFT and len(ids) > 1:
        yield BadTemplate(N_("Name one item: the gift.")).about("scope_ids")


def checked(values: Mapping[str, Any], terms: programme.Programme) -> dict[str, Any]:
    """Return the columns of a template, cleaned. Raises BadTemplate. Pure."""
    for fault in faults_by_itself(values, terms):
        raise fault
    return of_its_kind(values) | {"title": cleaned_title(values["title"])}


def of_its_kind(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed without what a kind of coupon does not have. Pure."""
    kept = dict(values) | {"stackable": bool(values["stackable"])}
    for name, owner in (("amount_cents", AMOUNT), ("percent", PERCENT), ("cap_cents", PERCENT)):
        if kept["kind"] != owner:
            kept[name] = None
    if kept["kind"] == GIFT:
        kept["threshold_cents"] = 0  # Its scope is the gift itself.
    return kept


def faults_by_itself(values: Mapping[str, Any], terms: programme.Programme) -> Iterator[BadTemplate]:
    """Find all that is wrong with a kind of coupon by itself. Pure."""
    kept = of_its_kind(values)
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
