"""Members at the desk: found, seen whole, and nothing they wrote of themselves is markup."""

import pytest

from mall.base.db import reading, transaction
from mall.domain import checkout, earning, ledger, people
from tests import cast
from tests.stage import NOON, PASSWORD
from tests.web.office.conftest import bought
from tests.web.office.forms import send


def rename(member_id, name):
    with transaction():
        people.save_profile(
            member_id, display_name=name, birthday=None, phone="", language="en", wants_news=False, at=NOON
        )


def test_members_are_found_by_name_e_mail_number_and_level(desk, stage, mei):
    stage.member("tom")
    number = desk.get("/office/members?q=mei@").text.split('xs faint">')[1].split(" ")[0]

    for query in ("q=Mei", "q=mei@example", f"q={number}"):
        page = desk.get(f"/office/members?{query}").text
        assert "Mei" in page and "Tom" not in page
    assert "Mei" in desk.get("/office/members?level=1").text
    assert "No member fits that" in desk.get("/office/members?level=3").text
    for query in ("level=99", "level=x", "q=%25", "q=_", "page=-1"):
        assert desk.get(f"/office/members?{query}").status_code == 200


def test_a_member_is_seen_whole(desk, stage, mei, mug):
    order = bought(stage, mei, mug)
    page = " ".join(desk.get(f"/office/members/{mei}").text.split())

    assert "4,200" in page
    assert checkout.number_of(order.id) in page and "Stoneware mugs" in page
    assert "Registered" in page and "growth to reach Ordinary" in page
    assert "Points redeemed</dt><dd>800" in page


def test_points_of_a_task_are_ready_at_once_and_none_left_the_way(desk, stage, mei):
    with transaction():
        earning.check_in(mei, terms=stage.terms, at=NOON)

    with reading():
        [entry] = ledger.history(mei)
    assert (entry.points, entry.pending_points, entry.balance) == (10, 0, 10)


def test_each_line_of_the_history_opens_to_its_postings(desk, stage, mei, mug):
    bought(stage, mei, mug)
    page = desk.get(f"/office/members/{mei}").text
    moves = [part.split('"')[0] for part in page.split('href="') if "/moves/" in part.split('"')[0]]

    assert len(moves) == 2
    for move in moves:
        answer = desk.get(move)
        assert answer.status_code == 200 and "Why this number" in answer.text
    assert desk.get(f"/office/members/{mei}/moves/none").status_code == 404
    tom = stage.member("tom")
    assert desk.get(moves[0].replace(f"/members/{mei}/", f"/members/{tom}/")).status_code == 404


def test_a_name_is_never_markup(desk, stage, mei, mug):
    rename(mei, "<img src=x onerror=alert(1)>")
    order = bought(stage, mei, mug)
    send(desk, f"/office/adjustments/members/{mei}", "", points="5000", reason="goodwill", document="<b>x</b>")

    for path in (
        "/office/",
        "/office/members",
        f"/office/members/{mei}",
        "/office/orders",
        f"/office/orders/{checkout.number_of(order.id)}",
        f"/office/orders/{checkout.number_of(order.id)}/refund",
        "/office/adjustments",
        f"/office/adjustments/members/{mei}",
        "/office/search?q=img",
        "/office/audit",
    ):
        page = desk.get(path, follow_redirects=True).text
        assert "<img src=x" not in page and "<b>x" not in page


def test_braces_in_a_name_are_only_braces(desk, stage, mei):
    rename(mei, "{{ 7 * 7 }} {0} %(x)s")

    for path in ("/office/members", f"/office/members/{mei}", f"/office/adjustments/members/{mei}"):
        assert "{{ 7 * 7 }} {0} %(x)s" in desk.get(path).text


@pytest.mark.parametrize("member_id", ["77", "0", "9223372036854775807", "9223372036854775808", "x"])
def test_a_member_there_is_not_is_not_there(desk, stage, member_id):
    assert desk.get(f"/office/members/{member_id}").status_code == 404


def test_the_list_costs_as_many_statements_for_many_as_for_one(desk, stage, mei, count_statements):
    desk.get("/office/members")
    count_statements.clear()
    desk.get("/office/members")
    for_one = len(count_statements)
    for number in range(6):
        stage.member(f"member{number}")
    count_statements.clear()
    desk.get("/office/members")

    assert len(count_statements) == for_one <= 6


def test_the_page_costs_as_many_statements_for_many_orders(desk, stage, mei, mug, count_statements):
    bought(stage, mei, mug)
    desk.get(f"/office/members/{mei}")
    count_statements.clear()
    desk.get(f"/office/members/{mei}")
    for_one = len(count_statements)
    for _time in range(5):
        bought(stage, mei, mug)
    count_statements.clear()
    desk.get(f"/office/members/{mei}")

    assert len(count_statements) == for_one <= 18


def test_a_member_number_is_found_as_it_is_shown(desk, stage, mei):
    with reading():
        number = people.member_of(mei).number
    spaced = f"{number[:5]}+{number[5:]}"

    assert "Mei" in desk.get(f"/office/members?q={spaced}").text
    assert desk.get(f"/office/search?q={spaced}").location == f"/office/members/{mei}"


def test_a_member_is_frozen_for_a_reason_and_let_in_again(desk, app, mei):
    page, hers = f"/office/members/{mei}", app.test_client()
    assert cast.sign_in(hers, mei, password=PASSWORD).status_code == 302

    assert "Say why" in send(desk, page, f"{page}/freeze", reason=" ").text
    assert hers.get("/account").status_code == 200
    for _press in range(2):
        assert desk.post(f"{page}/freeze", data={"reason": "Points for parcels"}).status_code == 303
    seen = desk.get(page).text
    assert "Frozen since" in seen and seen.count("Member frozen") == 1 and "Points for parcels" in seen
    assert hers.get("/account").status_code == 302
    refused = cast.sign_in(hers, mei, password=PASSWORD)
    assert (
        refused.status_code == 422
        and "This account is frozen" in refused.text
        and "Ask the shop about it" in refused.text
    )

    assert desk.post(f"{page}/unfreeze", data={"reason": "All was well"}).status_code == 303
    assert cast.sign_in(hers, mei, password=PASSWORD).status_code == 302
    assert "Frozen" not in desk.get("/office/members").text


def test_nobody_at_the_desk_freezes_their_own_account(desk, stage):
    own = cast.join("ola", at=NOON, terms=stage.terms)

    refused = desk.post(f"/office/members/{own}/freeze", data={"reason": "Holidays"})

    assert refused.status_code == 422
    assert "for a colleague to freeze" in refused.text and "Holidays" in refused.text
