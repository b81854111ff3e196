"""A level is granted at the desk until a day, for a reason, never to oneself; the member has it at once."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import audit, catalogue, membership, people
from tests.stage import NOON
from tests.web.office.forms import form_of, send
from tests.web.store.till import words


def page_of(member_id):
    return f"/office/members/{member_id}/levels"


def grant(browser, member_id, **typed):
    wanted = {"rank": "4", "last_day": "2026-06-30", "reason": "A friend of the shop"} | typed
    return send(browser, page_of(member_id), page_of(member_id), **wanted)


def granted(member_id):
    with reading():
        return [(row.rank, row.last_day.isoformat(), row.by, row.how) for row in membership.grants_of(member_id)]


def test_a_granted_level_is_the_members_at_once_and_everybody_at_the_desk_sees_why(desk, stage, mei, ola):
    assert "Grant a level" in desk.get(f"/office/members/{mei}").text

    assert grant(desk, mei).status_code == 303

    assert granted(mei) == [(4, "2026-06-30", f"staff:{ola}", None)]
    assert stage.level_of(mei).key == "vip"
    page = words(desk.get(page_of(mei)).text)
    assert "VIP" in page and "30 June 2026" in page and "A friend of the shop" in page and "In force" in page
    portrait = words(desk.get(f"/office/members/{mei}").text)
    assert "Granted up to and with 30 June 2026; by growth Registered" in portrait
    assert "given for a time, up to and with 30 June 2026" in portrait
    assert "Level granted (A friend of the shop)" in portrait
    assert "VIP" in words(desk.get("/office/members?level=4").text)
    with reading():
        (act,) = audit.entries(subject=f"member:{mei}", limit=1)
    assert (act.act, act.reason, act.after["rank"]) == ("level.granted", "A friend of the shop", 4)


def test_a_form_sent_twice_is_one_grant(desk, mei):
    fields = form_of(desk.get(page_of(mei)).text, page_of(mei)) | {"rank": "3", "reason": "Once"}
    for _press in range(2):
        assert desk.post(page_of(mei), data=fields).status_code == 303
    assert len(granted(mei)) == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"last_day": "2026-03-01"}, "A level is granted until a day from 2 March 2026 to 3 March 2027."),
        ({"last_day": "2027-03-04"}, "A level is granted until a day from 2 March 2026 to 3 March 2027."),
        ({"last_day": ""}, "Enter the last day."),
        ({"last_day": "soon"}, "Write a day like 2026-06-30."),
        ({"reason": " "}, "Say why; it is kept in the audit log."),
        ({"reason": "x" * 501}, ""),
        ({"rank": "1"}, ""),
        ({"rank": "99"}, ""),
        ({"rank": "high"}, ""),
    ],
)
def test_what_cannot_be_granted_is_said_and_nothing_typed_is_lost(desk, mei, typed, sentence):
    refused = grant(desk, mei, **typed)

    assert refused.status_code == 422
    assert sentence in words(refused.text) and "error-summary" in refused.text
    assert "A friend of the shop" in refused.text or "reason" in typed
    assert granted(mei) == []


def test_a_day_that_cannot_be_is_said_with_a_missing_reason(desk, mei):
    refused = grant(desk, mei, last_day="2020-01-01", reason="")
    assert refused.status_code == 422
    assert "Say why; it is kept in the audit log." in words(refused.text)
    assert "A level is granted until a day from 2 March 2026 to 3 March 2027." in words(refused.text)


def test_it_ends_early_for_a_reason_and_once(desk, stage, mei):
    grant(desk, mei)
    (grant_id,) = ids(mei)
    act = f"{page_of(mei)}/{grant_id}/withdrawal"

    assert "Say why" in desk.post(act, data={f"g{grant_id}-reason": " "}).text
    for _press in range(2):
        assert desk.post(act, data={f"g{grant_id}-reason": "By mistake"}).status_code == 303

    assert granted(mei)[0][3] == "withdrawn"
    assert stage.level_of(mei).rank == 1
    assert "Ended early" in words(desk.get(page_of(mei)).text)
    assert "Granted level ended early" in words(desk.get(f"/office/members/{mei}").text)


def test_the_history_of_levels_says_to_which_one_is_back_when_it_ends(desk, stage, mei):
    grant(desk, mei, rank="3")
    grant(desk, mei, rank="4", last_day="2026-03-10")
    later, senior = NOON + timedelta(days=9), min(ids(mei))
    with moved_to(later), transaction():
        membership.end_grants(terms=stage.terms, at=later)
        membership.withdraw_grant(
            senior, member_id=mei, reason="By mistake", by="staff:1", terms=stage.terms, at=later
        )

    history = words(desk.get(f"/office/members/{mei}").text)

    assert "Senior 10 March 2026 · the time of VIP was over, back to Senior" in history
    assert "Registered 11 March 2026 · Senior ended early, back to Registered" in history


def test_one_that_ends_under_a_higher_one_says_that_this_goes_on(desk, stage, mei):
    grant(desk, mei, rank="4")
    grant(desk, mei, rank="3", last_day="2026-03-10")
    senior = max(ids(mei))

    desk.post(f"{page_of(mei)}/{senior}/withdrawal", data={f"g{senior}-reason": "By mistake"})

    assert "VIP 2 March 2026 · Senior ended, VIP goes on" in words(desk.get(f"/office/members/{mei}").text)


def ids(member_id):
    with reading():
        return [row.id for row in membership.grants_of(member_id)]


def test_sec_27_no_level_for_oneself(desk, stage, mei, ola, otto, enter):
    with reading():
        address = people.read_email(people.member_of(mei).email)
    with transaction():
        execute(update(people.Staff).where(people.Staff.id == ola).values(email_key=address.key))

    refused = grant(desk, mei)
    assert refused.status_code == 422 and "This is your own account or order." in words(refused.text)
    refused = grant(desk, mei, reason="")
    assert "This is your own account or order." in words(refused.text) and "Say why;" in words(refused.text)
    assert granted(mei) == []

    assert grant(enter(otto), mei).status_code == 303
    (grant_id,) = ids(mei)
    refused = desk.post(f"{page_of(mei)}/{grant_id}/withdrawal", data={f"g{grant_id}-reason": "No"})
    assert refused.status_code == 422 and granted(mei)[0][3] is None


def test_members_and_grants_that_are_not_there_are_not_found(desk, stage, mei):
    assert desk.get(page_of(9_999)).status_code == 404
    grant(desk, mei)
    tom = stage.member("tom")
    (grant_id,) = ids(mei)
    assert desk.post(f"{page_of(tom)}/{grant_id}/withdrawal", data={f"g{grant_id}-reason": "No"}).status_code == 404


def test_a_granted_level_opens_gates_and_gives_its_price_until_its_day_is_over(desk, stage, mei):
    lamp = stage.item("Lamp", prices=(catalogue.cash_price(10_000),))
    stage.put_in(mei, lamp, "cash")
    grant(desk, mei, last_day="2026-03-02")

    order = stage.place(mei)
    assert (order.goods_cents, order.multiplier_percent) == (9_500, 150)

    later = NOON + timedelta(days=1)
    stage.put_in(mei, lamp, "cash", at=later)
    with moved_to(later):
        order = stage.place(mei, at=later)
    assert (order.goods_cents, order.multiplier_percent) == (10_000, 100)
