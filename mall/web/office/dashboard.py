"""The dashboard: work first, with the oldest age; then how the shop goes."""

from datetime import datetime
from typing import NamedTuple

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import insight
from mall.web.shared import charts, layout
from mall.web.shared.texts import number, short_day

bp = Blueprint("dashboard", __name__, url_prefix="/")


class Work(NamedTuple):
    """Something that waits to be done: how many, what, how long the oldest has waited, and where to do it."""

    waiting: int
    words: str
    since: datetime | None
    age: str
    href: str


@bp.get("")
def show():
    """Show what there is to do, and points earned and redeemed by day."""
    terms, at = layout.terms(), now()
    with reading():
        seen = insight.dashboard(terms=terms, at=at)
    labels = [short_day(day) if place % 4 == 1 else "" for place, day in enumerate(seen.days)]
    chart = charts.lines(
        _("Points earned and redeemed by day"),
        [
            charts.Line(_("Earned"), list(seen.earned), "pine"),
            charts.Line(_("Redeemed"), list(seen.redeemed), "points", dashed=True),
        ],
        labels,
        write=number,
    )
    return render_template(
        "office/dashboard/show.html",
        seen=seen,
        chart=chart,
        work=work_of(seen, at=at),
        today=terms.today(at),
        at=at,
        by_day=list(zip(seen.days, seen.earned, seen.redeemed, strict=True))[::-1],
    )


def work_of(seen: insight.Dashboard, *, at: datetime) -> list[Work]:
    """Return what there is to do, the longest waiting first."""
    orders = {
        "to_ship": _("Orders to ship"),
        "review": _("Orders to review"),
    }
    waiting = [
        (seen.queues[queue], words, url_for("office.orders.index", queue=queue)) for queue, words in orders.items()
    ]
    waiting += [
        (seen.adjustments, _("Points adjustments to check"), url_for("office.adjustments.index")),
        (seen.returns["to_decide"], _("Returns to decide"), url_for("office.aftersales.index")),
        (seen.returns["to_send"], _("Replacements to send"), url_for("office.aftersales.index", queue="to_send")),
        (seen.questions[insight.WAITING_QUESTIONS], _("Questions to answer"), url_for("office.questions.index")),
        (seen.at_cashier["alarms"], _("Alarms to look at"), url_for("office.alarms.index")),
        (seen.at_cashier["stuck"], _("Payments whose end nobody knows"), url_for("office.payments.index")),
        (
            seen.at_cashier["refunds"],
            _("Refunds the cashier refused"),
            url_for("office.orders.index", queue=insight.REFUSED_REFUNDS),
        ),
    ]
    work = [
        Work(queue.count, words, queue.since, _("Oldest waiting %(age)s", age=age_words(queue.since, at=at)), href)
        for queue, words, href in waiting
        if queue.count and queue.since
    ]
    return sorted(work, key=lambda each: each.since or at)


def age_words(since: datetime, *, at: datetime) -> str:
    """Return how long something has waited: hours, from three days on days; below an hour just that."""
    hours = int((at - since).total_seconds() // 3600)
    if hours < 1:
        return _("less than an hour")
    if hours < 72:
        return ngettext("%(num)s hour", "%(num)s hours", hours)
    return ngettext("%(num)s day", "%(num)s days", hours // 24)
