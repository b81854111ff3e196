"""Points to cash: a member asks, sees how each request stands, and may take back the one that waits."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import cash_outs, ledger
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import Form, Whole, at_most, fresh_key, one_line
from mall.web.shared.signing_in import form_page, me, members_only

bp = Blueprint("cash_out", __name__, url_prefix="/wallet/cash")
bp.before_request(members_only)

LARGEST = 10**15


class CashOutForm(Form):
    """How many points, and whose account the money goes to. `key` makes a form that is sent twice one request."""

    key = HiddenField()
    points = Whole(_l("Points"), [InputRequired(_l("Enter how many points."))])
    payee = StringField(
        _l("Whose account it is"),
        [DataRequired(_l("Enter the name as the bank knows it.")), at_most(cash_outs.LONGEST_PAYEE)],
        filters=[one_line],
    )
    account = StringField(
        _l("Account number or IBAN"), [DataRequired(_l("Enter the account number.")), at_most(60)], filters=[one_line]
    )

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.key.data = self.key.data or fresh_key()


@bp.route("", methods=["GET", "POST"])
def index():
    """Show what points give and the requests so far, and take another one."""
    form, terms, at = CashOutForm(), layout.terms(), now()
    offer = cash_outs.offer_of(terms)
    refusal: Refusal | None = None
    if form.validate_on_submit():
        try:
            done_once(
                cash_outs.ask,
                me(),
                min(max(form.points.data or 0, 0), LARGEST),
                payee=form.payee.data,
                account=form.account.data,
                key=f"{me()}:{form.key.data}"[:120],
                terms=terms,
                at=at,
            )
        except ledger.InsufficientPoints as short:
            form.refuse(short, at="points")
        except Refusal as no:
            if no.field:
                form.refuse(no, at=no.field)
            else:
                refusal = no
        else:
            flash(_("Asked. The points are held until we have decided."))
            return redirect(url_for("store.cash_out.index"), 303)
    with reading():
        requests = cash_outs.cash_outs_of(me())
        balances = ledger.balances(me(), at=at)
    return form_page(
        "store/cash_out/index.html",
        refused=request.method == "POST",
        refusal=refusal,
        form=form,
        offer=offer,
        requests=requests,
        balances=balances,
        waits=any(each.state == cash_outs.ASKED for each in requests),
    )


@bp.post("/<int:cash_out_id>/withdrawal")
def withdraw(cash_out_id: int) -> Response:
    """Take a request back while it waits."""
    try:
        done_or_gone(cash_outs.withdraw, me(), cash_out_id, terms=layout.terms(), at=now())
    except cash_outs.NotWaiting:
        flash(_("It was decided meanwhile: see how it stands."), "info")
    else:
        flash(_("Withdrawn. The points are yours again."))
    return redirect(url_for("store.cash_out.index"), 303)
