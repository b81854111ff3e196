"""The API: partners report purchases and refunds in JSON; whatever is wrong comes back as a problem document."""

from datetime import timedelta

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading, transaction
from mall.domain import ledger, partners
from mall.web.api import face
from tests.conftest import NOON


def ready(member_id):
    with reading():
        return ledger.balances(member_id, at=NOON).ready


def assert_problem(answer, status, code=None):
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["detail"].endswith(".")
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.json.get("code") == code


def test_a_purchase_is_kept_and_its_points_are_told(program, mei):
    answer = program.post("purchases", program.buy())

    assert answer.status_code == 201
    assert answer.json == {
        "reference": "R-1",
        "points": 159,
        "growth": 0,
        "ready_at": "2026-03-02T12:00:00Z",
        "limited_by": "",
    }
    assert ready(mei) == 159


def test_a_member_number_may_be_written_as_it_is_shown(program, mei):
    number = f"{program.number[:5]} {program.number[5:]}"
    assert program.post("purchases", program.buy(member_number=number)).status_code == 201


def test_a_request_sent_again_has_the_same_answer_and_one_effect(program, mei):
    first = program.post("purchases", program.buy(), key="k")
    again = program.post("purchases", program.buy(), key="k", at=NOON + timedelta(days=2))

    assert (again.status_code, again.json) == (201, first.json)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ready(mei) == 159


def test_a_key_used_for_another_body_is_refused(program, mei):
    program.post("purchases", program.buy(), key="k")
    assert_problem(program.post("purchases", program.buy("R-2"), key="k"), 422, "key-of-other")
    assert_problem(program.post("refunds", program.buy(), key="k"), 422, "not-as-described")
    assert ready(mei) == 159


def test_a_reference_reported_before_is_a_conflict(program, mei):
    program.post("purchases", program.buy())
    assert_problem(program.post("purchases", program.buy()), 409, "reference-taken")
    assert ready(mei) == 159


def test_a_refund_takes_back_what_it_gave(program, mei):
    program.post("purchases", program.buy())
    body = {
        "reference": "B-1",
        "purchase": "R-1",
        "cents": 590,
        "currency": "USD",
        "occurred_at": "2026-03-02T11:45:00Z",
    }
    answer = program.post("refunds", body)

    assert answer.status_code == 201
    assert answer.json == {
        "reference": "B-1",
        "purchase": "R-1",
        "points_taken": 59,
        "growth_taken": 0,
        "left_cents": 1_000,
    }
    assert ready(mei) == 100
    assert_problem(program.post("refunds", body | {"reference": "B-2", "cents": 1_001}), 422, "too-much-back")
    assert_problem(program.post("refunds", body | {"reference": "B-2", "purchase": "R-9"}), 422, "unknown-purchase")


def test_a_link_binds_an_account_and_its_purchases_are_the_members(app, program, mei, sign_in):
    made = program.post("bindings", {"account": "rider-7"})
    assert made.status_code == 201
    link = made.json["link"].removeprefix("http://localhost")
    member = app.test_client()
    with moved_to(NOON):
        sign_in(member, mei)
        assert "rider-7" in member.get(link).text
        assert member.post(link).status_code == 303
        assert "rider-7" in member.get("/account/partners").text
    body = program.buy(account="rider-7")
    del body["member_number"]

    assert program.post("purchases", body).json["points"] == 159
    assert_problem(program.post("bindings", {"account": "rider-7"}), 409, "already-bound")


MISSING = object()


@pytest.mark.parametrize(
    "changes",
    [
        {"cents": 0},
        {"cents": -1},
        {"cents": 15.9},
        {"cents": "1590"},
        {"cents": True},
        {"cents": 2**63},
        {"cents": 100_000_001},
        {"currency": "euro"},
        {"occurred_at": "yesterday"},
        {"occurred_at": "2026-03-02T11:30:00"},
        {"occurred_at": "0000-03-02T11:30:00Z"},
        {"reference": ""},
        {"reference": "x" * 81},
        {"reference": "R 1"},
        {"reference": "R-1\n"},
        {"reference": "R\u0000"},
        {"reference": None},
        {"member_number": "1"},
        {"member_number": 1},
        {"member_number": MISSING},
        {"account": "rider-7"},
        {"points": 1_000_000},
        {"member_id": 1},
        {"occurred_at": MISSING},
    ],
)
def test_what_is_not_as_described_is_refused(program, mei, changes):
    body = {name: value for name, value in (program.buy() | changes).items() if value is not MISSING}

    assert_problem(program.post("purchases", body), 422, "not-as-described")
    assert ready(mei) == 0


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"currency": "EUR"}, "other-currency", "currency"),
        ({"occurred_at": "2026-03-02T12:06:00Z"}, "in-the-future", "occurred_at"),
        ({"occurred_at": "9999-12-31T23:59:59-12:00"}, "in-the-future", "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "too-long-ago", "occurred_at"),
        ({"member_number": "0000000000"}, "unknown-member", None),
    ],
)
def test_what_the_shop_does_not_allow_is_refused_by_name(program, mei, changes, code, field):
    answer = program.post("purchases", program.buy(**changes))

    assert_problem(answer, 422, code)
    assert answer.json.get("field") == field


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "not-json"),
        (b"{", 400, "not-json"),
        (b"\xff", 400, "not-json"),
        (b"[" * 10_000, 422, "not-as-described"),
        (b"null", 422, "not-as-described"),
        (b"x" * (16 * 1024 + 1), 413, None),
    ],
)
def test_a_broken_body_is_told_so(program, raw, status, code):
    assert_problem(program.post("purchases", None, raw=raw), status, code)


def test_only_json_is_read(program):
    assert_problem(program.post("purchases", program.buy(), content_type="text/plain"), 415)


@pytest.mark.parametrize("key", ["", " ", "two words", "x" * 121, "ä"])
def test_a_key_for_the_request_is_needed(program, key):
    answer = program.post("purchases", program.buy(), headers={"Idempotency-Key": key})
    assert_problem(answer, 400, "no-idempotency-key")


def test_addresses_and_methods_that_do_not_exist_are_problems_too(client):
    assert_problem(client.get("/api/v1/nothing"), 404)
    assert_problem(client.get("/api/v1/purchases"), 405)
    assert_problem(client.get("/api/"), 404)


def test_sec_11_every_wrong_key_is_told_the_same(app, client, program, rides):
    partner_id, old = rides
    with transaction():
        new = partners.make_key(partner_id, by="staff:1", at=NOON)
    with transaction():
        partners.revoke_key(partner_id, by="staff:1", at=NOON)
    shown = [None, "", "Bearer", "Bearer x", f"Bearer {old}", f"Bearer {new}", f"Basic {new}", "Bearer ä"]
    told = []
    for header in shown:
        answer = client.post("/api/v1/purchases", json={}, headers={} if header is None else {"Authorization": header})
        assert_problem(answer, 401)
        told.append({name: value for name, value in answer.json.items() if name != "request_id"})

    assert all(each == told[0] for each in told)


def test_sec_75_neither_cookie_nor_csrf_token_counts_and_none_is_given(make_app, mei, sign_in_staff, adm):
    strict = make_app(WTF_CSRF_ENABLED=True)
    with strict.app_context():
        answer = strict.test_client().post("/api/v1/purchases", json={})
    assert_problem(answer, 401)
    assert "Set-Cookie" not in answer.headers


def test_sec_24_whoever_has_signed_in_is_nobody_here(client, mei, sign_in):
    sign_in(client, mei)
    assert_problem(client.post("/api/v1/purchases", json={}), 401)


def test_sec_85_no_other_origin_is_let_in(program):
    answer = program.post("purchases", program.buy(), headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_too_many_calls_are_told_when_to_come_again(program, monkeypatch):
    monkeypatch.setattr(face, "CALLS", face.people.Limit("api-call", 2, timedelta(minutes=1)))
    for _call in range(2):
        assert program.post("purchases", program.buy(), key="k").status_code == 201
    answer = program.post("purchases", program.buy(), key="k")

    assert_problem(answer, 429)
    assert answer.headers["Retry-After"] == "60"
    assert program.post("purchases", program.buy(), key="k", at=NOON + timedelta(minutes=2)).status_code == 201


def test_sec_76_what_a_partner_calls_things_is_escaped_where_it_is_shown(app, program, adm, mei, sign_in_staff):
    evil = "<script>alert(1)</script>"
    assert program.post("purchases", program.buy(evil)).status_code == 201
    desk = app.test_client()
    sign_in_staff(desk, adm)
    page = desk.get("/office/partners/1").text

    assert evil not in page
    assert "&lt;script&gt;" in page
