"""Packs at the desk: several coupons that are given together. Codes, items and withdrawing are those of any coupon."""

import secrets

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import coupons
from mall.web.shared import layout
from mall.web.shared.coupons import contents_words, terms_words, worth_words
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.numbers import whole
from mall.web.shared.signing_in import form_page, person

from .actors import actor_words
from .coupon_forms import CodesForm, PackForm, PackSaidForm, SellForm, pack_form_for

bp = Blueprint("packs", __name__, url_prefix="/packs")


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Make a pack."""
    form = PackForm()
    if request.method == "GET":
        form.key.data = secrets.token_urlsafe(12)
    if form.validate_on_submit():
        try:
            pack_id = done_once(
                coupons.make_pack,
                key=f"{person().id}:{form.key.data}"[:64],
                **form.details(),
                by=person().actor,
                at=now(),
            )
        except Refusal as refusal:
            form.place(refusal)
        else:
            flash(_("The pack is made. Give it to members, make codes, or let an item give it."))
            return redirect(url_for("office.coupons.show", template_id=pack_id))
    return form_page("office/packs/new.html", refused=request.method == "POST", form=form)


@bp.post("/<int:pack_id>")
def edit(pack_id: int):
    """Change a pack: when and how often it is given, and what is in it as long as nobody has it."""
    with reading():
        coupons.pack_of(pack_id)
        form = PackSaidForm() if coupons.is_given(pack_id) else PackForm()
    if not form.validate_on_submit():
        return pack_page(pack_id, form=form)
    try:
        done_or_gone(
            coupons.edit_pack,
            pack_id,
            seen_version=whole(form.seen_version.data) or 0,
            **form.details(),
            by=person().actor,
            at=now(),
        )
    except coupons.PackChanged as refusal:
        return pack_page(pack_id, form=form, refusal=refusal)
    except Refusal as refusal:
        form.place(refusal)
        return pack_page(pack_id, form=form)
    flash(_("Saved."))
    return redirect(url_for("office.coupons.show", template_id=pack_id), 303)


def pack_page(
    pack_id: int,
    *,
    form: PackSaidForm | None = None,
    codes: CodesForm | None = None,
    sale: SellForm | None = None,
    refusal: Refusal | None = None,
):
    """Render the page of a pack; a form that was sent as it was typed, with what is wrong."""
    at, terms = now(), layout.terms()
    with reading():
        pack = coupons.pack_of(pack_id)
        contents = coupons.parts_of([pack_id]).get(pack_id, [])
        given, used = coupons.given_and_used(pack_id)
        frozen = coupons.is_given(pack_id)
        batches = coupons.batches_of(pack_id)
        selling = coupons.products_selling(pack_id)
        items = coupons.coupon_products()
    if codes is None:
        codes = CodesForm(formdata=None, data={"key": secrets.token_urlsafe(12)})
    sale = sale or SellForm(formdata=None)
    sale.offer(items, selling)
    return form_page(
        "office/packs/show.html",
        refused=bool((form and form.errors) or codes.errors or sale.errors),
        refusal=refusal,
        sent=form or (codes if codes.errors else sale if sale.errors else None),
        form=form or pack_form_for(pack, contents, given=frozen),
        made=pack,
        state=coupons.state_of(pack, at),
        inside=", ".join(contents_words(contents)),
        contents=[
            {
                "row": each,
                "worth": " ".join(worth_words(each)),
                "terms": ", ".join(terms_words(each, terms)),
                "gone": coupons.state_of(each, at) in ("withdrawn", "over"),
            }
            for each in contents
        ],
        given=given,
        used=used,
        frozen=frozen,
        codes=codes,
        batches=batches,
        sale=sale,
        selling=selling,
        actor_words=actor_words,
    )
