"""After-sales at the desk: the queue of returns, one return, approve, decline, take in goods, refund or exchange."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.domain import aftersales, catalogue, checkout, insight, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.pieces import asking_for_pieces, fields_of, pieces_in
from mall.web.shared.returns import picture_of, state_words
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import sentence

from .actors import actor_words, know_as
from .parcel_forms import ParcelForm

bp = Blueprint("aftersales", __name__, url_prefix="/aftersales")

PER_PAGE = 25
LONGEST_WORDS = 500


class AnswerForm(Form):
    """What the member is told."""

    words = TextAreaField(_l("To the member"), [at_most(LONGEST_WORDS)])


class ReceiptForm(Form):
    """What came back: of each line so many pieces go on the shelf, the rest is written off."""


@bp.get("")
def index():
    """List the returns of a queue, the longest waiting first."""
    queue, page = request.args.get("queue", "to_decide"), page_number()
    if queue not in insight.RETURN_QUEUES:
        queue = "to_decide"
    with reading():
        found = insight.returns_in(queue, page=page, per_page=PER_PAGE)
        queues = insight.return_queues()
    names = {
        "to_decide": _("To decide"),
        "goods_awaited": _("Goods awaited"),
        "to_send": _("Replacement to send"),
        "ended": _("Ended"),
    }
    return render_template(
        "office/aftersales/index.html",
        found=found,
        tabs=[
            {
                "text": text,
                "href": url_for("office.aftersales.index", queue=key),
                "current": key == queue,
                "count": queues[key].count,
            }
            for key, text in names.items()
        ],
        queue=queue,
        page=page,
        pages=pages_of(found.total, PER_PAGE),
        per_page=PER_PAGE,
        number_of=checkout.number_of,
        state_words=state_words,
        reason_of=reason_of,
    )


@bp.get("/<int:return_id>")
def show(return_id: int):
    """Show one return whole: what goes back and why, what it refunds, what can be done."""
    return return_page(return_id)


@bp.post("/<int:return_id>/approval")
def approve(return_id: int):
    """Let the goods be sent back. Of an exchange the new ones are set aside."""
    form = AnswerForm()
    if not form.validate_on_submit():
        return return_page(return_id, answer=form)
    done = _("It is approved. The member has been told to send the goods.")
    return did(aftersales.approve_return, return_id, done, answer=form, words=form.words.data or "")


@bp.post("/<int:return_id>/decline")
def decline(return_id: int):
    """Decline a return, with a sentence to the member."""
    form = AnswerForm()
    if not form.validate_on_submit():
        return return_page(return_id, answer=form)
    return did(
        aftersales.decline_return,
        return_id,
        _("The return is declined. The member has been told why."),
        of_exchange=_("The exchange is declined. The member has been told why."),
        answer=form,
        words=form.words.data or "",
    )


@bp.post("/<int:return_id>/receipt")
def receive(return_id: int):
    """Take in the goods, and refund them as it was shown."""
    form = receipt_form(return_id)
    if not form.validate_on_submit():
        return return_page(return_id, receipt=form)
    return did(
        aftersales.receive_return,
        return_id,
        _("The goods are in. The member has been told."),
        receipt=form,
        shelved=pieces_in(form, name="shelf"),
        shown=request.form.get("shown", ""),
        terms=layout.terms(),
    )


@bp.post("/<int:return_id>/waiver")
def waive(return_id: int):
    """Refund without the goods, as it was shown, or exchange without them."""
    form = AnswerForm()
    if not form.validate_on_submit():
        return return_page(return_id, answer=form)
    return did(
        aftersales.waive_return,
        return_id,
        _("It goes on without the goods. The member has been told."),
        answer=form,
        words=form.words.data or "",
        shown=request.form.get("shown", ""),
        terms=layout.terms(),
    )


@bp.post("/<int:return_id>/replacement")
def send(return_id: int):
    """Send the new ones of an exchange: a parcel, or over the counter."""
    with reading():
        collected = checkout.is_collected(aftersales.return_page(return_id).order)
    form = ParcelForm(formdata=None) if collected else ParcelForm()
    if not collected and not form.validate_on_submit():
        return return_page(return_id, parcel=form)
    try:
        done_once(
            aftersales.send_replacement,
            return_id,
            carrier=form.carrier.data or "",
            tracking=form.tracking.data or "",
            by=person().actor,
            at=now(),
        )
    except checkout.AnotherParcel as refusal:
        form.refuse(refusal, at="tracking")
        return return_page(return_id, parcel=form)
    except Refusal as refusal:
        return return_page(return_id, parcel=form, refusal=refusal)
    flash(
        _("The replacement was handed over. The member has been told.")
        if collected
        else _("The replacement is on its way. The member has been told.")
    )
    return redirect(url_for("office.aftersales.show", return_id=return_id), 303)


@bp.post("/<int:return_id>/offer")
def offer(return_id: int):
    """Offer the money back instead of an exchange."""
    form = AnswerForm()
    if not form.validate_on_submit():
        return return_page(return_id, answer=form)
    return did(
        aftersales.offer_money,
        return_id,
        _("The money is offered instead. The member has been told."),
        answer=form,
        words=form.words.data or "",
        terms=layout.terms(),
    )


@bp.post("/<int:return_id>/payment")
def pay(return_id: int):
    """Refund an exchange whose new ones cannot be sent, as it was shown."""
    form = AnswerForm()
    if not form.validate_on_submit():
        return return_page(return_id, answer=form)
    return did(
        aftersales.pay_exchange,
        return_id,
        _("The exchange is refunded. The member has been told."),
        answer=form,
        words=form.words.data or "",
        shown=request.form.get("shown", ""),
        terms=layout.terms(),
    )


@bp.get("/<int:return_id>/pictures/<int:position>")
def picture(return_id: int, position: int) -> Response:
    """Send a picture that the member sent along."""
    with reading():
        page = aftersales.return_page(return_id)
    return picture_of(page, position)


def did(
    verb: Callable[..., Any],
    return_id: int,
    done: str,
    *,
    of_exchange: str = "",
    answer: AnswerForm | None = None,
    receipt: ReceiptForm | None = None,
    **given: Any,
):
    """Do something to a return and go back to its page; a refusal is shown there, with all that was typed.

    `of_exchange` is said of an exchange instead of what is said when it is done.
    """
    try:
        row = done_once(verb, return_id, by=person().actor, at=now(), **given)
    except aftersales.NoSentence as refusal:
        assert answer is not None, "only an answer is without its sentence"
        answer.refuse(refusal, at="words")
        return return_page(return_id, answer=answer)
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        return return_page(return_id, answer=answer, receipt=receipt, refusal=refusal)
    flash(of_exchange if of_exchange and row.wish == aftersales.FOR_EXCHANGE else done)
    return redirect(url_for("office.aftersales.show", return_id=return_id), 303)


def receipt_form(return_id: int, **given: Any) -> ReceiptForm:
    """Return the form that asks how many pieces of each line are sound, all of them filled in. Raises NotFound."""
    with reading():
        page = aftersales.return_page(return_id)
    asking = asking_for_pieces(ReceiptForm, page.lines, page.pieces, name="shelf", filled=page.pieces, needed=True)
    return asking(**given)


def return_page(
    return_id: int,
    *,
    answer: AnswerForm | None = None,
    receipt: ReceiptForm | None = None,
    parcel: ParcelForm | None = None,
    refusal: Refusal | None = None,
):
    """Render a return. With a refusal or a form that was not in order the answer is 422."""
    plan, hindrance = None, None
    with reading():
        page = aftersales.return_page(return_id)
        member = people.member_of(page.row.member_id)
        collected = checkout.is_collected(page.order)
        free: dict[int, int] = {}
        if page.row.wish == aftersales.FOR_EXCHANGE and page.row.state == aftersales.ASKED:
            free = catalogue.free_pieces([line.variant_id for line in page.lines])
        if page.row.state in (*aftersales.OPEN, aftersales.LAPSED):
            try:
                plan = aftersales.plan_receipt(page, terms=layout.terms(), at=now())
            except Refusal as refused:
                hindrance = sentence(refused)
    know_as(member.id, member.display_name)
    state, again = page.row.state, page.row.wish == aftersales.FOR_EXCHANGE
    receipt_now = receipt or receipt_form(return_id, formdata=None)
    return form_page(
        "office/aftersales/show.html",
        refused=any(form is not None and form.errors for form in (answer, receipt, parcel)),
        refusal=refusal,
        page=page,
        free=free,
        number=checkout.number_of(page.order.id),
        member=member,
        state=state_words(state, wish=page.row.wish),
        again=again,
        reason_words=reason_of(page.row.reason),
        decided_by=actor_words(page.row.decided_by) if page.row.decided_by else "",
        plan=plan,
        hindrance=hindrance,
        asked=state == aftersales.ASKED,
        missing=page.row.reason == aftersales.MISSING and state in aftersales.UNSETTLED,
        unsettled=state in aftersales.UNSETTLED,
        to_send=state in aftersales.TO_SEND,
        awaited=state in aftersales.AWAITED,
        refunds=not again or state in (aftersales.LAPSED, *aftersales.TO_SEND),
        after_all=state in (aftersales.WAIVED, aftersales.LAPSED, aftersales.SPARED, aftersales.REPLACED),
        collected=collected,
        parcel=parcel or ParcelForm(formdata=None),
        lapses_at=lapses_at(page.row),
        answer=answer or AnswerForm(formdata=None),
        receipt=receipt_now,
        shelves=fields_of(receipt_now, name="shelf"),
        sent=answer or receipt or parcel,
    )


def lapses_at(row: Any) -> Any:
    """Return when a return that waits for its goods lapses, or None."""
    return aftersales.lapses_at(row.decided_at, terms=layout.terms()) if row.state == aftersales.APPROVED else None


def reason_of(reason: str) -> str:
    """Return what a reason is called at the desk."""
    return sentence(aftersales.REASONS[reason][0])
