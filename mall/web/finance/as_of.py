"""The liability as of any past moment: the same digits every time it is asked."""

from flask import Blueprint, render_template
from flask_babel import gettext as _

from mall.base.db import reading
from mall.domain import finance
from mall.web.shared.tables import csv_of
from mall.web.shared.texts import currency, sentence

from .asked import amount, local_time, moment_asked, moment_or_refusal, typed_day, typed_time, zone

bp = Blueprint("as_of", __name__, url_prefix="/as-of")


@bp.get("")
def show():
    """Show what members had and owed at a moment by the shop's clock."""
    moment, refusal = moment_asked()
    with reading(stale_ok=True, scan=True):
        found = finance.liability(as_of=moment, zone=zone())
        first = finance.first_posting_at()
    here = local_time(moment)
    return render_template(
        "finance/as_of/show.html",
        refusal=refusal,
        found=found,
        first=first,
        typed_day=typed_day(moment),
        typed_time=typed_time(),
        here=here,
    ), (422 if refusal else 200)


@bp.get("/table.csv")
def download():
    """Send the liability at a moment as a table."""
    moment = moment_or_refusal()
    with reading(stale_ok=True, scan=True):
        found = finance.liability(as_of=moment, zone=zone())
    here = local_time(moment).isoformat(timespec="seconds")
    rows = [
        *((here, sentence(place.name), place.amount.points, amount(place.amount.cents)) for place in found.places),
        (here, _("Liability"), found.total.points, amount(found.total.cents)),
    ]
    headings = (_("As of"), _("Where"), _("Points"), _("Liability, %(currency)s", currency=currency()))
    return csv_of(headings, rows, name=f"liability-as-of-{local_time(moment):%Y-%m-%d-%H%M}")
