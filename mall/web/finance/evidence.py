"""Evidence in words: what the columns behind a check are called, and what they hold, as a reader reads it.

A column that names a member, an order or an item leads there, where whoever looks may go.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from flask_babel import gettext as _
from markupsafe import Markup
from msgspec import Struct

from mall.base import money
from mall.domain import checkout, finance
from mall.web.shared import layout
from mall.web.shared.addresses import link
from mall.web.shared.documents import document_words
from mall.web.shared.moves import order_number
from mall.web.shared.signing_in import may_open
from mall.web.shared.texts import day_words, language, local, moment_words, money_words, number

from .evidence_names import COLUMNS, MEMBERS, NUMBERED, PAGES, RANKS, TABLES
from .evidence_words import key_words

REFERENCE = re.compile(r"(member|cashout|product|payment|campaign|partner):([0-9]{1,18})")
KINDS = {"cashout": "cash_out"}
ACTORS = ("approved_by", "by", "decided_by", "key_made_by")
DOCUMENTS = ("paid_by", "reference", "share", "subject")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+]+")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Evidence(Struct, frozen=True):
    """The first rows that a check found: what their columns are called, which are figures, and the rows in words."""

    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]


def evidence_of(examples: Sequence[Mapping[str, Any]], *, tables: Mapping[str, str]) -> Evidence:
    """Return rows as a reader reads them. `tables` says from which table a column comes, where it is of one."""
    columns = [(heading(name, tables), is_figure(name, value)) for name, value in examples[0].items()]
    return Evidence(columns, [[words(name, row[name], tables) for name in examples[0]] for row in examples])


def heading(name: str, tables: Mapping[str, str]) -> str:
    """Return what a column is called."""
    if name == "id":
        return str(TABLES.get(tables.get(name, ""), _("Row")))
    return str(COLUMNS.get(name) or name.replace("_", " "))


def is_figure(name: str, value: Any) -> bool:
    """Tell whether a value says how much or how many."""
    return isinstance(value, int) and not isinstance(value, bool) and not is_number_of(name)


def is_number_of(name: str) -> bool:
    """Tell whether a whole number says which one, not how many."""
    return name == "id" or name.endswith("_id") or name in (*MEMBERS, *RANKS, *NUMBERED)


def words(name: str, value: Any, tables: Mapping[str, str]) -> str:
    """Return a value as a reader reads it, with a link where it names something that has a page."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return _of_whole(name, value, tables)
    return _of_text(name, str(value), tables.get(name, ""))


def _of_whole(name: str, value: int, tables: Mapping[str, str]) -> str:
    of = tables.get(name, "") if name == "id" else name
    if of in ("orders", "order_id"):
        return _order(checkout.number_of(value))
    if of in MEMBERS:
        return _linked(_("Member %(number)s", number=value), "office.members.show", member_id=value)
    shown = f"{TABLES[of]} {value}" if of in TABLES else str(value)
    if of in PAGES:
        endpoint, takes = PAGES[of]
        return _linked(shown, endpoint, **{takes: value})
    if name == "id":
        return shown
    if name in RANKS:
        levels = layout.terms().levels
        return local(levels[value - 1].name) if 0 < value <= len(levels) else str(value)
    if is_number_of(name):
        return str(value)
    if name == "cents" or name.endswith("_cents"):
        return money_words(value) if value >= 0 else f"−{money_words(-value)}"
    if name.endswith("_percent"):
        return f"{number(value)} %"
    if name.endswith("_basis_points"):
        return f"{format_decimal(Decimal(value).scaleb(-2), '#,##0.##', locale=money.LOCALES[language()])} %"
    return number(value)


def _of_text(name: str, value: str, table: str) -> str:
    if (order := order_number(value)) is not None:
        return _order(order)
    if found := REFERENCE.fullmatch(value):
        kind, its = KINDS.get(found[1], found[1]), int(found[2])
        if kind == "member":
            return _linked(_("Member %(number)s", number=its), "office.members.show", member_id=its)
        endpoint, takes = PAGES[kind]
        return _linked(f"{TABLES[kind]} {its}", endpoint, **{takes: its})
    if name in ACTORS:
        return _("the mall itself") if value == "system" else finance.name_of(value)
    if INSTANT.fullmatch(value) or DAY.fullmatch(value):
        return _moment(value)
    said = key_words(name, table, value) or (document_words(value) if name in DOCUMENTS else value)
    return said if said != value or " " in value else Markup('<span class="mono xs key">{}</span>').format(value)


def _moment(value: str) -> str:
    try:
        return day_words(value) if DAY.fullmatch(value) else moment_words(datetime.fromisoformat(value))
    except ValueError:
        return value


def _order(its: str) -> str:
    return _linked(_("Order %(number)s", number=its), "office.orders.show", number=its)


def _linked(shown: str, endpoint: str, **takes: str | int) -> str:
    address = link(endpoint, **takes) if may_open(endpoint) else None
    return Markup('<a href="{}">{}</a>').format(address, shown) if address else shown
