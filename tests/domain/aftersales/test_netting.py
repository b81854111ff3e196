"""A coupon that an order gave and that was used is kept for when the order is refunded: in points, and never twice."""

import pytest
from sqlalchemy import update

from mall.base.cashier import DisputeState
from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout, coupons, finance
from tests.stage import NOON, open_shop


@pytest.fixture
def lamp(stage):
    """A lamp for 60.00 in cash."""
    return stage.item("Lamp", prices=(catalogue.cash_price(6_000),))


@pytest.fixture
def voucher(stage):
    """Return an item that gives a coupon of 10.00 off, at a price."""

    def make(price=None, **details):
        item = stage.item("Voucher", kind="coupon", prices=(price or catalogue.points_price(800),))
        kind = stage.coupon_kind(**details)
        with transaction():
            coupons.sell(kind, item.product_id, by="staff:1", at=NOON)
        return item

    return make


@pytest.fixture
def bought(stage, mei):
    """Let Mei have so many of an item that gives coupons; returns the order and the ids of her coupons."""

    def buy(item, form="points", *, quantity=1, points=10_000):
        if points:
            stage.give(mei, points)
        stage.put_in(mei, item, form, quantity=quantity)
        order = stage.place(mei)
        if order.state == checkout.AWAITING:
            order = stage.pay(order)
        with reading():
            return order, sorted(row.id for row in coupons.coupons_of(mei))

    return buy


def use(stage, mei, lamp, coupon):
    stage.put_in(mei, lamp, "cash")
    return stage.place(mei, use=[coupon])


def plan_of(stage, order):
    with reading():
        return aftersales.plan_refund(stage.order(order), reason="goodwill", at=NOON, zone=stage.terms.zone)


def states(mei):
    with reading():
        return [row.state for row in sorted(coupons.coupons_of(mei), key=lambda row: row.id)]


@pytest.mark.parametrize(
    ("price", "off_cents", "kept", "back"),
    [
        (1_500, 1_000, 1_000, 500),  # It took 10.00 off: the price less its worth goes back.
        (800, 1_000, 800, 0),  # It took off more than it cost: nothing goes back, and nothing is owed.
        (800, 333, 333, 467),
    ],
)
def test_what_it_took_off_is_kept_of_the_points_it_cost(
    stage, mei, lamp, voucher, bought, price, off_cents, kept, back
):
    order, [coupon] = bought(voucher(catalogue.points_price(price), amount_cents=off_cents))
    use(stage, mei, lamp, coupon)
    before = stage.balances(mei).ready

    shown = plan_of(stage, order)
    done = stage.refund(order, reason="goodwill")

    assert (shown.fingerprint, shown.points, shown.netted_points) == (done.fingerprint, back, kept)
    assert stage.balances(mei).ready == before + back
    assert states(mei) == ["used"]
    assert stage.order(order).state == checkout.REFUNDED


def test_points_kept_round_up_at_the_worth_of_placing(app):
    stage = open_shop(worth_points=3, worth_cents=2)
    mei = stage.member("mei")
    item = stage.item("Voucher", kind="coupon", prices=(catalogue.points_price(800),))
    kind = stage.coupon_kind(amount_cents=333)
    with transaction():
        coupons.sell(kind, item.product_id, by="staff:1", at=NOON)
    stage.give(mei, 800)
    stage.put_in(mei, item)
    order = stage.place(mei)
    with reading():
        [given] = coupons.coupons_of(mei)
    use(stage, mei, stage.item("Lamp", prices=(catalogue.cash_price(6_000),)), given.id)

    assert stage.refund(order, reason="goodwill").netted_points == 500  # 3.33 is worth 499.5 points.


def test_of_several_only_the_used_ones_are_kept_for_and_the_others_revoked(stage, mei, lamp, voucher, bought):
    order, [one, _other] = bought(voucher(amount_cents=500), quantity=2)
    use(stage, mei, lamp, one)
    before = stage.balances(mei).ready

    stage.refund(order, reason="goodwill")

    assert stage.balances(mei).ready == before + 1_600 - 500
    assert states(mei) == ["used", "revoked"]


def test_it_is_paid_for_so_it_comes_back_with_the_order_it_was_used_for(stage, mei, lamp, voucher, bought):
    order, [coupon] = bought(voucher())
    other = use(stage, mei, lamp, coupon)
    stage.refund(order, reason="goodwill")

    with moved_to(NOON):
        checkout.give_up(other.id, by=f"member:{mei}", cashier=stage.cashier, terms=stage.terms, site="http://x")

    assert states(mei) == ["usable"]
    use(stage, mei, lamp, coupon)
    assert states(mei) == ["used"]


def test_once_it_came_back_by_itself_it_is_revoked_and_everything_goes_back(stage, mei, lamp, voucher, bought):
    order, [coupon] = bought(voucher())
    other = stage.pay(use(stage, mei, lamp, coupon))
    stage.refund(other)
    before = stage.balances(mei).ready

    stage.refund(order, reason="goodwill")

    assert states(mei) == ["revoked"]
    assert stage.balances(mei).ready == before + 800


def test_of_a_piece_paid_in_cash_that_its_points_do_not_cover_nothing_is_refunded(stage, mei, lamp, voucher, bought):
    order, [coupon] = bought(voucher(catalogue.mix_price(1_590, least=600, most=600, step=100)), "mix")
    use(stage, mei, lamp, coupon)

    with pytest.raises(aftersales.CouponUsed):
        stage.refund(order, reason="goodwill")
    with pytest.raises(aftersales.CouponUsed):
        plan_of(stage, order)


def test_of_a_piece_paid_in_cash_whose_points_cover_it_the_cash_goes_back_whole(stage, mei, lamp, voucher, bought):
    mix = catalogue.mix_price(1_590, least=600, most=600, step=100)
    order, [coupon] = bought(voucher(mix, amount_cents=400), "mix")
    use(stage, mei, lamp, coupon)

    plan = stage.refund(order, reason="goodwill")

    assert (plan.cash_cents, plan.points, plan.netted_points) == (990, 200, 400)


def test_goods_beside_a_used_coupon_are_refunded_without_asking_about_it(stage, mei, lamp, voucher):
    stage.give(mei, 800)
    stage.put_in(mei, voucher())
    stage.put_in(mei, lamp, "cash")
    order = stage.pay(stage.place(mei))
    with reading():
        [given] = coupons.coupons_of(mei)
        lamps = next(line.line for line in checkout.lines_of(order.id) if not line.digital)
    use(stage, mei, lamp, given.id)

    plan = stage.refund(order, pieces={lamps: 1})

    assert (plan.goods_cents, plan.points, plan.netted) == (6_000, 0, ())
    assert stage.refund(order, reason="goodwill").netted_points == 800


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"netted_points": 799}, "points given back are what credit notes say, less what coupons used up"),
        ({"netted_points": 801}, "what was kept for a used coupon is within the piece that gave it"),
        ({"netted_for": "credit:99"}, "what was kept for a used coupon is within the piece that gave it"),
        ({"reference": "order:99"}, "what was kept for a used coupon is within the piece that gave it"),
    ],
)
def test_the_proof_sees_another_amount_kept(stage, mei, lamp, voucher, bought, changes, check):
    order, [coupon] = bought(voucher())
    use(stage, mei, lamp, coupon)
    stage.refund(order, reason="goodwill")
    assert all(result.ok for result in finance.prove())

    with transaction():
        execute(update(coupons.Coupon).where(coupons.Coupon.id == coupon).values(**changes))

    assert check in [str(result.name) for result in finance.prove() if not result.ok]


def test_one_for_which_nothing_was_kept_does_not_come_back_from_the_order_it_was_used_for(
    stage, mei, lamp, voucher, bought
):
    order, [coupon] = bought(voucher(catalogue.cash_price(500)), "cash", points=0)
    used_for = use(stage, mei, lamp, coupon)
    with reading():
        (payment,) = cash.payments_of(checkout.reference_of(order.id))
    for status in ("open", "lost"):
        state = DisputeState("du_1", status, payment.captured_cents, "USD", payment.cashier_id, "fraudulent")
        with transaction():
            aftersales.told_of_dispute(payment.id, state, terms=stage.terms, at=NOON)
    assert stage.order(order).state == checkout.REFUNDED

    checkout.give_up(
        used_for.id, by=f"member:{mei}", cashier=stage.cashier, terms=stage.terms, site="http://localhost"
    )

    assert states(mei) == ["revoked"]
