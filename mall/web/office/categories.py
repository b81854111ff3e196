"""Categories: open, rename and order the shop's departments."""

from datetime import datetime

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import Form, at_most, one_line
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import LANGUAGES

from .fields import texts_of

bp = Blueprint("categories", __name__, url_prefix="/categories")


class CategoryForm(Form):
    """What a category is called."""

    title_en = StringField(_l("Name in English"), [at_most(80)], filters=[one_line])
    title_zh = StringField(_l("Name in Chinese"), [at_most(80)], filters=[one_line])


@bp.route("", methods=["GET", "POST"])
def index():
    """List the categories in the shop's order, and open another."""
    form = CategoryForm()
    if not form.validate_on_submit():
        return category_page(form=form if request.method == "POST" else None)
    title = texts_of(form, "title", LANGUAGES)
    try:
        done_once(catalogue.create_category, title, by=person().actor, at=now())
    except Refusal as refusal:
        form.refuse(refusal, at="title_en")
        return category_page(form=form)
    flash(_("The category is open. Put items in it on their pages."))
    return redirect(url_for("office.catalogue.categories.index"), 303)


@bp.post("/<int:category_id>")
def rename(category_id: int):
    """Give a category another name; its address stays."""
    form = CategoryForm(prefix=f"c{category_id}-")
    if not form.validate_on_submit():
        return category_page(renamed=(category_id, form))
    try:
        done_or_gone(
            catalogue.rename_category, category_id, texts_of(form, "title", LANGUAGES), by=person().actor, at=now()
        )
    except Refusal as refusal:
        form.refuse(refusal, at="title_en")
        return category_page(renamed=(category_id, form))
    flash(_("Saved. The address stays as it was."))
    return redirect(url_for("office.catalogue.categories.index"), 303)


@bp.post("/<int:category_id>/front")
def bring_forward(category_id: int):
    """Show a category one place earlier."""
    done_once(move_forward, category_id, by=person().actor, at=now())
    flash(_("The categories are in their new order."))
    return redirect(url_for("office.catalogue.categories.index"), 303)


def move_forward(category_id: int, *, by: str, at: datetime) -> None:
    """Put a category before the one it stands behind. Raises NoSuchCategory."""
    ids = [row.id for row in catalogue.categories()]
    if category_id not in ids:
        raise catalogue.NoSuchCategory()
    place = ids.index(category_id)
    if place:
        ids[place - 1], ids[place] = ids[place], ids[place - 1]
        catalogue.order_categories(ids, by=by, at=at)


def category_page(*, form: CategoryForm | None = None, renamed: tuple[int, CategoryForm] | None = None):
    """Render the categories; a form that was sent as it was typed."""
    with reading():
        rows = catalogue.categories()
    forms = [
        (
            row,
            renamed[1]
            if renamed and renamed[0] == row.id
            else CategoryForm(
                formdata=None,
                prefix=f"c{row.id}-",
                data={f"title_{language}": row.title.get(language, "") for language in LANGUAGES},
            ),
        )
        for row in rows
    ]
    return form_page(
        "office/catalogue/categories.html",
        refused=bool(form or renamed),
        forms=forms,
        form=form or CategoryForm(formdata=None),
        sent=form or (renamed[1] if renamed else None),
    )
