"""Variants of an item: add, change and retire them, and set what they cost."""

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.signing_in import person

from .item_forms import VariantForm, new_variant_form, prefix_of
from .item_page import item_page

bp = Blueprint("variants", __name__, url_prefix="/")


@bp.post("/<int:product_id>/variants")
def add(product_id: int):
    """Give an item another variant."""
    form = new_variant_form()
    if not form.validate_on_submit():
        return item_page(product_id, added=form)
    try:
        done_or_gone(
            catalogue.add_variant, product_id, **form.details(), terms=layout.terms(), by=person().actor, at=now()
        )
    except Refusal as refusal:
        form.place(refusal)
        return item_page(product_id, added=form)
    flash(_("The variant is added."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/variants/<int:variant_id>")
def edit(product_id: int, variant_id: int):
    """Change a variant and its prices; new prices count for orders placed from now on."""
    of_item(product_id, variant_id)
    form = VariantForm(prefix=prefix_of(variant_id))
    form.variant_id = variant_id
    if not form.validate_on_submit():
        return item_page(product_id, variant=form)
    if "preview" in request.form:
        return item_page(product_id, variant=form, preview=True)
    try:
        done_once(
            catalogue.revise_variant,
            variant_id,
            sku=form.sku.data,
            title=form.titles(),
            prices=form.typed_prices(),
            terms=layout.terms(),
            by=person().actor,
            at=now(),
        )
    except Refusal as refusal:
        form.place(refusal)
        return item_page(product_id, variant=form)
    flash(_("Saved. New prices count for orders placed from now on."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/variants/<int:variant_id>/retirement")
def retire(product_id: int, variant_id: int):
    """Take a variant out of the shop for good."""
    with reading():
        if catalogue.product_of(variant_id) != product_id:
            raise catalogue.NoSuchVariant()
    try:
        done_once(catalogue.retire_variant, variant_id, by=person().actor, at=now())
    except catalogue.VariantInUse as refusal:
        return item_page(product_id, refusal=refusal)
    flash(_("The variant is out of the shop. Orders go on naming it."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


def of_item(product_id: int, variant_id: int) -> None:
    """Raise NoSuchVariant unless an item has this variant, not retired."""
    with reading():
        item = catalogue.desk_item(product_id, terms=layout.terms(), at=now())
    if variant_id not in {each.row.id for each in item.variants}:
        raise catalogue.NoSuchVariant()
