"""The codes of an item: what its pools hold, uploading a file after a dry run, withdrawing faulty ones.

Nobody here sees a code. Between the dry run and its confirmation the codes wait in the form itself, sealed.
"""

import json
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf.file import FileField
from wtforms import SelectChoice, SelectField, StringField, TextAreaField

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.base.seals import BrokenSeal, seal, unseal
from mall.domain import catalogue
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, at_most, one_line
from mall.web.shared.moves import order_number
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import local
from mall.web.shared.texts import number as number_words

from .actors import actor_words

bp = Blueprint("codes", __name__, url_prefix="/")

# Codes that were looked through wait so long for being confirmed.
WAITS = timedelta(hours=1)
SEALED_FOR = "mall office codes to upload v1"
MOST_SHOWN = 20


class UploadForm(Form):
    """Codes that came: a file of them, or typed lines."""

    variant_id = SelectField(_l("Variant"), coerce=int)
    file = FileField(_l("CSV file, one code in each row"))
    lines = TextAreaField(_l("Or the codes themselves, one a line"))
    note = StringField(_l("Delivery note"), [at_most(200)], filters=[one_line])


class WithdrawForm(Form):
    """Codes that turned out faulty, and why they leave the pool."""

    variant_id = SelectField(_l("Variant"), coerce=int)
    upload_id = SelectField(_l("Which"), coerce=int)
    lines = TextAreaField(_l("The faulty codes, one a line"))
    reason = StringField(_l("Reason"), [at_most(200)], filters=[one_line])


@bp.get("/<int:product_id>/codes")
def show(product_id: int):
    """Show what the pools of an item hold."""
    return codes_page(product_id)


@bp.post("/<int:product_id>/codes/check")
def check(product_id: int):
    """Look codes through and say what uploading them would do. Nothing is kept yet."""
    form = upload_form(product_id)
    if not form.validate_on_submit():
        return codes_page(product_id, upload=form)
    try:
        typed = _typed(form)
        with reading():
            found = catalogue.look_through(form.variant_id.data, typed.codes)
    except NotFound:
        raise
    except Refusal as refusal:
        form.refuse(refusal, at=refusal.field if refusal.field in form else "")
        return codes_page(product_id, upload=form)
    return codes_page(product_id, upload=form, found=found, typed=typed)


@bp.post("/<int:product_id>/codes")
def upload(product_id: int):
    """Put codes that were looked through into their pool. Sent twice, they are there once."""
    try:
        waiting = json.loads(unseal(request.form.get("codes", ""), purpose=SEALED_FOR, within=WAITS))
    except BrokenSeal:
        form = upload_form(product_id, formdata=None)
        form.form_errors.append(_("Nothing was added: the codes waited too long. Choose the file once more."))
        return codes_page(product_id, upload=form)
    if waiting["variant"] not in {each.row.id for each in _item(product_id).variants}:
        raise catalogue.NoSuchVariant()
    try:
        added = done_once(
            catalogue.upload_codes,
            waiting["variant"],
            waiting["codes"],
            note=waiting["note"],
            by=person().actor,
            at=now(),
        )
    except catalogue.NothingNew:
        flash(_("All of these codes are in the pool already. Nothing was added."), "info")
    else:
        flash(ngettext("%(num)s code is in the pool.", "%(num)s codes are in the pool.", added))
    return redirect(url_for("office.catalogue.codes.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/codes/withdrawal")
def withdraw(product_id: int):
    """Take faulty codes out of the pool for good."""
    form = withdraw_form(product_id)
    if not form.validate_on_submit():
        return codes_page(product_id, withdrawal=form)
    whole = form.upload_id.data or None
    try:
        codes = () if whole else catalogue.read_codes(form.lines.data or "", field="lines").codes
        done = done_once(
            catalogue.withdraw_codes,
            form.variant_id.data,
            codes=codes,
            upload_id=whole,
            reason=form.reason.data or "",
            by=person().actor,
            at=now(),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        form.refuse(refusal, at=refusal.field if refusal.field in form else "lines")
        return codes_page(product_id, withdrawal=form)
    for words in _words_of(done):
        flash(words, "info" if not done.withdrawn else "ok")
    return redirect(url_for("office.catalogue.codes.show", product_id=product_id), 303)


def upload_form(product_id: int, **given: Any) -> UploadForm:
    """Return the form that takes codes for a variant of an item. Raises NotFound."""
    form = UploadForm(**given)
    form.variant_id.choices = _variants(product_id)
    return form


def withdraw_form(product_id: int, **given: Any) -> WithdrawForm:
    """Return the form that takes codes out of the pool of a variant of an item. Raises NotFound."""
    item, form = _item(product_id), WithdrawForm(prefix="w-", **given)
    form.variant_id.choices = _variants(product_id)
    with reading():
        uploads = catalogue.uploads_of([each.row.id for each in item.variants])
    form.upload_id.choices = [SelectChoice(0, _("Those I write here"))] + [
        SelectChoice(each.id, _("All free ones of upload %(number)s", number=each.id)) for each in uploads if each.free
    ]
    return form


def codes_page(
    product_id: int,
    *,
    upload: UploadForm | None = None,
    withdrawal: WithdrawForm | None = None,
    found: catalogue.Findings | None = None,
    typed: catalogue.Typed | None = None,
):
    """Render the pools of an item; a form that was sent as it was typed, with what is wrong."""
    item = _item(product_id)
    with reading():
        pools = [(each, catalogue.pool_of(each.row.id)) for each in item.variants]
        uploads = catalogue.uploads_of([each.row.id for each in item.variants])
    sealed_codes = ""
    if upload is not None and typed is not None and found is not None and found.new:
        words = {"variant": upload.variant_id.data, "codes": typed.codes, "note": upload.note.data or ""}
        sealed_codes = seal(json.dumps(words, ensure_ascii=False), purpose=SEALED_FOR)
    sent = [form for form in (upload, withdrawal) if form is not None and (form.errors or form.form_errors)]
    return form_page(
        "office/catalogue/codes.html",
        refused=bool(sent),
        item=item,
        product=item.product,
        pools=pools,
        uploads=uploads,
        titles={each.row.id: local(each.row.title) or each.row.sku for each in item.variants},
        several=len(item.variants) > 1,
        upload=upload or upload_form(product_id, formdata=None),
        withdrawal=withdrawal or withdraw_form(product_id, formdata=None),
        sent=sent[0] if sent else None,
        found=found,
        typed=typed,
        sealed_codes=sealed_codes,
        most=catalogue.MOST_CODES,
        most_kb=catalogue.MOST_BYTES // 1024,
        most_shown=MOST_SHOWN,
        actor_words=actor_words,
    )


def _item(product_id: int) -> catalogue.DeskItem:
    """Return an item that is delivered as codes. Raises NotFound for any other."""
    with reading():
        item = catalogue.desk_item(product_id, terms=layout.terms(), at=now())
    if item.product.kind != "code":
        raise catalogue.NoSuchProduct()
    return item


def _variants(product_id: int) -> list[SelectChoice]:
    return [SelectChoice(each.row.id, local(each.row.title) or each.row.sku) for each in _item(product_id).variants]


def _typed(form: UploadForm) -> catalogue.Typed:
    """Return the codes of the file, or of what was typed. Raises NotText, TooManyCodes, NoCodes."""
    if form.file.data:
        content = form.file.data.read(catalogue.MOST_BYTES + 1)
        return catalogue.read_codes(catalogue.read_code_file(content), field="file")
    return catalogue.read_codes(form.lines.data or "", field="lines")


def _words_of(done: catalogue.Withdrawal) -> list[str]:
    """Return in words what came of withdrawing codes."""
    words = []
    if done.withdrawn:
        words.append(ngettext("%(num)s code has left the pool.", "%(num)s codes have left the pool.", done.withdrawn))
    if done.issued:
        names = [order_number(reference) or reference for reference in sorted(done.issued)[:MOST_SHOWN]]
        words.append(
            _(
                "Issued already: %(count)s. Refund these orders instead: %(orders)s",
                count=number_words(sum(done.issued.values())),
                orders=", ".join(names),
            )
        )
    if done.unknown:
        words.append(_("Not in this pool: %(count)s.", count=number_words(done.unknown)))
    return words
