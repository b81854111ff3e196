"""Payments at the desk: those that are stuck, refunds that wait, one payment with everything the cashier told us."""

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from mall.base.cashier import CashierUnreachable
from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.money import money_text
from mall.domain import aftersales, checkout, insight
from mall.web.shared import layout
from mall.web.shared.order_words import dispute_words, outcome_words, payment_words, refund_words
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import language

from .actors import actor_words

bp = Blueprint("payments", __name__, url_prefix="/payments")

PER_PAGE = 25


@bp.get("")
def index():
    """List payments whose end nobody knows, those with refunds that wait, or all; find one by any number."""
    which, words, page = request.args.get("show", ""), request.args.get("q", "").strip()[:200], page_number()
    if which not in insight.LISTS:
        which = "all" if words else "stuck"
    with reading():
        found = insight.payments_in(which, at=now(), words=words, page=page, per_page=PER_PAGE)
    names = {"stuck": _("End unknown"), "refunds": _("Refunds waiting"), "all": _("All payments")}
    return render_template(
        "office/payments/index.html",
        found=found,
        tabs=[
            {"text": text, "href": url_for("office.payments.index", show=key), "current": key == which}
            for key, text in names.items()
        ],
        words=words,
        page=page,
        pages=pages_of(found.total, PER_PAGE),
        per_page=PER_PAGE,
        order_number=order_number,
        payment_words=payment_words,
        cash_words=cash_words,
    )


@bp.get("/<int:payment_id>")
def show(payment_id: int):
    """Show everything the cashier told us of a payment: pages, events, refunds, disputes."""
    return payment_page(payment_id)


@bp.post("/<int:payment_id>/check")
def check(payment_id: int):
    """Ask the cashier anew how the payment stands, and act on its answer."""
    with reading():
        insight.payment_page(payment_id)
    cashier = current_app.extensions["cashier"]
    try:
        if cashier is None:
            raise CashierUnreachable("no cashier is set")
        aftersales.recheck(payment_id, by=person().actor, cashier=cashier, terms=layout.terms())
    except Refusal as refusal:
        return payment_page(payment_id, refusal=refusal)
    flash(_("The cashier was asked. This is how it stands."))
    return redirect(url_for("office.payments.show", payment_id=payment_id), 303)


def payment_page(payment_id: int, *, refusal: Refusal | None = None):
    """Render a payment. With a refusal the answer is 422. Raises NotFound."""
    with reading():
        seen = insight.payment_page(payment_id)
    return form_page(
        "office/payments/show.html",
        refusal=refusal,
        seen=seen,
        payment=seen.payment,
        number=order_number(seen.payment.reference),
        payment_words=payment_words,
        refund_words=refund_words,
        dispute_words=dispute_words,
        outcome_words=outcome_words,
        cash_words=cash_words,
        actor_words=actor_words,
    )


def order_number(reference: str) -> str:
    """Return the number of a payment's order."""
    order_id = checkout.order_id_of(reference)
    return reference if order_id is None else checkout.number_of(order_id)


def cash_words(cents: int, currency: str) -> str:
    """Return cash in the currency it was asked or came in."""
    return money_text(cents, currency, language())
