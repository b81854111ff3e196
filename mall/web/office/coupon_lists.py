"""A coupon or a pack for many members from a file: what it would do is shown line by line, then it is done."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf.file import FileField
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.base.sheets import FileChanged
from mall.domain import coupons
from mall.web.shared import layout
from mall.web.shared.forms import Form, at_most, fresh_key, one_line
from mall.web.shared.signing_in import form_page, person

from .coupon_pages import own_key

bp = Blueprint("lists", __name__, url_prefix="/")

MOST_SHOWN = 500


class ListForm(Form):
    """A file of members, and why they are given something; once shown, it is sent along with the confirmation.

    `key` makes a file that is confirmed twice one giving.
    """

    key = HiddenField()
    text = HiddenField()
    file = FileField(_l("CSV file"))
    reason = StringField(_l("Reason"), [DataRequired(_l("Say why.")), at_most(200)], filters=[one_line])


@bp.get("/<int:template_id>/list")
def show(template_id: int):
    """Ask for a file of members."""
    return list_page(template_id, ListForm(formdata=None, data={"key": fresh_key()}))


@bp.post("/<int:template_id>/list")
def give(template_id: int):
    """Show line by line what a file does, then do it. Confirmed twice, or the same file again, gives nothing new."""
    form = ListForm()
    if not form.validate_on_submit():
        return list_page(template_id, form)
    data = (form.text.data or "").encode()
    if form.file.data:
        data = form.file.data.read(coupons.LARGEST_LIST + 1)
    try:
        lines = coupons.read_list(data)
    except Refusal as refusal:
        form.refuse(refusal, at="file")
        return list_page(template_id, form)
    key = own_key(form)
    with reading():
        plan = coupons.plan_list(template_id, lines, by=person().actor, at=now())
        begun = coupons.list_begun(key)
    text = data.decode("utf-8-sig")
    shown = request.form.get("shown", "")
    expected = plan.fingerprint if begun is None else begun.shown
    if "confirm" not in request.form or shown != expected:
        if begun is not None:
            form.key.data = fresh_key()
        changed = FileChanged() if "confirm" in request.form else None
        return list_page(template_id, form, plan=plan, text=text, refusal=changed)
    try:
        given = coupons.give_list(
            plan,
            key=key,
            shown=shown,
            terms=layout.terms(),
            by=person().actor,
            at=now(),
            reason=form.reason.data or "",
        )
    except Refusal as refusal:
        return list_page(template_id, form, plan=plan, text=text, refusal=refusal)
    flash(ngettext("%(num)s member has it. They are told.", "%(num)s members have it. They are told.", given))
    return redirect(url_for("office.coupons.show", template_id=template_id), 303)


def list_page(
    template_id: int,
    form: ListForm,
    *,
    plan: coupons.ListPlan | None = None,
    text: str = "",
    refusal: Refusal | None = None,
):
    """Render the page of a file: to choose it, or what it does, to be confirmed."""
    with reading():
        template = coupons.template_of(template_id)
    shown: list[Any] = []
    if plan is not None:
        # What is wrong first: that is what somebody has to look at.
        shown = sorted(plan.lines, key=lambda each: (each.why is None, each.does != coupons.HAS, each.line.row))
    return form_page(
        "office/coupons/list.html",
        refused=bool(form.errors),
        refusal=refusal,
        form=form,
        made=template,
        plan=plan,
        shown=shown[:MOST_SHOWN],
        more=max(0, len(shown) - MOST_SHOWN),
        text=text,
        most_lines=coupons.MOST_LINES,
    )
