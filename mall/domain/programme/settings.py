"""Settings: the programme as plain JSON, the way it is stored, drafted and shown; and what is no programme at all."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from email.headerregistry import Address
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global
from babel.numbers import get_currency_precision
from msgspec.structs import asdict, fields

from mall.base.errors import Refusal
from mall.base.text import N_, Message, say

from .tasks import settings_of_task, task_of, task_problems
from .terms import Level, Programme, ShippingMethod, TaxClass

ADDRESS = re.compile(r"[!-?A-~]+@[0-9A-Za-z.-]+")

LANGUAGES = ("en", "zh")
SHIPPING_KINDS = ("parcel", "pickup")

# The whole numbers among the settings: the least and the most each may be.
BOUNDS = {
    "worth_points": (1, 1_000_000),
    "worth_cents": (1, 1_000_000),
    "earn_points": (0, 1_000_000),
    "earn_per_cents": (1, 1_000_000),
    "growth_per_cents": (1, 1_000_000),
    "validity_months": (1, 120),
    "return_window_days": (0, 365),
    "completes_after_days": (1, 365),
    "returns_lapse_days": (8, 365),
    "answer_within_hours": (1, 720),
    "points_cap_percent": (0, 100),
    "least_cash_cents": (0, 100_000),
    "debt_cap_points": (0, 1_000_000_000),
    "adjustment_limit_points": (0, 1_000_000_000),
    "adjustments_per_day": (0, 1_000),
    # Stripe: a Checkout Session lives from 30 minutes to 24 hours, by its clock.
    "cash_out_least_points": (0, 1_000_000_000),
    "cash_out_points": (1, 1_000_000),
    "cash_out_cents": (1, 1_000_000),
    "cash_out_fee_cents": (0, 100_000),
    "pay_within_minutes": (31, 1_440),
    "unpaid_orders": (1, 100),
    "dormancy_after_days": (30, 730),
    "dormancy_percent": (1, 100),
    "membership_least_days": (1, 366),
}
LEVEL_BOUNDS = {
    "reach": (0, 1_000_000_000),
    "keep": (0, 1_000_000_000),
    "multiplier_percent": (0, 10_000),
    "discount_percent": (0, 100),
    "early_access_hours": (0, 24 * 365),
    "instant_refund_cents": (0, 100_000_000),
    "upgrade_points": (0, 1_000_000),
    "birthday_points": (0, 1_000_000),
    "event_notice_days": (0, 365),
}


class BadSetting(Refusal):
    """The settings make no programme. The sentence says which, and `setting` names it."""

    def __init__(self, setting: str, problem: Message) -> None:
        super().__init__(problem.text, **problem.values)
        self.setting = setting


def settings_of(terms: Programme) -> dict[str, Any]:
    """Return a programme as plain JSON, to be stored, or changed and drafted anew."""
    plain = {name: value for name, value in asdict(terms).items() if name != "version"}
    return plain | {
        "shop_name": dict(terms.shop_name),
        "levels": [
            asdict(level) | {"sentences": [dict(words) for words in level.sentences]} for level in terms.levels
        ],
        "tax_classes": {
            key: {
                "name": dict(tax_class.name),
                "rates": [[since.isoformat(), basis_points] for since, basis_points in tax_class.rates],
            }
            for key, tax_class in terms.tax_classes.items()
        },
        "shipping_methods": [asdict(method) for method in terms.shipping_methods],
        "tasks": [settings_of_task(task) for task in terms.tasks],
    }


def coupons_of(terms: Programme) -> set[int]:
    """Return the numbers of the coupons that a programme's levels give in their packs."""
    return {each for level in terms.levels for each in (level.upgrade_coupon, level.birthday_coupon) if each}


def changes(before: Programme, after: Programme) -> list[str]:
    """Return the names of the settings in which two versions differ."""
    one, other = settings_of(before), settings_of(after)
    return [name for name in one if one[name] != other[name]]


def terms_of(version: int, settings: Mapping[str, Any]) -> Programme:
    """Return the programme that stored settings make. Raises BadSetting."""
    terms = _read(version, settings)
    for setting, problem in problems_in(terms):
        raise BadSetting(setting, problem)
    return terms


def faults_of(settings: Mapping[str, Any]) -> list[BadSetting]:
    """Return all that keeps settings from being a programme, so that a form can say it at once."""
    try:
        return [BadSetting(setting, problem) for setting, problem in problems_in(_read(0, settings))]
    except BadSetting as bad:
        return [bad]


def _read(version: int, settings: Mapping[str, Any]) -> Programme:
    refuse_other_names(settings)
    try:
        return Programme(
            **dict(settings)
            | {
                "version": version,
                "levels": tuple(
                    Level(**dict(level) | {"sentences": tuple(level.get("sentences", ()))})
                    for level in settings["levels"]
                ),
                "tax_classes": {
                    key: TaxClass(
                        key,
                        tax_class["name"],
                        tuple(
                            sorted(
                                (date.fromisoformat(since), basis_points) for since, basis_points in tax_class["rates"]
                            )
                        ),
                    )
                    for key, tax_class in settings["tax_classes"].items()
                },
                "shipping_methods": tuple(ShippingMethod(**method) for method in settings["shipping_methods"]),
                "tasks": tuple(task_of(task) for task in settings.get("tasks", ())),
            }
        )
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise BadSetting("settings", say(N_("The settings cannot be read: {problem}."), problem=str(error))) from error


def refuse_other_names(settings: Mapping[str, Any]) -> None:
    """Raise BadSetting where a setting is unknown, which may be a misspelt one, or one is missing."""
    wanted = set(Programme.__struct_fields__) - {"version"}
    # Versions that were drafted before a setting came have its default.
    needed = {field.name for field in fields(Programme) if field.required} - {"version"}
    if unknown := sorted(set(settings) - wanted):
        raise BadSetting(unknown[0], say(N_("There is no setting {name}."), name=unknown[0]))
    if missing := sorted(needed - set(settings)):
        raise BadSetting(missing[0], say(N_("The setting {name} is missing."), name=missing[0]))


def problems_in(terms: Programme) -> Iterator[tuple[str, Message]]:
    """Yield what is wrong with a programme: (setting, sentence)."""
    if not any(name.strip() for name in terms.shop_name.values()):
        yield "shop_name", say(N_("The shop needs a name."))
    if not _is_tender(terms.currency) or get_currency_precision(terms.currency) != 2:
        yield "currency", say(N_("The currency must be a code such as EUR, with two decimals."))
    if not _is_zone(terms.zone):
        yield "zone", say(N_("The time zone must be a name such as Europe/Berlin."))
    if terms.language not in LANGUAGES:
        yield "language", say(N_("The main language must be en or zh."))
    if terms.support_email and not is_address(terms.support_email):
        yield "support_email", say(N_("The support e-mail must be an address such as help@example.com, or not given."))
    if not isinstance(terms.dormancy_active, bool):
        yield "dormancy_active", say(N_("Taking growth off for dormancy is on (true) or off (false)."))
    yield from _out_of_bounds("", terms, BOUNDS)
    yield from _cash_out_problems(terms)
    yield from _level_problems(terms.levels)
    yield from _tax_problems(terms.tax_classes)
    yield from _shipping_problems(terms.shipping_methods)
    yield from task_problems(terms.tasks, levels=len(terms.levels))


def is_address(text: str) -> bool:
    """Tell whether mails can come from this: one address in ASCII, as it stands in a header, without a name."""
    if not ADDRESS.fullmatch(text):
        return False
    try:
        Address(addr_spec=text)
    except (ValueError, IndexError):
        return False
    return True


def _is_tender(code: str) -> bool:
    """Tell whether somewhere one pays with this currency today: not gold, not a currency for testing, not DEM."""
    territories = get_global("territory_currencies")
    return any(
        currency == code and ended is None and tender
        for currencies in territories.values()
        for currency, _began, ended, tender in currencies
    )


def _is_zone(name: str) -> bool:
    """Tell whether a time zone has this name. Asking for one is quicker than listing all."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _cash_out_problems(terms: Programme) -> Iterator[tuple[str, Message]]:
    figures = (terms.cash_out_least_points, terms.cash_out_points, terms.cash_out_cents, terms.cash_out_fee_cents)
    if not all(_whole(figure) for figure in figures) or not terms.cash_out_points or not terms.cash_out_least_points:
        return
    if terms.cash_out_least_points * terms.cash_out_cents // terms.cash_out_points <= terms.cash_out_fee_cents:
        yield (
            "cash_out_least_points",
            say(N_("The least number of points for cash must give more than the fee of {fee_cents}."),
                fee_cents=terms.cash_out_fee_cents),
        )  # fmt: skip


def _level_problems(levels: tuple[Level, ...]) -> Iterator[tuple[str, Message]]:
    if not levels:
        yield "levels", say(N_("There must be at least one level."))
        return
    if [level.rank for level in levels] != list(range(1, len(levels) + 1)):
        yield "levels", say(N_("The levels must be ranked 1, 2, 3 and so on, lowest first."))
    if len({level.key for level in levels}) != len(levels):
        yield "levels", say(N_("Two levels have the same key."))
    if levels[0].reach != 0:
        yield "levels", say(N_("The first level must be reached at growth 0, since everybody starts there."))
    for lower, upper in pairwise(levels):
        if not (_whole(lower.reach) and _whole(upper.reach)) or upper.reach <= lower.reach:
            yield "levels", say(N_("Level {rank} must take more growth to reach than the one below."), rank=upper.rank)
    for level in levels:
        name = f"levels.{level.rank}"
        yield from _out_of_bounds(name, level, LEVEL_BOUNDS)
        if not any(level.name.values()):
            yield f"{name}.name", say(N_("Level {rank} needs a name."), rank=level.rank)
        if not _whole(level.keep) or (_whole(level.reach) and level.keep > level.reach):
            yield (
                f"{name}.keep",
                say(N_("Level {rank} cannot take more growth to keep than to reach."), rank=level.rank),
            )
        if level.free_shipping_from_cents is not None and not _whole(level.free_shipping_from_cents):
            yield f"{name}.free_shipping_from_cents", say(N_("Free shipping starts at an amount, or is not given."))
        most = level.redemptions_per_month
        if most is not None and not (_whole(most) and most <= 10_000):
            sentence = N_("{name} must be a whole number from {least} to {most}, or not given.")
            setting = f"{name}.redemptions_per_month"
            yield setting, say(sentence, name=setting, least=0, most=10_000)
        for coupon in ("upgrade_coupon", "birthday_coupon"):
            number = getattr(level, coupon)
            if number is not None and not (_whole(number) and 0 < number < 2**63):
                sentence = N_("{name} is the number of a coupon or of a pack, or is not given.")
                yield f"{name}.{coupon}", say(sentence, name=f"{name}.{coupon}")
        if not isinstance(level.question_priority, bool):
            yield f"{name}.question_priority", say(N_("Questions of a level come first (true) or not (false)."))


def _tax_problems(tax_classes: Mapping[str, TaxClass]) -> Iterator[tuple[str, Message]]:
    if not tax_classes:
        yield "tax_classes", say(N_("There must be at least one tax class."))
    for key, tax_class in tax_classes.items():
        if not any(tax_class.name.values()):
            yield f"tax_classes.{key}", say(N_("The tax class {key} needs a name."), key=key)
        if any(not _whole(basis_points) or basis_points > 10_000 for _since, basis_points in tax_class.rates):
            yield f"tax_classes.{key}", say(N_("A tax rate lies between 0 % and 100 %."))
        if len({since for since, _basis_points in tax_class.rates}) != len(tax_class.rates):
            yield f"tax_classes.{key}", say(N_("Two tax rates begin on the same day."))


def _shipping_problems(methods: tuple[ShippingMethod, ...]) -> Iterator[tuple[str, Message]]:
    if not methods:
        yield "shipping_methods", say(N_("There must be at least one shipping method."))
    if len({method.key for method in methods}) != len(methods):
        yield "shipping_methods", say(N_("Two shipping methods have the same key."))
    for method in methods:
        if method.kind not in SHIPPING_KINDS or not any(method.name.values()):
            yield "shipping_methods", say(N_("A shipping method has a name and is a parcel or a pickup."))
        if not _whole(method.price_cents) or not (method.free_from_cents is None or _whole(method.free_from_cents)):
            yield "shipping_methods", say(N_("The price of shipping is an amount of money, not below 0."))


def _out_of_bounds(prefix: str, holder: Any, bounds: dict[str, tuple[int, int]]) -> Iterator[tuple[str, Message]]:
    for name, (least, most) in bounds.items():
        value = getattr(holder, name)
        if not _whole(value) or not least <= value <= most:
            setting = f"{prefix}.{name}" if prefix else name
            sentence = N_("{name} must be a whole number from {least} to {most}.")
            yield setting, say(sentence, name=setting, least=least, most=most)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
