"""Ageing: points by month of issue and, apart, by the month of their last day; what expires soon; who owes."""

from flask import Blueprint, render_template
from flask_babel import gettext as _

from mall.base.db import reading
from mall.domain import finance
from mall.web.shared import charts
from mall.web.shared.tables import csv_of
from mall.web.shared.texts import currency, money_words, number

from .asked import amount, local_time, moment_asked, moment_or_refusal, short_month, typed_day, zone

bp = Blueprint("ageing", __name__, url_prefix="/ageing")

# The shades of the bar, youngest first, and how many months each holds.
AGES = (("pine", 3), ("ok", 3), ("info", 3), ("warn", 3), ("bad", 0))


@bp.get("")
def show():
    """Show the ages of what members have, now or at the end of a past day."""
    moment, refusal = moment_asked()
    with reading(stale_ok=True, scan=True):
        found = finance.ageing(as_of=moment, zone=zone())
        liability = finance.liability(as_of=moment, zone=zone())
        members_owing, owing = finance.debtors(as_of=moment)
    shares = ages(found)
    return render_template(
        "finance/ageing/show.html",
        refusal=refusal,
        found=found,
        here=local_time(moment),
        typed_day=typed_day(moment),
        bar=charts.stack_bar(_("Points outstanding by age"), shares, write=number),
        bars=charts.hbars(shares, write=number),
        owed=next(place.amount for place in liability.places if place.key == "debt"),
        liability=liability.total,
        members_owing=members_owing,
        owing=owing,
    ), (422 if refusal else 200)


@bp.get("/table.csv")
def download():
    """Send both tables of the ageing as one."""
    found = finance_ageing()
    tables = ((_("Month of issue"), found.by_issue), (_("Month of the last day"), found.by_expiry))
    rows = [
        (
            name,
            str(row.month) if row.month else _("Earlier"),
            row.wallet,
            row.held,
            row.pending,
            row.total.points,
            amount(row.total.cents),
        )
        for name, table in tables
        for row in table
    ]
    headings = (
        _("By"),
        _("Month"),
        _("Ready to use"),
        _("Held for orders"),
        _("On the way"),
        _("Points"),
        _("At worth, %(currency)s", currency=currency()),
    )
    return csv_of(headings, rows, name=f"ageing-{local_time(found.as_of):%Y-%m-%d}")


def finance_ageing() -> finance.Ageing:
    """Read the ageing of the moment asked for. Raises what moment_or_refusal() raises."""
    moment = moment_or_refusal()
    with reading(stale_ok=True, scan=True):
        return finance.ageing(as_of=moment, zone=zone())


def ages(found: finance.Ageing) -> list[charts.Share]:
    """Put months of issue together to quarters of a year of age."""
    this_month = finance.month_of(local_time(found.as_of).date())
    shares, begin = [], 0
    for colour, months in AGES:
        end = begin + months
        rows = [row for row in found.by_issue if begin <= months_old(row.month, this_month) < (end or 10**6)]
        points, cents = sum(row.total.points for row in rows), sum(row.total.cents for row in rows)
        newest, oldest = short_month(this_month.later(-begin)), short_month(this_month.later(1 - end))
        label = _("%(oldest)s to %(newest)s", oldest=oldest, newest=newest) if months else _("Earlier")
        if points or months:
            shares.append(charts.Share(label, points, colour, money_words(cents)))
        begin = end
    return shares


def months_old(month: finance.Month | None, this_month: finance.Month) -> int:
    """Return how many months ago a month was; what is older than all told apart is older than any."""
    if month is None:
        return 10**5
    return (this_month.year - month.year) * 12 + this_month.number - month.number
