"""Texts in the reader's language: gettext, and the filters that write numbers, money and days."""

from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from flask import Flask, current_app, g, has_request_context, request, session
from flask_babel import Babel, gettext, ngettext
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from mall.base import money
from mall.base import text as base_text
from mall.base.errors import Refusal
from mall.base.text import Message
from mall.config import ROOT
from mall.domain import programme

LANGUAGES = {"en": "English", "zh": "简体中文"}


def prepare(app: Flask) -> None:
    """Choose the reader's language and teach the templates to write in it."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(ROOT / "mall" / "translations")
    Babel(app, locale_selector=lambda: money.LOCALES[language()], timezone_selector=None)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    app.jinja_env.globals.update({"_": words, "gettext": words, "ngettext": counted_words})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        number=number,
        money=money_words,
        day=day_words,
        month=month_words,
        moment=moment_words,
        country=country_words,
        local=local,
        sentence=sentence,
    )
    app.context_processor(lambda: {"lang": language(), "languages": LANGUAGES})


@cache
def translations(code: str) -> NullTranslations:
    """Return the translations into a language, read once; none of it needed for the language we write in."""
    return Translations.load(ROOT / "mall" / "translations", [money.LOCALES[code]])


@pass_eval_context
def words(context: EvalContext, sentence: str, **values: Any) -> str:
    """Return a sentence in the reader's language, for templates: its values are put in, and escaped."""
    said = translations(language()).gettext(sentence)
    return (Markup(said) if context.autoescape else said) % values


@pass_eval_context
def counted_words(context: EvalContext, one: str, many: str, num: int, **values: Any) -> str:
    """Return a sentence about a number of things in the reader's language, for templates; %(num)s is the number."""
    said = translations(language()).ngettext(one, many, num)
    return (Markup(said) if context.autoescape else said) % ({"num": num} | values)


def language() -> str:
    """Return the reader's language: chosen, else the browser's, else English."""
    try:
        return g.language
    except AttributeError:  # The first time in this request; a page asks dozens of times.
        chosen = session.get("language")
        g.language = chosen if chosen in LANGUAGES else request.accept_languages.best_match(list(LANGUAGES)) or "en"
        return g.language


def currency() -> str:
    """Return the shop's currency, such as "USD"."""
    terms = _terms()
    return terms.currency if terms else "USD"


def zone() -> str:
    """Return the shop's time zone."""
    terms = _terms()
    return terms.zone if terms else "UTC"


def _terms() -> programme.Programme | None:
    """Return the shop's programme: that of the mail being written, or of the request, which asks for it only now."""
    if "shop" not in g and has_request_context():
        current_app.extensions["shop_terms"]()
    return g.get("shop")


def sentence(said: Message | Refusal | str | None) -> str:
    """Return a stored sentence in the reader's language, its values written the reader's way."""
    if said is None:
        return ""
    if isinstance(said, str):
        return gettext(said)
    message = said.said if isinstance(said, Refusal) else said
    return gettext(message.text).format(**{name: _written(name, value) for name, value in message.values.items()})


def local(text: dict[str, str] | None) -> str:
    """Return a staff-written text in the reader's language."""
    return base_text.local(text, language())


@lru_cache(maxsize=8192)
def _number(count: int, locale: str) -> str:
    return format_decimal(count, locale=locale)


@lru_cache(maxsize=8192)
def _money(cents: int, code: str, reader: str) -> str:
    return money.money_text(cents, code, reader)


def number(count: int) -> str:
    """Return a whole number the reader's way: 1,200."""
    return _number(count, money.LOCALES[language()])


def percent_words(permille: int) -> str:
    """Return tenths of a percent as a percentage with one decimal: 518 is 51.8 %."""
    # With the space that every stored sentence has, and which no line breaks at.
    return format_decimal(Decimal(permille) / 10, "#,##0.0", locale=money.LOCALES[language()]) + "\N{NO-BREAK SPACE}%"


def money_words(cents: int) -> str:
    """Return cents as money the reader's way: $15.90."""
    return _money(cents, currency(), language())


def day_words(day: date | datetime | str) -> str:
    """Return a day in words: 31 March 2026. An instant is taken as its day in the shop's zone."""
    if isinstance(day, str):
        day = datetime.fromisoformat(day) if "T" in day else date.fromisoformat(day)
    if isinstance(day, datetime):
        day = day.astimezone(ZoneInfo(zone())).date()
    return format_date(day, format="d MMMM y" if language() == "en" else "long", locale=money.LOCALES[language()])


def after_delivery_words(days: int, *, begins: bool = False) -> str:
    """Say that something happens so many days after delivery; `begins` a sentence with it."""
    if not days:
        return gettext("At delivery") if begins else gettext("at delivery")
    return ngettext("%(num)s day after delivery", "%(num)s days after delivery", days)


def local_time(instant: datetime) -> datetime:
    """Return an instant by the shop's clock."""
    return instant.astimezone(ZoneInfo(zone()))


def short_day(day: date | datetime) -> str:
    """Write a day without its year: 28 Feb."""
    here = day.astimezone(ZoneInfo(zone())).date() if isinstance(day, datetime) else day
    if language() == "en":
        return f"{here.day} {format_skeleton('MMM', here, locale='en')}"
    return format_skeleton("MMMd", here, locale=money.LOCALES[language()])


def month_words(day: date) -> str:
    """Return the month of a day in words: March 2026."""
    form = "MMMM y" if language() == "en" else "y年M月"
    return format_date(day, format=form, locale=money.LOCALES[language()])


def moment_words(instant: datetime) -> Markup:
    """Return an instant in words inside a <time>: 31 Mar 2026, 14:05, by the shop's clock."""
    local_instant = instant.astimezone(ZoneInfo(zone()))
    pattern = "d MMM y, HH:mm" if language() == "en" else "y年M月d日 HH:mm"
    words = format_datetime(local_instant, pattern, locale=money.LOCALES[language()])
    return Markup('<time datetime="{}">{}</time>').format(instant.isoformat(timespec="seconds"), escape(words))


def country_words(code: str) -> str:
    """Return a country's name; what is the code of none, as it is."""
    return str(Locale.parse(money.LOCALES[language()]).territories.get(code, code))


def _written(name: str, value: Any) -> str:
    """Write a sentence's value by its name: ..._cents is money, ..._on and ..._at a day, another number a count."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if name.endswith("_cents") and isinstance(value, int):
        return money_words(value)
    if isinstance(value, date | datetime) or (name.endswith(("_on", "_at")) and isinstance(value, str)):
        return day_words(value)
    if isinstance(value, dict):
        return local(value)
    if name == "reason" and value:  # One of ours is a sentence of its own.
        return gettext(value)
    if isinstance(value, int) and not name.endswith(("_id", "number")):
        return number(value)
    return str(value)
