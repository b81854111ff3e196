"""The catalogue at the desk: find items, list and delist many at once, set stock in the row."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from msgspec.structs import replace
from werkzeug.datastructures import MultiDict

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue
from mall.web.shared import layout
from mall.web.shared.done import done_once
from mall.web.shared.forms import Form, Whole
from mall.web.shared.numbers import whole
from mall.web.shared.paging import page_number, page_of
from mall.web.shared.signing_in import person
from mall.web.shared.texts import language, sentence
from mall.web.shared.texts import number as number_words

from . import categories, codes, editor, pictures, variants
from .fields import needed, typed_ids
from .item_forms import KINDS
from .item_page import state_words
from .shelving import say_delisted, say_listed, take_undo

bp = Blueprint("catalogue", __name__, url_prefix="/catalogue")
for part in (categories.bp, codes.bp, editor.bp, pictures.bp, variants.bp):
    bp.register_blueprint(part)

PER_PAGE = 25
# What the list may be asked for, by the names in its address.
WISHED = ("q", "tab", "kind", "level", "sort")


class CountForm(Form):
    """How many pieces are on hand."""

    count = Whole(validators=[needed("")])


@bp.get("")
def index():
    """List every item: by words, state and order."""
    return list_page()


@bp.post("/listing")
def put_on_shelf():
    """List the ticked items, all or none."""
    ids, terms = typed_ids("item"), layout.terms()
    if not ids:
        return list_page(problems=[(None, _("Tick the items to list first."))])
    at = now()
    with reading():
        missing = catalogue.missing_to_list(ids, terms=terms, at=at)
    lacking = {product_id: lacks for product_id, lacks in missing.items() if lacks}
    if lacking:
        problems = [(product_id, sentence(lacks[0])) for product_id, lacks in lacking.items()]
        return list_page(ticked=ids, problems=problems, ready=[id_ for id_ in missing if id_ not in lacking])
    try:
        with reading():
            off_shelf = [id_ for id_, state in catalogue.states_of(ids, at=at).items() if state != "listed"]
        changed = done_once(catalogue.list_products, ids, terms=terms, by=person().actor, at=now())
    except catalogue.NotReady as lacks:
        return list_page(ticked=ids, problems=[(lacks.product_id, sentence(lacks))])
    say_listed(changed, off_shelf)
    return redirect(back_to_list(), 303)


@bp.post("/delisting")
def take_off_shelf():
    """Delist the ticked items. Orders already placed are not affected."""
    ids = typed_ids("item")
    if not ids:
        return list_page(problems=[(None, _("Tick the items to delist first."))])
    with reading():
        on_shelf = [id_ for id_, state in catalogue.states_of(ids, at=now()).items() if state == "listed"]
    changed = done_once(catalogue.delist_products, ids, by=person().actor, at=now())
    say_delisted(changed, on_shelf)
    return redirect(back_to_list(), 303)


@bp.post("/stock/<int:variant_id>")
def set_stock(variant_id: int):
    """Set what is on hand of a variant to what was counted; the difference is the move."""
    form = CountForm()
    if not form.validate_on_submit():
        return list_page(stock_error=(variant_id, _("Write how many pieces are on hand, such as 12.")))
    try:
        difference = done_once(catalogue.set_on_hand, variant_id, form.count.data, by=person().actor, at=now())
    except (catalogue.StockSpokenFor, catalogue.BadFigure) as refusal:
        return list_page(stock_error=(variant_id, sentence(refusal)))
    if difference:
        flash(
            _(
                "%(count)s pieces on hand now; the move of %(change)s is written down.",
                count=number_words(form.count.data),
                change=f"{difference:+}",
            )
        )
    else:
        flash(_("That is what was on hand already. Nothing was changed."), "info")
    return redirect(back_to_list(), 303)


def list_page(
    *,
    ticked: Sequence[int] = (),
    problems: Sequence[tuple[int | None, str]] = (),
    ready: Sequence[int] = (),
    stock_error: tuple[int, str] | None = None,
):
    """Render the list. Problems are sentences with the item they are about; `ready` are those without."""
    asked: Any = request.args if request.method == "GET" else list_asked()
    wishes = wishes_of(asked)
    refusal: Refusal | None = None
    at = now()
    with reading():
        try:
            page = _page(wishes, at=at)
        except catalogue.TooManyWords as too_many:
            refusal, page = too_many, _page(replace(wishes, words=""), at=at)
    tab = wishes.tab if wishes.tab in page.counts else "all"
    html = render_template(
        "office/catalogue/index.html",
        page=page,
        tabs=tabs_of(page.counts, asked, current=tab),
        wishes=wishes,
        tab=tab,
        sort=wishes.sort if wishes.sort in catalogue.DESK_SORTS else "title",
        kinds=KINDS,
        sorts=sorts(),
        asked=asked,
        terms=layout.terms(),
        ticked=set(ticked),
        problems=problems,
        ready=ready,
        stock_error=stock_error,
        stock_typed=request.form.get("count", ""),
        undo=take_undo() if request.method == "GET" else None,
        state_words=state_words,
        refusal=refusal,
    )
    return html, 422 if refusal or problems or stock_error else 200


def tabs_of(counts: Mapping[str, int], asked: Any, *, current: str) -> list[dict[str, Any]]:
    """Return the tabs of the list, each with how many items stand in it, what else is asked for kept."""
    names = {
        "all": _("All"),
        "listed": _("Listed"),
        "draft": _("Draft"),
        "scheduled": _("Scheduled"),
        "delisted": _("Delisted"),
        "low_stock": _("Low stock"),
    }
    kept = {name: asked.get(name) or None for name in ("q", "kind", "level", "sort")}
    return [
        {
            "text": text,
            "href": url_for("office.catalogue.index", **kept, tab=key),
            "current": key == current,
            "count": counts[key],
        }
        for key, text in names.items()
    ]


def sorts() -> dict[str, str]:
    """Return the orders of the list, {value: words}."""
    return {
        "title": _("Name"),
        "newest": _("Newest first"),
        "changed": _("Changed last"),
        "stock": _("Least stock"),
        "points": _("Fewest points"),
    }


def list_asked() -> Any:
    """Return the list's own arguments as a form on it sent them along."""
    return MultiDict(
        {name: request.form[f"list_{name}"] for name in (*WISHED, "page") if request.form.get(f"list_{name}")}
    )


def back_to_list() -> str:
    """Return the address of the list as it was when the form was sent."""
    return url_for("office.catalogue.index", **list_asked().to_dict())


def wishes_of(asked: Any) -> catalogue.DeskWishes:
    """Return what is asked of the list; what makes no sense there is not asked."""
    return catalogue.DeskWishes(
        words=asked.get("q", "").strip()[:200],
        tab=asked.get("tab", "all"),
        kind=asked.get("kind") or None,
        level=whole(asked.get("level")),
        sort=asked.get("sort", "title"),
    )


def _page(wishes: catalogue.DeskWishes, *, at: Any) -> catalogue.DeskPage:
    asked_page = page_number() if request.method == "GET" else page_of(request.form.get("list_page"))
    return catalogue.office_list(
        wishes,
        at=at,
        page=asked_page,
        per_page=PER_PAGE,
        language=language(),
    )
