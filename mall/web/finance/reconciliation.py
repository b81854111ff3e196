"""Reconciliation: the cashier's statement by day and line, and what of it does not agree with our books."""

from datetime import date

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from mall.base.cashier import CashierUnreachable
from mall.base.clock import day_of, now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import cash, finance
from mall.web.shared.done import done_once
from mall.web.shared.numbers import capped
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.tables import csv_of
from mall.web.shared.texts import currency, sentence

from .asked import amount, local_time, month_asked, months_to_choose, zone
from .statement_words import (
    CASHIERS,
    age_days,
    break_words,
    cash_words,
    kind_words,
    order_number,
    state_words,
    why_words,
)

bp = Blueprint("reconciliation", __name__, url_prefix="/reconciliation")

ALL = 1_000_000


@bp.get("")
def index():
    """Show a month of the statement by day, and the breaks."""
    return statement_page()


@bp.get("/days.csv")
def days():
    """Send the days of a month as a table."""
    month, refusal = month_asked()
    if refusal:
        return statement_page()
    with reading(scan=True):
        found = finance.statement_month(month, currency=currency())
    headings = (
        _("Day"), _("Lines"), _("Payments"), _("Refunds"), _("Other"), _("Fees"), _("Payouts"), _("Net"),
        _("Balance"), _("Open breaks"),
    )  # fmt: skip
    rows = [
        (
            each.day.isoformat(),
            each.lines,
            *(amount(getattr(each.sums, name)) for name in ("payments", "refunds", "other", "fees", "payouts", "net")),
            amount(each.balance_cents),
            each.open_breaks,
        )
        for each in found.days
    ]
    return csv_of(headings, rows, name=f"statement-{month}")


@bp.get("/lines")
def lines():
    """Show the lines of a day, with the orders they are for."""
    day, refusal = day_asked()
    page = page_number()
    with reading(scan=True):
        found = finance.statement_lines(day, day, page=page)
    return render_template(
        "finance/reconciliation/lines.html",
        refusal=refusal,
        day=day,
        found=found,
        page=page,
        pages=pages_of(found.count, finance.LINES_PER_PAGE),
        per_page=finance.LINES_PER_PAGE,
        kind_words=kind_words,
        cash_words=cash_words,
        order_number=order_number,
    ), (422 if refusal else 200)


@bp.get("/lines.csv")
def lines_table():
    """Send the lines of a month as a table."""
    month, refusal = month_asked()
    if refusal:
        return statement_page()
    with reading(scan=True):
        found = finance.statement_lines(month.first, month.last, per_page=ALL)
    headings = (
        "id", "type", "amount", "fee", "net", "currency", "source", "created", "available_on", "payout", _("Order"),
    )  # fmt: skip
    rows = [
        (
            row.line_id,
            row.kind,
            amount(row.amount_cents),
            amount(row.fee_cents),
            amount(row.net_cents),
            row.currency,
            row.source,
            row.created_at.isoformat(),
            row.available_at.isoformat() if row.available_at else "",
            row.payout,
            order_number(row.reference),
        )
        for row in found.rows
    ]
    return csv_of(headings, rows, name=f"statement-lines-{month}")


@bp.get("/breaks.csv")
def breaks_table():
    """Send every break as a table."""
    with reading(scan=True):
        rows = finance.every_break()
        names = dict(finance.owners())
    return csv_of(
        (
            _("Found"), _("Happened"), _("What"), _("Number at the cashier"), _("Order"), _("Currency"),
            _("By the cashier"), _("By our books"), _("State"), _("Owner"), _("Note"), _("Age in days"),
        ),
        [
            (
                local_time(row.found_at).isoformat(timespec="seconds"),
                local_time(row.happened_at).isoformat(timespec="seconds"),
                break_words(row.kind),
                row.source,
                order_number(row.reference),
                row.currency,
                "" if row.theirs_cents is None else amount(row.theirs_cents),
                "" if row.ours_cents is None else amount(row.ours_cents),
                state_words(row.state),
                names.get(row.owner, row.owner or ""),
                row.note,
                age_days(row),
            )
            for row in rows
        ],
        name="statement-breaks",
    )  # fmt: skip


@bp.get("/breaks/<int:break_id>")
def show_break(break_id: int):
    """Show one break, and the form that says who looks after it."""
    return break_page(break_id)


@bp.post("/breaks/<int:break_id>")
def look_after(break_id: int):
    """Say who looks after a break, how it stands, and why."""
    typed = {name: request.form.get(name, "")[:2_000] for name in ("owner", "state", "note", "version")}
    try:
        done_once(
            finance.look_after_break,
            break_id,
            version=capped(typed["version"]) or 0,
            owner=typed["owner"],
            state=typed["state"],
            note=typed["note"],
            by=person().actor,
            at=now(),
        )
    except finance.NoSuchBreak:
        raise
    except Refusal as refusal:
        return break_page(break_id, typed=typed, refusal=refusal)
    flash(_("Saved."), "ok")
    return redirect(url_for("finance.reconciliation.index", state=typed["state"]) + "#breaks", 303)


@bp.post("/runs")
def run():
    """Ask the cashier for its books now, and hold them against ours."""
    cashier = current_app.extensions["cashier"]
    try:
        if cashier is None:
            raise CashierUnreachable("no cashier is set")
        found = finance.reconcile(cashier, zone=zone(), at=now(), by=person().actor)
    except Refusal as refusal:
        return statement_page(refusal=refusal)
    tell(found)
    return redirect(url_for("finance.reconciliation.index"), 303)


@bp.route("/file", methods=["GET", "POST"])
def file():
    """Import a statement from a file: shown first, line by line, then stored by a second press."""
    if request.method == "GET":
        return file_page()
    text, cashier, fault = typed_file()
    if fault or not text.strip() or cashier not in CASHIERS:
        return file_page(text=text, cashier=cashier, fault=fault or _("Choose a file, or put its lines in the field."))
    found = cash.read_statement(text)
    if found.faults:
        return file_page(text=text, cashier=cashier, faults=found.faults)
    with reading():
        compared = cash.compare(found.lines, cashier=cashier)
    if request.form.get("act") != "import":
        return file_page(text=text, cashier=cashier, compared=compared)
    tell(done_once(finance.reconcile_lines, found.lines, cashier=cashier, zone=zone(), at=now(), by=person().actor))
    return redirect(url_for("finance.reconciliation.index"), 303)


def tell(found: finance.Reconciled) -> None:
    """Say what came of an import."""
    matched, new, differing = found.matched, len(found.imported.new), len(found.imported.differing)
    flash(ngettext("%(num)s new line.", "%(num)s new lines.", new), "ok")
    if matched.opened:
        flash(ngettext("%(num)s break was found.", "%(num)s breaks were found.", matched.opened), "warn")
    if matched.closed:
        flash(ngettext("%(num)s break came right.", "%(num)s breaks came right.", matched.closed), "ok")
    if differing:
        flash(
            ngettext(
                "%(num)s line says something else than when it first came; it stays as it was.",
                "%(num)s lines say something else than when they first came; they stay as they were.",
                differing,
            ),
            "bad",
        )


def statement_page(*, refusal: Refusal | None = None):
    """Render a month of the statement. With a refusal the answer is 422."""
    month, wrong = month_asked()
    state = request.args.get("state", "")
    if state not in finance.BREAK_STATES:
        state = "open"
    page = page_number()
    with reading(scan=True):
        found = finance.statement_month(month, currency=currency())
        breaks = finance.breaks_page(state, page=page)
        covered = cash.covered()
        first = finance.first_posting_at()
    refusal = refusal or wrong
    return form_page(
        "finance/reconciliation/index.html",
        refusal=refusal,
        month=month,
        months=months_to_choose(first),
        found=found,
        covered=covered,
        breaks=breaks,
        state=state,
        tabs=[
            {
                "text": f"{state_words(each)} {breaks.counts.get(each, 0)}",
                "href": url_for("finance.reconciliation.index", month=month, state=each) + "#breaks",
                "current": each == state,
            }
            for each in finance.BREAK_STATES
        ],
        page=page,
        pages=pages_of(breaks.count, finance.BREAKS_PER_PAGE),
        per_page=finance.BREAKS_PER_PAGE,
        break_words=break_words,
        cash_words=cash_words,
        order_number=order_number,
        age_days=age_days,
        cashier_name=lambda name: CASHIERS.get(name, name),
    )


def break_page(break_id: int, *, typed: dict[str, str] | None = None, refusal: Refusal | None = None):
    """Render a break. With a refusal the answer is 422. Raises NoSuchBreak."""
    with reading():
        row = finance.break_now(break_id)
        owners = finance.owners()
    shown = {"owner": row.owner or "", "state": row.state, "note": row.note, "version": str(row.version)}
    if typed is not None:
        # What somebody else saved meanwhile is seen above the form; the next press is about that.
        shown = typed | {"version": str(row.version)}
    return form_page(
        "finance/reconciliation/break.html",
        refusal=refusal,
        row=row,
        owners=owners,
        typed=shown,
        states=[(each, state_words(each)) for each in finance.BREAK_STATES],
        break_words=break_words,
        why_words=why_words,
        state_words=state_words,
        cash_words=cash_words,
        order_number=order_number,
        age_days=age_days,
    )


def typed_file() -> tuple[str, str, str]:
    """Return the text, the cashier and what is wrong with the file itself."""
    cashier = request.form.get("cashier", "")[:20]
    typed = request.form.get("text", "")
    content = typed.encode()
    upload = request.files.get("file")
    if upload is not None and upload.filename:
        content = upload.stream.read(cash.LARGEST_FILE + 1)
    try:
        return cash.statement_text(content), cashier, ""
    except Refusal as refusal:
        return typed, cashier, sentence(refusal)


def file_page(*, text: str = "", cashier: str = "", fault: str = "", faults=(), compared: cash.Compared | None = None):
    """Render the import of a file: what was typed, what is wrong with it, or what would be imported."""
    usual = current_app.extensions["cashier"]
    return form_page(
        "finance/reconciliation/file.html",
        refused=bool(fault or faults),
        text=text,
        cashiers=CASHIERS,
        cashier=cashier or (usual.name if usual else "stripe"),
        fault=fault,
        faults=faults,
        compared=compared,
        kind_words=kind_words,
        cash_words=cash_words,
    )


def day_asked() -> tuple[date, Refusal | None]:
    """Return the day asked for, or today with the reason why not."""
    typed = request.args.get("day", "")
    try:
        return finance.read_day(typed) if typed else day_of(now(), zone()), None
    except Refusal as refusal:
        return day_of(now(), zone()), refusal
