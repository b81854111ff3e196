"""How the demo's members buy: a basket is filled and placed, and its payment ends one way or another."""

from datetime import timedelta
from typing import Any

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.base.errors import Refusal
from mall.domain import catalogue, checkout, ledger, membership

from . import desk
from .story import Shopper, Story

# How often somebody looks for something to take; the last time they settle for what money buys.
LOOKS = 24
# How payments end, and how often of a thousand.
ENDINGS, HOW_OFTEN = ("paid", "declined", "given up", "left", "late"), (940, 25, 15, 15, 5)
# One order of so many is collected at the counter.
COLLECTED_OF = 16


def shop(story: Story, shopper: Shopper, *, form: str | None = None, ending: str | None = None) -> None:
    """Fill a basket, place it, and go and pay; what the mall refuses is left."""
    at = now()
    with reading():
        level = membership.standing(shopper.member_id, terms=story.terms, at=at).level
        ready = ledger.spendable(shopper.member_id, at=at)
    shopper.rank = level.rank
    form = form or ("points" if ready >= 400 and story.chance.random() < shopper.thrift else "cash")
    order = None
    for tried in range(LOOKS):
        wanted = choose(story, shopper, "cash" if tried == LOOKS - 1 else form, ready)
        offered = ready // 2 if form == "cash" and ready >= 500 and story.chance.random() < 0.25 else 0
        try:
            order = place(story, shopper, wanted, offered, level) if wanted else None
        except Refusal:
            continue
        if order is not None:
            break
    if order is None:
        return
    story.placed += 1
    if order.state == checkout.AWAITING:
        settle(story, order, ending or story.chance.choices(ENDINGS, HOW_OFTEN)[0])
    elif order.state == checkout.PAID:
        desk.plan_parcel(story, order)


def choose(story: Story, shopper: Shopper, form: str, ready: int) -> list[tuple[int, catalogue.Price, int, int]]:
    """Choose lines: (variant_id, price, points a piece, quantity), within what the member may buy and can pay."""
    allowed = [shelf for shelf in story.shelves if shelf.goods.more.get("buy_rank", 0) <= shopper.rank]
    chosen: list[tuple[int, catalogue.Price, int, int]] = []
    budget = ready
    for _line in range(story.chance.choices((1, 2, 3), (60, 28, 12))[0]):
        looked_at = story.chance.choices(allowed, k=shopper.appetite if form == "cash" else 1)
        shelf = max(looked_at, key=lambda one: one.goods.cash)
        variant_id = story.chance.choice(list(shelf.variants))
        price = shelf.variants[variant_id].get(form)
        if price is None or any(variant_id == line[0] for line in chosen):
            continue
        each = price.points_needed or 0
        if each > budget:
            continue
        quantity = 2 if form == "cash" and story.chance.random() < 0.2 + shopper.appetite / 20 else 1
        budget -= each * quantity
        chosen.append((variant_id, price, each, quantity))
    return chosen


def place(story: Story, shopper: Shopper, wanted: list[Any], offered: int, level: Any) -> Any:
    """Place an order of these lines and no others. Returns the order."""
    at, owner = now(), checkout.Owner(member_id=shopper.member_id)
    method = "pickup" if story.placed % COLLECTED_OF == 5 else None
    with transaction():
        for line in checkout.basket_of(owner).lines:
            checkout.set_line(owner, line.id, quantity=0)
        for variant_id, price, each, quantity in wanted:
            checkout.put_in(
                owner, variant_id=variant_id, option_id=price.id or 0, points_each=each, quantity=quantity, at=at
            )
        basket = checkout.basket_of(owner)
        viewer = catalogue.Viewer(level.rank, shopper.member_id, None, level.early_access_hours)
        offered = min(
            offered,
            checkout.price(
                basket, viewer=viewer, level=level, terms=story.terms, method_key=method, at=at
            ).quote.most_switch_points,
        )
        priced = checkout.price(
            basket, viewer=viewer, level=level, terms=story.terms, points_offered=offered, method_key=method, at=at
        )
        return checkout.place(
            shopper.member_id,
            key=basket.key,
            shown=priced.quote.fingerprint,
            points_offered=offered,
            terms=story.terms,
            verified=True,
            cashier=True,
            address=None if method else shopper.address,
            method_key=method,
            at=at,
        )


def settle(story: Story, order: Any, ending: str) -> None:
    """Let the payment end one way: paid, declined first, given up, left to time out, or paid too late."""
    session_id = checkout.open_page(order.id, cashier=story.cashier, site=story.site).rpartition("/")[2]
    if ending == "declined":
        story.cashier.decline(session_id)  # type: ignore[attr-defined]
    if ending == "given up":
        checkout.give_up(
            order.id, by=f"member:{order.member_id}", cashier=story.cashier, terms=story.terms, site=story.site
        )
    elif ending == "late":
        story.cashier.pay_late(session_id)  # type: ignore[attr-defined]
    elif ending in ("paid", "declined"):
        story.cashier.pay(session_id)  # type: ignore[attr-defined]
    if ending in ("paid", "declined", "late"):
        order = checkout.look_at_order(order.id, cashier=story.cashier, terms=story.terms)
    if order.state == checkout.PAID:
        desk.plan_parcel(story, order)


def plan_debt(story: Story, shopper: Shopper) -> None:
    """Let a member buy something dear, spend the points it earned, and return it: what is missing is owed."""

    def buy() -> None:
        dear = next(shelf for shelf in story.shelves if shelf.goods.art.startswith("keyboard"))
        variant_id, prices = next(iter(dear.variants.items()))
        with reading():
            level = membership.standing(shopper.member_id, terms=story.terms, at=now()).level
        order = place(story, shopper, [(variant_id, prices["cash"], 0, 1)], 0, level)
        story.placed += 1
        settle(story, order, "paid")
        story.queue.at(story.end - timedelta(days=6), lambda: desk.take_back(story, order, "goodwill"))

    story.queue.at(story.end - timedelta(days=70), buy)
    for days in (24, 20, 16, 12):
        story.queue.at(story.end - timedelta(days=days), lambda: shop(story, shopper, form="points"))
