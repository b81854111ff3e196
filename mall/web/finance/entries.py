"""Entries: the postings behind a figure, to read page by page or to take along."""

from collections.abc import Mapping
from datetime import date
from functools import partial

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import finance, people
from mall.web.shared.documents import document_words
from mall.web.shared.moves import move_words, place_words
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.tables import csv_of
from mall.web.shared.texts import currency, sentence

from .asked import amount, local_time, month_or_refusal, months_to_choose, this_month, zone

bp = Blueprint("ledger", __name__, url_prefix="/postings")

# What can be chosen, in the order of the roll-forward: (movement, origin).
CHOICES = [line for line in finance.NAMES if line[0] not in ("repriced", "rounding") and line != ("earned", "")]


@bp.get("")
def index():
    """Show the postings of a month, of one movement or all."""
    try:
        month, day, choice, refusal = *chosen(), None
    except Refusal as no:
        month, day, refusal = this_month(), None, no
        choice = finance.choose(month=month, zone=zone(), at=now())
    page = page_number()
    with reading(scan=True):
        found = finance.entries_page(choice, page=page)
        first = finance.first_posting_at()
        staff = staff_names()
    return render_template(
        "finance/ledger/index.html",
        refusal=refusal,
        month=month,
        day=day,
        months=months_to_choose(first),
        choices=CHOICES,
        choice=choice,
        names=finance.NAMES,
        found=found,
        document=document_words,
        place=place_words,
        who=partial(_who, staff=staff),
        page=page,
        pages=pages_of(found.count, finance.PER_PAGE),
        per_page=finance.PER_PAGE,
    ), (422 if refusal else 200)


@bp.get("/table.csv")
def download():
    """Send the postings chosen as a table."""
    month, day, choice = chosen()
    with reading(scan=True):
        staff = staff_names()
        rows = [
            (
                entry.id,
                local_time(entry.written_at).isoformat(timespec="seconds"),
                local_time(entry.happened_at).isoformat(timespec="seconds"),
                entry.member_number,
                sentence(finance.NAMES.get((entry.movement, ""), entry.movement)),
                move_words(entry.kind),
                place_words(entry.source),
                place_words(entry.destination),
                entry.points,
                entry.effect.points,
                amount(entry.effect.cents),
                entry.lot_id,
                entry.worth_points,
                amount(entry.worth_cents),
                document_words(entry.reference),
                entry.move,
                _who(entry.actor, staff=staff),
                sentence(entry.reason),
            )
            for entry in finance.every_entry(choice)
        ]
    headings = (
        _("Entry"),
        _("Written"),
        _("Happened"),
        _("Member"),
        _("Movement"),
        _("Kind"),
        _("From"),
        _("To"),
        _("Points"),
        _("Effect on the liability, points"),
        _("Effect on the liability, %(currency)s", currency=currency()),
        _("Lot"),
        _("So many points"),
        _("are worth, %(currency)s", currency=currency()),
        _("Document"),
        _("Move"),
        _("Actor"),
        _("Reason"),
    )
    what = "-".join(part for part in (choice.movement, choice.origin) if part)
    return csv_of(headings, rows, name=f"postings-{day or month}{'-' + what if what else ''}")


def chosen() -> tuple[finance.Month, date | None, finance.Choice]:
    """Return the month, the day and the choice asked for. Raises BadMonth, NotBegun, BadDay, NoSuchMovement."""
    day = finance.read_day(typed) if (typed := request.args.get("day", "")) else None
    month = finance.month_of(day) if day is not None else month_or_refusal()
    movement, _colon, origin = request.args.get("movement", "").partition(":")
    return month, day, finance.choose(month=month, movement=movement, origin=origin, day=day, zone=zone(), at=now())


def staff_names() -> dict[str, str]:
    """Return the names of colleagues, by who they are in the books: {"staff:3": "Ola"}."""
    return {f"staff:{each.id}": each.name for each in people.staff_list()}


def _who(actor: str, *, staff: Mapping[str, str]) -> str:
    """Return who an entry is by: a colleague's name, its own member, or the mall."""
    if actor.startswith("staff:"):
        return staff.get(actor, _("Someone who left"))
    return _("the member") if actor.startswith("member:") else _("the mall itself")
