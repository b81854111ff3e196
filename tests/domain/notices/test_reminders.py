"""Members are told 30 and 7 days before points expire and a week before a coupon ends: each once, whoever runs the
night's job how often, and many members take as many statements as one.
"""

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from mall import worker
from mall.base.clock import moved_to
from mall.base.db import db, execute, reading, transaction
from mall.base.text import say
from mall.domain import coupons, ledger, notices
from tests.cast import note_adjustment
from tests.stage import NOON, open_shop

DAY = timedelta(days=1)


@pytest.fixture
def stage(either):
    return open_shop()


def give(stage, member_id, points, *, days, at=NOON):
    """Give points whose last day is so many days from now."""
    stage.made += 1
    with transaction():
        ledger.adjust_up(
            ledger.lock(member_id, zone=stage.terms.zone), points, key=f"gift:{stage.made}", reference="gift",
            expiry=ledger.last_day(stage.terms.today(at) + days * DAY, stage.terms.zone), version=stage.terms.version,
            worth=stage.terms.worth, why=say("A gift"), by="staff:1", at=at,
        )  # fmt: skip
        note_adjustment(member_id, points, at=at)


def night(at=NOON):
    with moved_to(at):
        worker.tell_of_points(at)
        worker.tell_of_coupons(at)


def told(kind="points_expiring"):
    notice = notices.Notice
    with reading():
        rows = execute(select(notice.member_id, notice.details).where(notice.kind == kind).order_by(notice.id))
        return [(row.member_id, *row.details.values()) for row in rows]


def test_what_expires_within_30_days_is_told_once_and_again_within_7(stage):
    mei = stage.member("mei")
    give(stage, mei, 700, days=30)
    give(stage, mei, 500, days=30)
    give(stage, mei, 40, days=31)

    for _twice in range(2):
        night()
    assert told() == [(mei, 1_200, "2026-04-01")]
    night(NOON + DAY)
    assert told()[1:] == [(mei, 40, "2026-04-02")]
    for days in (22, 23, 24):
        night(NOON + days * DAY)
    assert told()[2:] == [(mei, 1_200, "2026-04-01"), (mei, 40, "2026-04-02")]
    night(NOON + 31 * DAY)
    assert len(told()) == 4


def test_what_has_less_than_a_week_left_is_told_at_once_and_not_twice(stage):
    mei = stage.member("mei")
    give(stage, mei, 90, days=3)
    night()
    night(NOON + DAY)

    assert told() == [(mei, 90, "2026-03-05")]


def test_only_what_is_ready_is_spoken_of(stage):
    mei = stage.member("mei")
    give(stage, mei, 900, days=20)
    with transaction():
        ledger.hold(ledger.lock(mei, zone=stage.terms.zone), 900, reference="order:1", at=NOON)
    night()

    assert told() == []
    with transaction():
        ledger.release(ledger.lock(mei, zone=stage.terms.zone), reference="order:1", at=NOON)


def test_the_day_is_the_shop_s(either):
    stage = open_shop(zone="Asia/Shanghai")
    mei = stage.member("mei")
    evening = NOON + timedelta(hours=5)  # In Shanghai it is the 3rd of March already.
    give(stage, mei, 10, days=30, at=evening)
    give(stage, mei, 20, days=31, at=evening)
    night(evening)

    assert told() == [(mei, 10, "2026-04-02")]


def test_a_coupon_that_ends_within_a_week_is_told_once(stage):
    mei = stage.member("mei")
    kind = stage.coupon_kind(valid_days=10)
    soon, used = stage.coupon(mei, of=kind), stage.coupon(mei, of=kind)
    with transaction():
        coupons.revoke(used, member_id=mei, terms=stage.terms, by="staff:1", at=NOON, reason="A mistake")
    night(NOON + 2 * DAY)
    assert told("coupon_expiring") == []
    for days in (4, 5, 20):
        night(NOON + days * DAY)

    assert [(member, title) for member, title, *_rest in told("coupon_expiring")] == [(mei, {"en": "Ten off"})]
    assert soon


def test_coupons_of_one_day_are_told_together_and_all_of_them_named(stage):
    mei, tom = stage.member("mei"), stage.member("tom")
    ten, parcel = stage.coupon_kind(valid_days=10), stage.coupon_kind(title={"en": "Free parcel"}, valid_days=10)
    later = stage.coupon_kind(title={"en": "Later"}, valid_days=11)
    for kind in (ten, parcel, ten, later):
        stage.coupon(mei, of=kind)
    stage.coupon(tom, of=parcel)

    for days in (3, 3, 4):
        night(NOON + days * DAY)

    assert [(member, rest[-1]) for member, _title, *rest in told("coupon_expiring")] == [
        (mei, [{"title": {"en": "Ten off"}, "pieces": 2}, {"title": {"en": "Free parcel"}, "pieces": 1}]),
        (tom, [{"title": {"en": "Free parcel"}, "pieces": 1}]),
        (mei, [{"title": {"en": "Later"}, "pieces": 1}]),
    ]


def test_a_coupon_given_late_that_ends_on_a_day_already_told_is_told_too(stage):
    mei = stage.member("mei")
    stage.coupon(mei, valid_days=10)
    night(NOON + 3 * DAY)
    late = NOON + 5 * DAY
    stage.coupon(mei, title={"en": "Late"}, valid_days=5, at=late)

    night(late)
    assert len(told("coupon_expiring")) == 1
    for _twice in range(2):
        night(late + DAY)
    assert [title["en"] for _member, title, *_rest in told("coupon_expiring")] == ["Ten off", "Late"]


def test_the_day_a_coupon_ends_on_is_the_shop_s(either):
    stage = open_shop(zone="Asia/Shanghai")
    mei = stage.member("mei")
    evening = NOON + timedelta(hours=5)  # In Shanghai it is the 3rd of March already.
    stage.coupon(mei, valid_days=10, at=NOON)  # Until the end of the 12th there.
    stage.coupon(mei, title={"en": "Next day"}, valid_days=10, at=evening)
    night(NOON + 3 * DAY)

    assert [title["en"] for _member, title, *_rest in told("coupon_expiring")] == ["Ten off"]


def test_coupons_of_many_members_take_as_many_statements_as_of_one(stage):
    kind = stage.coupon_kind(valid_days=10)
    stage.coupon(stage.member("mei"), of=kind)
    one = statements_of(lambda: night(NOON + 4 * DAY))
    for number in range(8):
        stage.coupon(stage.member(f"member{number}"), of=kind, at=NOON)
    many = statements_of(lambda: night(NOON + 4 * DAY))

    assert len(told("coupon_expiring")) == 9
    assert many <= one


def test_who_was_given_a_coupon_is_told_and_who_took_one_knows(stage):
    mei = stage.member("mei")
    stage.coupon(mei)
    assert [(member, title) for member, title, _end, _words in told("coupon_received")] == [(mei, {"en": "Ten off"})]

    kind = stage.coupon_kind()
    with transaction():
        [code] = coupons.make_codes(kind, count=1, key="made", by="staff:1", at=NOON)
    with transaction():
        coupons.take_code(mei, code, terms=stage.terms, at=NOON)
    assert len(told("coupon_received")) == 1


def statements_of(act):
    seen = []

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    act()
    event.remove(db.engine, "before_cursor_execute", note)
    return len([statement for statement in seen if not statement.startswith("BEGIN")])


def test_many_members_take_as_many_statements_as_one(stage):
    give(stage, stage.member("mei"), 10, days=20)
    one = statements_of(night)
    for number in range(8):
        give(stage, stage.member(f"member{number}"), 10, days=20)
    many = statements_of(lambda: night(NOON + DAY))

    assert len(told()) == 9
    assert many <= one


def test_a_share_begins_where_the_last_one_ended(stage):
    members = [stage.member(f"member{number}") for number in range(5)]
    for member in members:
        give(stage, member, 10, days=20)
    shares, after = 0, 0
    while after is not None:
        with transaction():
            after = ledger.tell_expiring(today=stage.terms.today(NOON), after=after, at=NOON, share=2)
        shares += 1

    assert shares == 3
    assert [member for member, *_values in told()] == members


def test_a_night_that_was_cut_off_is_taken_up_again(stage):
    members = [stage.member(f"member{number}") for number in range(4)]
    for member in members:
        give(stage, member, 10, days=20)
    with transaction():
        ledger.tell_expiring(today=stage.terms.today(NOON), after=0, at=NOON, share=2)
    night()

    assert sorted(member for member, *_values in told()) == members
