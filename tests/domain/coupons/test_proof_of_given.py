"""The proof finds a coupon that nobody gave, one that went to another member, one that is good for longer."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from mall.base.db import execute, reading, transaction
from mall.domain import coupons
from tests.stage import NOON, open_shop

Coupon = coupons.Coupon
AT_DESK = "a coupon that was given at the desk is in the audit, or came from a list of its kind"
OF_MEMBERS = "a coupon belongs to the member whom its key names"
OF_KINDS = "a coupon can be used no earlier and no longer than its kind"
LAST = NOON + timedelta(days=20)


@pytest.fixture
def stage(either):
    return open_shop()


@pytest.fixture
def mei(stage):
    return stage.member("mei")


@pytest.fixture
def tom(stage):
    return stage.member("tom")


@pytest.fixture
def kind(stage):
    return stage.coupon_kind(ends_at=LAST)


@pytest.fixture
def pack(stage, kind):
    with transaction():
        return coupons.make_pack(key="p", title={"en": "Welcome"}, parts={kind: 2}, by="staff:1", at=NOON)


def broken():
    with reading():
        return [check.name for check in coupons.checks() if execute(check.breaks).first() is not None]


def write(statement):
    with transaction():
        execute(statement)


def by_hand(stage, of, member_id):
    with transaction():
        coupons.give_by_hand(of, member_id, key=f"k{of}", terms=stage.terms, by="staff:1", at=NOON)


def by_list(stage, of):
    with reading():
        plan = coupons.plan_list(of, coupons.read_list(b"member\nmei@example.com\n"), by="staff:1", at=NOON)
    coupons.give_list(plan, key=f"l{of}", shown=plan.fingerprint, terms=stage.terms, by="staff:1", at=NOON)


def by_code(stage, of, member_id):
    with transaction():
        [code] = coupons.make_codes(of, count=1, key=f"c{of}", by="staff:1", at=NOON)
    with transaction():
        coupons.take_code(member_id, code, terms=stage.terms, at=NOON)


def reached(stage, pack, member_id):
    with transaction():
        coupons.give_pack(pack, member_id, reference="level:3", terms=stage.terms, at=NOON)


def given(stage, way, of, member_id):
    if way == "list":
        by_list(stage, of)
    else:
        {"hand": by_hand, "code": by_code, "reached": reached}[way](stage, of, member_id)


@pytest.mark.parametrize("way", ["hand", "list", "code"])
def test_what_is_given_agrees_single_or_in_packs(stage, mei, kind, pack, way):
    given(stage, way, kind, mei)
    given(stage, way, pack, mei)
    reached(stage, pack, mei)

    assert broken() == []


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("reference", ["coupon:1", "list:7"])
def test_a_coupon_that_nobody_gave(mei, kind, reference):
    write(
        insert(Coupon).values(
            member_id=mei, template_id=kind, source="operator", reference=reference, key=f"{reference}:{mei}",
            given_at=NOON, usable_from=NOON, ends_at=LAST, state="usable",
        )
    )  # fmt: skip

    assert broken() == [AT_DESK]


@pytest.mark.breaks_the_books
def test_a_coupon_of_a_list_of_another_kind(stage, mei, kind):
    by_list(stage, kind)
    write(update(Coupon).values(template_id=stage.coupon_kind(ends_at=LAST)))

    assert broken() == [AT_DESK]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(("way", "name"), [("hand", AT_DESK), ("list", OF_MEMBERS), ("code", OF_MEMBERS)])
def test_a_coupon_that_went_to_another_member(stage, mei, tom, kind, way, name):
    given(stage, way, kind, mei)
    write(update(Coupon).values(member_id=tom))

    assert broken() == [name]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("way", ["hand", "list", "code", "reached"])
def test_coupons_of_a_pack_that_went_to_another_member(stage, mei, tom, pack, way):
    given(stage, way, pack, mei)
    write(update(Coupon).values(member_id=tom))

    assert (AT_DESK if way == "hand" else OF_MEMBERS) in broken()


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    "values",
    [{"ends_at": LAST + timedelta(days=1)}, {"usable_from": NOON - timedelta(days=1)}],
)
def test_a_coupon_that_is_good_for_longer(stage, mei, kind, values):
    by_hand(stage, kind, mei)
    write(update(Coupon).values(**values))

    assert broken() == [OF_KINDS]
