"""Pictures of an item: upload, describe, put in order, remove."""

from flask import Blueprint, current_app, flash, redirect, url_for
from flask_babel import gettext as _

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound, Refusal
from mall.domain import catalogue
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.signing_in import person
from mall.web.shared.texts import LANGUAGES

from .fields import texts_of
from .item_forms import PictureForm, seen_version
from .item_page import item_page

bp = Blueprint("pictures", __name__, url_prefix="/")


@bp.post("/<int:product_id>/pictures")
def add(product_id: int):
    """Give an item another picture, read with suspicion and written anew."""
    with reading():
        catalogue.desk_item(product_id, terms=layout.terms(), at=now())
    form = PictureForm()
    if not form.validate_on_submit():
        return item_page(product_id, picture=form)
    alt = texts_of(form, "alt", LANGUAGES)
    if not any(alt.values()):
        form.refuse(catalogue.AltMissing(), at="alt_en")
    folder = current_app.config["UPLOADS_DIR"]
    prepared = None
    if not form.picture.data:
        form.picture.errors = [_("Choose a picture to upload.")]
    else:
        try:
            prepared = catalogue.prepare_picture(form.picture.data.read(), folder=folder)
        except catalogue.BadPicture as refusal:
            form.refuse(refusal, at="picture")
    if form.errors or prepared is None:
        if prepared is not None:
            catalogue.discard(prepared.name, folder=folder)
        return item_page(product_id, picture=form)
    try:
        done_once(
            catalogue.add_picture,
            product_id,
            prepared,
            alt=alt,
            by=person().actor,
            at=now(),
            seen_version=seen_version(form),
        )
    except Refusal as refusal:
        catalogue.discard(prepared.name, folder=folder)
        if isinstance(refusal, NotFound):
            raise
        with reading():
            form.seen_version.data = str(
                catalogue.desk_item(product_id, terms=layout.terms(), at=now()).product.version
            )
        form.refuse(refusal, at="picture")
        return item_page(product_id, picture=form)
    flash(_("The picture is added."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/pictures/<int:picture_id>")
def describe(product_id: int, picture_id: int):
    """Say in other words what a picture shows."""
    of_item(product_id, picture_id)
    form = PictureForm(prefix=f"p{picture_id}-")
    if form.validate_on_submit():
        try:
            done_once(
                catalogue.describe_picture, picture_id, texts_of(form, "alt", LANGUAGES), by=person().actor, at=now()
            )
        except catalogue.AltMissing as refusal:
            form.refuse(refusal, at="alt_en")
    if form.errors:
        return item_page(product_id, alt=(picture_id, form))
    flash(_("Saved."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/pictures/<int:picture_id>/front")
def bring_forward(product_id: int, picture_id: int):
    """Show a picture one place earlier; the first stands on the item's card."""
    ids = of_item(product_id, picture_id)
    place = ids.index(picture_id)
    if place:
        ids[place - 1], ids[place] = ids[place], ids[place - 1]
        try:
            done_once(catalogue.order_pictures, product_id, ids, by=person().actor, at=now())
        except Refusal as refusal:
            return item_page(product_id, refusal=refusal)
    flash(_("The pictures are in their new order."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/pictures/<int:picture_id>/removal")
def remove(product_id: int, picture_id: int):
    """Take a picture off its item. Pressed twice, the second press finds it gone."""
    with reading():
        item = catalogue.desk_item(product_id, terms=layout.terms(), at=now())
    if picture_id in {picture.id for picture in item.pictures}:
        try:
            file = done_once(catalogue.remove_picture, picture_id, by=person().actor, at=now())
        except catalogue.NoSuchPicture:
            file = None
        if file:
            catalogue.discard(file, folder=current_app.config["UPLOADS_DIR"])
    flash(_("The picture is gone."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


def of_item(product_id: int, picture_id: int) -> list[int]:
    """Return the ids of an item's pictures in their order. Raises NoSuchPicture where this is none of them."""
    with reading():
        item = catalogue.desk_item(product_id, terms=layout.terms(), at=now())
    ids = [picture.id for picture in item.pictures]
    if picture_id not in ids:
        raise catalogue.NoSuchPicture()
    return ids
