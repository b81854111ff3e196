"""The liability: four figures, how a month's opening became its closing, and where the points are."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from babel.numbers import format_decimal
from flask import Blueprint, render_template
from flask_babel import gettext as _
from markupsafe import Markup

from mall.base import money
from mall.base.clock import day_of, now
from mall.base.db import reading
from mall.domain import finance
from mall.web.shared import charts
from mall.web.shared.layout import terms
from mall.web.shared.tables import csv_of
from mall.web.shared.texts import currency, language, money_words, number, percent_words, sentence

from .asked import amount, month_asked, month_or_refusal, months_to_choose, name_of_before, short_day, zone

bp = Blueprint("liability", __name__)

WORTH_SHOWN_FOR = 100


@bp.get("/")
def show():
    """Show a month's liability: this month's now, another's at its close."""
    month, refusal = month_asked()
    with reading(scan=True):
        found = finance.roll_forward(month, zone=zone(), at=now())
        first = finance.first_posting_at()
        proof = finance.last_proof()
        alone = finance.acts_by_one_person(after=finance.end_of_day_before(month.first, zone()), until=found.until)
        chart_of_accounts = finance.chart()
    return render_template(
        "finance/liability/show.html",
        refusal=refusal,
        month=month,
        months=months_to_choose(first),
        found=found,
        closed=day_of(now(), zone()) > month.last,
        figures=figures(found),
        waterfall=waterfall(found),
        accounts=[counter_accounts(line, chart_of_accounts) for line in found.lines],
        liability_account=chart_of_accounts["points"],
        entries=sum(line.entries for line in found.lines),
        proof=proof,
        alone=alone,
    ), (422 if refusal else 200)


@bp.get("/liability.csv")
def download():
    """Send a month's roll-forward as a table."""
    month = month_or_refusal()
    with reading(scan=True):
        found = finance.roll_forward(month, zone=zone(), at=now())
    rows = [
        (_("Opening"), "", found.opening.points, amount(found.opening.cents)),
        *((sentence(line.name), line.entries, line.amount.points, amount(line.amount.cents)) for line in found.lines),
        (_("Closing"), sum(line.entries for line in found.lines), found.closing.points, amount(found.closing.cents)),
    ]
    headings = (_("Movement"), _("Entries"), _("Points"), _("Liability, %(currency)s", currency=currency()))
    return csv_of(headings, rows, name=f"liability-{month}")


def figures(found: finance.RollForward) -> list[dict[str, Any]]:
    """Return the four figures, each with its small line and what changed since the month before."""
    ends = found.trend
    before, here = ends[-2], ends[-1]
    change = here.closing - before.closing
    compared = name_of_before(found.month)
    worths = [worth_of_hundred(end.closing) for end in ends]
    rates = [end.redeemed_permille for end in ends]
    return [
        {
            "label": _("Liability"),
            "value": money_words(here.closing.cents),
            "note": _("%(change)s on %(month)s", change=charts.signed(change.cents, money_words), month=compared),
            "spark": spark(_("Liability"), [end.closing.cents for end in ends]),
        },
        {
            "label": _("Points outstanding"),
            "value": number(here.closing.points),
            "note": _("%(change)s on %(month)s", change=charts.signed(change.points, number), month=compared),
            "spark": spark(_("Points outstanding"), [end.closing.points for end in ends]),
        },
        {
            "label": _("%(points)s points at worth", points=number(WORTH_SHOWN_FOR)),
            "value": money_words(worths[-1]),
            "note": _("As stored with each lot, without breakage"),
            "spark": spark(_("%(points)s points at worth", points=number(WORTH_SHOWN_FOR)), worths),
        },
        {
            "label": _("Redemption rate, 12 months"),
            "value": percent_words(rates[-1]) if rates[-1] is not None else "–",
            "note": rate_change(rates[-2], rates[-1], compared),
            "spark": spark(_("Redemption rate, 12 months"), [rate or 0 for rate in rates]),
        },
    ]


def waterfall(found: finance.RollForward) -> Markup:
    """Draw how the opening became the closing, in points."""

    def moved(*movements: str) -> int:
        return sum(line.amount.points for line in found.lines if line.movement in movements)

    steps = [
        (_("Earned"), moved("earned")),
        (_("Taken\nback"), moved("taken_back")),
        (_("Redeemed"), moved("redeemed")),
        (_("Given\nback"), moved("given_back")),
        (_("Expired"), moved("expired")),
        (_("Adjusted"), moved("adjusted_up", "adjusted_down")),
        (_("Cashed\nout"), moved("cashed_out", "cashed_back")),
    ]
    opening = "\n".join((_("Opening"), short_day(found.month.first)))
    closing = "\n".join((_("Closing"), short_day(found.until)))
    return charts.waterfall(
        _("Points liability, how the opening became the closing"),
        [
            charts.Bar(opening, found.opening.points, total=True),
            *(charts.Bar(label, points) for label, points in steps if points),
            charts.Bar(closing, found.closing.points, total=True),
        ],
        write=number,
    )


def counter_accounts(line: finance.Line, names: dict[str, str]) -> list[str]:
    """Return the accounts on the other side of a line; several where the origin decides."""
    origins = [line.origin] if line.origin else finance.ORIGINS
    return list(dict.fromkeys(names[finance.other_side(line.movement, origin)] for origin in origins))


def worth_of_hundred(closing: finance.Amount) -> int:
    """Return what a hundred of the points outstanding are worth, in cents."""
    if closing.points <= 0:
        return money.half_up(terms().worth_of(WORTH_SHOWN_FOR))
    return money.half_up(Fraction(closing.cents * WORTH_SHOWN_FOR, closing.points))


def rate_change(before: int | None, here: int | None, month: str) -> str:
    """Write how the redemption rate changed: "+0.6 percentage points on January"."""
    if before is None or here is None:
        return _("Redeemed of what was earned")
    change = charts.signed(here - before, _tenths)
    return _("%(change)s percentage points on %(month)s", change=change, month=month)


def _tenths(permille: int) -> str:
    return str(format_decimal(Decimal(permille).scaleb(-1), locale=money.LOCALES[language()]))


def spark(label: str, values: Sequence[int]) -> Markup:
    """Draw six months as a small line."""
    return charts.spark(_("%(figure)s, 6 months", figure=label), values)
