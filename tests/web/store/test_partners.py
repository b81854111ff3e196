"""A member's accounts at partners: bound by a link and consent, listed, unbound; a spent link says so."""

import pytest

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import partners
from tests import cast


@pytest.fixture
def link(mei):
    partner_id, _key = cast.partner(at=now())
    with transaction():
        token, _ends_at = partners.invite(partner_id, "rider-7", at=now())
    return f"/account/partners/link/{token}"


def test_a_visitor_signs_in_first_and_comes_back_to_the_link(client, link):
    answer = client.get(link)
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in?next=/account/partners/link/")


def test_reading_the_page_binds_nothing_and_agreeing_does(mei, enter, link):
    client = enter(mei)
    page = client.get(link).text
    assert "Rides will tell us what you pay there" in page
    with reading():
        assert partners.bindings_of(mei) == []

    assert client.post(link).status_code == 303
    assert "Your account at Rides is bound." in client.get("/account/partners").text


def test_a_link_used_before_says_so(mei, enter, link):
    client = enter(mei)
    client.post(link)
    for answer in (client.get(link), client.post(link)):
        assert answer.status_code == 410
        assert "used already or is too old" in answer.text


def test_unbinding_is_one_button_and_anothers_is_not_there(mei, tom, enter, link):
    client = enter(mei)
    client.post(link)
    assert enter(tom).post("/account/partners/1/end").status_code == 404

    for _twice in range(2):
        assert client.post("/account/partners/1/end").status_code == 303
    assert "None yet" in client.get("/account/partners").text


def test_a_second_account_at_the_same_partner_is_refused_on_the_page(mei, enter, link):
    client = enter(mei)
    client.post(link)
    with transaction():
        token, _ends_at = partners.invite(1, "rider-8", at=now())
    answer = client.post(f"/account/partners/link/{token}")

    assert answer.status_code == 422
    assert "You have bound another account at Rides." in answer.text
