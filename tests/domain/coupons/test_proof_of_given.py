"""The proof finds a coupon that nobody gave, one that went to another member, one that ends otherwise."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from mall.base.db import execute, reading, transaction
from mall.domain import coupons
from tests.stage import NOON, open_shop

Coupon = coupons.Coupon
AT_DESK = "a coupon that was given at the desk is in the audit, or came from a list of its kind"
OF_MEMBERS = "a coupon belongs to the member whom its key names"
OF_KINDS = "a coupon can be used no earlier and no longer than its kind"
OF_DAYS = "a coupon ends when its kind ends, or after the days its kind gives it"
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


def rows():
    with reading():
        return execute(select(Coupon)).all()


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
    ("values", "names"),
    [
        ({"ends_at": LAST + timedelta(days=1)}, [OF_KINDS, OF_DAYS]),
        ({"usable_from": NOON - timedelta(days=1)}, [OF_KINDS]),
    ],
)
def test_a_coupon_that_is_good_for_longer(stage, mei, kind, values, names):
    by_hand(stage, kind, mei)
    write(update(Coupon).values(**values))

    assert broken() == names


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("by", [timedelta(days=2), -timedelta(days=2), -timedelta(days=29)])
@pytest.mark.parametrize("details", [{}, {"ends_at": NOON + timedelta(days=400)}])
def test_a_coupon_that_is_good_for_more_or_fewer_days_than_its_kind_gives(stage, mei, details, by):
    stage.coupon(mei, **details)
    assert broken() == []
    [row] = rows()
    write(update(Coupon).values(ends_at=row.ends_at + by))

    assert broken() == [OF_DAYS]


@pytest.mark.breaks_the_books
def test_a_coupon_that_lasts_until_its_kind_ends_though_its_days_were_over_before(stage, mei):
    stage.coupon(mei, ends_at=NOON + timedelta(days=400))
    write(update(Coupon).values(ends_at=NOON + timedelta(days=400)))

    assert broken() == [OF_DAYS]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Shanghai", "America/Los_Angeles"])
def test_the_days_of_a_coupon_agree_by_whatever_clock(either, zone):
    stage = open_shop(zone=zone)
    for hours in range(0, 24, 3):
        at = NOON + timedelta(hours=hours)
        member = stage.member(f"member{hours}", at=at)
        # Both where the clocks have changed in between, and where the kind ends first, or begins later.
        for details in (
            {},
            {"valid_days": 1},
            {"ends_at": at + timedelta(days=3)},
            {"starts_at": at + timedelta(days=9)},
        ):
            stage.coupon(member, at=at, **details)

    assert broken() == []
