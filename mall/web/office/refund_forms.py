"""The forms of refunds at the desk: what is refunded and why, and what becomes of one the cashier refused."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from mall.base.db import reading
from mall.domain import aftersales, checkout
from mall.web.shared.forms import Form, at_most, one_line
from mall.web.shared.pieces import asking_for_pieces, pieces_in
from mall.web.shared.texts import sentence

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


def refuse_shelf(form: RefundForm, plan: aftersales.Plan) -> bool:
    """Say at each line of which more would go on the shelf than comes back of what was sent. Returns whether any."""
    sent = {each.line.line: each.to_come for each in plan.lines}
    for line, count in pieces_in(form, name="shelf").items():
        if count > sent.get(line, 0):
            field = form[f"shelf-{line}"]
            field.errors = [*field.errors, _("Of these, %(sent)s were sent and come back.", sent=sent.get(line, 0))]
    return bool(form.errors)
