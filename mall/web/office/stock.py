"""Stock: what runs low, the moves of one item, goods that arrive, corrections, counting."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField, SelectChoice, StringField
from wtforms.validators import InputRequired, NumberRange, Optional

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import catalogue, interest
from mall.web.shared import layout
from mall.web.shared.done import done_once, done_or_gone
from mall.web.shared.forms import Form, Whole, at_most, fresh_key, one_line
from mall.web.shared.moves import order_number
from mall.web.shared.numbers import asked
from mall.web.shared.signing_in import form_page, person
from mall.web.shared.texts import number as number_words

from .actors import actor_words
from .fields import needed

bp = Blueprint("stock", __name__, url_prefix="/stock")

MOST_PIECES = 1_000_000
PER_PAGE = 50
BOUNDS = NumberRange(0, MOST_PIECES, _l("Enter a number from 0 to 1,000,000."))
MOVES = {
    "receive": _l("Arrived"),
    "reserve": _l("Reserved for an order"),
    "unreserve": _l("Freed again"),
    "ship": _l("Shipped"),
    "return": _l("Came back"),
    "adjust": _l("Corrected"),
    "stocktake": _l("Counted"),
}


class MoveForm(Form):
    """A move of one variant's stock. `key` makes a form that is sent twice one move."""

    key = HiddenField()
    act = RadioField(
        _l("What happened"),
        [InputRequired(_l("Choose what happened."))],
        choices=[
            SelectChoice("receive", _l("Pieces arrived")),
            SelectChoice("count", _l("I counted what is on hand")),
            SelectChoice("add", _l("Add pieces, for a reason")),
            SelectChoice("take", _l("Take pieces away, for a reason")),
        ],
        default="receive",
    )
    pieces = Whole(_l("Pieces"), [needed(_l("Write how many pieces, such as 12.")), BOUNDS])
    reason = StringField(_l("Reason or delivery note"), [at_most(200)], filters=[one_line])


class LowWaterForm(Form):
    """At how many free pieces the desk is told."""

    low_water = Whole(_l("Tell us at so many free pieces"), [Optional(), BOUNDS])


@bp.get("")
def index():
    """List what runs low in the shop, fewest first."""
    with reading():
        rows = catalogue.low_stock(at=now(), limit=100)
        waiting = interest.waiting_counts([row.variant_id for row in rows])
    return render_template("office/stock/index.html", rows=rows, waiting=waiting)


@bp.get("/<int:product_id>")
def show(product_id: int):
    """Show one item's stock by variant, and its moves, newest first."""
    return stock_page(product_id)


@bp.post("/<int:product_id>/variants/<int:variant_id>/moves")
def move(product_id: int, variant_id: int):
    """Book pieces that arrived, a count, or a correction with its reason."""
    of_item(product_id, variant_id)
    form = MoveForm(prefix=f"m{variant_id}-")
    if not form.validate_on_submit():
        return stock_page(product_id, moved=(variant_id, form))
    try:
        done_or_gone(book, variant_id, form, by=person().actor, at=now())
    except Refusal as refusal:
        form.refuse(refusal, at="reason" if not form.reason.data and form.act.data in ("add", "take") else "pieces")
        return stock_page(product_id, moved=(variant_id, form))
    flash(_("Written down. The move is in the list below."))
    return redirect(url_for("office.stock.show", product_id=product_id), 303)


def book(variant_id: int, form: MoveForm, *, by: str, at: datetime) -> None:
    """Write down the move that a form speaks of."""
    pieces, reason, key = form.pieces.data, form.reason.data or "", f"desk:{person().id}:{form.key.data}"[:40]
    if form.act.data == "receive":
        catalogue.receive(variant_id, pieces, by=by, at=at, reason=reason, key=key)
    elif form.act.data == "count":
        catalogue.set_on_hand(variant_id, pieces, by=by, at=at, reason=reason)
    else:
        change = pieces if form.act.data == "add" else -pieces
        catalogue.adjust(variant_id, change, reason=reason, by=by, at=at, key=key)


@bp.post("/<int:product_id>/variants/<int:variant_id>/low-water")
def set_low_water(product_id: int, variant_id: int):
    """Say at how many free pieces the desk is told; empty: never."""
    of_item(product_id, variant_id)
    form = LowWaterForm(prefix=f"l{variant_id}-")
    if not form.validate_on_submit():
        return stock_page(product_id, low=(variant_id, form))
    done_once(catalogue.set_low_water, variant_id, form.low_water.data, by=person().actor, at=now())
    if form.low_water.data is None:
        flash(_("Nobody is told of low stock here."))
    else:
        flash(_("You are told at %(pieces)s free pieces and below.", pieces=number_words(form.low_water.data)))
    return redirect(url_for("office.stock.show", product_id=product_id), 303)


def stock_page(product_id: int, *, moved: tuple[int, MoveForm] | None = None, low: Any = None):
    """Render an item's stock; a form that was sent as it was typed."""
    before_id = asked("before")
    with reading():
        item = catalogue.desk_item(product_id, terms=layout.terms(), at=now())
        moves = catalogue.stock_history(product_id, limit=PER_PAGE + 1, before_id=before_id)
        waiting = interest.waiting_counts([each.row.id for each in item.variants])
    cards = []
    for each in item.variants:
        blank = MoveForm(formdata=None, prefix=f"m{each.row.id}-", key=fresh_key())
        kept = LowWaterForm(formdata=None, prefix=f"l{each.row.id}-", low_water=each.stock.low_water)
        cards.append(
            (
                each,
                moved[1] if moved and moved[0] == each.row.id else blank,
                low[1] if low and low[0] == each.row.id else kept,
            )
        )
    return form_page(
        "office/stock/show.html",
        refused=bool(moved or low),
        item=item,
        product=item.product,
        cards=cards,
        waiting=waiting,
        sent=moved[1] if moved else low[1] if low else None,
        moves=moves[:PER_PAGE],
        older=moves[PER_PAGE - 1].id if len(moves) > PER_PAGE else None,
        newest=before_id is None,
        move_words=MOVES,
        order_number=order_number,
        actor_words=actor_words,
    )


def of_item(product_id: int, variant_id: int) -> None:
    """Raise NoSuchVariant unless the variant is of this item."""
    with reading():
        if catalogue.product_of(variant_id) != product_id:
            raise catalogue.NoSuchVariant()
