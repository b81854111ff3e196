"""Before it is done, a refund of what was kept says what goes back besides money and points: each thing, counted."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import execute, reading
from mall.domain import catalogue, coupons, earning, programme
from tests.stage import NOON, open_shop
from tests.web.office.forms import form_of, send
from tests.web.store.till import words

KEPT = NOON + timedelta(days=15)
COUPON = 1
REFUND = "/office/orders/10001/refund"


@pytest.fixture
def stage(app):
    """A shop whose first order and level of 1,200 growth give something, with a card for three pieces."""
    packs = {"senior": {"upgrade_points": 200, "upgrade_coupon": COUPON}}
    levels = [each | packs.get(each["key"], {}) for each in programme.default_settings(shop_name="-")["levels"]]
    stage = open_shop(tasks=[{"key": "first_order", "points": 100, "growth": 10, "in_all": 1}], levels=levels)
    assert stage.coupon_kind() == COUPON
    stage.stamp_card(template_id=COUPON)
    return stage


@pytest.fixture
def desk(ola, enter):
    """Ola's browser, two weeks later."""
    with moved_to(KEPT):
        return enter(ola)


@pytest.fixture
def order(stage, mei):
    """Three lamps that Mei has kept: with them the card is full, and she is a level higher."""
    stage.put_in(mei, stage.item("Lamp", prices=(catalogue.cash_price(60_000),)), "cash", quantity=3)
    order = stage.deliver(stage.ship(stage.pay(stage.place(mei))))
    assert stage.close(order, at=KEPT)
    return order


def shown(desk, pieces):
    with moved_to(KEPT):
        return words(send(desk, REFUND, "", reason="damaged", **{"pieces-1": str(pieces)}).text)


def use_coupons(stage, mei):
    """Use every coupon that Mei has."""
    with reading():
        mine = [row.id for row in coupons.coupons_of(mei)]
    for coupon in mine:
        stage.put_in(mei, stage.mug(), "cash", at=KEPT)
        stage.pay(stage.place(mei, use=[coupon], at=KEPT), at=KEPT)
    return len(mine)


def test_all_that_goes_back_is_said(desk, order):
    page = shown(desk, 3)

    assert "What tasks gave for it, taken back 100 pts + 10 growth" in page
    assert "What reaching Senior by it gave, taken back 200 pts + 1 coupon" in page
    assert "Stamps of “Buy three” taken back 3 1 full card and its unused coupon are void" in page


def test_a_part_says_what_that_part_takes_along(desk, order):
    page = shown(desk, 1)

    assert "What tasks gave" not in page
    assert "What reaching Senior by it gave" in page
    assert "Stamps of “Buy three” taken back 1 1 full card and its unused coupon are void" in page


def test_what_was_used_stays_so_and_that_is_said(desk, stage, mei, order):
    assert use_coupons(stage, mei) == 2

    page = shown(desk, 3)

    assert "taken back 200 pts 1 coupon of it was used: that stays so" in page
    assert "taken back 3 the coupon of 1 full card was used: the next stamps make up for it" in page


def test_in_chinese_it_is_chinese(desk, order):
    with moved_to(KEPT):
        desk.post("/language", data={"language": "zh"})

    page = shown(desk, 3)

    assert "收回任务为其发放的奖励" in page and "收回" in page
    assert "“买三赠一”" in page and "1 张满卡及其未使用的优惠券作废" in page


def test_what_was_shown_and_is_other_now_is_shown_anew(desk, stage, mei, order):
    with moved_to(KEPT):
        first = send(desk, REFUND, "", reason="damaged", **{"pieces-1": "3"})
    use_coupons(stage, mei)
    with moved_to(KEPT):
        refused = desk.post(REFUND, data=form_of(first.text, "") | {"confirm": "1"})

    assert refused.status_code == 422 and "has changed since it was shown" in refused.text
    with reading():
        assert execute(earning.FullCard.__table__.select()).one().voided_at is None


def test_before_it_is_kept_there_is_nothing_of_it(desk, stage, mei):
    stage.put_in(mei, stage.item("Lamp", prices=(catalogue.cash_price(60_000),)), "cash", quantity=3)
    stage.pay(stage.place(mei))

    page = shown(desk, 3)

    assert "Cash back in all" in page and "taken back" in page
    assert not any(each in page for each in ("What tasks gave", "What reaching", "Stamps of"))
