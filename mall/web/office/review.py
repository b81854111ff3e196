"""An order in review: what came beside what was agreed, and the two ways out - accept it, or give everything back."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectChoice, StringField
from wtforms.validators import DataRequired, InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.money import money_text
from mall.domain import aftersales, checkout, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, one_line
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import language, sentence

bp = Blueprint("review", __name__, url_prefix="/orders")

ACCEPT, GIVE_BACK = "accept", "give_back"


class ReviewForm(Form):
    """What is decided about an order in review, and why."""

    decision = RadioField(_l("What happens"), [InputRequired(_l("Choose what happens to the order."))])
    restock = BooleanField(_l("Goods that were sent are back and can be sold again"))
    reason = StringField(
        _l("Reason"),
        [DataRequired(_l("Say why, so that others can follow the decision.")), at_most(300)],
        filters=[one_line],
    )

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.decision.choices = [
            SelectChoice(ACCEPT, _("Accept what came")),
            SelectChoice(GIVE_BACK, _("Give everything back")),
        ]


@bp.get("/<number>/review")
def show(number: str):
    """Show what came beside what was agreed, before anything is decided."""
    return review_page(number, ReviewForm(formdata=None))


@bp.post("/<number>/review")
def decide(number: str):
    """Decide about an order in review, once what it does has been shown."""
    form = ReviewForm()
    sound = form.validate_on_submit()
    if not sound or "confirm" not in request.form:
        return review_page(number, form, confirming=sound and "back" not in request.form)
    accepting = form.decision.data == ACCEPT
    restock = {} if accepting else {"restock": form.restock.data}
    try:
        done_once(
            aftersales.accept if accepting else aftersales.give_back,
            checkout.id_of(number),
            reason=form.reason.data,
            shown=request.form.get("shown", ""),
            by=person().actor,
            terms=layout.terms(),
            at=now(),
            **restock,
        )
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        return review_page(number, form, confirming=isinstance(refusal, aftersales.ReviewChanged), refusal=refusal)
    flash(
        _("Order %(number)s is accepted as it is.", number=number)
        if accepting
        else _("Order %(number)s: everything goes back. The member has been told.", number=number)
    )
    return redirect(url_for("office.orders.show", number=number), 303)


def review_page(number: str, form: ReviewForm, *, confirming: bool = False, refusal: Refusal | None = None):
    """Render the review: first the choice and its reason, then what exactly it does, to be confirmed.

    An order that is not in review any more leads to its page, which tells how it stands.
    """
    with reading():
        seen = checkout.order_page(number)
        member = people.member_of(seen.order.member_id)
        try:
            review = aftersales.review_of(seen.order)
        except aftersales.NotInReview as moved_on:
            flash(sentence(moved_on), "warn")
            return redirect(url_for("office.orders.show", number=number), 303)
    why = next((event.said for event in reversed(seen.events) if event.kind == "review"), None)
    return form_page(
        "office/orders/review.html",
        refused=bool(form.errors),
        refusal=refusal,
        seen=seen,
        order=seen.order,
        member=member,
        review=review,
        why=why,
        form=form,
        confirming=confirming,
        accepting=form.decision.data == ACCEPT,
        words_of_cash=cash_words,
        sent=checkout.part_sent(seen.lines),
    )


def cash_words(cents: int, currency: str) -> str:
    """Return cash in the currency it came in."""
    return money_text(cents, currency, language())
