"""The item editor: make an item, change what it is, put it on the shelf and take it off."""

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from wtforms.validators import Optional

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import fresh_key
from mall.web.shared.signing_in import form_page, person

from .coupon_pages import own_key
from .item_forms import KINDS, ItemForm, ScheduleForm, VariantForm, new_variant_form, seen_version
from .item_page import item_page
from .prices import FORM_WORDS, currency_sign, members_will_see
from .shelving import say_delisted, say_listed

bp = Blueprint("editor", __name__, url_prefix="/")


@bp.route("/new", methods=["GET", "POST"])
def new():
    """Make a new item, as a draft: its words, its first variant with SKU, prices and stock."""
    form = ItemForm()
    first = new_variant_form()
    if request.method == "GET":
        form.key.data = fresh_key()
    sound = [form.validate_on_submit(), first.validate_on_submit()]
    if all(sound) and "preview" not in request.form:
        try:
            made = _made_before(form, first)
        except Refusal as refusal:
            form.place(refusal)
            sound = [False]
        else:
            if made is not None:
                return redirect(url_for("office.catalogue.editor.show", product_id=made))
    if request.method == "POST" and "preview" not in request.form:
        sound.append(not _mark_all(form, first))
    if all(sound) and "preview" not in request.form:
        terms = layout.terms()
        try:
            product_id = done_once(
                catalogue.make_item,
                first=first.details(),
                key=own_key(form),
                kind=form.kind.data,
                **form.details(),
                terms=terms,
                by=person().actor,
                at=now(),
            )
        except Refusal as refusal:
            (first if first.takes(refusal) else form).place(refusal)
        else:
            flash(_("The item is made, as a draft. Add a picture, then list it."))
            return redirect(url_for("office.catalogue.editor.show", product_id=product_id))
    previewing = "preview" in request.form and first.validate()
    return form_page(
        "office/catalogue/new.html",
        refused=request.method == "POST" and not previewing,
        form=form,
        variant=first,
        will_see=members_will_see(first.typed_prices(), kind=form.kind.data) if previewing else None,
        kind_words=KINDS,
        form_words=FORM_WORDS,
        currency_sign=currency_sign(),
    )


def _made_before(form: ItemForm, first: VariantForm) -> int | None:
    """Return the id of the item that the same form has made, or None. Raises repeats.SentOtherwise."""
    with reading():
        return catalogue.made_with(
            own_key(form), first=first.details(), kind=form.kind.data, by=person().actor, **form.details()
        )


def _mark_all(form: ItemForm, first: VariantForm) -> bool:
    """Put everything that is wrong with a new item at its field, in the same round. Returns whether anything is."""
    with reading():
        faults = catalogue.faults_of_item(
            first=first.details(), kind=form.kind.data, terms=layout.terms(), **form.details()
        )
    for fault in faults:
        (first if first.takes(fault) else form).place(fault)
    return bool(faults)


@bp.route("/<int:product_id>", methods=["GET", "POST"])
def show(product_id: int):
    """Show an item whole, and change what it is."""
    if request.method == "GET":
        return item_page(product_id)
    form = ItemForm()
    # The kind is chosen once; nothing that is sent along changes it.
    form.kind.validators, form.kind.validate_choice = [Optional()], False
    if not form.validate_on_submit():
        return item_page(product_id, form=form)
    try:
        done_or_gone(
            catalogue.edit_product,
            product_id,
            terms=layout.terms(),
            by=person().actor,
            at=now(),
            seen_version=seen_version(form),
            **form.details(),
        )
    except catalogue.ChangedMeanwhile as refusal:
        return item_page(product_id, form=form, refusal=refusal)
    except Refusal as refusal:
        form.place(refusal)
        return item_page(product_id, form=form)
    flash(_("Saved. Orders already placed are not affected."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/listing")
def put_on_shelf(product_id: int):
    """Put one item on the shelf now."""
    try:
        changed = done_once(catalogue.list_products, [product_id], terms=layout.terms(), by=person().actor, at=now())
    except catalogue.NotReady as refusal:
        return item_page(product_id, refusal=refusal)
    say_listed(changed, [product_id])
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/delisting")
def take_off_shelf(product_id: int):
    """Take one item off the shelf now."""
    with reading():
        listed = catalogue.states_of([product_id], at=now()).get(product_id) == "listed"
    changed = done_once(catalogue.delist_products, [product_id], by=person().actor, at=now())
    say_delisted(changed, [product_id] if listed else [])
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)


@bp.post("/<int:product_id>/schedule")
def plan(product_id: int):
    """Let an item come on the shelf, and leave it, by itself."""
    form = ScheduleForm()
    if form.validate_on_submit() and form.listed_from.data is None:
        form.listed_from.errors = [_("Say when it is to be listed.")]
    if form.errors:
        return item_page(product_id, schedule=form)
    try:
        done_or_gone(
            catalogue.schedule,
            [product_id],
            listed_from=form.listed_from.data,
            listed_until=form.listed_until.data,
            terms=layout.terms(),
            by=person().actor,
            at=now(),
        )
    except catalogue.NotReady as refusal:
        return item_page(product_id, schedule=form, refusal=refusal)
    except Refusal as refusal:
        form.refuse(refusal, at="listed_until")
        return item_page(product_id, schedule=form)
    flash(_("The dates are set. The item comes and goes by itself."))
    return redirect(url_for("office.catalogue.editor.show", product_id=product_id), 303)
