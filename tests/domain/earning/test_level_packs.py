"""A level gives its pack to who reaches it first, and on birthdays: points at once, and coupons - each once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text

from mall.base.db import execute, reading, transaction
from mall.domain import coupons, earning, ledger, membership, notices, people, programme
from mall.domain.earning import proof_of_packs, tasks

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BIRTHDAY = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
COUPON = 1


def levels_with(**packs):
    """Return the pyramid's levels, those of the given keys with packs: levels_with(senior={"upgrade_points": 200})."""
    return [level | packs.get(level["key"], {}) for level in programme.default_settings(shop_name="-")["levels"]]


PACKS = levels_with(
    ordinary={"birthday_points": 10},
    senior={"upgrade_points": 200, "birthday_points": 50},
    vip={"upgrade_points": 500, "upgrade_coupon": COUPON, "birthday_points": 100, "birthday_coupon": COUPON},
)


@pytest.fixture
def mei(app, open_shop):
    """Mei's id, in a shop whose levels give packs; its one coupon is 10.00 off."""
    mei = open_shop(levels=PACKS)
    with transaction():
        made = coupons.make_template(
            key="ten", title={"en": "Ten off"}, kind="amount", amount_cents=1_000, valid_days=30, terms=terms(),
            by="staff:1", at=NOON,
        )  # fmt: skip
    assert made == COUPON
    return mei


def terms(at=NOON):
    with reading():
        return programme.current(at)


def rise(sale_of, member_id, growth, *, order=7, at=NOON):
    """Let a member keep an order that gives so much growth."""
    sale = sale_of(member_id, growth * 100, order=order)
    with transaction():
        purse = ledger.lock(member_id, zone=terms().zone)
        earning.order_paid(sale, purse=purse, terms=terms(), at=at)
        earning.order_kept(sale, purse=purse, terms=terms(), at=at)


def packs(member_id):
    pack = earning.LevelPack
    with reading():
        rows = execute(select(pack).where(pack.member_id == member_id).order_by(pack.id))
        return [(row.occasion, row.points, row.coupons) for row in rows]


def coupons_of(member_id):
    coupon = coupons.Coupon
    with reading():
        rows = execute(select(coupon.reference).where(coupon.member_id == member_id).order_by(coupon.id))
        return list(rows.scalars())


def told(member_id):
    notice = notices.Notice
    with reading():
        rows = execute(
            select(notice.kind, notice.details)
            .where(notice.member_id == member_id, notice.kind.like("%pack_received"))
            .order_by(notice.id)
        )
        return [(row.kind, row.details["points"], row.details["coupons"]) for row in rows]


def ready(member_id, at=NOON):
    with reading():
        return ledger.balances(member_id, at=at).ready


def test_who_reaches_a_level_has_its_pack_at_once(mei, sale_of):
    rise(sale_of, mei, 1_500)

    assert packs(mei) == [("level:3", 200, 0)]
    assert ready(mei) == 15_000 + 200
    assert told(mei) == [("level_pack_received", 200, 0)]
    with reading():
        lot = execute(select(ledger.Lot).where(ledger.Lot.reference.startswith("level_pack:"))).one()
    assert (lot.points, lot.rule, str(lot.why)) == (200, "upgrade_pack", "Pack for reaching Senior")


def test_who_rises_by_several_has_the_packs_of_all_with_their_coupons(mei, sale_of):
    rise(sale_of, mei, 5_000)

    assert packs(mei) == [("level:3", 200, 0), ("level:4", 500, 1)]
    assert coupons_of(mei) == ["reached:level:4"]


def test_a_level_that_is_reached_again_gives_no_second_pack(mei, sale_of):
    rise(sale_of, mei, 1_500)
    two_years_on = NOON + timedelta(days=800)
    with transaction():
        for _year in range(2):  # What was reached is out of the window: told, then lowered.
            earning.review_level(mei, terms=terms(), at=two_years_on)
            two_years_on += timedelta(days=40)
    with reading():
        assert membership.standing(mei, terms=terms(), at=two_years_on).rank < 3
    rise(sale_of, mei, 1_600, order=8, at=two_years_on)

    with reading():
        assert membership.standing(mei, terms=terms(), at=two_years_on).rank == 3
    assert packs(mei) == [("level:3", 200, 0)]


def test_a_level_that_has_another_rank_by_now_gives_no_second_pack_and_one_in_its_old_place_gives_its_own(
    mei, sale_of
):
    rise(sale_of, mei, 1_500)
    before = [dict(level) for level in programme.settings_of(terms())["levels"]]
    new = before[1] | {"key": "regular", "reach": 700, "keep": 700, "upgrade_points": 30}
    between = [*before[:2], new, *before[2:]]
    levels = [level | {"rank": rank} for rank, level in enumerate(between, start=1)]
    with transaction():
        settings = programme.settings_of(terms()) | {"levels": levels}
        number = programme.draft(settings, based_on=1, effective_from=NOON, by="staff:1", at=NOON, reason="One more")
        programme.approve(number, by="staff:2", at=NOON, other_approvers=1)
    with transaction():
        purse = ledger.lock(mei, zone=terms().zone)
        for rank in (3, 4, 3, 4):
            tasks.reach(rank, purse=purse, terms=terms(), at=NOON)

    assert packs(mei) == [("level:3", 200, 0), ("level:3:again:1", 30, 0)]


def test_a_level_reached_before_it_had_a_pack_gives_none_later(app, open_shop, sale_of):
    mei = open_shop()
    rise(sale_of, mei, 1_500)
    assert (packs(mei), ready(mei)) == ([], 15_000)


def test_who_is_lifted_by_a_night_has_the_pack_as_well(mei, sale_of):
    rise(sale_of, mei, 1_000)
    lower = [level | ({"reach": 900, "keep": 900} if level["key"] == "senior" else {}) for level in PACKS]
    with transaction():
        number = programme.draft(
            programme.settings_of(terms()) | {"levels": lower}, based_on=1, effective_from=NOON, by="staff:1", at=NOON,
            reason="Easier",
        )  # fmt: skip
        programme.approve(number, by="staff:2", at=NOON, other_approvers=1)
    with transaction():
        earning.review_level(mei, terms=terms(), at=NOON)
    assert packs(mei) == [("level:3", 200, 0)]


@pytest.mark.parametrize("gone", ["withdrawn", "used up", "no such coupon"])
def test_a_coupon_that_is_no_longer_to_be_had_is_left_out(app, open_shop, sale_of, gone):
    number = 77 if gone == "no such coupon" else COUPON
    mei = open_shop(levels=levels_with(vip={"upgrade_points": 500, "upgrade_coupon": number}))
    with transaction():
        coupons.make_template(
            key="ten", title={"en": "Ten off"}, kind="amount", amount_cents=1_000, valid_days=30, terms=terms(),
            total_limit=1 if gone == "used up" else None, by="staff:1", at=NOON,
        )  # fmt: skip
        if gone == "withdrawn":
            coupons.withdraw_template(COUPON, by="staff:1", at=NOON)
        if gone == "used up":
            execute(text("UPDATE coupon_template SET total_limit = 1, used = 1"))
    rise(sale_of, mei, 5_000)

    assert packs(mei) == [("level:4", 500, 0)]
    assert coupons_of(mei) == []
    if gone == "used up":
        with transaction():
            execute(text("UPDATE coupon_template SET used = 0"))


def test_a_pack_may_hold_a_pack_of_coupons(app, open_shop, sale_of):
    mei = open_shop(levels=levels_with(vip={"upgrade_coupon": 2}))
    with transaction():
        made = coupons.make_template(
            key="ten", title={"en": "Ten off"}, kind="amount", amount_cents=1_000, valid_days=30, terms=terms(),
            by="staff:1", at=NOON,
        )  # fmt: skip
        coupons.make_pack(key="p", title={"en": "Pack"}, parts={made: 3}, total_limit=1, by="staff:1", at=NOON)
    rise(sale_of, mei, 5_000)
    assert (packs(mei), coupons_of(mei)) == ([("level:4", 0, 3)], ["reached:level:4"] * 3)

    with transaction():
        assert coupons.give_for(2, mei, reference="reached:level:4", terms=terms(), at=NOON) == []
        assert coupons.give_for(2, mei, reference="level:5", terms=terms(), at=NOON) == []  # There was one.


def born(member_id):
    with transaction():
        people.save_profile(
            member_id, display_name="Mei", birthday=date(1990, 5, 17), phone="", language="en", wants_news=False,
            at=NOON,
        )  # fmt: skip


def birthday(member_id, at=BIRTHDAY):
    with transaction():
        earning.celebrate_birthday(member_id, terms=terms(), at=at)


def test_a_birthday_brings_the_pack_of_the_level_once_a_year(mei, sale_of):
    rise(sale_of, mei, 5_000)
    born(mei)
    for _time in range(2):
        birthday(mei)
    assert packs(mei)[2:] == [("birthday:2026-05-17", 100, 1)]
    assert told(mei)[2:] == [("birthday_pack_received", 100, 1)]

    birthday(mei, at=BIRTHDAY + timedelta(days=100))
    assert len(packs(mei)) == 3
    birthday(mei, at=BIRTHDAY + timedelta(days=365))
    assert packs(mei)[3:] == [("birthday:2027-05-17", 100, 1)]


def test_a_birthday_at_a_level_without_a_pack_brings_none(mei):
    born(mei)
    birthday(mei)
    assert packs(mei) == []


# The proof.

FOR_NOTHING = "a pack of a level is for a level its member reached, or a birthday they had"
GIVEN = "a pack of a level has given the points and coupons it says"
BY_NONE = "points and coupons of packs come from a pack, once for each level and birthday"


def found():
    with reading():
        return [check.name for check in proof_of_packs.pack_checks() if execute(check.breaks).first()]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ("DELETE FROM fact WHERE kind = 'never'", []),
        ("UPDATE fact SET key = key || 'x' WHERE kind = 'level_reached'", [FOR_NOTHING]),
        ("UPDATE level_pack SET rank = 5 WHERE occasion = 'level:4'", [FOR_NOTHING]),
        ("UPDATE level_pack SET occasion = 'level:9' WHERE occasion = 'level:4'", [FOR_NOTHING, GIVEN, BY_NONE]),
        ("UPDATE level_pack SET points = points + 1 WHERE occasion = 'level:3'", [GIVEN]),
        ("UPDATE level_pack SET coupons = 2 WHERE occasion = 'level:4'", [GIVEN]),
        ("UPDATE coupon SET reference = 'reached:level:8'", [GIVEN, BY_NONE]),
        ("DELETE FROM level_pack WHERE occasion = 'level:3'", [BY_NONE]),
        ("UPDATE lot SET reference = 'level_pack:99' WHERE rule = 'upgrade_pack' AND points = 200", [GIVEN, BY_NONE]),
    ],
)
def test_what_is_changed_alone_is_named(mei, sale_of, changed, broken):
    rise(sale_of, mei, 5_000)
    with transaction():
        for (guard,) in execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            execute(text(f'DROP TRIGGER "{guard}"'))
        execute(text(changed))
    assert found() == broken


def test_packs_of_several_levels_are_locked_before_the_first_is_given(app, open_shop, sale_of, monkeypatch):
    locked = []
    monkeypatch.setattr(coupons, "lock_packs", lambda packs: locked.append(sorted(packs)))
    with_packs = {key: {"upgrade_coupon": pack} for key, pack in (("ordinary", 1), ("senior", 2), ("vip", 3))}
    mei = open_shop(levels=levels_with(**with_packs))
    rise(sale_of, mei, 100)
    rise(sale_of, mei, 1_500, order=8)

    assert locked[0] == [1, 2, 3]
    assert [2, 3] in locked
