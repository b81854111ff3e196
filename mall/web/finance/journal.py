"""The journal: a month's double entries to look at, any days to take along, and the names of its accounts."""

from collections import defaultdict
from collections.abc import Iterator

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from msgspec import Struct

from mall.base.clock import day_of, now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import finance
from mall.web.shared.done import done_once
from mall.web.shared.layout import terms
from mall.web.shared.signing_in import person
from mall.web.shared.tables import csv_of
from mall.web.shared.texts import currency, sentence

from .asked import amount, month_asked, months_to_choose, zone

bp = Blueprint("journal", __name__, url_prefix="/journal")

FORMATS = (*finance.FORMATS, "csv")


class Row(Struct, frozen=True):
    """A line of a month's journal: every day's together."""

    name: str
    movement: str
    origin: str
    account: str
    debit_cents: int
    credit_cents: int
    points: int


@bp.get("")
def index():
    """Show a month's journal, its lines added up over the days."""
    month, refusal = month_asked()
    with reading(scan=True):
        found = finance.journal(first=month.first, last=month.last, terms=terms(), at=now())
        first = finance.first_posting_at()
    return page(month=month, found=found, first=first, refusal=refusal)


@bp.get("/download")
def download():
    """Send the journal of some days, for hledger, beancount or a spreadsheet."""
    if not request.args:
        return redirect(url_for("finance.journal.index"))
    try:
        form = request.args.get("format", "")
        if form not in FORMATS:
            raise finance.NoSuchFormat(given=form[:20])
        first, last = (finance.read_day(request.args.get(name, "")) for name in ("from", "to"))
        with reading(scan=True):
            found = finance.journal(first=first, last=last, terms=terms(), at=now())
    except Refusal as refusal:
        month, _none = month_asked()
        with reading(scan=True):
            shown = finance.journal(first=month.first, last=month.last, terms=terms(), at=now())
            began = finance.first_posting_at()
        return page(month=month, found=shown, first=began, refusal=refusal)
    name = f"journal-{first}-{last}"
    if form == "csv":
        return csv_of(csv_headings(), csv_rows(found), name=name)
    ending = "journal" if form == "hledger" else "beancount"
    return Response(
        "".join(f"{line}\n" for line in finance.journal_text(found, form=form)),
        mimetype="text/plain",
        headers={"Content-Disposition": f"attachment; filename={name}.{ending}"},
    )


@bp.route("/accounts", methods=["GET", "POST"])
def accounts():
    """Show the chart of accounts, and rename its accounts."""
    with reading(scan=True):
        names = finance.chart()
    refusal: Refusal | None = None
    if request.method == "POST":
        typed = {key: request.form.get(key, names[key])[:200] for key in names}
        try:
            done_once(finance.name_accounts, typed, by=person().actor, at=now())
        except Refusal as no:
            refusal, names = no, typed
        else:
            flash(_("Saved. Journals use these names from now on."), "ok")
            return redirect(url_for("finance.journal.accounts"))
    return render_template("finance/journal/accounts.html", names=names, accounts=finance.ACCOUNTS, refusal=refusal), (
        422 if refusal else 200
    )


def page(*, month: finance.Month, found: finance.Journal, first, refusal: Refusal | None):
    """Render a month's journal and the form to download any days."""
    rows = list(added_up(found))
    today = day_of(finance.settled(now()), zone())
    return render_template(
        "finance/journal/index.html",
        refusal=refusal,
        month=month,
        months=months_to_choose(first),
        rows=rows,
        debits=sum(row.debit_cents for row in rows),
        credits=sum(row.credit_cents for row in rows),
        balanced=balanced(found),
        postings=len({posting for entry in found.entries for posting in entry.postings}),
        found=found,
        formats=FORMATS,
        typed={
            "format": request.args.get("format", "hledger")[:20],
            "from": request.args.get("from", "")[:20] or month.first.isoformat(),
            "to": request.args.get("to", "")[:20] or min(month.last, today).isoformat(),
        },
    ), (422 if refusal else 200)


def added_up(found: finance.Journal) -> Iterator[Row]:
    """Yield the lines of a journal with every day's together, in the order in which they first come."""
    lines: dict[tuple[str, str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for entry in found.entries:
        for line in entry.lines:
            sums = lines[entry.name, entry.movement, entry.origin][line.account]
            sums[0] += line.cents
            sums[1] += line.points
    for (name, movement, origin), accounts in lines.items():
        for account, (cents, points) in sorted(accounts.items(), key=lambda pair: (pair[1][0] < 0, pair[0])):
            if cents:
                yield Row(
                    name, movement, origin, finance.account_name(found, account), max(cents, 0), max(-cents, 0), points
                )


def balanced(found: finance.Journal) -> bool:
    """Tell whether every entry adds up to nothing, in money and in points."""
    return all(
        sum(line.cents for line in entry.lines) == 0 and sum(line.points for line in entry.lines) == 0
        for entry in found.entries
    )


def csv_headings() -> tuple[str, ...]:
    """Return the headings of a journal as a table."""
    return (
        _("Day"),
        _("Entry"),
        _("Account"),
        _("Debit, %(currency)s", currency=currency()),
        _("Credit, %(currency)s", currency=currency()),
        _("Points"),
        _("Documents"),
        _("Postings"),
    )


def csv_rows(found: finance.Journal) -> Iterator[tuple[object, ...]]:
    """Yield a journal line by line."""
    for entry in found.entries:
        documents = " ".join(entry.documents)
        postings = finance.numbers_in_short(entry.postings)
        for line in entry.lines:
            yield (
                entry.day.isoformat(),
                sentence(entry.name),
                finance.account_name(found, line.account),
                amount(line.cents) if line.cents > 0 else "",
                amount(-line.cents) if line.cents < 0 else "",
                line.points or "",
                documents,
                postings,
            )
