"""Reviews at the desk: what waits to be looked at, what looks farmed; publish, reject, answer, take down."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, TextAreaField

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.domain import aftersales, catalogue, checkout, insight, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most
from mall.web.shared.numbers import whole
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.reviews import picture_of, state_words
from mall.web.shared.signing_in import form_page, person

from .actors import actor_words, know_as
from .adjustments import own_member_id

bp = Blueprint("reviews", __name__, url_prefix="/reviews")

PER_PAGE = 25
LONGEST_WORDS = 500


class DecisionForm(Form):
    """Whether a review is shown; `revision` is the text that was read."""

    revision = HiddenField()
    reason = TextAreaField(_l("To the member: why it is not shown"), [at_most(LONGEST_WORDS)])


class ReplyForm(Form):
    """What the shop says to it, for everybody to read."""

    reply = TextAreaField(_l("The shop's reply"), [at_most(LONGEST_WORDS)])


@bp.get("")
def index() -> str:
    """List the reviews of a queue; those that wait, the longest waiting first."""
    queue, page = request.args.get("queue", aftersales.WAITING), page_number()
    if queue not in insight.REVIEW_QUEUES:
        queue = aftersales.WAITING
    with reading():
        found = insight.reviews_in(queue, page=page, per_page=PER_PAGE)
        queues = insight.review_queues()
    names = {
        aftersales.WAITING: _("To look at"),
        insight.SUSPICIOUS: _("Same text again"),
        aftersales.PUBLISHED: _("Published"),
        aftersales.REJECTED: _("Rejected"),
        aftersales.TAKEN_DOWN: _("Taken down"),
    }
    return render_template(
        "office/reviews/index.html",
        found=found,
        tabs=[
            {"text": text, "href": url_for(".index", queue=key), "current": key == queue, "count": queues[key].count}
            for key, text in names.items()
        ],
        waits=insight.REVIEW_QUEUES[queue] == aftersales.WAITING,
        page=page,
        pages=pages_of(found.total, PER_PAGE),
        per_page=PER_PAGE,
        state_words=state_words,
    )


@bp.get("/<int:review_id>")
def show(review_id: int):
    """Show a review whole: what it says of what, whether the same was said before, and what can be done."""
    return review_page(review_id)


@bp.post("/<int:review_id>/publication")
def publish(review_id: int):
    """Show a review to everybody."""
    form = DecisionForm()
    return did(
        aftersales.publish_review, review_id, _("It is published. The member has been told."), form, decision=form,
        revision=whole(form.revision.data or "") or 0, own_member_id=own_member_id(), terms=layout.terms(),
    )  # fmt: skip


@bp.post("/<int:review_id>/rejection")
def reject(review_id: int):
    """Show a review to nobody, with a sentence to its member."""
    form = DecisionForm()
    return did(
        aftersales.reject_review, review_id, _("It is not shown. The member has been told why."), form, decision=form,
        revision=whole(form.revision.data or "") or 0, reason=form.reason.data or "", own_member_id=own_member_id(),
    )  # fmt: skip


@bp.post("/<int:review_id>/removal")
def take_down(review_id: int):
    """Show a published review no longer, with a sentence to its member."""
    form = DecisionForm()
    return did(
        aftersales.take_review_down, review_id, _("It is no longer shown. The member has been told why."), form,
        decision=form, reason=form.reason.data or "", own_member_id=own_member_id(), terms=layout.terms(),
    )  # fmt: skip


@bp.post("/<int:review_id>/reply")
def reply(review_id: int):
    """Put the shop's reply under a review, or take it away."""
    form = ReplyForm()
    return did(
        aftersales.reply_to_review, review_id, _("The reply is saved."), form, answer=form, words=form.reply.data or ""
    )


@bp.get("/<int:review_id>/pictures/<int:position>")
def picture(review_id: int, position: int) -> Response:
    """Send a picture of a review."""
    with reading():
        review = aftersales.product_review(review_id)
    return picture_of(review, position, size=max(catalogue.SIZES))


def did(
    verb: Callable[..., Any],
    review_id: int,
    done: str,
    form: Form,
    *,
    decision: DecisionForm | None = None,
    answer: ReplyForm | None = None,
    **given: Any,
):
    """Do something to a review and go back to its page; a refusal is shown there, with all that was typed."""
    if not form.validate_on_submit():
        return review_page(review_id, decision=decision, answer=answer)
    try:
        done_once(verb, review_id, by=person().actor, at=now(), **given)
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        if refusal.field:
            form.refuse(refusal, at=refusal.field)
            return review_page(review_id, decision=decision, answer=answer)
        return review_page(review_id, decision=decision, answer=answer, refusal=refusal)
    flash(done)
    return redirect(url_for(".show", review_id=review_id), 303)


def review_page(
    review_id: int,
    *,
    decision: DecisionForm | None = None,
    answer: ReplyForm | None = None,
    refusal: Refusal | None = None,
):
    """Render a review. With a refusal or a form that was not in order the answer is 422."""
    with reading():
        review = aftersales.product_review(review_id)
        member = people.member_of(review.member_id)
        alike = aftersales.alike(review)
    know_as(member.id, member.display_name)
    state = review.state
    return form_page(
        "office/reviews/show.html",
        refused=any(form is not None and form.errors for form in (decision, answer)),
        refusal=refusal,
        review=review,
        number=checkout.number_of(review.order_id),
        member=member,
        author=people.first_name_of(member.display_name),
        alike=alike,
        state=state_words(state),
        decided_by=actor_words(review.decided_by) if review.decided_by else "",
        waits=state == aftersales.WAITING,
        published=state == aftersales.PUBLISHED,
        refunded=review.refunded >= review.quantity,
        decision=decision or DecisionForm(formdata=None),
        answer=answer or ReplyForm(formdata=None, data={"reply": review.reply}),
        sent=decision or answer,
    )
