"""Returns: a member chooses what goes back, why, and for what; sees what it brings, confirms, and follows it."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import MultipleFileField
from wtforms import RadioField, SelectChoice, SelectField, TextAreaField
from wtforms.validators import InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import aftersales, catalogue, checkout, membership
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most
from mall.web.shared.pieces import asking_for_pieces, fields_of, pieces_in, refuse_pieces
from mall.web.shared.returns import picture_of, pictures_folder, state_words
from mall.web.shared.signing_in import form_page, me, members_only

from .sent_pictures import prepare_sent

bp = Blueprint("returns", __name__, url_prefix="/orders/<number>/returns")
bp.before_request(members_only)

LONGEST_WORDS = 500


class ReturnForm(Form):
    """What goes back, for what, and why. Pictures come with the confirmation."""

    wish = RadioField(_l("What would you like?"), default=aftersales.FOR_REFUND)
    reason = SelectField(_l("Why does it go back?"), [InputRequired(_l("Choose why it goes back."))])
    words = TextAreaField(_l("What happened?"), [at_most(LONGEST_WORDS)])
    pictures = MultipleFileField(_l("Pictures: JPEG, PNG or WebP"))

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.wish.choices = [
            SelectChoice(aftersales.FOR_REFUND, _("Money and points back")),
            SelectChoice(aftersales.FOR_EXCHANGE, _("The same again")),
        ]
        reasons = reason_words()
        self.reason.choices = [SelectChoice("", _("Choose"))] + [
            SelectChoice(key, reasons[key]) for key in aftersales.RETURN_REASONS
        ]


@bp.get("/new")
def consider(number: str):
    """Ask what goes back and why."""
    form = return_form(number, formdata=None)
    if not fields_of(form):
        with reading():
            order = checkout.order_of(checkout.id_of(number), member_id=me())
        flash(_("Nothing of order %(number)s can be returned now.", number=checkout.number_of(order.id)), "warn")
        return redirect(url_for("store.orders.show", number=number))
    return return_form_page(number, form)


@bp.post("/new")
def ask(number: str):
    """Show what a return brings, then ask for it. Pressed twice, it is asked for once."""
    form = return_form(number)
    sound = form.validate_on_submit()
    if sound and "confirm" in request.form:
        return confirmed(number, form)
    return return_form_page(number, form, confirming=sound and "back" not in request.form)


@bp.get("/<int:return_id>")
def show(number: str, return_id: int):
    """Show a return: where it stands, what is in it, what came of it."""
    return shown(number, return_id)


@bp.post("/<int:return_id>/withdrawal")
def withdraw(number: str, return_id: int):
    """Take a return back: the goods are kept."""
    my_return(number, return_id)
    try:
        row = done_once(aftersales.withdraw_return, return_id, member_id=me(), at=now())
    except aftersales.ReturnMoved as refusal:
        return shown(number, return_id, refusal=refusal)
    flash(
        _("The exchange is withdrawn. You keep the goods.")
        if row.wish == aftersales.FOR_EXCHANGE
        else _("The return is withdrawn. You keep the goods.")
    )
    return redirect(url_for("store.returns.show", number=number, return_id=return_id), 303)


@bp.get("/<int:return_id>/pictures/<int:position>")
def picture(number: str, return_id: int, position: int) -> Response:
    """Send a picture that the member sent along."""
    return picture_of(my_return(number, return_id), position)


def confirmed(number: str, form: ReturnForm):
    """Ask for a return that was shown, or show what it has become. Its pictures are read before anything is done."""
    prepared: list[catalogue.Prepared] = []
    files = form.pictures.data or []
    try:
        if len(files) > aftersales.MOST_PICTURES:
            raise aftersales.TooManyReturnPictures(most=aftersales.MOST_PICTURES)
        prepare_sent(files, into=prepared, folder=pictures_folder())
        row, new = asked_for(number, form, prepared)
    except (catalogue.BadPicture, aftersales.TooManyReturnPictures) as refusal:
        discard(prepared)
        form.refuse(refusal, at="pictures")
        return return_form_page(number, form, confirming=True)
    except (aftersales.TooManyPieces, aftersales.NothingChosen):
        discard(prepared)
        return return_form_page(number, form, confirming=True)
    except Refusal as refusal:
        discard(prepared)
        if isinstance(refusal, NotFound):
            raise
        return return_form_page(number, form, confirming=True, refusal=refusal)
    if not new:
        discard(prepared)
    if row.state == aftersales.ADVANCED:
        flash(_("It is refunded at once. Please send the goods soon."))
    else:
        flash(_("We have what you ask for, and write to you as soon as somebody has looked at it."))
    return redirect(url_for("store.returns.show", number=number, return_id=row.id), 303)


def asked_for(number: str, form: ReturnForm, prepared: list[catalogue.Prepared]) -> tuple[Any, bool]:
    """Ask for what a form wants: the money back, or the same again. Returns (the return, whether it is new)."""
    order_id, wanted = (
        checkout.id_of(number),
        {
            "member_id": me(),
            "pieces": pieces_in(form),
            "reason": form.reason.data,
            "words": form.words.data or "",
            "pictures": prepared,
            "shown": request.form.get("shown", ""),
            "terms": layout.terms(),
            "at": now(),
        },
    )
    if form.wish.data == aftersales.FOR_EXCHANGE:
        return done_once(aftersales.ask_exchange, order_id, **wanted)
    return done_once(aftersales.ask_return, order_id, level=my_level(), **wanted)


def return_form(number: str, **given: Any) -> ReturnForm:
    """Return the form of a return: it asks for pieces of the lines of which there are some. Raises NotFound.

    Whether so many can still go back says the return itself, so that one that is pressed twice is answered as the
    first.
    """
    with reading():
        seen = checkout.order_page(number, member_id=me())
        left = {}
        if aftersales.returnable(seen.order, at=now()):
            left = aftersales.pieces_to_return(seen.order.id, seen.lines)
    sent = {line.line: line.shipped for line in seen.lines if not line.digital}
    most = left if request.method == "GET" else sent
    filled = {line: count for line, count in left.items() if len(left) == 1 and count == 1}
    return asking_for_pieces(ReturnForm, seen.lines, most, filled=filled)(**given)


def return_form_page(number: str, form: ReturnForm, *, confirming: bool = False, refusal: Refusal | None = None):
    """Render a return before it is asked for: first what and why, then what exactly it brings, to be confirmed."""
    plan, left, again = None, {}, form.wish.data == aftersales.FOR_EXCHANGE
    with reading():
        seen = checkout.order_page(number, member_id=me())
        if aftersales.returnable(seen.order, at=now()):
            left = aftersales.pieces_to_return(seen.order.id, seen.lines)
        if confirming:
            try:
                plan = plan_of(seen.order, form)
            except aftersales.NoReason as other:
                form.refuse(other, at="reason")
            except (aftersales.TooManyPieces, aftersales.NothingChosen) as nothing:
                refuse_pieces(form, nothing)
            except (aftersales.NotReturnable, aftersales.NotRefundable) as not_now:
                refusal = refusal or not_now
    lines = {f"pieces-{line.line}": line for line in seen.lines}
    return form_page(
        "store/returns/new.html",
        refused=bool(form.errors),
        refusal=refusal,
        number=number,
        order=seen.order,
        form=form,
        plan=plan,
        again=again,
        pieces=[
            (each, lines[each.name], left.get(lines[each.name].line, 0))
            for each in fields_of(form)
            if left.get(lines[each.name].line) or each.errors
        ],
        sent=[(each.name, each.data or "0") for each in fields_of(form)],
        reason_words=reason_words().get(form.reason.data or "", ""),
        missing=form.reason.data == aftersales.MISSING,
        most_pictures=aftersales.MOST_PICTURES,
    )


def plan_of(order: Any, form: ReturnForm) -> aftersales.ReturnPlan | aftersales.ExchangePlan:
    """Return what a form would bring: the refund, or the same again."""
    wanted = {"pieces": pieces_in(form), "reason": form.reason.data, "at": now()}
    if form.wish.data == aftersales.FOR_EXCHANGE:
        return aftersales.plan_exchange(order, **wanted)
    return aftersales.plan_return(order, level=my_level(), terms=layout.terms(), **wanted)


def shown(number: str, return_id: int, *, refusal: Refusal | None = None):
    """Render a return's page."""
    page, plan = my_return(number, return_id), None
    with reading():
        collected = checkout.is_collected(page.order)
        if page.row.state == aftersales.APPROVED and page.row.wish == aftersales.FOR_REFUND:
            with suppress(Refusal):  # Where it cannot be refunded as it stands, the desk sees why.
                plan = aftersales.plan_receipt(page, terms=layout.terms(), at=now())
    return form_page(
        "store/returns/show.html",
        refusal=refusal,
        number=number,
        page=page,
        state=state_words(page.row.state, wish=page.row.wish),
        again=page.row.wish == aftersales.FOR_EXCHANGE,
        unsettled=page.row.state in aftersales.UNSETTLED,
        plan=plan,
        reason_words=reason_words()[page.row.reason],
        missing=page.row.reason == aftersales.MISSING,
        lapses_at=aftersales.lapses_at(page.row.decided_at, terms=layout.terms())
        if page.row.state == aftersales.APPROVED
        else None,
        to_send=page.row.state in (aftersales.APPROVED, aftersales.ADVANCED),
        collected=collected,
        to_fetch=collected and page.row.state in aftersales.TO_SEND,
    )


def my_return(number: str, return_id: int) -> aftersales.ReturnPage:
    """Return a return of the member's order with this number; any other is not there. Raises NotFound."""
    order_id = checkout.id_of(number)
    with reading():
        page = aftersales.return_page(return_id, member_id=me())
    if page.row.order_id != order_id:
        raise NotFound(N_("There is no such return."))
    return page


def my_level():
    """Return the member's level: it says up to what a return is refunded at once."""
    with reading():
        return membership.standing(me(), terms=layout.terms(), at=now()).level


def reason_words() -> dict[str, str]:
    """Return what the reasons of a return are called to the one who chooses among them."""
    return {
        "changed_mind": _("I changed my mind"),
        "damaged": _("It is damaged"),
        "wrong_item": _("It is not what I ordered"),
        "missing": _("It was not in the parcel"),
    }


def discard(prepared: list[catalogue.Prepared]) -> None:
    """Remove the files of pictures that belong to no return."""
    for each in prepared:
        catalogue.discard(each.name, folder=pictures_folder())
