"""Orders at the desk: the queue, and one order. Parcels are in parcels.py, refunds in order_refunds.py."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import aftersales, cash, catalogue, checkout, insight, people
from mall.web.shared import layout
from mall.web.shared.order_words import code_words, dispute_words, payment_words, refund_words, state_words
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.pieces import fields_of
from mall.web.shared.returns import state_words as return_words
from mall.web.shared.signing_in import form_page
from mall.web.shared.texts import sentence

from .actors import actor_words, know_as
from .parcel_forms import ParcelForm, parcel_form
from .refund_forms import DecisionForm

bp = Blueprint("orders", __name__, url_prefix="/orders")

PER_PAGE = 25
LATE_HOURS, SOON_HOURS = 24, 16


@bp.get("")
def index():
    """List the orders of a queue, the longest waiting first."""
    queue, words, page = request.args.get("queue", "to_ship"), request.args.get("q", "").strip()[:100], page_number()
    if words and "queue" not in request.args:
        queue = "all"
    if queue not in (*insight.QUEUES, insight.REFUSED_REFUNDS, "all"):
        queue = "to_ship"
    with reading():
        found = insight.orders_in(queue, words=words, page=page, per_page=PER_PAGE)
        queues = insight.queues()
    return render_template(
        "office/orders/index.html",
        found=found,
        tabs=tabs_of({key: each.count for key, each in queues.items()}, current=queue),
        queue=queue,
        oldest_first=queue in insight.OLDEST_FIRST,
        words=words,
        page=page,
        pages=pages_of(found.total, PER_PAGE),
        per_page=PER_PAGE,
        number_of=checkout.number_of,
        hours_waiting=hours_waiting,
        late_hours=LATE_HOURS,
        soon_hours=SOON_HOURS,
        state_words=state_words,
        terms=layout.terms(),
    )


def tabs_of(counts: Mapping[str, int], *, current: str) -> list[dict[str, Any]]:
    """Return the tabs of the queues, each with how many orders stand in it, and one of all."""
    names = {
        "to_ship": _("To ship"),
        "with_carrier": _("With carrier"),
        "unpaid": _("Awaiting payment"),
        "review": _("To review"),
        "complete": _("Complete"),
        "ended": _("Ended"),
        "all": _("All"),
    }
    counts = {**counts, "all": sum(counts.values())}
    return [
        {
            "text": text,
            "href": url_for("office.orders.index", queue=key),
            "current": key == current,
            "count": counts[key],
        }
        for key, text in names.items()
    ]


@bp.get("/<number>")
def show(number: str):
    """Show one order whole: lines with their shares, timeline, payments, refunds."""
    return order_page(number)


def order_page(
    number: str,
    *,
    parcel: ParcelForm | None = None,
    decision: tuple[int, DecisionForm] | None = None,
    refusal: Refusal | None = None,
):
    """Render an order. With a refusal or a form that was not in order the answer is 422."""
    with reading():
        seen = checkout.order_page(number)
        order = seen.order
        member = people.member_of(order.member_id)
        codes = catalogue.codes_of(checkout.reference_of(order.id)) if order.gives_codes else []
        disputes = cash.disputes_of(checkout.reference_of(order.id)) if seen.payments else []
        returns = aftersales.returns_of(order.id)
    know_as(member.id, member.display_name)
    shown_parcel = parcel or parcel_form(seen.lines, formdata=None)
    return form_page(
        "office/orders/show.html",
        refused=bool(parcel and parcel.errors) or decision is not None,
        refusal=refusal,
        seen=seen,
        order=order,
        member=member,
        codes=codes,
        code_words=code_words,
        state=state_words(order.state),
        events=[
            {"title": sentence(event.said), "at": event.at, "by": actor_words(event.actor)} for event in seen.events
        ],
        parcel=shown_parcel,
        parcel_pieces=[each for each in fields_of(shown_parcel) if each.default != "0" or each.errors],
        lines={line.line: line for line in seen.lines},
        left=checkout.left_to_ship(seen.lines),
        collected=seen.collected,
        sent=decision[1] if decision else parcel,
        decisions=[
            (each, decision[1] if decision and decision[0] == each.id else DecisionForm(None, prefix=f"r{each.id}-"))
            for each in seen.refunds
            if each.state == cash.REFUSED
        ],
        shippable=checkout.shippable(order),
        deliverable=checkout.deliverable(order),
        refundable=aftersales.refundable(order),
        in_review=order.state == checkout.REVIEW,
        disputes=disputes,
        returns=[(each, return_words(each.state, wish=each.wish)) for each in returns],
        dispute_words=dispute_words,
        hours=hours_waiting(order.paid_at) if order.state == checkout.PAID else None,
        late_hours=LATE_HOURS,
        soon_hours=SOON_HOURS,
        payment_words=payment_words,
        refund_words=refund_words,
        cash_cents=checkout.cash_cents_of(order),
        sums=checkout.sums_of(seen),
        taxes=checkout.taxes_of(seen),
        method=layout.terms().shipping_method(order.shipping_key) if order.shipping_key else None,
        terms=layout.terms(),
    )


def hours_waiting(since: datetime | None) -> int:
    """Return the whole hours since an instant."""
    return int((now() - since).total_seconds() // 3600) if since else 0
