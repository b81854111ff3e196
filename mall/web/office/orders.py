"""Orders at the desk: the queue, one order, refund. What leaves the house is in parcels.py."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import aftersales, cash, catalogue, checkout, insight, people
from mall.web.shared import layout
from mall.web.shared.coupons import coming_back
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, one_line
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.pieces import asking_for_pieces, fields_of, pieces_in, refuse_pieces
from mall.web.shared.returns import state_words as return_words
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import sentence

from .actors import actor_words, know_as
from .parcel_forms import ParcelForm, parcel_form

bp = Blueprint("orders", __name__, url_prefix="/orders")

PER_PAGE = 25
LATE_HOURS, SOON_HOURS = 24, 16
LONGEST_REASON = 300


class RefundForm(Form):
    """Why an order, or some pieces of it, is refunded; of each line so many that were sent go back on the shelf."""

    reason = SelectField(_l("Reason"), [InputRequired(_l("Choose why the order is refunded."))])
    note = TextAreaField(_l("Note for colleagues"), [at_most(500)])

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.reason.choices = [SelectChoice("", _("Choose"))] + [
            SelectChoice(key, sentence(words)) for key, (words, _fault) in aftersales.REASONS.items()
        ]

    def offer_to_end(self) -> None:
        """Offer to give a membership back for the days that are left, for an order that has one."""
        self.reason.choices.append(
            SelectChoice(aftersales.PLAN_ENDED, _("Membership given back: the days that are left"))
        )


class DecisionForm(Form):
    """Why a refund that the cashier refused is sent again, or how the money was given back instead."""

    reason = StringField(
        _l("Why, or how it was given back"),
        [
            DataRequired(_l("Say why, or how the money was given back, so that others can follow it.")),
            at_most(LONGEST_REASON),
        ],
        filters=[one_line],
    )


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
    names = {
        "to_ship": _("To ship"),
        "with_carrier": _("With carrier"),
        "unpaid": _("Awaiting payment"),
        "review": _("To review"),
        "complete": _("Complete"),
        "ended": _("Ended"),
    }
    tabs: list[dict[str, Any]] = [
        {
            "text": text,
            "href": url_for("office.orders.index", queue=key),
            "current": key == queue,
            "count": queues[key].count,
        }
        for key, text in names.items()
    ]
    total = sum(each.count for each in queues.values())
    tabs.append(
        {
            "text": _("All"),
            "href": url_for("office.orders.index", queue="all"),
            "current": queue == "all",
            "count": total,
        }
    )
    return render_template(
        "office/orders/index.html",
        found=found,
        tabs=tabs,
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


@bp.get("/<number>")
def show(number: str):
    """Show one order whole: lines with their shares, timeline, payments, refunds."""
    return order_page(number)


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


def refund_form(number: str, **given: Any) -> RefundForm:
    """Return the form of an order's refund, all that is left filled in. Raises NotFound.

    Whether so many are left says the refund itself, so that one that is pressed twice is answered as the first.
    """
    with reading():
        seen = checkout.order_page(number)
    lines = seen.lines
    bought = {line.line: line.quantity for line in lines}
    left = {line.line: line.quantity - line.refunded for line in lines}
    sent = {line.line: line.shipped for line in lines if not line.digital}
    with_pieces = asking_for_pieces(RefundForm, lines, bought, filled=left)
    form = asking_for_pieces(with_pieces, lines, sent, name="shelf")(**given)
    if seen.order.plan_cents is not None:
        form.offer_to_end()
    return form


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
            except (aftersales.NoMembership, aftersales.TimeOver, aftersales.LaterFirst) as not_so:
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


def refuse_shelf(form: RefundForm, plan: aftersales.Plan) -> bool:
    """Say at each line of which more would go on the shelf than comes back of what was sent. Returns whether any."""
    sent = {each.line.line: each.to_come for each in plan.lines}
    for line, count in pieces_in(form, name="shelf").items():
        if count > sent.get(line, 0):
            field = form[f"shelf-{line}"]
            field.errors = [*field.errors, _("Of these, %(sent)s were sent and come back.", sent=sent.get(line, 0))]
    return bool(form.errors)


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


def state_words(state: str) -> tuple[str, str, str]:
    """Return what the desk calls a state, for its badge: (words, kind, icon)."""
    return {
        checkout.AWAITING: (_("Awaiting payment"), "", "clock"),
        checkout.PROCESSING: (_("Payment under way"), "info", "clock"),
        checkout.PAID: (_("To ship"), "warn", "box"),
        checkout.SHIPPED: (_("With carrier"), "info", "truck"),
        checkout.COMPLETED: (_("Complete"), "ok", "check"),
        checkout.CANCELLED: (_("Cancelled"), "", "x"),
        checkout.TIMED_OUT: (_("Not paid in time"), "", "clock"),
        checkout.REFUNDED: (_("Refunded"), "", "undo"),
        checkout.REVIEW: (_("To review"), "bad", "eye"),
    }[state]


def code_words(state: str) -> tuple[str, str]:
    """Return what the desk calls a state of an issued code, for its badge: (words, kind)."""
    return {catalogue.ISSUED: (_("Issued"), "ok"), catalogue.VOID: (_("Void"), "")}[state]


def payment_words(state: str) -> str:
    """Return what a payment's state is called."""
    return {
        cash.OPENING: _("Being opened"),
        cash.OPEN: _("Open at the cashier"),
        cash.PROCESSING: _("Under way"),
        cash.PAID: _("Paid"),
        cash.EXPIRED: _("Not paid in time"),
        cash.FAILED: _("Failed"),
        cash.LATE: _("Came too late"),
    }.get(state, state)


def refund_words(state: str) -> str:
    """Return what a refund's state is called."""
    return {
        cash.ASKED: _("About to be sent"),
        cash.SENT: _("On its way back"),
        cash.DONE: _("Given back"),
        cash.REFUSED: _("Refused by the cashier"),
        cash.VOID: _("Called off"),
    }.get(state, state)


def dispute_words(state: str) -> str:
    """Return what a dispute's state is called."""
    return {cash.DISPUTED: _("The bank is deciding"), cash.WON: _("Won"), cash.LOST: _("Lost")}.get(state, state)


def hours_waiting(since: datetime | None) -> int:
    """Return the whole hours since an instant."""
    return int((now() - since).total_seconds() // 3600) if since else 0
