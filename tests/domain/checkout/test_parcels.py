"""An order leaves in one parcel or several, line by line; what is in them is what was sent, each piece once."""

import pytest
from sqlalchemy import select

from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, catalogue, checkout, notices
from tests.stage import NOON, open_shop

PARCEL = {"key": "parcel", "name": {"en": "Parcel"}, "price_cents": 0, "free_from_cents": None, "kind": "parcel"}
PICKUP = {"key": "pickup", "name": {"en": "Counter"}, "price_cents": 0, "free_from_cents": None, "kind": "pickup"}


class House:
    """Mei's paid order of three mugs and two bowls at 10.00 each, and short ways to send it."""

    def __init__(self, stage, **placing):
        self.stage, self.mei = stage, stage.member("mei")
        self.mug = stage.item("Mug", prices=(catalogue.cash_price(1_000),))
        self.bowl = stage.item("Bowl", prices=(catalogue.cash_price(1_000),))
        self.voucher = stage.item("Voucher", prices=(catalogue.cash_price(1_000),), delivery="digital")
        stage.put_in(self.mei, self.mug, "cash", quantity=3)
        stage.put_in(self.mei, self.bowl, "cash", quantity=2)
        if placing.pop("digital", False):
            stage.put_in(self.mei, self.voucher, "cash")
        self.order = stage.pay(stage.place(self.mei, **placing))

    def ship(self, pieces=None, *, tracking="T1", at=NOON):
        with transaction():
            return checkout.ship(self.order.id, carrier="Swift", tracking=tracking, pieces=pieces, by="staff:1", at=at)

    def cancel(self, *, at=NOON):
        with transaction():
            return aftersales.cancel(self.order.id, by="member:1", terms=self.stage.terms, at=at)

    @property
    def state(self):
        return self.stage.order(self.order).state

    @property
    def parcels(self):
        with reading():
            return [(each.tracking, each.pieces) for each in checkout.parcels_of(self.order.id)]

    @property
    def shipped(self):
        with reading():
            return {line.line: line.shipped for line in checkout.lines_of(self.order.id)}

    def told(self, kind="order_shipped"):
        with reading():
            wanted = select(notices.Notice.details).where(notices.Notice.kind == kind).order_by(notices.Notice.id)
            return list(execute(wanted).scalars())


@pytest.fixture
def house(either):
    return House(open_shop())


@pytest.fixture
def here(app):
    return House(open_shop())


def test_an_order_is_shipped_with_its_last_parcel(house):
    order = house.ship({1: 2, 2: 1})
    assert (order.state, house.shipped) == (checkout.PAID, {1: 2, 2: 1})
    assert (house.stage.stock(house.mug), house.stage.stock(house.bowl)) == ((8, 1), (9, 1))

    order = house.ship({1: 1, 2: 1}, tracking="T2")

    assert (order.state, order.shipped_at, house.shipped) == (checkout.SHIPPED, NOON, {1: 3, 2: 2})
    assert house.parcels == [("T1", {1: 2, 2: 1}), ("T2", {1: 1, 2: 1})]
    assert (house.stage.stock(house.mug), house.stage.stock(house.bowl)) == ((7, 0), (8, 0))


def test_each_parcel_has_its_mail_and_the_first_says_that_more_follow(house):
    house.ship({1: 2})
    house.ship(tracking="T2")

    assert [(each["tracking"], each["pieces"], each["left"]) for each in house.told()] == [("T1", 2, 3), ("T2", 3, 0)]


@pytest.mark.parametrize("pieces", [{1: 2}, None])
def test_the_same_parcel_sent_again_changes_nothing(house, pieces):
    house.ship(pieces)
    before = (house.shipped, house.parcels, house.state)

    house.ship(pieces)

    assert (house.shipped, house.parcels, house.state) == before
    assert len(house.told()) == 1


def test_one_number_is_one_parcel(here):
    here.ship({1: 2})

    with pytest.raises(checkout.AnotherParcel, match="tracking number T1 already"):
        here.ship({1: 1})


@pytest.mark.parametrize(
    ("pieces", "refusal"),
    [
        ({1: 4}, checkout.TooManyToShip), ({2: 3}, checkout.TooManyToShip), ({}, checkout.NothingInIt),
        ({1: 0}, checkout.NothingInIt), ({9: 1}, checkout.NothingInIt), ({1: -1}, checkout.NothingInIt),
    ],
)  # fmt: skip
def test_a_parcel_holds_what_is_left_and_something(here, pieces, refusal):
    with pytest.raises(refusal):
        here.ship(pieces)
    assert (here.parcels, here.state) == ([], checkout.PAID)


def test_what_has_left_does_not_leave_again(here):
    here.ship({1: 2})

    with pytest.raises(checkout.TooManyToShip, match="Of Mug 1 are left to send"):
        here.ship({1: 2}, tracking="T2")


def test_what_needs_no_parcel_goes_with_the_last(either):
    house = House(open_shop(), digital=True)
    house.ship({1: 3})
    assert house.shipped == {1: 3, 2: 0, 3: 0}

    house.ship({2: 2}, tracking="T2")

    assert (house.state, house.shipped) == (checkout.SHIPPED, {1: 3, 2: 2, 3: 1})
    with pytest.raises(checkout.WrongState):
        house.ship({3: 1}, tracking="T3")


def test_a_disputed_order_sends_no_further_parcel(here):
    here.ship({1: 1})
    with transaction():
        checkout.flag_dispute(here.order, NOON)
    with pytest.raises(checkout.UnderDispute):
        here.ship({1: 1}, tracking="T2")
    with transaction():
        checkout.flag_dispute(here.order, None)


# What was not sent, beside what was.


def test_cancelling_beside_a_parcel_calls_off_what_has_not_left_and_the_rest_is_with_the_carrier(house):
    later = NOON.replace(hour=15)
    house.ship({1: 2})

    for _again in range(2):
        order = house.cancel(at=later)

    assert (order.state, order.shipped_at) == (checkout.SHIPPED, NOON)
    with reading():
        (credit,) = aftersales.credits_of(house.order.id)
        lines = checkout.lines_of(house.order.id)
    assert (credit.goods_cents, [line.called_off for line in lines]) == (3_000, [1, 2])
    assert (house.stage.stock(house.mug), house.stage.stock(house.bowl)) == ((8, 0), (10, 0))
    assert house.stage.deliver(house.order, at=later).state == checkout.COMPLETED
    with pytest.raises(aftersales.AlreadyShipped):
        house.cancel(at=later)


def test_a_line_refunded_beside_a_parcel_leaves_less_to_send(house):
    house.ship({1: 2})
    house.stage.refund(house.order, pieces={2: 1})

    house.ship(tracking="T2")

    assert (house.state, house.shipped) == (checkout.SHIPPED, {1: 3, 2: 1})
    assert house.parcels[1] == ("T2", {1: 1, 2: 1})


def test_everything_refunded_beside_a_parcel_is_refunded_and_only_what_came_back_is_on_the_shelf(house):
    house.ship({1: 2})

    house.stage.refund(house.order, restock={1: 1})

    assert house.state == checkout.REFUNDED
    assert (house.stage.stock(house.mug), house.stage.stock(house.bowl)) == ((9, 0), (10, 0))


# Collected instead of sent.


@pytest.fixture
def counter(either):
    return House(open_shop(shipping_methods=[PICKUP, PARCEL]), address=None)


def ready(house, at=NOON):
    with transaction():
        return checkout.make_ready(house.order.id, by="staff:1", at=at)


def hand_over(house, at=NOON):
    with transaction():
        return checkout.hand_over(house.order.id, by="staff:1", at=at)


def test_an_order_to_be_collected_is_ready_then_handed_over_each_once(counter):
    for _again in range(2):
        order = ready(counter)
        assert (order.state, order.ready_at) == (checkout.PAID, NOON)
    for _again in range(2):
        order = hand_over(counter)
        assert (order.state, order.completed_at) == (checkout.COMPLETED, NOON)

    assert (counter.parcels, counter.shipped) == ([("", {1: 3, 2: 2})], {1: 3, 2: 2})
    assert (counter.stage.stock(counter.mug), counter.stage.stock(counter.bowl)) == ((7, 0), (8, 0))
    assert (len(counter.told("order_ready")), len(counter.told("order_collected"))) == (1, 1)


def test_what_is_collected_is_not_sent(counter):
    with pytest.raises(checkout.ToBeCollected):
        counter.ship()


@pytest.mark.parametrize("verb", [ready, hand_over])
def test_what_is_sent_is_not_collected(here, verb):
    with pytest.raises(checkout.NotToBeCollected):
        verb(here)


@pytest.mark.breaks_the_books
def test_the_proof_finds_pieces_that_are_in_no_parcel_and_parcels_that_hold_too_much(here):
    here.ship({1: 2})
    with transaction():
        execute(checkout.OrderLine.__table__.update().where(checkout.OrderLine.line == 1).values(shipped=1))
    with reading():
        broken = {check.name for check in checkout.checks() if execute(check.breaks).first()}
    assert "an order's parcels hold what was sent of its lines" in broken
