"""The rule sandbox shows a draft beside the rules in force, to whoever is at the desk, and changes nothing."""

import pytest

from mall.base.db import reading, transaction
from mall.domain import catalogue, programme
from tests.conftest import noted_statements
from tests.domain.insight.test_pyramid import grow
from tests.stage import NOON
from tests.web.store.till import words

PAGE = "/office/sandbox"


def drafted(stage, *, levels=None, steps=None, reason="Trial"):
    """Draft a version; `levels`: {rank: {figure: value}}."""
    settings = programme.settings_of(stage.terms) | ({"levels": steps} if steps else {})
    for rank, figures in (levels or {}).items():
        settings["levels"][rank - 1] |= figures
    with transaction():
        return programme.sketch(settings, based_on=1, effective_from=NOON, by="staff:1", at=NOON, reason=reason)


@pytest.fixture
def vip(stage, mei):
    """Mei has grown to a VIP, and bought for cash."""
    grow(stage, mei, 5_500)
    stage.put_in(mei, stage.item(prices=(catalogue.cash_price(1_590),)), "cash", quantity=2)
    stage.pay(stage.place(mei))
    return mei


def test_without_a_draft_it_says_where_one_is_made(desk):
    page = desk.get(PAGE)
    assert page.status_code == 200 and "There is no draft to try" in page.text


def test_it_shows_who_moves_what_is_issued_and_what_it_costs(desk, stage, vip):
    number = drafted(stage, levels={4: {"reach": 9_000, "keep": 9_000}})

    answer = desk.get(f"{PAGE}?draft={number}&days=30")
    page = words(answer.text)

    assert answer.status_code == 200
    assert "1 member would stand lower than by the rules in force" in page
    assert "told 30 days before" in page
    assert f'href="/office/members/{vip}"' in answer.text
    assert "What benefits cost" in page and "$19.22" in page  # 1.58 in 30 days.
    assert "Really issued in these days" in page
    assert desk.get(f"{PAGE}?draft={number}&show=up").text.count(f"/office/members/{vip}") == 0
    assert desk.get(f"{PAGE}?draft={number}&show=down").text.count(f"/office/members/{vip}") == 1


def test_the_version_in_force_tried_moves_nobody(desk, stage, vip):
    page = words(desk.get(f"{PAGE}?draft=1").text)
    assert "Nobody would stand elsewhere than by the rules in force" in page


def test_levels_in_another_order_are_drawn_beside_each_other(desk, stage, vip):
    first, second, senior, above, top = programme.settings_of(stage.terms)["levels"]
    number = drafted(stage, steps=[first, second, above | {"rank": 3}, senior | {"rank": 4, "reach": 9_000}, top])
    assert "Members by level in force" in desk.get(f"{PAGE}?draft={number}").text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sets_of_other_sizes_are_drawn_beside_each_other(desk, stage, vip, language):
    six = drafted(stage, steps=[dict(level) | {"rank": rank} for rank, level in enumerate(programme.SIX_STEPS, 1)])
    desk.post("/language", data={"language": language})
    answer = desk.get(f"{PAGE}?draft={six}&days=365")

    assert answer.status_code == 200
    assert answer.text.count('class="chart"') == 6


@pytest.mark.parametrize("query", ["days=7", "days=x", "page=99", "show=sideways", "page=-1"])
def test_odd_questions_get_the_page(desk, stage, vip, query):
    drafted(stage, levels={4: {"reach": 9_000, "keep": 9_000}})
    assert desk.get(f"{PAGE}?{query}").status_code == 200


@pytest.mark.parametrize("draft", ["99", "x", "-1"])
def test_what_is_no_version_is_nothing_there(desk, stage, draft):
    assert desk.get(f"{PAGE}?draft={draft}").status_code == 404


def test_it_writes_nothing_and_asks_as_often_for_many_members_as_for_few(desk, stage, vip):
    number = drafted(stage, levels={4: {"reach": 9_000, "keep": 9_000}})
    desk.get(f"{PAGE}?draft={number}")  # Versions are read once and kept.
    with noted_statements() as few:
        desk.get(f"{PAGE}?draft={number}")
    for name in ("tom", "bo", "kim"):
        grow(stage, stage.member(name), 6_000, key=name)
    with noted_statements() as many:
        desk.get(f"{PAGE}?draft={number}")

    assert len(many) == len(few)
    assert not [each for each in many if each.split()[0] in ("INSERT", "UPDATE", "DELETE")]
    with reading():
        assert programme.current(NOON).version == 1


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["Points that campaigns add", "Birthday packs", "1 in the draft", "How it is reckoned"]),
        ("zh", ["活动追加的积分", "生日礼包", "草案 1 张", "计算说明"]),
    ],
)
def test_each_benefit_has_its_yearly_cost_and_what_cannot_be_known_is_said(desk, stage, vip, language, texts):
    free = stage.coupon_kind(kind="shipping", amount_cents=None)
    packs = {"upgrade_points": 300, "upgrade_coupon": free}
    number = drafted(stage, levels={5: {"reach": 5_200, "keep": 5_200} | packs})
    desk.post("/language", data={"language": language})

    page = words(desk.get(f"{PAGE}?draft={number}&days=30").text)

    assert [text for text in texts if text not in page] == []
    # 300 points are worth 3.00, in 30 days.
    assert ("$36.50" if language == "en" else "36.50") in page
