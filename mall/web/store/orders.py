"""A member's orders: the list, one order with its timeline, paying, calling off, confirming receipt."""

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mall.base.cashier import CashierRefused, CashierUnreachable
from mall.base.clock import now
from mall.base.db import again, reading, transaction
from mall.base.errors import Refusal
from mall.domain import aftersales, checkout, ledger
from mall.web.shared import layout
from mall.web.shared.forms import words_of
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.signing_in import me, members_only, person

bp = Blueprint("orders", __name__, url_prefix="/orders")
bp.before_request(members_only)

PER_PAGE = 10


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
    )


@bp.get("/<number>")
def show(number: str):
    """Show one order: where it stands, what it holds, what can be done."""
    return order_page(number)


@bp.get("/<number>/receipt")
def receipt(number: str):
    """Show the receipt to print: the order of calculation, the tax by rate."""
    with reading():
        seen = checkout.order_page(number, member_id=me())
    return render_template(
        "store/orders/receipt.html", seen=seen, order=seen.order, taxes=checkout.taxes_of(seen), terms=layout.terms()
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
    order = my_order(number)
    try:
        order = checkout.look_at_order(order.id, cashier=the_cashier(), terms=layout.terms())
    except (CashierUnreachable, CashierRefused) as refusal:
        flash(words_of(refusal), "warn")
    else:
        if order.state in (checkout.AWAITING, checkout.PROCESSING):
            flash(_("The payment is not confirmed yet. This page tells as soon as it is."), "info")
    return redirect(url_for("store.orders.show", number=number))


@bp.post("/<number>/cancellation")
def cancel(number: str) -> Response | tuple[str, int]:
    """Give an unpaid order up, or cancel a paid one that was not shipped: what was taken is given back."""
    order, terms = my_order(number), layout.terms()
    try:
        if order.state in checkout.UNPAID:
            order = checkout.give_up(
                order.id,
                by=person().actor,
                cashier=current_app.extensions["cashier"],
                terms=terms,
                site=current_app.config["PUBLIC_URL"],
            )
        else:
            _refund(order.id)
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    if order.state == checkout.PAID:
        flash(_("The payment had come through already, so the order is paid."), "info")
    else:
        flash(_("The order is cancelled. Points are back in your wallet; cash goes back the way it came."))
    return redirect(url_for("store.orders.show", number=number))


@bp.post("/<number>/receipt-of-goods")
def confirm(number: str) -> Response | tuple[str, int]:
    """Confirm that the goods arrived: the return window begins."""
    order = my_order(number)
    try:
        with transaction():
            checkout.deliver(order.id, by=person().actor, at=now())
    except Refusal as refusal:
        return order_page(number, refusal=refusal)
    flash(_("Thank you. The order is complete."))
    return redirect(url_for("store.orders.show", number=number))


def order_page(number: str, *, refusal: Refusal | None = None):
    """Render an order's page. With a refusal the answer is 422, and says it."""
    with reading():
        seen = checkout.order_page(number, member_id=me())
        on_the_way = [lot for lot in ledger.waiting(me()) if lot.reference == checkout.reference_of(seen.order.id)]
    page = render_template(
        "store/orders/show.html",
        seen=seen,
        order=seen.order,
        lines=seen.lines,
        on_the_way=on_the_way,
        unpaid=seen.order.state == checkout.AWAITING,
        cancellable=seen.order.state in (checkout.AWAITING, checkout.PAID),
        window_days=seen.order.return_window_days,
        declined=bool(seen.events) and seen.events[-1].kind == "declined",
        refusal=refusal,
    )
    return page, 422 if refusal else 200


def my_order(number: str):
    """Return the member's order with a number; another's is not there. Raises NotFound."""
    with reading():
        return checkout.order_of(checkout.id_of(number), member_id=me())


def the_cashier():
    """Return the cashier. Raises CashierUnreachable where the shop has none."""
    cashier = current_app.extensions["cashier"]
    if cashier is None:
        raise CashierUnreachable("no cashier is set")
    return cashier


def _refund(order_id: int) -> None:
    def unit() -> None:
        with transaction():
            aftersales.cancel(order_id, by=person().actor, terms=layout.terms(), at=now())

    again(unit)
