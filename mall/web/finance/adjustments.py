"""Adjustments: every point given or taken by hand, with reason, actor and approver."""

from collections.abc import Iterator
from itertools import count

from flask import Blueprint, render_template
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import finance
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.tables import csv_of
from mall.web.shared.texts import currency, sentence

from .asked import amount, local_time

bp = Blueprint("adjustments", __name__, url_prefix="/adjustments")

PER_PAGE = 50
READ_AT_ONCE = 1_000


@bp.get("")
def index():
    """List adjustments, the latest first."""
    page = page_number()
    with reading():
        found = finance.adjustments_page(until=finance.settled(now()), page=page, per_page=PER_PAGE)
    return render_template(
        "finance/adjustments/index.html",
        found=found,
        page=page,
        pages=pages_of(found.count, PER_PAGE),
        per_page=PER_PAGE,
    )


@bp.get("/table.csv")
def download():
    """Send every adjustment as a table."""
    with reading(scan=True):
        pages = list(_all_pages())
    rows = [
        (
            local_time(each.written_at).isoformat(timespec="seconds"),
            each.member_number,
            each.amount.points,
            amount(each.amount.cents),
            sentence(each.reason),
            found.names.get(each.actor, each.actor),
            found.names.get(each.approved_by, each.approved_by) if each.approved_by else "",
            each.move,
        )
        for found in pages
        for each in found.adjustments
    ]
    headings = (
        _("Written"),
        _("Member"),
        _("Points"),
        _("At worth, %(currency)s", currency=currency()),
        _("Reason"),
        _("Asked by"),
        _("Approved by"),
        _("Document"),
    )
    return csv_of(headings, rows, name="adjustments")


def _all_pages() -> Iterator[finance.AdjustmentPage]:
    """Yield all adjustments, so many at once that no statement names too many of them."""
    until = finance.settled(now())
    for page in count(1):
        found = finance.adjustments_page(until=until, page=page, per_page=READ_AT_ONCE)
        if not found.adjustments:
            return
        yield found
