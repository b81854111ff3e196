"""A word that means two things in English is two words in Chinese: each stands where its own is meant."""

import pytest

from mall.web.shared.texts import translations


@pytest.mark.parametrize(
    ("where", "english", "chinese"),
    [
        ("an order with the carrier", "On its way", "运输中"),
        ("a refund on its way to the bank", "On its way back", "退款途中"),
        ("delivery that costs nothing", "Free", "免费"),
        ("pieces nobody has reserved", "Free pieces", "可售"),
        ("a balance to begin with", "Opening", "期初"),
        ("a category being opened", "Opening it", "正在开设"),
        ("a price being set", "Setting", "正在设置"),
        ("a setting of the programme", "What is set", "设置项"),
        ("when an entry was written", "Written", "记账时间"),
        ("when a mail was written", "Mailed", "发送时间"),
        ("a one-time code of a phone", "Code", "验证码"),
        ("a coupon's code", "Coupon code", "优惠码"),
        ("codes of coupons", "Codes", "优惠码"),
        ("codes of gift cards", "Gift codes", "兑换码"),
    ],
)
def test_each_meaning_has_its_own_word(where, english, chinese):
    assert translations("zh").gettext(english) == chinese, where


def test_no_state_of_a_shipped_order_speaks_of_a_refund(stage, mei, mug, enter):
    stage.put_in(mei, mug, "cash")
    order = stage.place(mei)
    stage.pay(order)
    stage.ship(order)
    browser = enter(mei)
    browser.post("/language", data={"language": "zh", "next": "/"})

    page = browser.get("/orders").text

    assert "运输中" in page and "退款" not in page
