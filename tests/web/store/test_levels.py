"""All levels beside one another, for members and visitors: what each takes and gives, one's own marked."""

import re

import pytest

from mall.base.db import transaction
from mall.domain import coupons, programme
from tests.stage import NOON, open_shop
from tests.web.store.till import words

LEVELS = programme.default_settings(shop_name="-")["levels"]


def with_packs():
    senior = {"upgrade_points": 200, "upgrade_coupon": 1, "birthday_points": 50, "event_notice_days": 1}
    return [level | (senior if level["key"] == "senior" else {}) for level in LEVELS]


@pytest.fixture
def stage(app):
    stage = open_shop(levels=with_packs())
    with transaction():
        coupons.make_template(
            key="ten", title={"en": "Ten off", "zh": "立减十元"}, kind="amount", amount_cents=1_000, valid_days=30,
            terms=stage.terms, by="staff:1", at=NOON,
        )  # fmt: skip
    return stage


def row(page, name):
    """Return the cells of a row of the table, in words."""
    (found,) = re.findall(rf'<tr><th scope="row">{re.escape(name)}</th>(.*?)</tr>', page, re.S)
    return [words(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", found, re.S)]


def test_every_benefit_that_some_level_has_is_a_row(app, stage):
    page = app.test_client().get("/levels").text

    assert row(page, "Growth to reach it") == ["0", "1", "1,500", "5,000", "15,000"]
    assert row(page, "On reaching it, once") == ["– No", "– No", "200 points + Ten off", "– No", "– No"]
    assert row(page, "On your birthday") == ["– No", "– No", "50 points", "– No", "– No"]
    assert row(page, "Your questions answered first") == ["– No", "– No", "Yes", "Yes", "Yes"]
    assert row(page, "Events announced earlier") == ["– No", "– No", "by 1 day", "by 3 days", "by 7 days"]
    assert row(page, "Returns refunded at once") == ["– No", "– No", "– No", "up to $50.00", "up to $200.00"]
    assert row(page, "A personal adviser")[-1] == "Yes"


def test_what_no_level_has_is_no_row(app):
    open_shop()
    assert "On reaching it, once" not in app.test_client().get("/levels").text


def test_visitors_are_asked_to_join_and_members_see_their_own_marked(app, till):
    visitor = app.test_client().get("/levels").text
    assert "Become a member" in visitor and "your level" not in visitor

    mine = till.browser.get("/levels").text
    assert "Become a member" not in mine
    assert words(re.findall(r'<th scope="col" class="you">(.*?)</th>', mine, re.S)[0]) == "Registered your level"
    assert "1 growth to reach Ordinary" in words(mine)
    assert 'href="/levels"' in till.browser.get("/member").text


def test_every_level_is_a_card_as_well_where_a_table_has_no_room(app, stage):
    page = app.test_client().get("/levels").text
    senior = words(re.findall(r'aria-labelledby="level-3">(.*?)</section>', page, re.S)[0])
    assert "Senior" in senior and "200 points + Ten off" in senior and "A personal adviser" not in senior


def test_it_is_read_in_chinese_too(app, stage):
    browser = app.test_client()
    browser.post("/language", data={"language": "zh"})
    page = words(browser.get("/levels").text)
    assert "高级会员" in page and "立减十元" in page
