"""A coupon is used once, for one order, while it may be; it comes back when the order comes to nothing."""

from datetime import timedelta

import pytest

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import aftersales, catalogue, checkout, coupons, people
from tests.stage import NOON

DAY = timedelta(days=1)
CASH = {"prices": (catalogue.cash_price(6_000),)}


def weighed(stage, member_id, *, at=NOON, use=()):
    _basket, priced = stage.price(member_id, propose=True, use=use, at=at)
    return priced


def trouble(stage, member_id, **options):
    [each] = weighed(stage, member_id, **options).coupons
    return type(each.trouble) if each.trouble else None


def test_an_order_uses_its_coupon(stage, mei, lamp):
    coupon = stage.coupon(mei)
    stage.put_in(mei, lamp, "cash")

    order = stage.place(mei, use=[coupon])

    assert (order.goods_cents, order.coupon_count) == (5_000, 1)
    assert order.coupons[0]["cents"] == 1_000
    assert stage.coupon_state(coupon) == "used"
    with reading():
        [line] = checkout.lines_of(order.id)
    assert (line.coupon_cents, line.cash_cents) == (1_000, 5_000)


def test_earning_is_on_the_cash_that_is_left(stage, mei, lamp):
    coupon = stage.coupon(mei)
    stage.put_in(mei, lamp, "cash")

    stage.pay(stage.place(mei, use=[coupon]))

    assert stage.balances(mei).pending == 500


def test_a_used_coupon_cannot_be_used_again(stage, mei, lamp):
    coupon = stage.coupon(mei)
    for _order in range(2):
        stage.put_in(mei, lamp, "cash")
        if stage.coupon_state(coupon) == "used":
            _basket, priced = stage.price(mei)
            with pytest.raises(coupons.CouponGone):
                stage.place(mei, use=[coupon], shown=priced.quote.fingerprint)
        else:
            stage.place(mei, use=[coupon])


def test_anothers_coupon_is_not_there(stage, mei, lamp):
    coupon = stage.coupon(stage.member("tom"))
    stage.put_in(mei, lamp, "cash")

    with pytest.raises(coupons.CouponGone):
        stage.place(mei, use=[coupon])
    assert stage.coupon_state(coupon) == "usable"


@pytest.mark.parametrize("ids", [[0], [-1], [2**63], [2**70], [987_654]])
def test_what_is_no_coupon_is_refused(stage, mei, lamp, ids):
    stage.put_in(mei, lamp, "cash")

    with pytest.raises(coupons.CouponGone):
        stage.place(mei, use=ids)


def test_the_same_coupon_twice_is_one(stage, mei, lamp):
    coupon = stage.coupon(mei)
    stage.put_in(mei, lamp, "cash")

    assert stage.place(mei, use=[coupon, coupon]).goods_cents == 5_000


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"starts_at": NOON + DAY}, coupons.NotYet),
        ({"min_rank": 4}, coupons.RankTooLow),
        ({"threshold_cents": 6_001}, coupons.BelowThreshold),
        ({"kind": "shipping", "threshold_cents": 6_001}, coupons.BelowThreshold),
    ],
)
def test_what_stands_in_its_way_is_said_and_refused(stage, mei, lamp, details, why):
    coupon = stage.coupon(mei, **details)
    stage.put_in(mei, lamp, "cash")

    assert trouble(stage, mei) is why
    with pytest.raises(why):
        stage.place(mei, use=[coupon])


def test_a_threshold_is_met_to_the_cent_and_looks_at_its_scope(stage, mei, lamp):
    tea = stage.item("Tea", prices=(catalogue.cash_price(100),))
    stage.coupon(mei, threshold_cents=6_000, scope="product", scope_ids=[lamp.product_id])
    stage.put_in(mei, tea, "cash", quantity=80)
    assert trouble(stage, mei) is coupons.NothingInScope

    stage.put_in(mei, lamp, "cash")
    assert trouble(stage, mei) is None


def test_a_category_is_all_that_stands_in_it(stage, mei, lamp):
    with transaction():
        tables = catalogue.create_category({"en": "Table"}, by="staff:1", at=NOON)
    cup = stage.item("Cup", prices=(catalogue.cash_price(3_000),), categories=[tables])
    coupon = stage.coupon(mei, scope="category", scope_ids=[tables], amount_cents=5_000)
    stage.put_in(mei, lamp, "cash")
    stage.put_in(mei, cup, "cash")

    order = stage.place(mei, use=[coupon])

    with reading():
        assert [line.coupon_cents for line in checkout.lines_of(order.id)] == [0, 3_000]


def test_it_is_good_to_its_last_instant_and_not_after(stage, mei, lamp):
    stage.coupon(mei, valid_days=None, ends_at=NOON + DAY)
    stage.put_in(mei, lamp, "cash")

    assert trouble(stage, mei, at=NOON + DAY - timedelta(microseconds=1)) is None
    assert weighed(stage, mei, at=NOON + DAY).coupons == ()


@pytest.mark.breaks_the_books
def test_a_limit_for_a_member_counts_live_uses(stage, mei, lamp):
    kind = stage.coupon_kind(member_limit=1)
    first = stage.coupon(mei, of=kind)
    with transaction():
        [second] = coupons.give(
            [coupons.Giving(kind, "one-more")], member_id=mei, source="operator", reference=f"coupon:{kind}",
            zone=stage.terms.zone, at=NOON,
        )  # fmt: skip
    stage.put_in(mei, lamp, "cash")
    order = stage.place(mei, use=[first])
    stage.put_in(mei, lamp, "cash")

    with pytest.raises(coupons.UsedOften):
        stage.place(mei, use=[second])

    call_off(stage, order)
    assert stage.place(mei, use=[second]).coupon_count == 1


def by_hand(stage, member_id, kind, *, key, at=NOON):
    with transaction():
        return coupons.give_by_hand(kind, member_id, key=key, terms=stage.terms, by="staff:1", at=at)


def test_at_the_desk_nobody_is_given_more_than_they_may_use(stage, mei, lamp):
    kind = stage.coupon_kind(member_limit=1)
    [coupon_id] = by_hand(stage, mei, kind, key="k")

    with pytest.raises(coupons.HadOften):
        by_hand(stage, mei, kind, key="other")
    stage.put_in(mei, lamp, "cash")
    stage.place(mei, use=[coupon_id])
    with pytest.raises(coupons.HadOften):
        by_hand(stage, mei, kind, key="other")

    assert by_hand(stage, mei, kind, key="k") == []
    assert by_hand(stage, stage.member("tom"), kind, key="toms")


def test_who_is_frozen_is_given_nothing_at_the_desk(stage, mei):
    with transaction():
        people.freeze_member(mei, own_member_id=None, by="staff:1", reason="Asked for it", at=NOON)

    with pytest.raises(coupons.IsFrozen):
        by_hand(stage, mei, stage.coupon_kind(), key="k")


def test_in_the_place_of_one_that_ended_or_was_taken_back_another_is_given(stage, mei):
    kind = stage.coupon_kind(member_limit=1, valid_days=5)
    by_hand(stage, mei, kind, key="k")

    later = NOON + timedelta(days=10)
    [anew] = by_hand(stage, mei, kind, key="other", at=later)
    with transaction():
        coupons.revoke(anew, member_id=mei, terms=stage.terms, by="staff:1", at=later, reason="wrong one")

    assert by_hand(stage, mei, kind, key="third", at=later)


def test_of_a_kind_that_is_used_up_none_is_given_at_the_desk(stage, mei, lamp):
    kind = stage.coupon_kind(total_limit=1)
    coupon_id = stage.coupon(mei, of=kind)
    stage.put_in(mei, lamp, "cash")
    stage.place(mei, use=[coupon_id])

    with pytest.raises(coupons.UsedUp):
        by_hand(stage, stage.member("tom"), kind, key="toms")


def test_a_total_is_for_all_together(stage, mei, lamp):
    kind = stage.coupon_kind(total_limit=1)
    mine, theirs = stage.coupon(mei, of=kind), stage.coupon(tom := stage.member("tom"), of=kind)
    for member_id in (mei, tom):
        stage.put_in(member_id, lamp, "cash")
    order = stage.place(mei, use=[mine])

    with pytest.raises(coupons.UsedUp):
        stage.place(tom, use=[theirs])

    call_off(stage, order)
    assert stage.place(tom, use=[theirs]).coupon_count == 1
    with reading():
        assert coupons.template_of(kind).used == 1


def test_two_that_do_not_stack_are_refused_together(stage, mei, lamp):
    one, other = stage.coupon(mei), stage.coupon(mei, stackable=True)
    stage.put_in(mei, lamp, "cash")

    with pytest.raises(coupons.NotTogether):
        stage.place(mei, use=[one, other])


def test_those_that_stack_add_up_but_not_two_of_one_kind(stage, mei, lamp):
    kind = stage.coupon_kind(stackable=True)
    ten, same = stage.coupon(mei, of=kind), stage.coupon(mei, of=kind)
    percent = stage.coupon(mei, of=stage.coupon_kind(kind="percent", percent=10, stackable=True))
    parcel = stage.coupon(mei, of=stage.coupon_kind(kind="shipping", stackable=True))
    stage.put_in(mei, lamp, "cash")

    with pytest.raises(coupons.NotTogether):
        stage.place(mei, use=[ten, same])
    order = stage.place(mei, use=[ten, percent, parcel])

    assert (order.goods_cents, order.shipping_cents, order.coupon_count) == (4_400, 0, 3)


def test_the_best_is_proposed_and_of_equals_the_one_that_ends_first(stage, mei, lamp):
    stage.coupon(mei, amount_cents=500)
    late, soon = stage.coupon(mei, valid_days=60), stage.coupon(mei, valid_days=5)
    stage.coupon(mei, threshold_cents=99_999, amount_cents=9_000)
    stage.put_in(mei, lamp, "cash")

    priced = weighed(stage, mei)

    assert [each.coupon.id for each in priced.coupons if each.best] == [soon]
    assert [each.saves_cents for each in priced.coupons] == [1_000, 1_000, 500, 0]
    assert late in [each.coupon.id for each in priced.coupons]


def test_free_shipping_where_nothing_is_to_pay_for_it_takes_nothing_off(stage, mei):
    card = stage.item("Card", prices=(catalogue.cash_price(500),), delivery="digital")
    stage.coupon(mei, kind="shipping")
    stage.put_in(mei, card, "cash")

    assert trouble(stage, mei) is coupons.NothingToTakeOff


def test_a_coupon_that_pays_for_all_needs_no_cashier(stage, mei):
    card = stage.item("Card", prices=(catalogue.cash_price(900),), delivery="digital")
    coupon = stage.coupon(mei)
    stage.put_in(mei, card, "cash")

    order = stage.place(mei, use=[coupon], cashier=False)

    assert (order.state, order.goods_cents, order.points) == ("completed", 0, 0)
    assert order.coupons[0]["cents"] == 900


def call_off(stage, order, at=NOON):
    return checkout.give_up(order.id, by="member", cashier=stage.cashier, terms=stage.terms, site="http://localhost")


def test_it_comes_back_when_the_order_is_given_up(stage, mei, lamp):
    coupon = stage.coupon(mei)
    stage.put_in(mei, lamp, "cash")
    order = stage.place(mei, use=[coupon])

    call_off(stage, order)
    call_off(stage, order)

    assert stage.coupon_state(coupon) == "usable"


def test_it_comes_back_when_everything_is_refunded_and_keeps_its_end(stage, mei, lamp):
    coupon = stage.coupon(mei)
    stage.put_in(mei, lamp, "cash")
    order = stage.pay(stage.place(mei, use=[coupon]))

    plan = stage.refund(order, at=NOON + 40 * DAY)

    assert plan.cash_cents == 5_000 + order.shipping_cents
    assert stage.coupon_state(coupon) == "usable"
    with reading():  # In February's words: it is over, and nothing revives it.
        assert coupons.ready(mei, product_ids=[], at=NOON + 40 * DAY) == []
        assert len(coupons.ready(mei, product_ids=[], at=NOON)) == 1


def test_redeeming_points_for_a_coupon_puts_it_there_at_once(stage, mei):
    voucher = sold(stage, stage.coupon_kind())
    stage.give(mei, 2_000)
    stage.put_in(mei, voucher, quantity=2)

    order = stage.place(mei)

    assert order.state == "completed"
    assert order.window_ends_at == NOON
    with reading():
        rows = coupons.coupons_of(mei)
    assert [(row.source, row.reference, row.state) for row in rows] == [("points", f"order:{order.id}", "usable")] * 2


def test_a_coupon_bought_with_cash_is_there_once_it_is_paid(stage, mei, lamp):
    voucher = sold(stage, stage.coupon_kind(), prices=(catalogue.cash_price(300),))
    stage.put_in(mei, voucher, "cash")
    stage.put_in(mei, lamp, "cash")
    order = stage.place(mei)
    with reading():
        assert coupons.coupons_of(mei) == []

    assert stage.pay(order).state == "paid"

    with reading():
        assert len(coupons.coupons_of(mei)) == 1


def test_a_given_coupon_is_taken_back_with_its_order(stage, mei):
    voucher = sold(stage, stage.coupon_kind())
    stage.give(mei, 800)
    stage.put_in(mei, voucher)
    order = stage.place(mei)

    stage.refund(order)

    with reading():
        assert [row.state for row in coupons.coupons_of(mei)] == ["revoked"]
    assert stage.balances(mei).ready == 800


def test_a_coupon_that_was_bought_goes_back_with_all_that_is_left_or_not(stage, mei, lamp):
    voucher = sold(stage, stage.coupon_kind())
    stage.give(mei, 800)
    stage.put_in(mei, voucher)
    stage.put_in(mei, lamp, "cash", quantity=2)
    order = stage.pay(stage.place(mei))
    with reading():
        lines = {line.digital: line.line for line in checkout.lines_of(order.id)}

    with pytest.raises(aftersales.CouponsOnlyWhole):
        stage.refund(order, pieces={lines[True]: 1})
    stage.refund(order, pieces={lines[False]: 1})
    with reading():
        assert [given.state for given in coupons.coupons_of(mei)] == [coupons.USABLE]

    stage.refund(order)
    with reading():
        assert [given.state for given in coupons.coupons_of(mei)] == [coupons.REVOKED]


def test_an_item_whose_coupon_is_withdrawn_is_no_longer_offered(stage, mei):
    kind = stage.coupon_kind()
    voucher = sold(stage, kind)
    stage.give(mei, 800)
    stage.put_in(mei, voucher)
    with transaction():
        coupons.withdraw_template(kind, by="staff:1", at=NOON)

    with pytest.raises(checkout.NoLongerOffered):
        stage.place(mei)


def sold(stage, kind, **details):
    """Put an item on the shelf that gives coupons of a kind."""
    item = stage.item("Voucher", kind="coupon", **details)
    with transaction():
        coupons.sell(kind, item.product_id, by="staff:1", at=NOON)
    return item


def test_a_coupon_revoked_at_the_desk_is_gone(stage, mei, lamp):
    coupon = stage.coupon(mei)
    with transaction():
        coupons.revoke(coupon, member_id=mei, terms=stage.terms, by="staff:1", at=NOON, reason="A mistake")
    stage.put_in(mei, lamp, "cash")

    with pytest.raises(coupons.CouponGone):
        stage.place(mei, use=[coupon])
    with transaction(), pytest.raises(coupons.CouponGone):
        coupons.revoke(coupon, member_id=mei, terms=stage.terms, by="staff:1", at=NOON, reason="Again")


def test_the_database_itself_keeps_a_use_whole(stage, mei):
    coupon = stage.coupon(mei)

    with pytest.raises(Exception, match="used_for_something"), transaction():
        execute(coupons.Coupon.__table__.update().where(coupons.Coupon.id == coupon).values(state="used"))


def test_a_refused_placing_leaves_the_coupon(stage, mei, lamp):
    coupon = stage.coupon(mei)
    stage.put_in(mei, lamp, "cash", quantity=11)

    with pytest.raises(Refusal):
        stage.place(mei, use=[coupon])

    assert stage.coupon_state(coupon) == "usable"
