"""The desk's partners: an administrator adds one, sees its key once, makes it another, revokes it, sets its rates."""

import re

from mall.base.db import reading
from mall.domain import partners

NEW = {
    "name": "Rides",
    "earn_points": "1",
    "earn_per_cents": "0.10",
    "with_level": "y",
    "growth_per_cents": "",
    "ready_after_days": "3",
    "member_day_points": "1,000",
    "month_points": "",
}


def add(desk, **changes):
    return desk.post("/office/partners/new", data=NEW | changes)


def shown_key(page):
    found = re.search(r'<p class="secret">([\w-]{43})</p>', page)
    return found and found[1]


def test_a_partner_is_added_and_its_key_is_shown_once(client, adm, sign_in_staff):
    sign_in_staff(client, adm)
    answer = add(client)
    assert answer.status_code == 303

    first, again = client.get(answer.location).text, client.get(answer.location).text

    with reading():
        partner = partners.key_holder(shown_key(first))
    assert (partner.name, partner.earn_per_cents, partner.with_level) == ("Rides", 10, True)
    assert (partner.ready_after_days, partner.member_day_points, partner.month_points) == (3, 1_000, None)
    assert shown_key(again) is None
    assert "Rides" in client.get("/office/partners").text


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(client, adm, sign_in_staff):
    sign_in_staff(client, adm)
    answer = add(client, earn_per_cents="0", ready_after_days="many", name="")

    assert answer.status_code == 422
    assert "Enter the name that members will read." in answer.text
    assert 'value="many"' in answer.text
    answer = add(client, earn_per_cents="0")
    assert "Choose a whole number from 1 to 1,000,000." in answer.text
    assert 'value="1,000"' in answer.text


def test_a_new_key_is_shown_and_a_revoked_one_is_said_so(client, adm, sign_in_staff):
    sign_in_staff(client, adm)
    page = add(client).location
    client.get(page)
    client.post(f"{page}/key")
    key = shown_key(client.get(page).text)
    with reading():
        assert partners.key_holder(key).name == "Rides"

    client.post(f"{page}/key/end")

    assert "Key revoked" in client.get(page).text
    with reading():
        assert partners.key_holder(key) is None


def test_rates_are_changed_for_what_comes(client, adm, sign_in_staff):
    sign_in_staff(client, adm)
    page = add(client).location
    assert client.post(page, data=NEW | {"earn_points": "5", "growth_per_cents": "1.00"}).status_code == 303
    with reading():
        partner = partners.partner_of(1)
    assert (partner.earn_points, partner.growth_per_cents) == (5, 100)
    assert client.get("/office/partners/99").status_code == 404
