"""Questions at the desk: which waits longest and comes first, who asks, and what the shop answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.text import local
from mall.domain import consultation, insight, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, fresh_key
from mall.web.shared.numbers import whole
from mall.web.shared.paging import page_number, pages_of
from mall.web.shared.questions import question_words
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import local as in_my_words

from .actors import actor_words, know_as
from .adjustments import own_member_id
from .dashboard import age_words

bp = Blueprint("questions", __name__, url_prefix="/questions")

PER_PAGE = 25


class AnswerForm(Form):
    """What the shop answers. `revision` is what was read, `key` the form's own; `reply` is one to put in."""

    key = HiddenField()
    revision = HiddenField()
    words = TextAreaField(_l("Answer"), [at_most(consultation.LONGEST_SHOP_ANSWER)])
    reply = SelectField(_l("Canned reply"), validate_choice=False)

    def __init__(self, *, replies: Any = (), **given: Any) -> None:
        super().__init__(**given)
        self.reply.choices = [SelectChoice(str(each.id), in_my_words(each.name)) for each in replies]
        self.key.data = (self.key.data or fresh_key())[:64]


class ClosingForm(Form):
    """Why a question is closed."""

    revision = HiddenField()
    reason = TextAreaField(_l("To the member: why it is closed"), [at_most(consultation.LONGEST_QUESTION)])


class ShownForm(Form):
    """How everybody reads a question and its answer."""

    question = TextAreaField(_l("The question, as everybody reads it"), [at_most(consultation.LONGEST_QUESTION)])
    answer = TextAreaField(_l("The answer, as everybody reads it"), [at_most(consultation.LONGEST_SHOP_ANSWER)])


@bp.get("")
def index() -> str:
    """List the questions of a queue: those of levels that come first, then the longest waiting."""
    terms, at, page = layout.terms(), now(), page_number()
    queue = request.args.get("queue", insight.WAITING_QUESTIONS)
    if queue not in insight.QUESTION_QUEUES:
        queue = insight.WAITING_QUESTIONS
    with reading():
        found = insight.questions_in(queue, terms=terms, at=at, page=page, per_page=PER_PAGE)
        queues = insight.question_queues(terms=terms, at=at)
    names = {
        insight.WAITING_QUESTIONS: _("To answer"),
        insight.OVERDUE_QUESTIONS: _("Overdue"),
        consultation.ANSWERED: _("Answered"),
        consultation.CLOSED: _("Closed"),
        insight.PUBLISHED_QUESTIONS: _("On item pages"),
    }
    return render_template(
        "office/questions/index.html",
        found=found,
        tabs=[
            {"text": text, "href": url_for(".index", queue=key), "current": key == queue, "count": queues[key].count}
            for key, text in names.items()
        ],
        rows=[(row, waiting_words(row, terms=terms, at=at), question_words(row.state)) for row in found.rows],
        first=lambda rank: insight.comes_first(rank, terms),
        hours=terms.answer_within_hours,
        terms=terms,
        page=page,
        pages=pages_of(found.total, PER_PAGE),
        per_page=PER_PAGE,
    )


@bp.get("/<int:question_id>")
def show(question_id: int):
    """Show a question whole, who asks beside it, and what can be done."""
    return question_page(question_id)


@bp.post("/<int:question_id>/draft")
def draft(question_id: int):
    """Put a canned reply into the answer, in the member's language, below what is typed already."""
    form = AnswerForm()
    with reading():
        question = consultation.question_of(question_id)
        language = people.member_of(question.member_id).language
        offered = {str(each.id): each for each in consultation.canned_replies(offered=True)}
    if reply := offered.get(form.reply.data or ""):
        form.words.data = "\n\n".join(part for part in (form.words.data, local(reply.words, language)) if part)
    return question_page(question_id, answer=form, put_in=True)


@bp.post("/<int:question_id>/answers")
def answer(question_id: int):
    """Answer a question; the member is told. Sent twice, it is answered once."""
    form = AnswerForm()
    return did(
        consultation.answer, question_id, _("It is answered. The member has been told."), form, {"answer": form},
        words=form.words.data or "", revision=whole(form.revision.data or "") or 0, key=str(form.key.data),
    )  # fmt: skip


@bp.post("/<int:question_id>/closure")
def close(question_id: int):
    """Close a question, with a sentence to its member."""
    form = ClosingForm()
    return did(
        consultation.close_question, question_id, _("It is closed. The member has been told why."), form,
        {"closing": form}, reason=form.reason.data or "", revision=whole(form.revision.data or "") or 0,
    )  # fmt: skip


@bp.post("/<int:question_id>/publication")
def publish(question_id: int):
    """Show a question and its answer on the page of its item, or change how they read."""
    form = ShownForm()
    return did(
        consultation.publish_question, question_id, _("Everybody reads it on the page of the item."), form,
        {"shown": form}, question=form.question.data or "", answer=form.answer.data or "",
    )  # fmt: skip


@bp.post("/<int:question_id>/withdrawal")
def withdraw(question_id: int):
    """Show a published question no longer."""
    return did(consultation.withdraw_question, question_id, _("It is no longer shown."), Form(), {})


def did(verb: Callable[..., Any], question_id: int, done: str, form: Form, sent: dict[str, Any], **given: Any):
    """Do something to a question and go back to its page; a refusal is shown there, with all that was typed."""
    if not form.validate_on_submit():
        return question_page(question_id, **sent)
    try:
        done_once(verb, question_id, by=person().actor, at=now(), **given)
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        if refusal.field:
            form.refuse(refusal, at=refusal.field)
            return question_page(question_id, **sent)
        return question_page(question_id, refusal=refusal, **sent)
    flash(done)
    return redirect(url_for(".show", question_id=question_id), 303)


def question_page(
    question_id: int,
    *,
    answer: AnswerForm | None = None,
    closing: ClosingForm | None = None,
    shown: ShownForm | None = None,
    refusal: Refusal | None = None,
    put_in: bool = False,
):
    """Render a question. With a refusal or a form that was not in order the answer is 422."""
    terms, at = layout.terms(), now()
    with reading():
        question = consultation.question_of(question_id)
        messages = consultation.thread(question_id)
        asker = insight.asker(question.member_id, at=at)
        replies = consultation.canned_replies(offered=True)
    know_as(asker.member.id, asker.member.display_name)
    answers = [each.words for each in messages if each.side == consultation.BY_SHOP]
    filled = {"question": question.shown_question or messages[0].words,
              "answer": question.shown_answer or (answers[-1] if answers else "")}  # fmt: skip
    form = answer or AnswerForm(formdata=None)
    form.reply.choices = [SelectChoice(str(each.id), in_my_words(each.name)) for each in replies]
    # Read again, the page is of what is written by now.
    form.revision.data = str(question.revision)
    sent = answer or closing or shown
    return form_page(
        "office/questions/show.html",
        refused=not put_in and bool(sent and sent.errors),
        refusal=refusal,
        question=question,
        messages=[(each, actor_words(each.written_by)) for each in messages],
        closed_by=actor_words(question.closed_by) if question.closed_by else "",
        asker=asker,
        author=people.first_name_of(asker.member.display_name),
        first=insight.comes_first(asker.member.rank, terms),
        waits=waiting_words(question, terms=terms, at=at),
        state=question_words(question.state),
        open=question.state in consultation.OPEN,
        own=own_member_id() == question.member_id,
        terms=terms,
        answered=bool(answers),
        answer=form,
        replies=replies,
        closing=closing or ClosingForm(formdata=None),
        shown=shown or ShownForm(formdata=None, data=filled),
        sent=None if put_in else sent,
    )


def waiting_words(row: Any, *, terms: Any, at: Any) -> tuple[str, bool] | None:
    """Return how long a question has waited, and whether that is too long; None where it does not wait."""
    if row.waits_since is None:
        return None
    late = (at - row.waits_since).total_seconds() >= terms.answer_within_hours * 3600
    if at - row.waits_since < timedelta(hours=1):
        return _("just now"), late
    return age_words(row.waits_since, at=at), late
