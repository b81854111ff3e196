"""The sandbox cashier's page: pay, have the card declined, give up, pay too late. Mounted only with CASHIER=sandbox.

It stands for the payment page of a real cashier, so it knows neither orders nor who is signed in.
"""

from typing import cast

from flask import Blueprint, abort, redirect, render_template, url_for
from sqlalchemy import Row
from werkzeug.wrappers import Response

from mall.base.cashier import CashierRefused
from mall.base.clock import now
from mall.base.money import money_text
from mall.domain import aftersales, cash
from mall.gateway import SandboxCashier

from .shared import layout
from .shared.cashiers import cashier
from .shared.texts import language

bp = Blueprint("sandbox", __name__, url_prefix="/sandbox")


@bp.get("/<session_id>")
def show(session_id: str) -> str:
    """Show what is to pay, and the ways it can end."""
    session = found(session_id)
    return render_template(
        "sandbox/show.html",
        session=session,
        amount=money_text(session.amount_cents, session.currency, language()),
        back=SandboxCashier.address_after(session, paid=session.paid_at is not None),
    )


@bp.post("/<session_id>/payment")
def pay(session_id: str) -> Response:
    """Pay, and go back to the shop. Pressed twice it is one payment; on a page that is over it is none."""
    found(session_id)
    return back_or_stay(session_id, paid=sandbox().pay(session_id).paid)


@bp.post("/<session_id>/decline")
def decline(session_id: str) -> Response:
    """Have the bank say no; the page stays open."""
    found(session_id)
    sandbox().decline(session_id)
    return redirect(url_for("sandbox.show", session_id=session_id))


@bp.post("/<session_id>/late-payment")
def pay_late(session_id: str) -> Response:
    """Let the page's time run out, and let the money come all the same. The shop hears of it, as from any cashier."""
    found(session_id)
    began = now()
    state = sandbox().pay_late(session_id)
    cash.catch_up(sandbox(), since=began, at=now())
    aftersales.hear_all(cashier=sandbox(), terms=layout.terms())
    return back_or_stay(session_id, paid=state.paid)


def sandbox() -> SandboxCashier:
    """Return the sandbox cashier itself, with the verbs that only its page has."""
    return cast(SandboxCashier, cashier())


def found(session_id: str) -> Row:
    """Return the session of this page, or answer 404."""
    try:
        return sandbox().session(session_id)
    except CashierRefused:
        abort(404)


def back_or_stay(session_id: str, *, paid: bool) -> Response:
    """Send the member back to the shop when the money came, else show the page as it is now."""
    if not paid:
        return redirect(url_for("sandbox.show", session_id=session_id))
    return redirect(SandboxCashier.address_after(found(session_id), paid=True))
