"""Kinds of coupon at the desk, packs among them: made, changed and shown alike, whatever is in them."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from wtforms import Form as WtForm

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import coupons
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import fresh_key
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import form_page, person

from .actors import actor_words
from .coupon_forms import CodesForm, SellForm
from .scoped_forms import NamedForm


def own_key(form: WtForm) -> str:
    """Return the key of a form as it is kept: nobody else's form has it."""
    return f"{person().id}:{form.key.data}"[:64]


Faults = Callable[..., list[Refusal]]


def make(form: NamedForm, verb: Callable[..., int], page: str, *, faults: Faults, done: str, **more: Any):
    """Make a kind of coupon by a verb, then show it; else the form again, with all of its faults. Twice, it is one."""
    if request.method == "GET":
        form.key.data = fresh_key()
    if form.validate_on_submit():
        try:
            made = done_once(verb, key=own_key(form), **form.details(), **more, by=person().actor, at=now())
        except Refusal as refusal:
            form.place(refusal)
        else:
            flash(done)
            return redirect(url_for("office.coupons.show", template_id=made))
    if request.method == "POST":
        with reading():
            form.mark(faults(**form.details(), **more, at=now()))
    return form_page(page, refused=request.method == "POST", form=form)


def save(
    form: NamedForm,
    verb: Callable[..., Any],
    template_id: int,
    *,
    faults: Faults,
    again: Callable[..., Any],
    **more: Any,
):
    """Change a coupon by a verb; where that is refused, its page `again` with what was typed, and all faults."""

    def refused():
        with reading():
            form.mark(faults(**form.details(), **more, at=now()))
        return again(template_id, form=form)

    if not form.validate_on_submit():
        return refused()
    seen_version = whole(form.seen_version.data) or 0
    try:
        done_or_gone(
            verb, template_id, seen_version=seen_version, **form.details(), **more, by=person().actor, at=now()
        )
    except (coupons.TemplateChanged, coupons.PackChanged) as refusal:
        return again(template_id, form=form, refusal=refusal)
    except Refusal as refusal:
        form.place(refusal)
        return refused()
    flash(_("Saved."))
    return redirect(url_for("office.coupons.show", template_id=template_id), 303)


def kind_page(
    page: str,
    made: Any,
    *,
    form: NamedForm,
    sent: NamedForm | None,
    codes: CodesForm | None,
    sale: SellForm | None,
    refusal: Refusal | None,
    **shown: Any,
):
    """Render the page of a kind of coupon; a form that was `sent` as it was typed, with what is wrong."""
    with reading():
        given, used = coupons.given_and_used(made.id)
        batches = coupons.batches_of(made.id)
        selling = coupons.products_selling(made.id)
        items = coupons.coupon_products()
    if codes is None:
        codes = CodesForm(formdata=None, data={"key": fresh_key()})
    sale = sale or SellForm(formdata=None)
    sale.offer(items, selling)
    return form_page(
        page,
        refused=bool(form.errors or codes.errors or sale.errors),
        refusal=refusal,
        sent=sent or (codes if codes.errors else sale if sale.errors else None),
        form=form,
        made=made,
        given=given,
        used=used,
        codes=codes,
        batches=batches,
        sale=sale,
        selling=selling,
        actor_words=actor_words,
        **shown,
    )
