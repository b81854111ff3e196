"""A campaign adds to what an order earns: by its figures of placing, up to its cap, and back with what goes back."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import cash, catalogue, checkout, earning, ledger, programme
from mall.domain.earning.campaigns import draw
from tests.domain.ledger.test_proof import Undone, lower_the_guards
from tests.stage import ADDRESS, NOON, open_shop

DAY = timedelta(days=1)


def buy(stage, member_id, item, *, quantity=1, at=NOON, form="cash"):
    stage.put_in(member_id, item, form, quantity=quantity, at=at)
    return stage.pay(stage.place(member_id, at=at), at=at)


def lots(order):
    with reading():
        lot = ledger.Lot
        rows = execute(
            select(lot.rule, lot.points).where(lot.reference == checkout.reference_of(order.id)).order_by(lot.id)
        )
        return [tuple(row) for row in rows]


def campaign(campaign_id):
    with reading():
        return earning.campaign_of(campaign_id)


def will_earn(stage, member_id, at=NOON):
    _basket, priced = stage.price(member_id, at=at)
    with reading():
        mark = int(execute(select(earning.campaign_mark())).scalar_one())
        running = earning.running(mark, at=at)
        return checkout.will_earn(
            priced.quote, running, level=stage.level_of(member_id, at=at), terms=stage.terms, at=at
        )


def test_double_points_are_a_lot_of_their_own_beside_the_orders(stage, mei):
    stage.campaign()
    order = buy(stage, mei, stage.mug())

    assert lots(order) == [("order", 159), ("campaign:1", 159)]
    assert stage.balances(mei).pending == 318


def test_a_campaign_adds_to_what_the_level_multiplies(app):
    levels = programme.default_settings(shop_name="Tessera")["levels"]
    levels[0]["multiplier_percent"] = 150
    stage = open_shop(levels=levels)
    stage.campaign(multiplier_percent=300)

    assert lots(buy(stage, stage.member("mei"), stage.mug())) == [("order", 238), ("campaign:1", 318)]


def test_the_quote_says_what_the_order_will_earn_and_what_of_it_the_campaign_adds(stage, mei):
    stage.campaign()
    stage.put_in(mei, stage.mug(), "cash")

    earned = will_earn(stage, mei)

    assert (earned.points, earned.growth) == (318, 15)
    assert [(each.title["en"], each.points) for each in earned.added] == [("Double points Saturday", 159)]


def test_of_two_campaigns_the_best_for_each_line_counts_and_each_gives_one_lot(stage, mei):
    mug, bowl, plate = stage.mug(), stage.mug(), stage.mug()
    stage.campaign()
    stage.campaign(multiplier_percent=300, scope="product", scope_ids=[bowl.product_id, plate.product_id])
    for item in (mug, bowl, plate):
        stage.put_in(mei, item, "cash")
    order = stage.pay(stage.place(mei))

    assert lots(order) == [("order", 477), ("campaign:1", 159), ("campaign:2", 636)]


def test_a_campaign_for_a_category_is_for_what_stands_in_it(stage, mei):
    mug, bowl = stage.mug(), stage.mug()
    with transaction():
        category = catalogue.create_category({"en": "Mugs"}, by="staff:1", at=NOON)
        catalogue.edit_product(mug.product_id, categories=[category], terms=stage.terms, by="staff:1", at=NOON)
    stage.campaign(scope="category", scope_ids=[category])
    stage.put_in(mei, mug, "cash")
    stage.put_in(mei, bowl, "cash")
    order = stage.pay(stage.place(mei))

    assert lots(order) == [("order", 318), ("campaign:1", 159)]


def test_a_campaign_for_a_level_is_not_for_those_below(stage, mei):
    stage.campaign(min_rank=2)

    assert lots(buy(stage, mei, stage.mug())) == [("order", 159)]


@pytest.mark.parametrize("at", [NOON + DAY - timedelta(seconds=1), NOON + 2 * DAY])
def test_outside_its_window_it_gives_nothing(stage, mei, at):
    stage.campaign(starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)

    assert lots(buy(stage, mei, stage.mug(), at=at)) == [("order", 159)]


def test_a_draft_gives_nothing(stage, mei):
    stage.campaign(approved=False)

    assert lots(buy(stage, mei, stage.mug())) == [("order", 159)]


def test_what_is_had_for_points_is_in_no_campaign(stage, mei):
    stage.campaign()
    stage.give(mei, 2_000)
    stage.put_in(mei, stage.mug())
    order = stage.place(mei)

    assert order.campaigns is None
    assert lots(order) == []


def test_an_order_keeps_the_campaign_of_its_placing_when_that_has_ended_before_it_is_paid(stage, mei):
    campaign_id = stage.campaign()
    stage.put_in(mei, stage.mug(), "cash")
    order = stage.place(mei)
    with transaction():
        assert earning.end_campaign(campaign_id, by="staff:1", at=NOON + timedelta(minutes=1), reason="Too many")

    order = stage.pay(order, at=NOON + timedelta(minutes=2))

    assert lots(order) == [("order", 159), ("campaign:1", 159)]
    assert lots(buy(stage, mei, stage.mug(), at=NOON + timedelta(minutes=3))) == [("order", 159)]


def test_the_cap_is_drawn_when_points_are_given_not_when_an_order_is_placed(stage, mei):
    campaign_id = stage.campaign(cap_points=1_000)
    stage.put_in(mei, stage.mug(), "cash")
    order = stage.place(mei)
    assert campaign(campaign_id).issued_points == 0

    stage.pay(order)

    assert campaign(campaign_id).issued_points == 159


def test_where_the_cap_runs_out_what_is_left_is_given_and_the_order_says_so(stage, mei):
    campaign_id = stage.campaign(cap_points=200)
    first, second = buy(stage, mei, stage.mug()), buy(stage, mei, stage.mug())

    assert lots(first) == [("order", 159), ("campaign:1", 159)]
    assert lots(second) == [("order", 159), ("campaign:1", 41)]
    assert campaign(campaign_id).issued_points == 200
    with reading():
        said = [str(event.said) for event in checkout.order_page(checkout.number_of(second.id)).events]
    assert "“Double points Saturday” ended with this order: of its points the last 41 were left, not 159" in said


def test_an_order_placed_before_the_cap_ran_out_and_paid_after_gets_the_ordinary_points_and_says_so(stage, mei):
    stage.campaign(cap_points=159)
    stage.put_in(mei, stage.mug(), "cash")
    waiting = stage.place(mei)
    buy(stage, stage.member("tom"), stage.mug())

    order = stage.pay(waiting)

    assert lots(order) == [("order", 159)]
    with reading():
        said = [str(event.said) for event in checkout.order_page(checkout.number_of(order.id)).events]
    words = "The points of “Double points Saturday” had run out when this order was paid; it earns the ordinary points"
    assert words in said


def test_a_campaign_that_is_used_up_is_promised_no_more_and_the_next_best_is(stage, mei):
    stage.campaign(multiplier_percent=300, cap_points=318)
    stage.campaign()
    buy(stage, mei, stage.mug())
    stage.put_in(mei, stage.mug(), "cash")

    assert [each.points for each in will_earn(stage, mei).added] == [159]
    assert lots(stage.pay(stage.place(mei))) == [("order", 159), ("campaign:2", 159)]


def test_a_refund_takes_back_what_the_campaign_gave_for_it_by_the_same_formula(stage, mei):
    stage.campaign(multiplier_percent=250)
    order = buy(stage, mei, stage.mug(), quantity=3)
    assert lots(order) == [("order", 477), ("campaign:1", 715)]

    plan = stage.refund(order, pieces={1: 1})

    assert plan.earned_points == 159 + 715 - 477  # 3,180 kept x 10 per 100 x 150 % = 477.
    assert stage.balances(mei).pending == 318 + 477
    stage.refund(order)
    assert stage.balances(mei).pending == 0


def test_on_either_database_what_does_not_come_out_even_is_sound(either):
    stage = open_shop()
    mei = stage.member("mei")
    stage.campaign(multiplier_percent=150)
    pen = stage.item("Pen", prices=(catalogue.cash_price(333),))
    order = buy(stage, mei, pen, quantity=2)

    stage.refund(order, pieces={1: 1})

    assert stage.balances(mei).pending == 33 + 16  # Of 33.3 and 16.65.
    with reading():
        assert broken() == []


def test_of_a_campaign_that_ran_out_a_refund_takes_only_what_it_gave_above_what_is_kept(stage, mei):
    stage.campaign(cap_points=200)
    order = buy(stage, mei, stage.mug(), quantity=2)
    assert lots(order) == [("order", 318), ("campaign:1", 200)]

    stage.refund(order, pieces={1: 1})

    assert stage.balances(mei).pending == 159 + 159


def test_points_taken_back_stay_counted_so_that_the_cap_is_not_opened_again_by_returns(stage, mei):
    campaign_id = stage.campaign(cap_points=159)
    stage.refund(buy(stage, mei, stage.mug()))

    assert campaign(campaign_id).issued_points == 159
    assert lots(buy(stage, mei, stage.mug())) == [("order", 159)]


def test_campaign_points_are_ready_when_the_order_is_kept(stage, mei):
    stage.campaign()
    order = stage.deliver(stage.ship(buy(stage, mei, stage.mug())))
    stage.close(order, at=NOON + 15 * DAY)

    assert stage.balances(mei, at=NOON + 15 * DAY).ready == 318


def test_settling_in_a_campaign_with_a_cap_takes_two_statements_more(stage, mei, count_statements):
    def settled():
        stage.put_in(mei, stage.mug(), "cash")
        order = stage.place(mei)
        with moved_to(NOON):
            stage.cashier.pay(stage.open_page(order))
            with reading():
                [payment] = cash.payments_of(checkout.reference_of(order.id))
            state = stage.cashier.fetch_session(payment.session_id)
        count_statements.clear()
        with transaction():
            assert checkout.settle(payment, state, terms=stage.terms, at=NOON).state == "paid"
        return len(count_statements)

    settled()
    without = settled()
    stage.campaign(cap_points=10_000)

    assert settled() <= without + 2  # One to draw on the cap, one for its lot.


def test_placing_in_a_campaign_takes_no_statement_more_once_it_is_known(stage, mei, count_statements):
    def placed():
        stage.put_in(mei, stage.mug(), "cash")
        basket, priced = stage.price(mei)
        count_statements.clear()
        with transaction():
            checkout.place(
                mei, key=basket.key, shown=priced.quote.fingerprint, points_offered=0, terms=stage.terms,
                verified=True, cashier=True, address=ADDRESS, at=NOON,
            )  # fmt: skip
        return len(count_statements)

    without = placed()
    stage.campaign(cap_points=10_000)

    assert placed() == without + 1  # Read once, as every process does when campaigns have changed.
    assert placed() == without


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cap=st.integers(1, 900), wants=st.lists(st.integers(1, 400), max_size=8))
def test_a_cap_gives_what_is_left_whatever_is_asked_in_whatever_order(stage, cap, wants):
    campaign_id = stage.campaign(cap_points=cap)
    left = cap
    with contextlib.suppress(Undone), transaction():
        for wanted in wants:
            points = draw(campaign_id, wanted, capped=True)
            assert points == min(wanted, left)
            left -= points
        assert earning.campaign_of(campaign_id).issued_points == cap - left
        assert earning.campaign_of(campaign_id).version == 2 + (left == 0)
        raise Undone


BROKEN = {
    "a campaign with a cap has counted the points it gave": "UPDATE campaign SET issued_points = 158",
    "no campaign gave more points than its cap": "UPDATE campaign SET cap_points = 100, issued_points = 159",
    "campaign points come from a campaign that was approved": (
        "UPDATE lot SET rule = 'campaign:9' WHERE origin = 'campaign'"
    ),
    "a campaign that may give points was approved by a person": "UPDATE approval SET decision = 'declined'",
    "an order is in a campaign that ran when it was placed, for its level and its goods": (
        "UPDATE campaign SET min_rank = 3"
    ),
    "campaign points belong to an order of the campaign": "UPDATE order_line SET campaign_id = NULL",
    "an order has by a campaign what it gives for what is kept, or more by what expired": (
        "UPDATE order_line SET refunded = 1"
    ),
}


@pytest.mark.parametrize("check", BROKEN)
@pytest.mark.breaks_the_books
def test_the_proof_finds_what_is_wrong_with_campaigns(stage, mei, check):
    stage.campaign(cap_points=1_000)
    order = buy(stage, mei, stage.mug())
    assert lots(order) == [("order", 159), ("campaign:1", 159)]
    with reading():
        assert broken() == []

    with contextlib.suppress(Undone), transaction():
        lower_the_guards()
        execute(text(BROKEN[check]))
        assert check in broken()
        raise Undone


OUTSIDE = "an order is in a campaign that ran when it was placed, for its level and its goods"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    "changed",
    [
        "UPDATE campaign SET starts_at = '2026-03-02 12:00:00.000001'",
        "UPDATE campaign SET ends_at = '2026-03-02 12:00:00.000000'",
        "UPDATE campaign SET state = 'ended', ended_at = '2026-03-02 11:58:59.000000'",
        "UPDATE campaign SET min_rank = 2",
        "UPDATE campaign SET scope = 'product'",
        "UPDATE campaign SET scope = 'category'",
        "UPDATE order_line SET plan_rank = 2",
    ],
)
def test_the_proof_finds_points_of_a_campaign_that_the_order_was_not_in(stage, mei, changed):
    stage.campaign()
    buy(stage, mei, stage.mug())

    with contextlib.suppress(Undone), transaction():
        lower_the_guards()
        execute(text(changed))
        assert OUTSIDE in broken()
        raise Undone


@pytest.mark.breaks_the_books
def test_the_proof_finds_an_order_in_a_campaign_that_had_been_ended_early(stage, mei, monkeypatch):
    campaign_id = stage.campaign()
    with transaction():
        earning.end_campaign(campaign_id, by="staff:1", at=NOON, reason="Too many")
        execute(text("UPDATE campaign SET state = 'approved', ended_at = NULL, version = version + 1"))
    buy(stage, mei, stage.mug(), at=NOON + timedelta(minutes=2))
    with transaction():
        execute(text("UPDATE campaign SET state = 'ended', ended_at = '2026-03-02 12:00:00.000000'"))

    with reading():
        assert broken() == [OUTSIDE]


def test_an_order_that_was_being_placed_while_its_campaign_was_ended_is_in_it(stage, mei):
    campaign_id = stage.campaign()
    buy(stage, mei, stage.mug(), at=NOON + timedelta(seconds=2))
    with transaction():
        earning.end_campaign(campaign_id, by="staff:1", at=NOON, reason="Too many")

    with reading():
        assert broken() == []


def test_what_has_left_the_category_since_was_in_its_campaign(stage, mei):
    mug = stage.mug()
    with transaction():
        category = catalogue.create_category({"en": "Mugs"}, by="staff:1", at=NOON)
        catalogue.edit_product(mug.product_id, categories=[category], terms=stage.terms, by="staff:1", at=NOON)
    stage.campaign(scope="category", scope_ids=[category])
    assert lots(buy(stage, mei, mug)) == [("order", 159), ("campaign:1", 159)]
    with transaction():
        later = NOON + timedelta(minutes=1)
        catalogue.edit_product(mug.product_id, categories=[], terms=stage.terms, by="staff:1", at=later)

    with reading():
        assert broken() == []


def broken():
    return [
        check.name for check in (*earning.checks(), *checkout.checks()) if execute(check.breaks).first() is not None
    ]
