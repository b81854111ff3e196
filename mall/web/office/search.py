"""One box that finds an item, an order or a member: what fits one thing alone leads straight there."""

from flask import Blueprint, redirect, render_template, request, url_for

from mall.base.clock import now
from mall.base.db import reading
from mall.base.errors import NotFound
from mall.domain import catalogue, checkout, insight
from mall.web.shared.texts import language

bp = Blueprint("search", __name__, url_prefix="/search")

MOST = 8


@bp.get("")
def show():
    """Look for items, orders and members; go to the only one found."""
    words = " ".join(request.args.get("q", "").split())[:100]
    if not words:
        return render_template("office/search/show.html", words="", items=[], orders=[], members=[], too_many=None)
    too_many: catalogue.TooManyWords | None = None
    items: list[catalogue.DeskRow] = []
    with reading():
        number = _order_of(words)
        if number is None and any(sign.isalnum() for sign in words):
            try:
                wishes = catalogue.DeskWishes(words=words)
                items = catalogue.office_list(wishes, at=now(), per_page=MOST, language=language()).rows
            except catalogue.TooManyWords as refusal:
                too_many = refusal
        if number is None:
            orders = insight.orders_in("all", words=words, per_page=MOST).rows
            members = insight.members(at=now(), words=words, per_page=MOST).rows
    if number is not None:
        return redirect(url_for("office.orders.show", number=number))
    if len(items) == 1 and not orders and not members:
        return redirect(url_for("office.catalogue.editor.show", product_id=items[0].row.id))
    if len(members) == 1 and not items and all(order.member_id == members[0].id for order in orders):
        return redirect(url_for("office.members.show", member_id=members[0].id))
    if len(orders) == 1 and not items and not members:
        return redirect(url_for("office.orders.show", number=checkout.number_of(orders[0].id)))
    page = render_template(
        "office/search/show.html",
        words=words,
        items=items,
        orders=orders,
        members=members,
        number_of=checkout.number_of,
        too_many=too_many,
    )
    return page, 422 if too_many else 200


def _order_of(words: str) -> str | None:
    """Return the number typed, if there is an order with it."""
    number = words.removeprefix("#")
    try:
        checkout.order_of(checkout.id_of(number))
    except NotFound:
        return None
    return number
