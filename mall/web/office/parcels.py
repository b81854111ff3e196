"""What leaves the house: a parcel of an order, several at once, a carrier's file, packing slips, the counter."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.sheets import FileChanged
from mall.domain import aftersales, checkout
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.pieces import fields_of, pieces_in
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import sentence

from .orders import order_page
from .parcel_forms import FileForm, many_form, parcel_form

bp = Blueprint("parcels", __name__, url_prefix="/")

MOST_AT_ONCE = 50


@bp.post("/orders/<number>/parcels")
def ship(number: str):
    """Send a parcel of an order on its way."""
    with reading():
        lines = checkout.lines_of(checkout.order_page(number).order.id)
    form = parcel_form(lines)
    if not form.validate_on_submit():
        return order_page(number, parcel=form)
    try:
        order = done_once(
            checkout.ship,
            checkout.id_of(number),
            carrier=form.carrier.data,
            tracking=form.tracking.data,
            pieces=pieces_in(form) if fields_of(form) else None,
            by=person().actor,
            at=now(),
        )
    except (checkout.TooManyToShip, checkout.NothingInIt) as refusal:
        refuse_at_line(form, refusal)
        return order_page(number, parcel=form)
    except checkout.AnotherParcel as refusal:
        form.refuse(refusal, at="tracking")
        return order_page(number, parcel=form)
    except Refusal as refusal:
        return refused(number, refusal, parcel=form)
    flash(
        _("A parcel of order %(number)s is on its way. The member has been told.", number=number)
        if order.state == checkout.PAID
        else _("Order %(number)s is on its way. The member has been told.", number=number)
    )
    return redirect(url_for("office.orders.show", number=number))


@bp.post("/orders/<number>/delivery")
def deliver(number: str):
    """Mark an order delivered: its return window begins."""
    return did(number, checkout.deliver, _("Order %(number)s is delivered.", number=number))


@bp.post("/orders/<number>/readiness")
def make_ready(number: str):
    """Say that an order can be collected."""
    done = _("Order %(number)s is ready to be collected. The member has been told.", number=number)
    return did(number, checkout.make_ready, done)


@bp.post("/orders/<number>/hand-over")
def hand_over(number: str):
    """Hand an order over at the counter: its return window begins."""
    return did(number, checkout.hand_over, _("Order %(number)s was handed over.", number=number))


@bp.get("/parcels")
def many():
    """Ask for the tracking numbers of the orders that were ticked."""
    numbers = ticked()
    return many_page(numbers) if numbers else nothing_ticked()


@bp.post("/parcels")
def send_many():
    """Send the orders that have a tracking number, all that is left of each in one parcel."""
    numbers = ticked()
    if not numbers:
        return nothing_ticked()
    form = many_form(numbers)
    typed = {number: getattr(form, f"tracking-{number}").data for number in numbers}
    if form.validate_on_submit() and not any(typed.values()):
        form.form_errors.append(_("Enter the tracking number of at least one order."))
    if form.errors or form.form_errors:
        return many_page(numbers, form=form)
    rows = [
        checkout.FileRow(at, number, form.carrier.data or "", tracking or "")
        for at, (number, tracking) in enumerate(typed.items(), start=1)
        if tracking
    ]
    with reading():
        plan = checkout.plan_dispatch(rows)
    wrong = [each for each in plan.rows if each.why is not None]
    for each in wrong:
        field = getattr(form, f"tracking-{each.row.order}")
        field.errors = [*field.errors, sentence(each.why)]
    if wrong:
        return many_page(numbers, form=form)
    sent = checkout.send_all(plan.parcels, by=person().actor, at=now())
    tell_what_was_sent([(parcel.order_id, refusal) for parcel, refusal in sent])
    return redirect(url_for("office.orders.index"), 303)


@bp.get("/parcels/slips")
def slips():
    """Show packing slips to print, a page for each order: what is left to be packed, and where it goes."""
    numbers = ticked()
    if not numbers:
        return nothing_ticked()
    with reading():
        seen = [checkout.order_page(number) for number in numbers]
        again = {
            each.number: aftersales.to_be_packed(each.order.id)
            for each in seen
            if any(line.exchanging for line in each.lines)
        }
    return render_template(
        "office/parcels/slips.html",
        slips=[
            {
                "seen": each,
                "order": each.order,
                "left": checkout.left_to_ship(each.lines),
                "again": again.get(each.number, []),
                "lines": {line.line: line for line in each.lines},
                "collected": each.collected,
            }
            for each in seen
        ],
        terms=layout.terms(),
    )


@bp.get("/parcels/tracking")
def tracking():
    """Ask for a carrier's file of tracking numbers."""
    return file_page(FileForm(formdata=None))


@bp.post("/parcels/tracking")
def read_tracking():
    """Show row by row what a carrier's file does, then do it. The same file once more does nothing new."""
    form = FileForm()
    if not form.validate_on_submit():
        return file_page(form)
    data = (form.text.data or "").encode()
    if form.file.data:
        data = form.file.data.read(checkout.LARGEST_FILE + 1)
    try:
        rows = checkout.read_file(data)
    except Refusal as refusal:
        form.refuse(refusal, at="file")
        return file_page(form)
    with reading():
        plan = aftersales.plan_file(rows)
    text = data.decode("utf-8-sig")
    if "confirm" not in request.form:
        return file_page(form, plan=plan, text=text)
    if request.form.get("shown", "") != plan.fingerprint:
        return file_page(form, plan=plan, text=text, refusal=FileChanged())
    tell_what_was_sent(aftersales.send_file(plan, by=person().actor, at=now()))
    return redirect(url_for("office.orders.index"), 303)


def ticked() -> list[str]:
    """Return the numbers of the orders that were ticked, each once. Raises NotFound for what is no order."""
    numbers = list(dict.fromkeys(request.values.getlist("order")))[:MOST_AT_ONCE]
    with reading():
        for number in numbers:
            checkout.order_of(checkout.id_of(number))
    return numbers


def nothing_ticked():
    """Go back to the queue and say that orders are ticked first."""
    flash(_("Tick the orders first."), "warn")
    return redirect(url_for("office.orders.index"), 303)


def many_page(numbers: list[str], *, form: Any = None):
    """Render the parcels of several orders."""
    form_now = form or many_form(numbers, formdata=None)
    with reading():
        seen = [checkout.order_page(number) for number in numbers]
    return form_page(
        "office/parcels/many.html",
        refused=form is not None,
        form=form_now,
        rows=[
            {
                "seen": each,
                "field": getattr(form_now, f"tracking-{each.number}"),
                "left": sum(checkout.left_to_ship(each.lines).values()),
                "sendable": each.order.state == checkout.PAID
                and each.order.disputed_at is None
                and not each.collected,
            }
            for each in seen
        ],
    )


def file_page(
    form: FileForm,
    *,
    plan: aftersales.FilePlan | None = None,
    text: str = "",
    refusal: Refusal | None = None,
):
    """Render the carrier's file: to choose it, or what it does, to be confirmed."""
    return form_page(
        "office/parcels/tracking.html",
        refused=bool(form.errors),
        refusal=refusal,
        form=form,
        plan=plan,
        text=text,
        most_rows=checkout.MOST_ROWS,
    )


def tell_what_was_sent(outcomes: list[tuple[int, Refusal | None]]) -> None:
    """Say how many parcels are on their way, and of which orders some are not and why."""
    sent = sum(1 for _order, refusal in outcomes if refusal is None)
    if sent:
        flash(ngettext("%(num)s parcel is on its way.", "%(num)s parcels are on their way.", sent))
    else:
        flash(_("There was nothing new to send."), "info")
    for order_id, refusal in outcomes:
        if refusal is not None:
            number = checkout.number_of(order_id)
            flash(_("Order %(number)s was not sent: %(why)s", number=number, why=sentence(refusal)), "warn")


def did(number: str, verb: Callable[..., Any], done: str):
    """Do something to an order and go back to its page; a refusal is shown there."""
    try:
        done_once(verb, checkout.id_of(number), by=person().actor, at=now())
    except Refusal as refusal:
        return refused(number, refusal)
    flash(done)
    return redirect(url_for("office.orders.show", number=number))


def refused(number: str, refusal: Refusal, **given: Any):
    """Show an order's page with what was refused; what is not there is not there."""
    if isinstance(refusal, NotFound):
        raise refusal
    return order_page(number, refusal=refusal, **given)


def refuse_at_line(form: Any, refusal: checkout.TooManyToShip | checkout.NothingInIt) -> None:
    """Put a refusal at the line it is about, or at the first."""
    fields = fields_of(form)
    at = next((each for each in fields if each.name == f"pieces-{getattr(refusal, 'line', 0)}"), fields[0])
    at.errors = [*at.errors, sentence(refusal)]
