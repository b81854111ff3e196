"""Nobody at the desk gives, refunds or decides anything for their own account; a colleague does."""

import pytest
from sqlalchemy import update

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import aftersales, cash, catalogue, checkout, coupons, people
from tests import cast
from tests.stage import NOON, PASSWORD

THEIR_OWN = "This is your own account or order."


@pytest.fixture
def own(stage, mei, ola):
    """Mei, who is Ola shopping by the same e-mail."""
    with reading():
        address = people.read_email(people.member_of(mei).email)
    with transaction():
        execute(update(people.Staff).where(people.Staff.id == ola).values(email_key=address.key))
    return mei


@pytest.fixture
def order(stage, own):
    """Two lamps for $60 each that came."""
    stage.put_in(own, stage.item("Lamp", prices=(catalogue.cash_price(6_000),)), "cash", quantity=2)
    placed = stage.pay(stage.place(own))
    stage.ship(placed)
    stage.deliver(placed)
    return placed


@pytest.fixture
def wanted(stage, order):
    """The return of one of them, asked for."""
    choice = {"pieces": {1: 1}, "reason": "damaged", "level": stage.terms.level(1), "terms": stage.terms, "at": NOON}
    with reading():
        plan = aftersales.plan_return(checkout.order_of(order.id), **choice)
    with transaction():
        row, _new = aftersales.ask_return(
            order.id, member_id=order.member_id, words="", pictures=(), shown=plan.fingerprint, **choice
        )
    return row.id


def refused(answer):
    assert answer.status_code == 422, answer.status_code
    assert THEIR_OWN in " ".join(answer.text.split())


def test_sec_27_no_coupon_for_oneself(desk, stage, own, otto, enter):
    kind = stage.coupon_kind()
    page, typed = f"/office/coupons/members/{own}", {"template_id": kind, "reason": "Goodwill", "key": "once"}

    refused(desk.post(page, data=typed))
    with reading():
        assert coupons.coupons_of(own) == []
    assert enter(otto).post(page, data=typed).status_code == 303


def test_sec_27_no_coupon_of_ones_own_is_taken_back(desk, stage, own, otto, enter):
    """Taken back and given anew it would last longer."""
    kind = stage.coupon_kind()
    with transaction():
        (coupon_id,) = coupons.give_by_hand(
            kind, own, key="gift", terms=stage.terms, by=f"staff:{otto}", at=NOON, reason="Thanks"
        )
    address, typed = f"/office/coupons/members/{own}/{coupon_id}/revocation", {f"c{coupon_id}-reason": "Misuse"}

    refused(desk.post(address, data=typed))
    assert stage.coupon_state(coupon_id) == "usable"
    assert enter(otto).post(address, data=typed).status_code == 303


def test_sec_27_no_code_that_one_made_is_taken_by_oneself(app, stage, own, ola):
    kind = stage.coupon_kind()
    with transaction():
        (code,) = coupons.make_codes(kind, count=1, each_for=5, key="cards", by=f"staff:{ola}", at=NOON)
    shopping = app.test_client()
    cast.sign_in(shopping, own, password=PASSWORD)

    answer = shopping.post("/coupons", data={"code": code})

    refused(answer)
    with reading():
        assert coupons.coupons_of(own) == []
    tom = stage.member("tom")
    with transaction():
        assert coupons.take_code(tom, code, terms=stage.terms, at=NOON)


@pytest.fixture
def refused_refund(stage, order, otto):
    """A refund of a lamp that the cashier would not make."""
    with transaction():
        aftersales.refund(
            order.id, reason="damaged", restock=False, pieces={1: 1}, by=f"staff:{otto}", terms=stage.terms, at=NOON
        )
    with reading():
        (refund,) = cash.refunds_of(checkout.reference_of(order.id))
    with transaction():
        cash.refused_refund(refund.id, why="Card closed", at=NOON)
    return refund.id


@pytest.mark.parametrize("way", ["retry", "by-hand"])
def test_sec_27_no_deciding_about_ones_own_refused_refund(desk, stage, order, refused_refund, otto, enter, way):
    address = f"/office/orders/{checkout.number_of(order.id)}/refunds/{refused_refund}/{way}"
    typed = {f"r{refused_refund}-reason": "To my own account"}

    refused(desk.post(address, data=typed))
    with reading():
        assert [each.state for each in cash.refunds_of(checkout.reference_of(order.id))] == ["refused"]
    assert enter(otto).post(address, data=typed).status_code == 303
    with reading():
        assert [each.state for each in cash.refunds_of(checkout.reference_of(order.id))] != ["refused"]


def test_sec_27_no_refund_of_ones_own_order(desk, stage, order, ola, otto):
    act = {"reason": "goodwill", "restock": False, "terms": stage.terms, "at": NOON}
    with pytest.raises(people.OwnMatter), transaction():
        aftersales.refund(order.id, by=f"staff:{ola}", **act)

    assert stage.order(order).state == "completed"
    with transaction():
        assert aftersales.refund(order.id, by=f"staff:{otto}", **act) is not None


def test_sec_27_no_deciding_about_ones_own_return(desk, stage, order, wanted):
    for act in ("approval", "refusal", "receipt", "waiver"):
        answer = desk.post(f"/office/aftersales/{wanted}/{act}", data={"words": "As agreed"})
        assert answer.status_code in (404, 422), act
    with reading():
        assert aftersales.returns_of(order.id)[0].state == "asked"


@pytest.mark.parametrize("verb", [aftersales.approve_return, aftersales.decline_return])
def test_sec_27_one_decides_about_a_return_who_is_somebody_else(stage, wanted, ola, otto, verb):
    with pytest.raises(people.OwnMatter), transaction():
        verb(wanted, by=f"staff:{ola}", words="As agreed", at=NOON)
    with transaction():
        assert verb(wanted, by=f"staff:{otto}", words="As agreed", at=NOON).decided_by == f"staff:{otto}"


def test_sec_27_no_return_of_ones_own_is_waived_or_taken_in(stage, wanted, ola, otto):
    act = {"terms": stage.terms, "shown": None, "at": NOON}
    with pytest.raises(people.OwnMatter), transaction():
        aftersales.waive_return(wanted, by=f"staff:{ola}", **act)
    with transaction():
        aftersales.approve_return(wanted, by=f"staff:{otto}", at=NOON)
    with pytest.raises(people.OwnMatter), transaction():
        aftersales.receive_return(wanted, shelved={}, by=f"staff:{ola}", **act)
    with transaction():
        assert aftersales.waive_return(wanted, by=f"staff:{otto}", **act).state == "waived"


@pytest.mark.parametrize("verb", [aftersales.accept, aftersales.give_back])
def test_sec_27_no_deciding_about_ones_own_order_in_review(stage, order, ola, otto, verb):
    with transaction():
        checkout.to_review(checkout.order_of(order.id), why=say("Odd"), at=NOON)
    act = {"reason": "Looked at", "terms": stage.terms, "at": NOON}

    with pytest.raises(people.OwnMatter), transaction():
        verb(order.id, by=f"staff:{ola}", **act)
    assert stage.order(order).state == "review"
    with transaction():
        verb(order.id, by=f"staff:{otto}", **act)
    assert stage.order(order).state != "review"
