"""The store: what members see, at /."""

from flask import Blueprint

from . import (
    account,
    addresses,
    basket,
    cash_out,
    checkout,
    coupons,
    growth,
    help,
    home,
    invite,
    item,
    item_questions,
    item_reviews,
    joining,
    levels,
    member,
    notices,
    order_memberships,
    orders,
    outbox,
    partners,
    pictures,
    profile,
    questions,
    registration,
    returns,
    reviews,
    robots,
    shares,
    shop,
    sign_in,
    stamps,
    style,
    tasks,
    wallet,
    wishes,
)

bp = Blueprint("store", __name__, url_prefix="/")

# These share the blueprint of the account, or of orders, and put their pages into it as they are imported.
ACCOUNT = (addresses, profile, registration, sign_in)
ORDERS = (order_memberships,)
PAGES: list[Blueprint] = [
    account.bp,
    basket.bp,
    cash_out.bp,
    checkout.bp,
    coupons.bp,
    growth.bp,
    help.bp,
    home.bp,
    invite.bp,
    item.bp,
    item_questions.bp,
    item_reviews.bp,
    joining.bp,
    levels.bp,
    member.bp,
    notices.bp,
    orders.bp,
    outbox.bp,
    partners.bp,
    pictures.bp,
    returns.bp,
    questions.bp,
    reviews.bp,
    robots.bp,
    shares.bp,
    shop.bp,
    stamps.bp,
    style.bp,
    tasks.bp,
    wallet.bp,
    wishes.bp,
]

for page in PAGES:
    bp.register_blueprint(page)
