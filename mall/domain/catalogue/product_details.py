"""Details of a product: which there are, and what is wrong with them. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mall.base.errors import Refusal
from mall.base.text import N_
from mall.domain import programme

from .figures import MOST_PIECES, whole
from .quotas import TOTAL_SENTENCE
from .wording import description, words

MEMBERSHIP = "membership"
KINDS = ("goods", "gift", "coupon", "code", MEMBERSHIP)
DELIVERIES = ("shipped", "digital")
# How long a membership may last, by the unit its length is counted in.
LONGEST_PLAN = {"days": 366, "months": 12}
LONGEST_TITLE, LONGEST_SUMMARY, MOST_TAGS = 120, 300, 12
PLAN = ("plan_level", "plan_length", "plan_unit")
LEVEL_SENTENCE = N_("Choose one of the shop's levels.")
LIMIT_SENTENCE = N_("A limit is a whole number from {least} to {most}.")
PLAN_SENTENCE = N_("A membership lasts a whole number from {least} to {most}.")
DAYS_SENTENCE = N_("Days are a whole number from {least} to {most}.")


class BadProduct(Refusal):
    """A product that cannot be meant."""


def checked(values: dict[str, Any], terms: programme.Programme) -> dict[str, Any]:
    """Return the columns of a product, cleaned. Raises BadProduct, BadWording, BadFigure. Pure."""
    for fault in faults_of(values, terms):
        raise fault
    no_plan = {} if values["kind"] == MEMBERSHIP else dict.fromkeys(PLAN)
    return (
        values
        | no_plan
        | {
            "title": words(values["title"], longest=LONGEST_TITLE, field="title"),
            "summary": words(values["summary"], longest=LONGEST_SUMMARY, field="summary") or None,
            "description": description(values["description"]),
            "tags": _tags(values["tags"]),
        }
    )


def faults_of(values: Mapping[str, Any], terms: programme.Programme) -> Iterator[Refusal]:
    """Yield everything that is wrong with the details of a product, each about its field. Pure."""
    if not any(str(text or "").strip() for text in (values["title"] or {}).values()):
        yield BadProduct(N_("Give the item a name.")).about("title")
    yield from refused(words, values["title"], longest=LONGEST_TITLE, field="title")
    yield from refused(words, values["summary"], longest=LONGEST_SUMMARY, field="summary")
    yield from refused(description, values["description"])
    if values["kind"] not in KINDS or values["delivery"] not in DELIVERIES:
        yield BadProduct(N_("Choose what kind of item this is and how it is delivered.")).about("delivery")
    if values["kind"] == "code" and values["delivery"] == "shipped":
        yield BadProduct(N_("Codes are never shipped: choose digital delivery.")).about("delivery")
    if values["kind"] == MEMBERSHIP:
        yield from _faults_of_plan(values, terms)
    if values["tax_class"] not in terms.tax_classes:
        yield BadProduct(N_("Choose one of the shop's tax classes.")).about("tax_class")
    top = max((level.rank for level in terms.levels), default=0)
    for name in ("see_rank", "buy_rank"):
        yield from refused(whole, values[name], LEVEL_SENTENCE, least=0, most=top, field=name)
    per_member, days, total = (values.get(name) for name in ("limit_per_member", "limit_days", "total_quota"))
    if per_member is not None:
        yield from refused(whole, per_member, LIMIT_SENTENCE, least=1, most=MOST_PIECES, field="limit_per_member")
    if days is not None:
        yield from refused(whole, days, DAYS_SENTENCE, least=1, most=3660, field="limit_days")
        if per_member is None:
            yield BadProduct(N_("Say how many a member may have in these days.")).about("limit_per_member")
    if total is not None:
        yield from refused(whole, total, TOTAL_SENTENCE, least=0, most=MOST_PIECES, field="total_quota")
    if values["redeem_from"] and values["redeem_until"] and values["redeem_from"] >= values["redeem_until"]:
        yield BadProduct(N_("Redeeming ends after it starts. Change one of the two dates.")).about("redeem_until")
    if len(_tags(values["tags"])) > MOST_TAGS:
        yield BadProduct(N_("Use {most} tags at most."), most=MOST_TAGS).about("tags")


def _faults_of_plan(values: Mapping[str, Any], terms: programme.Programme) -> Iterator[Refusal]:
    if values["delivery"] == "shipped":
        yield BadProduct(N_("A membership is never shipped: choose digital delivery.")).about("delivery")
    if values.get("plan_level") not in {level.key for level in terms.levels if level.rank > 1}:
        yield BadProduct(N_("Choose the level that the membership gives: one above the lowest.")).about("plan_level")
    unit = values.get("plan_unit")
    if unit not in LONGEST_PLAN:
        yield BadProduct(N_("Choose days or months.")).about("plan_unit")
        return
    yield from refused(
        whole, values.get("plan_length"), PLAN_SENTENCE, least=1, most=LONGEST_PLAN[unit], field="plan_length"
    )


def refused(check: Callable[..., Any], *given: Any, **named: Any) -> Iterator[Refusal]:
    """Yield what a check refuses, if it does."""
    try:
        check(*given, **named)
    except Refusal as refusal:
        yield refusal


def _tags(typed: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(tag for raw in typed if (tag := " ".join(str(raw).split())[:40])))
