"""A member's questions: asking about an item, what the shop answered, and writing once more."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, TextAreaField
from wtforms.validators import InputRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.text import N_
from mall.domain import catalogue, consultation, earning, people
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, fresh_key
from mall.web.shared.questions import question_words
from mall.web.shared.signing_in import count_or_refuse, form_page, me, members_only
from mall.web.shared.task_words import given_words

bp = Blueprint("questions", __name__, url_prefix="/member/questions")
bp.before_request(members_only)

# So many texts to the shop a member may send in so long; what the form itself refuses is not counted.
WRITTEN_BY_MEMBER = people.Limit("question-member", 20, timedelta(hours=1))


class WordsForm(Form):
    """What a member writes. `key` is the form's own, so that what is sent twice is written once."""

    key = HiddenField()
    words = TextAreaField(
        _l("Your question"),
        [InputRequired(_l("Write what you would like to know.")), at_most(consultation.LONGEST_QUESTION)],
    )

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.key.data = (self.key.data or fresh_key())[:64]


@bp.get("")
def index() -> str:
    """List the member's questions and how each stands."""
    with reading():
        rows = consultation.questions_by(me())
    return render_template("store/questions/index.html", rows=[(row, question_words(row.state)) for row in rows])


@bp.get("/about/<slug>")
def ask(slug: str):
    """Ask about an item: the form."""
    return ask_page(slug, WordsForm(formdata=None))


@bp.post("/about/<slug>")
def send(slug: str):
    """Send a question to the shop. Sent twice, it is asked once."""
    form, item = WordsForm(), item_of(slug)
    if not form.validate_on_submit():
        return ask_page(slug, form)
    try:
        count_or_refuse(WRITTEN_BY_MEMBER, str(me()))
        asked = done_once(
            consultation.ask, me(), item.product.id, words=form.words.data, key=str(form.key.data),
            terms=layout.terms(), at=now(),
        )  # fmt: skip
    except Refusal as refusal:
        return ask_page(slug, form, refusal=shown_at(form, refusal))
    flash(_("We have your question, and write to you as soon as it is answered."))
    return redirect(url_for(".show", question_id=asked.row.id), 303)


@bp.get("/<int:question_id>")
def show(question_id: int):
    """Show a question whole: everything that was written to and fro."""
    return question_page(question_id, WordsForm(formdata=None))


@bp.post("/<int:question_id>")
def follow_up(question_id: int):
    """Write once more to a question. Sent twice, it is written once."""
    mine(question_id)
    form = WordsForm()
    if not form.validate_on_submit():
        return question_page(question_id, form)
    member_id, terms, at = me(), layout.terms(), now()

    def unit() -> tuple[earning.Reward, ...]:
        written = consultation.follow_up(
            question_id, member_id=member_id, words=form.words.data, key=str(form.key.data), terms=terms, at=at
        )
        if not written.follows_answer:
            return ()
        return earning.question_followed_up(member_id, question_id=question_id, terms=terms, at=at)

    try:
        count_or_refuse(WRITTEN_BY_MEMBER, str(member_id))
        rewards = done_once(unit)
    except Refusal as refusal:
        return question_page(question_id, form, refusal=shown_at(form, refusal))
    flash(" ".join(part for part in (_("We have it, and write to you."), given_words(rewards)) if part))
    return redirect(url_for(".show", question_id=question_id), 303)


def shown_at(form: WordsForm, refusal: Refusal) -> Refusal | None:
    """Put a refusal at its field and return nothing, or return it where it is about no field."""
    if isinstance(refusal, NotFound):
        raise refusal
    if not refusal.field:
        return refusal
    form.refuse(refusal, at=refusal.field)
    return None


def item_of(slug: str) -> catalogue.Item:
    """Return the item asked about, as far as the member may see it. Raises NotFound."""
    with reading():
        return catalogue.item(slug, layout.viewer(), terms=layout.terms(), at=now())


def mine(question_id: int) -> Any:
    """Return a question of the member. Raises NotFound."""
    with reading():
        row = consultation.question_of(question_id)
    if row.member_id != me():
        raise NotFound(N_("There is no such question."))
    return row


def ask_page(slug: str, form: WordsForm, *, refusal: Refusal | None = None):
    """Render the form to ask. With a refusal or a form that was not in order the answer is 422."""
    item = item_of(slug)
    return form_page(
        "store/questions/ask.html",
        refused=bool(form.errors),
        refusal=refusal,
        form=form,
        product=item.product,
        picture=item.pictures[0] if item.pictures else None,
        longest=consultation.LONGEST_QUESTION,
    )


def question_page(question_id: int, form: WordsForm, *, refusal: Refusal | None = None):
    """Render a question. With a refusal or a form that was not in order the answer is 422."""
    question = mine(question_id)
    with reading():
        messages = consultation.thread(question_id)
    form.words.label.text = _("Write once more")
    return form_page(
        "store/questions/show.html",
        refused=bool(form.errors),
        refusal=refusal,
        form=form,
        question=question,
        messages=messages,
        state=question_words(question.state),
        open=question.state in consultation.OPEN,
        longest=consultation.LONGEST_QUESTION,
    )
