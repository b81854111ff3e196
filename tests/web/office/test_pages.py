"""Every page of the desk opens, for an operator with work to do and in an empty shop, in both languages."""

import pytest

from mall.domain import checkout
from tests.web.office.conftest import bought

PAGES = [
    "/office/",
    "/office/adjustments",
    "/office/alarms",
    "/office/audit",
    "/office/catalogue",
    "/office/catalogue/categories",
    "/office/catalogue/new",
    "/office/levels",
    "/office/members",
    "/office/orders",
    "/office/orders?queue=all",
    "/office/orders?queue=refused_refunds",
    "/office/payments",
    "/office/payments?show=refunds",
    "/office/payments?show=all",
    "/office/payments?q=none_there",
    "/office/sandbox",
    "/office/search?q=",
    "/office/search?q=mug",
    "/office/stock",
]


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_shop_has_every_page(desk, path):
    answer = desk.get(path)

    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_shop_at_work_has_every_page(desk, stage, mei, mug, language):
    order = bought(stage, mei, mug)
    desk.post("/language", data={"language": language})

    for path in [
        *PAGES,
        f"/office/catalogue/{mug.product_id}",
        f"/office/stock/{mug.product_id}",
        f"/office/members/{mei}",
        f"/office/adjustments/members/{mei}",
        f"/office/orders/{checkout.number_of(order.id)}",
        f"/office/orders/{checkout.number_of(order.id)}/refund",
    ]:
        assert desk.get(path, follow_redirects=True).status_code == 200, path
