"""What a quote says it will bring of stamps is what the order gives when it is kept, and what its page says before."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, coupons, earning, insight
from tests.stage import NOON, open_shop

KEPT = NOON + timedelta(days=15)


def coming(stage, member_id, *, use=(), at=NOON):
    """Return what the member's basket will bring: {card id: (stamps, cards it fills)}."""
    _basket, priced = stage.price(member_id, use=use, at=at)
    with reading():
        mark = int(execute(select(earning.card_mark())).scalar_one())
        cards = earning.open_cards(mark, at=at)
        standings = earning.standings_of(member_id, [each.card.id for each in cards])
        rank = stage.level_of(member_id, at=at).rank
        found = checkout.will_stamp(priced.quote, cards, standings=standings, rank=rank, at=at)
    return {each.open.card.id: (each.stamps, each.fills) for each in found}


def given(member_id):
    """Return what a member has been given: {card id: (stamps, full cards)}."""
    stamp, full = earning.Stamp, earning.FullCard
    with reading():
        stamps = dict(
            execute(
                select(stamp.card_id, func.sum(stamp.stamps))
                .where(stamp.member_id == member_id)
                .group_by(stamp.card_id)
            ).all()
        )
        cards = dict(
            execute(select(full.card_id, func.count()).where(full.member_id == member_id).group_by(full.card_id)).all()
        )
    return {card_id: (int(stamps[card_id]), cards.get(card_id, 0)) for card_id in stamps}


def keep(stage, member_id, *, use=(), at=NOON):
    order = stage.place(member_id, use=use, at=at)
    order = order if order.state == "paid" else stage.pay(order, at=at)
    with reading():
        due = earning.stamps_due(
            order.placed_at, rank=order.level_rank, bought=checkout.bought_of(checkout.lines_of(order.id))
        )
    assert stage.close(stage.deliver(stage.ship(order, at=at), at=at), at=at + timedelta(days=15))
    return {each.card.id: each.stamps for each in due}


@pytest.mark.parametrize("seed", range(6))
def test_what_is_said_is_what_comes(stage, mei, seed):
    chance = random.Random(seed)
    stage.give(mei, 20_000)
    items = [stage.mug(), stage.item("Bowl", prices=(catalogue.cash_price(900),)), stage.item("Gift")]
    with transaction():
        shelf = catalogue.create_category({"en": "Pottery"}, by="staff:1", at=NOON)
        for item in items[: chance.randint(1, 3)]:
            catalogue.edit_product(item.product_id, categories=[shelf], terms=stage.terms, by="staff:1", at=NOON)
    for _card in range(3):
        scope = chance.choice(["all", "category", "product"])
        ids = {"all": [], "category": [shelf], "product": [chance.choice(items).product_id]}[scope]
        stage.stamp_card(
            scope=scope, scope_ids=ids, counts=chance.choice(earning.COUNTS), stamps_needed=chance.randint(2, 4),
            least_cents=chance.choice([0, 900, 1_500, 4_000]), member_limit=chance.choice([None, 1, 2]),
        )  # fmt: skip
    for item in items:
        if chance.random() < 0.8:
            stage.put_in(mei, item, chance.choice(list(item.options)), quantity=chance.randint(1, 4))
    if not stage.price(mei)[1].lines:
        stage.put_in(mei, items[0], "cash")

    told = coming(stage, mei)
    due = keep(stage, mei)

    assert given(mei) == told
    assert due == {card_id: stamps for card_id, (stamps, _full) in told.items()}


def test_what_a_gift_coupon_takes_off_brings_none(stage, mei, mug):
    stage.stamp_card()
    coupon = stage.coupon(mei, kind="gift", scope="product", scope_ids=[mug.product_id], amount_cents=None)
    stage.put_in(mei, mug, "cash", quantity=2)

    assert coming(stage, mei) == {1: (2, 0)}
    assert coming(stage, mei, use=[coupon]) == {1: (1, 0)}


def gift_of(stage, mei, item):
    return stage.coupon(
        mei, kind="gift", scope="product", scope_ids=[item.product_id], amount_cents=None, stackable=True
    )


@pytest.mark.parametrize("cents", [1_000, 2_000])
def test_a_gift_takes_no_stamp_off_what_another_coupon_makes_cheaper(stage, mei, cents):
    bowl, mug, jug = (stage.item(name, prices=(catalogue.cash_price(1_000),), stock=50) for name in "ABC")
    stage.stamp_card(stamps_needed=20)
    gift = gift_of(stage, mei, bowl)
    less = stage.coupon(
        mei, amount_cents=cents, stackable=True, scope="product", scope_ids=[mug.product_id, jug.product_id]
    )
    for item, quantity in ((bowl, 1), (mug, 5), (jug, 5)):
        stage.put_in(mei, item, "cash", quantity=quantity)

    assert coming(stage, mei, use=[gift, less]) == {1: (10, 0)}
    assert keep(stage, mei, use=[gift, less]) == {1: 10}


def test_a_line_keeps_how_many_of_its_pieces_are_gifts(stage, mei, mug):
    gifts = [gift_of(stage, mei, mug) for _gift in range(2)]
    stage.put_in(mei, mug, "cash", quantity=2)
    order = stage.place(mei, use=gifts)
    with reading():
        (line,) = checkout.lines_of(order.id)

    assert (line.gift_pieces, line.cash_cents) == (2, 0)


def test_what_is_to_be_made_up_for_comes_before_the_next_card(stage, mei, mug):
    stage.stamp_card()
    stage.put_in(mei, mug, "cash", quantity=3)
    order = stage.pay(stage.place(mei))
    stage.close(stage.deliver(stage.ship(order)), at=KEPT)
    with reading():
        coupon = execute(select(coupons.Coupon.id)).scalar_one()
    stage.put_in(mei, mug, "cash", quantity=1, at=KEPT)
    stage.pay(stage.place(mei, use=[coupon], at=KEPT), at=KEPT)
    stage.refund(order, pieces={1: 2}, at=KEPT)
    stage.put_in(mei, mug, "cash", quantity=4, at=KEPT)

    assert coming(stage, mei, at=KEPT) == {1: (4, 0)}  # Two make up for those that went back.


def test_both_databases_read_the_same(either):
    stage = open_shop()
    mei, mug = stage.member("mei"), stage.mug()
    with transaction():
        shelves = [catalogue.create_category({"en": each}, by="staff:1", at=NOON) for each in ("Pottery", "Gifts")]
        catalogue.edit_product(mug.product_id, categories=shelves, terms=stage.terms, by="staff:1", at=NOON)
    stage.stamp_card(scope="category", scope_ids=shelves[1:])
    stage.put_in(mei, mug, "cash", quantity=4)
    with reading():
        viewer = catalogue.Viewer(1, mei)
        item = catalogue.item("stoneware-mugs", viewer, terms=stage.terms, at=NOON)
        [offer] = catalogue.offers([mug.variant_id], at=NOON)
        [card] = catalogue.shelf(viewer, catalogue.Wishes(), terms=stage.terms, at=NOON, limit=3)
        before = insight.strip(member_id=mei, basket_token=None, at=NOON)
    assert item.categories == offer.categories == card.categories == set(shelves)
    assert coming(stage, mei) == {1: (4, 1)}

    keep(stage, mei)

    with reading():
        after = insight.strip(member_id=mei, basket_token=None, at=KEPT)
        [order] = execute(select(checkout.Order)).all()
        [given_on] = earning.given_by_order(checkout.reference_of(order.id))
    assert (before.last_stamp, after.last_stamp, before.card_mark > 0) == (0, 1, True)
    assert (given_on.given, given_on.went) == (4, 0)
    stage.refund(order, pieces={1: 3}, at=KEPT)
    with reading():
        [given_on] = earning.given_by_order(checkout.reference_of(order.id))
        assert insight.strip(member_id=mei, basket_token=None, at=KEPT).last_stamp == 2
    assert (given_on.given, given_on.went) == (4, 3)
