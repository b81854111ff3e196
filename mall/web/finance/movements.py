"""The roll-forward by day: each day's opening, movements and closing, in points or money."""

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import finance
from mall.web.shared.tables import csv_of
from mall.web.shared.texts import currency, sentence

from .asked import amount, month_asked, month_or_refusal, months_to_choose, zone

bp = Blueprint("movements", __name__, url_prefix="/roll-forward")


@bp.get("")
def show():
    """Show a month day by day. `unit` is points, or money."""
    month, refusal = month_asked()
    unit = "money" if request.args.get("unit") == "money" else "points"
    with reading(scan=True):
        found = finance.roll_forward(month, zone=zone(), at=now())
        first = finance.first_posting_at()
    moved = [place for place, line in enumerate(found.lines) if any(day.amounts[place] != EMPTY for day in found.days)]
    return render_template(
        "finance/movements/show.html",
        refusal=refusal,
        month=month,
        months=months_to_choose(first),
        found=found,
        unit=unit,
        shown=moved or list(range(len(found.lines)))[:1],
    ), (422 if refusal else 200)


@bp.get("/table.csv")
def download():
    """Send a month day by day: a row for each day and movement, in points and money."""
    month = month_or_refusal()
    with reading(scan=True):
        found = finance.roll_forward(month, zone=zone(), at=now())

    def rows():
        for day in found.days:
            yield day.day.isoformat(), _("Opening"), day.opening.points, amount(day.opening.cents)
            for line, moved in zip(found.lines, day.amounts, strict=True):
                if moved != EMPTY:
                    yield day.day.isoformat(), sentence(line.name), moved.points, amount(moved.cents)
            yield day.day.isoformat(), _("Closing"), day.closing.points, amount(day.closing.cents)

    headings = (_("Day"), _("Movement"), _("Points"), _("Liability, %(currency)s", currency=currency()))
    return csv_of(headings, rows(), name=f"roll-forward-{month}")


EMPTY = finance.Amount(0, 0)
