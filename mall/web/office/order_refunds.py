"""Refunds of an order at the desk: what one does is shown first, then it is done, once; what the cashier refused."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import aftersales, cash, checkout, people
from mall.web.shared import layout
from mall.web.shared.coupons import coming_back
from mall.web.shared.done import done_once
from mall.web.shared.pieces import fields_of, pieces_in, refuse_pieces
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import sentence

from .orders import bp, order_page
from .refund_forms import DecisionForm, RefundForm, refund_form, refuse_shelf


@bp.get("/<number>/refund")
def consider(number: str):
    """Ask what is refunded and why, before anything is done."""
    try:
        return refund_page(number, refund_form(number, formdata=None))
    except (aftersales.NotRefundable, checkout.UnderDispute) as refusal:
        flash(sentence(refusal), "warn")
        return redirect(url_for("office.orders.show", number=number))


@bp.post("/<number>/refund")
def refund(number: str):
    """Refund an order or pieces of it, once what that does has been shown. Pressed twice, it is refunded once."""
    form = refund_form(number)
    sound = form.validate_on_submit()
    if sound and "confirm" in request.form:
        return confirmed_refund(number, form)
    try:
        return refund_page(number, form, confirming=sound and "back" not in request.form)
    except (aftersales.NotRefundable, checkout.UnderDispute) as refusal:
        return order_page(number, refusal=refusal)


def confirmed_refund(number: str, form: RefundForm):
    """Do a refund that was shown, or show what it has become."""
    try:
        done_once(
            aftersales.refund,
            checkout.id_of(number),
            reason=form.reason.data,
            restock=pieces_in(form, name="shelf"),
            pieces=pieces_in(form),
            note=form.note.data or "",
            shown=request.form.get("shown", ""),
            by=person().actor,
            terms=layout.terms(),
            at=now(),
        )
    except aftersales.RefundChanged as refusal:
        return refund_page(number, form, confirming=True, refusal=refusal)
    except (aftersales.TooManyPieces, aftersales.NothingChosen, aftersales.MoreThanReturned):
        return refund_page(number, form, confirming=True)
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        return order_page(number, refusal=refusal)
    with reading():
        whole = checkout.order_of(checkout.id_of(number)).state == checkout.REFUNDED
    flash(
        _("Order %(number)s is refunded. The member has been told.", number=number)
        if whole
        else _("Part of order %(number)s is refunded. The member has been told.", number=number)
    )
    return redirect(url_for("office.orders.show", number=number))


@bp.post("/<number>/refunds/<int:refund_id>/retry")
def ask_again(number: str, refund_id: int):
    """Send a refund that the cashier refused once more."""
    return decide(
        number, refund_id, aftersales.send_again, _("The cashier is asked again. What comes of it is seen here.")
    )


@bp.post("/<number>/refunds/<int:refund_id>/by-hand")
def give_by_hand(number: str, refund_id: int):
    """Write down that a refund that the cashier refused was given back another way."""
    return decide(number, refund_id, aftersales.given_by_hand, _("Written down: the money was given back by hand."))


def decide(number: str, refund_id: int, verb: Callable[..., Any], done: str):
    """Do what was decided about a refused refund, for a reason. Raises NotFound for one of another order."""
    with reading():
        order_id = checkout.id_of(number)
        refunds = cash.refunds_of(checkout.reference_of(order_id))
    if refund_id not in {each.id for each in refunds}:
        raise NotFound(N_("There is no such refund."))
    form = DecisionForm(prefix=f"r{refund_id}-")
    if not form.validate_on_submit():
        return order_page(number, decision=(refund_id, form))
    try:
        done_once(verb, refund_id, by=person().actor, reason=form.reason.data, at=now())
    except (cash.RefundNotWaiting, people.OwnMatter) as refusal:
        return order_page(number, refusal=refusal)
    flash(done)
    return redirect(url_for("office.orders.show", number=number), 303)


def refund_page(number: str, form: RefundForm, *, confirming: bool = False, refusal: Refusal | None = None):
    """Render the refund: first what and why, then what exactly it does, to be confirmed.

    Raises NotRefundable, UnderDispute.
    """
    terms, plan = layout.terms(), None
    with reading():
        seen = checkout.order_page(number)
        member = people.member_of(seen.order.member_id)
        if seen.order.disputed_at is not None:
            raise checkout.UnderDispute(number=number)
        if not aftersales.refundable(seen.order):
            raise aftersales.NotRefundable(number=number)
        if confirming:
            try:
                plan = aftersales.plan_refund(
                    seen.order,
                    reason=form.reason.data,
                    at=now(),
                    zone=terms.zone,
                    pieces=pieces_in(form),
                    lines=seen.lines,
                )
                if refuse_shelf(form, plan):
                    plan = None
            except (aftersales.TooManyPieces, aftersales.NothingChosen) as nothing:
                refuse_pieces(form, nothing)
            except (
                aftersales.NoMembership, aftersales.TimeOver, aftersales.LeastTerm, aftersales.LaterFirst,
            ) as not_so:  # fmt: skip
                refusal = not_so
    return form_page(
        "office/orders/refund.html",
        refused=bool(form.errors),
        refusal=refusal,
        seen=seen,
        order=seen.order,
        member=member,
        plan=plan,
        coupons_back=coming_back(seen.order, at=now(), voided=plan.voided if plan else ()),
        form=form,
        pieces=[each for each in fields_of(form) if each.default != "0" or each.errors],
        shelf=fields_of(form, name="shelf"),
        shelved=sum(pieces_in(form, name="shelf").values()) if plan else 0,
        reason_words=sentence(aftersales.ALL_REASONS[form.reason.data][0]) if plan else "",
    )
