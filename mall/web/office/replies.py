"""Canned replies at the desk: those the shop keeps, in both languages; made, renamed, switched off."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, StringField, TextAreaField

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import consultation
from mall.web.shared.done import done_or_gone
from mall.web.shared.forms import Form, at_most, one_line
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import LANGUAGES

from .fields import texts_of

bp = Blueprint("replies", __name__, url_prefix="/questions/replies")


class ReplyForm(Form):
    """A reply in every language; one is enough."""

    name_en = StringField(_l("Name in English"), [at_most(consultation.LONGEST_REPLY_NAME)], filters=[one_line])
    name_zh = StringField(_l("Name in Chinese"), [at_most(consultation.LONGEST_REPLY_NAME)], filters=[one_line])
    words_en = TextAreaField(_l("Reply in English"), [at_most(consultation.LONGEST_SHOP_ANSWER)])
    words_zh = TextAreaField(_l("Reply in Chinese"), [at_most(consultation.LONGEST_SHOP_ANSWER)])
    active = BooleanField(_l("Offered in answers"))


@bp.get("")
def index() -> str:
    """List the canned replies."""
    with reading():
        rows = consultation.canned_replies()
    return render_template("office/replies/index.html", rows=rows)


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Keep one more reply."""
    form = ReplyForm(active=True)
    return reply_page(form, None)


@bp.route("/<int:reply_id>", methods=["GET", "POST"])
def edit(reply_id: int):
    """Rename a reply, write it anew, or offer it no more."""
    with reading():
        row = consultation.canned_reply(reply_id)
    stored = {f"{name}_{code}": getattr(row, name).get(code, "") for name in ("name", "words") for code in LANGUAGES}
    return reply_page(ReplyForm(data={"active": row.active} | stored), row)


def reply_page(form: ReplyForm, row: Any):
    """Save what was typed, or render the form."""
    refusal: Refusal | None = None
    if form.validate_on_submit():
        texts = (texts_of(form, "name", LANGUAGES), texts_of(form, "words", LANGUAGES))
        by, at = person().actor, now()
        try:
            if row is None:
                done_or_gone(consultation.make_reply, *texts, by=by, at=at)
            else:
                done_or_gone(consultation.change_reply, row.id, *texts, active=form.active.data, by=by, at=at)
        except Refusal as no:
            if no.field:
                form.refuse(no, at=no.field)
            else:
                refusal = no
        else:
            flash(_("The reply is saved."))
            return redirect(url_for("office.replies.index"), 303)
    return form_page(
        "office/replies/edit.html", refused=request.method == "POST", refusal=refusal, form=form, reply=row
    )
