"""The desk as a whole: who may come in, the day's work, the box that finds things, the log of every act."""

from datetime import timedelta

import pytest
from flask import Flask

from mall.base.clock import moved_to
from mall.domain import catalogue, checkout
from tests import cast
from tests.stage import NOON, PASSWORD
from tests.web.office.conftest import bought, hire
from tests.web.office.forms import send

PAGES = ("", "catalogue", "catalogue/new", "stock", "orders", "members", "adjustments", "audit", "search")


@pytest.mark.parametrize("page", [pytest.param(path, id=path or "dashboard") for path in PAGES])
def test_members_finance_and_visitors_find_no_office(app: Flask, stage, mei, enter, page):
    visitor, finance, member = app.test_client(), enter(hire("finn", "finance")), app.test_client()
    cast.sign_in(member, mei, password=PASSWORD)

    assert finance.get(f"/office/{page}").status_code == 404
    assert member.get(f"/office/{page}").status_code in (302, 404)
    assert visitor.get(f"/office/{page}").status_code in (302, 404)
    assert "Dashboard" not in visitor.get(f"/office/{page}", follow_redirects=True).text


def test_an_operator_finds_no_finance(desk):
    for page in ("/finance/", "/finance/liability", "/finance/checks"):
        assert desk.get(page).status_code == 404


def test_pages_of_the_desk_are_kept_by_nobody(desk, stage):
    for page in PAGES:
        assert "no-store" in desk.get(f"/office/{page}").headers["Cache-Control"]


def test_the_dashboard_puts_the_longest_waiting_first(stage, mei, mug, ola, enter):
    bought(stage, mei, mug)
    with moved_to(NOON + timedelta(hours=2)):
        desk = enter(ola)
        send(desk, f"/office/adjustments/members/{mei}", "", points="5000", reason="goodwill")
    with moved_to(NOON + timedelta(hours=30)):
        page = enter(ola).get("/office/").text

    work = page.split("Waiting for you")[1].split("</section>")[0]
    assert work.index("Orders to ship") < work.index("Points adjustments to check")
    assert "Oldest waiting 30 hours" in work and "Oldest waiting 28 hours" in work


def test_the_dashboard_tells_the_day_and_what_runs_low(desk, stage, mei, mug):
    bought(stage, mei, mug)
    umbrella = stage.item("Storm umbrella", stock=2)
    page = " ".join(desk.get("/office/").text.split())

    assert "Orders today</dt><dd>1" in page and "Points spent today</dt><dd>800" in page
    assert f"/office/stock/{umbrella.product_id}" in page and "2 left" in page
    assert "<svg" in page and "2 March 2026" in page


def test_the_dashboard_costs_as_many_statements_with_much_to_do(desk, stage, mei, mug, count_statements):
    bought(stage, mei, mug)
    desk.get("/office/")
    count_statements.clear()
    desk.get("/office/")
    for_one = len(count_statements)
    for number in range(5):
        bought(stage, mei, stage.item(f"Item {number}", stock=3))
    count_statements.clear()
    desk.get("/office/")

    assert len(count_statements) == for_one <= 13


def test_the_box_leads_straight_to_the_only_thing_found(desk, stage, mei, mug):
    order = bought(stage, mei, mug)
    number = checkout.number_of(order.id)

    assert desk.get(f"/office/search?q={number}").location == f"/office/orders/{number}"
    assert desk.get("/office/search?q=SKU-1").location == f"/office/catalogue/{mug.product_id}"
    assert desk.get("/office/search?q=mei@example.com").location == f"/office/members/{mei}"
    stage.ship(order)
    assert desk.get(f"/office/search?q=T{order.id}").location == f"/office/orders/{number}"


def test_the_box_lists_what_fits_several_things(desk, stage, mei, mug):
    stage.item("Mei's favourite mug")
    page = desk.get("/office/search?q=mei").text

    assert "Mei&#39;s favourite mug" in page and "mei@example.com" in page


@pytest.mark.parametrize("words", ["nothing-like-it", "%", "' OR 1=1 --", "\\", "_", "😀", "a" * 300])
def test_the_box_takes_anything(desk, stage, mug, words):
    assert desk.get("/office/search", query_string={"q": words}).status_code == 200
    answer = desk.get("/office/search", query_string={"q": " ".join(f"w{n}" for n in range(20))})
    assert answer.status_code == 422 and "words at most" in answer.text


def test_every_act_is_in_the_log_with_who_what_and_why(desk, stage, mei, mug):
    desk.post(f"/office/catalogue/stock/{mug.variant_id}", data={"count": "4"})
    send(desk, f"/office/catalogue/{mug.product_id}", f"/office/catalogue/{mug.product_id}", title_en="Cups")
    page = desk.get("/office/audit").text

    assert "Stock counted" in page and "Item changed" in page and "Ola" in page
    assert "Stoneware mugs" in page and "Cups" in page
    only = desk.get("/office/audit?act=product.changed").text
    assert "Item changed</td>" in only and "Stock counted</td>" not in only
    assert "No act fits that" in desk.get("/office/audit?by=staff:99").text


def test_older_acts_are_on_the_next_page_and_cost_the_same(desk, stage, mug, count_statements):
    desk.get("/office/audit")
    count_statements.clear()
    desk.get("/office/audit")
    for_few = len(count_statements)
    for count in range(60):
        desk.post(f"/office/catalogue/stock/{mug.variant_id}", data={"count": str(count)})
    count_statements.clear()
    page = desk.get("/office/audit").text

    assert len(count_statements) == for_few <= 6
    assert "Older entries" in page
    for query in ("before=20", "before=x", "before=" + "9" * 18, "subject=%27", "act=" + "x" * 500):
        assert desk.get(f"/office/audit?{query}").status_code == 200


def test_what_the_staff_wrote_comes_in_the_readers_language(desk, stage):
    stage.item("Tea cup", prices=(catalogue.points_price(5),))
    desk.post("/language", data={"language": "zh"})
    send(desk, "/office/catalogue/1", "/office/catalogue/1", title_zh="茶杯")

    assert "茶杯" in desk.get("/office/catalogue").text


def test_a_page_that_is_not_there_leads_whoever_is_on_the_staff_back_to_their_desk(desk, enter, stage):
    finance = enter(hire("fay", "finance"))
    for browser in (desk, finance):
        page = browser.get("/office/nothing/here").text
        assert "Go to your desk" in page and "See my points" not in page
    assert desk.get("/office/sign-in/go").headers["Location"].endswith("/office/")
    assert finance.get("/office/sign-in/go").headers["Location"].endswith("/finance/")
