"""A member's orders: the list, one order with its timeline, paying, calling off, confirming receipt."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.cashier import CashierRefused, CashierUnreachable
from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import aftersales, catalogue, checkout, programme
from mall.web.shared import layout
from mall.web.shared.coupons import coming_back
from mall.web.shared.done import done_once
from mall.web.shared.forms import words_of
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.returns import state_words as return_words
from mall.web.shared.reviews import state_words as review_words
from mall.web.shared.signing_in import me, members_only, person
from mall.web.shared.texts import language

from .addresses import countries
from .order_parts import campaigns_shown, codes_by_line, parts_of
from .order_words import ENDED, given_back, heading_of, refunds_of, state_of, timeline_of, words_of_cancelling

bp = Blueprint("orders", __name__, url_prefix="/orders")
bp.before_request(members_only)

PER_PAGE = 10
NO_RECEIPT = N_("There is no receipt before an order is paid.")


@bp.get("")
def index():
    """List the member's orders, latest first."""
    page = page_number()
    with reading():
        orders, total = checkout.orders_of(me(), page=page, per_page=PER_PAGE)
    return render_template(
        "store/orders/index.html",
        orders=orders,
        page=page,
        pages=pages_of(total, PER_PAGE),
        total=total,
        per_page=PER_PAGE,
        number_of=checkout.number_of,
        state_of=state_of,
    )


@bp.get("/<number>")
def show(number: str):
    """Show one order: where it stands, what it holds, what can be done."""
    return order_page(number)


@bp.get("/<number>/receipt")
def receipt(number: str):
    """Show the receipt to print: the order of calculation, the tax by rate, what went back. None before payment."""
    with reading():
        seen = checkout.order_page(number, member_id=me())
        terms = programme.version(seen.order.version)
        points_back = aftersales.points_back_of(seen.order.id)
    if seen.order.paid_at is None:
        raise NotFound(NO_RECEIPT)
    return render_template(
        "store/orders/receipt.html",
        seen=seen,
        order=seen.order,
        sums=checkout.sums_of(seen),
        taxes=checkout.taxes_of(seen),
        refunds=refunds_of(seen),
        points_back=points_back,
        terms=terms,
        countries=dict(countries(language())),
        titles={line.line: line for line in seen.lines},
        state=state_of(seen.order, has_left=checkout.has_left(seen.lines)),
    )


@bp.post("/<number>/payment")
def pay(number: str) -> Response | tuple[str, int]:
    """Go to the payment page of an order that waits for its payment."""
    order = my_order(number)
    try:
        address = checkout.open_page(order.id, cashier=the_cashier(), site=current_app.config["PUBLIC_URL"])
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    return redirect(address, 303)


@bp.get("/<number>/paid")
def paid(number: str) -> Response:
    """Come back from the payment page. What happened there only the cashier says, so it is asked, not believed."""
    order = ask_cashier(number)
    if order.state in (checkout.AWAITING, checkout.PROCESSING):
        flash(_("The payment is not confirmed yet. This page tells as soon as it is."), "info")
    thank_for(order)
    return redirect(url_for("store.orders.show", number=number))


@bp.get("/<number>/unpaid")
def unpaid(number: str) -> Response:
    """Come back from the payment page without having paid: the cashier knows whether a card was declined."""
    ask_cashier(number)
    return redirect(url_for("store.orders.show", number=number))


@bp.post("/<number>/codes/<int:code_id>")
def show_code(number: str, code_id: int):
    """Show a code to who bought it. Each time is written down, so this is never a page to be opened by its address."""
    order = my_order(number)
    try:
        code = done_once(checkout.show_code, order.id, code_id, member_id=me(), at=now())
    except NotFound:
        raise
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    return order_page(number, shown=(code_id, code))


@bp.get("/<number>/cancellation")
def consider(number: str) -> Response | str | tuple[str, int]:
    """Show what cancelling a paid order brings back, before it is done."""
    order = my_order(number)
    if order.state != checkout.PAID:
        return redirect(url_for("store.orders.show", number=number))
    try:
        with reading():
            lines = checkout.lines_of(order.id)
            plan = aftersales.plan_cancel(order, at=now(), zone=layout.terms().zone, lines=lines)
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    return render_template(
        "store/orders/cancel.html",
        order=order,
        number=number,
        plan=plan,
        part_sent=checkout.part_sent(lines),
        coupons_back=coming_back(order, at=now(), voided=plan.voided),
    )


@bp.post("/<number>/cancellation")
def cancel(number: str) -> Response | tuple[str, int]:
    """Give an unpaid order up, or cancel a paid one that was not shipped: what was taken is given back."""
    try:
        order = aftersales.call_off(
            my_order(number).id,
            by=person().actor,
            cashier=current_app.extensions["cashier"],
            terms=layout.terms(),
            site=current_app.config["PUBLIC_URL"],
        )
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    if order.state in ENDED:
        flash(words_of_cancelling(order))
    elif order.state == checkout.SHIPPED:
        flash(_("What had not been sent is cancelled and goes back the way it came. The rest is on its way."))
    elif order.state == checkout.COMPLETED:
        flash(_("The order is cancelled, but for codes that you have seen: they stay yours. The rest goes back."))
    else:
        flash(_("The payment had come through already, so the order is paid."), "info")
    return redirect(url_for("store.orders.show", number=number), 303)


@bp.post("/<number>/receipt-of-goods")
def confirm(number: str) -> Response | tuple[str, int]:
    """Confirm that the goods arrived: the return window begins."""
    order = my_order(number)
    try:
        done_once(checkout.deliver, order.id, by=person().actor, at=now())
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    flash(_("Thank you. The order is complete."))
    return redirect(url_for("store.orders.show", number=number), 303)


def order_page(number: str, *, refusal: Refusal | None = None, shown: tuple[int, str] | None = None):
    """Render an order's page; with a refusal the answer is 422, and says it. `shown`: a code to see, its id first."""
    with reading():
        seen = checkout.order_page(number, member_id=me())
        parts = parts_of(seen, at=now())
    order, terms = seen.order, layout.terms()
    last = seen.events[-1].kind if seen.events else ""
    page = render_template(
        "store/orders/show.html",
        seen=seen,
        order=order,
        sums=checkout.sums_of(seen),
        taxes=checkout.taxes_of(seen),
        codes=codes_by_line(parts.codes),
        unseen=sum(1 for code in parts.codes if code.state == catalogue.ISSUED and code.shown_at is None),
        gifts=parts.gifts,
        stamps=parts.stamps,
        plans=parts.plans,
        campaigns=campaigns_shown(order, parts.earned),
        shown=dict([shown]) if shown else {},
        coupons_back=coming_back(order, at=order.ended_at, voided=parts.voided) if order.state in ENDED else [],
        state=(_("Given back"), "", "undo")
        if given_back(seen)
        else state_of(order, has_left=checkout.has_left(seen.lines)),
        heading=heading_of(seen),
        given_back=given_back(seen),
        part_sent=order.state == checkout.PAID and checkout.part_sent(seen.lines),
        collected=seen.collected,
        titles={line.line: line for line in seen.lines},
        left=checkout.left_to_ship(seen.lines) if order.state == checkout.PAID else {},
        timeline=timeline_of(seen, on_the_way=parts.on_the_way),
        unpaid=order.state == checkout.AWAITING,
        declined=last == "declined",
        countries=dict(countries(language())),
        kept_days=order.return_window_days,
        returns=[(each, return_words(each.state, wish=each.wish)) for each in parts.returns],
        to_return=parts.to_return,
        points_back=parts.points_back,
        refunds=refunds_of(seen),
        method=terms.shipping_method(order.shipping_key) if order.shipping_key else None,
        refusal=refusal,
        to_review={each.line for each in parts.to_review},
        reviews={each.line: (each, review_words(each.state)) for each in parts.reviews},
    )
    return page, 422 if refusal else 200


def thank_for(order: Any) -> None:
    """Thank for an order just paid, in cash or in points, and say that a mail is on its way if one is."""
    if order.state not in (checkout.PAID, checkout.COMPLETED):
        return
    if current_app.config["SMTP_URL"]:
        flash(_("Paid, thank you. A mail about it is on its way to you."))
    else:
        flash(_("Paid, thank you."))


def my_order(number: str):
    """Return the member's order with a number; another's is not there. Raises NotFound."""
    with reading():
        return checkout.order_of(checkout.id_of(number), member_id=me())


def ask_cashier(number: str):
    """Return the member's order as it stands when the cashier was asked about it; if that fails, as it stood."""
    order = my_order(number)
    try:
        return checkout.look_at_order(order.id, cashier=the_cashier(), terms=layout.terms())
    except (CashierUnreachable, CashierRefused) as refusal:
        flash(words_of(refusal), "warn")
        return order


def the_cashier():
    """Return the cashier. Raises CashierUnreachable where the shop has none."""
    cashier = current_app.extensions["cashier"]
    if cashier is None:
        raise CashierUnreachable("no cashier is set")
    return cashier
