"""What is used of a membership stays paid for a least term; unused it goes back whole; what it brought goes along."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from mall.base.db import execute, reading, transaction
from mall.domain import (
    aftersales,
    catalogue,
    checkout,
    coupons,
    earning,
    ledger,
    membership,
    notices,
    people,
    programme,
)
from mall.domain.earning import paid_levels, undoing
from tests.domain.aftersales.test_memberships import asked_back, buy, dispute, give_back, plan_of, standing
from tests.stage import NOON, SITE, Stage, open_shop

DAY = timedelta(days=1)
COUPON = 1
WINDOW = 14
TASKS = [{"key": "check_in", "points": 5, "growth": 0}, {"key": "birthday", "points": 40, "growth": 3, "from_rank": 3}]


def levels():
    packs = {
        "ordinary": {"birthday_points": 10},
        "vip": {"birthday_points": 100, "birthday_coupon": COUPON, "upgrade_points": 500},
        "svip": {"birthday_points": 200},
    }
    made = programme.default_settings(shop_name="-")["levels"]
    return [each | packs.get(each["key"], {}) for each in made]


@pytest.fixture
def stage(app) -> Stage:
    stage = open_shop(levels=levels(), tasks=TASKS)
    assert stage.coupon_kind() == COUPON
    return stage


@pytest.fixture
def mei(stage):
    """Mei, whose birthday is the eleventh of March."""
    mei = stage.member("mei")
    with transaction():
        people.save_profile(
            mei, display_name="Mei", birthday=date(1990, 3, 11), phone="", language="en", wants_news=False,
            at=NOON - 400 * DAY,
        )  # fmt: skip
    return mei


def a_year(stage, member_id, *, at=NOON):
    return buy(stage, member_id, stage.membership(length=12, unit="months"), at=at)


def birthday(stage, member_id, *, at=NOON + 9 * DAY):
    with transaction():
        earning.celebrate_birthday(member_id, terms=stage.terms, at=at)


def packs(member_id):
    pack = earning.LevelPack
    with reading():
        rows = execute(select(pack).where(pack.member_id == member_id).order_by(pack.id))
        return [(row.occasion, row.rank, row.points, row.paid_by) for row in rows]


def coupons_of(member_id):
    with reading():
        mine = select(coupons.Coupon.state).where(coupons.Coupon.member_id == member_id)
        return sorted(execute(mine.order_by(coupons.Coupon.id)).scalars())


def change(stage, *, at, **settings):
    """Put a version with other settings in force."""
    with transaction():
        number = programme.draft(
            programme.settings_of(stage.terms) | settings,
            based_on=stage.terms.version, effective_from=at, by="staff:1", at=at, reason="Other rules",
        )  # fmt: skip
        programme.approve(number, by="staff:2", at=at, other_approvers=1)
    with reading():
        stage.terms = programme.current(at)


def told(member_id, kind="paid_level_undone"):
    with reading():
        row = notices.Notice
        return list(
            execute(select(row.details).where(row.member_id == member_id, row.kind == kind).order_by(row.id)).scalars()
        )


def all_broken():
    with reading():
        rooms = (checkout, aftersales, membership, earning, coupons, ledger)
        return [check.name for room in rooms for check in room.checks() if execute(check.breaks).first()]


def test_used_for_a_day_thirty_days_of_it_stay_paid(stage, mei):
    order = a_year(stage, mei)
    buy(stage, mei, stage.mug(), at=NOON + DAY)
    shown = plan_of(stage, order, at=NOON + DAY)
    assert (shown.lines[0].used_days, shown.cash_cents) == (30, 3_000 * 335 // 365)

    give_back(stage, order, mei, at=NOON + DAY, shown=shown.fingerprint)

    assert asked_back(order) == [3_000 * 335 // 365]
    assert standing(stage, mei, at=NOON + DAY).rank == 1
    assert all_broken() == []


@pytest.mark.parametrize(("days", "used"), [(0, 30), (13, 30), (29, 30), (30, 31), (100, 101)])
def test_however_early_it_is_given_back_no_fewer_days_stay_paid_than_the_least_and_than_were_used(
    stage, mei, days, used
):
    order = a_year(stage, mei)
    buy(stage, mei, stage.mug())

    assert plan_of(stage, order, at=NOON + days * DAY).lines[0].used_days == used


@pytest.mark.parametrize("days", [0, WINDOW])
def test_within_the_days_for_returns_it_goes_back_whole_as_long_as_nothing_was_bought_with_it(stage, mei, days):
    order, at = a_year(stage, mei), NOON + days * DAY

    plan = give_back(stage, order, mei, at=at)

    assert (plan.whole, asked_back(order), stage.order(order).state) == (True, [3_000], checkout.REFUNDED)
    assert standing(stage, mei, at=at).rank == 1
    assert all_broken() == []


def test_an_order_that_was_placed_with_it_and_waits_for_payment_is_use_of_it(stage, mei):
    order = a_year(stage, mei)
    stage.put_in(mei, stage.mug(), "cash")
    waiting = stage.place(mei)
    assert waiting.state == checkout.AWAITING

    shown = plan_of(stage, order, at=NOON)
    assert (shown.whole, shown.lines[0].used_days) == (False, 30)

    checkout.give_up(waiting.id, by=f"member:{mei}", cashier=stage.cashier, terms=stage.terms, site=SITE)
    assert plan_of(stage, order, at=NOON).whole


def test_after_the_days_for_returns_the_least_term_is_kept_of_what_was_never_used(stage, mei):
    order = a_year(stage, mei)

    assert plan_of(stage, order, at=NOON + (WINDOW + 1) * DAY).lines[0].used_days == 30


def test_one_no_longer_than_the_least_term_stays_paid_once_it_was_used(stage, mei):
    order = buy(stage, mei, stage.membership(length=30))
    buy(stage, mei, stage.mug())

    with pytest.raises(aftersales.LeastTerm, match="stays paid for 30 days at least"):
        give_back(stage, order, mei, at=NOON + DAY)
    assert standing(stage, mei, at=NOON + DAY).rank == 4


def test_what_was_bought_before_it_began_is_no_use_of_it(stage, mei):
    buy(stage, mei, stage.mug())
    order = a_year(stage, mei, at=NOON + DAY)

    assert plan_of(stage, order, at=NOON + 2 * DAY).whole


def test_what_is_to_come_goes_back_whole_whatever_is_bought_meanwhile(stage, mei):
    first, second = a_year(stage, mei), a_year(stage, mei)
    buy(stage, mei, stage.mug())

    give_back(stage, second, mei, at=NOON + 100 * DAY)

    assert (asked_back(second), asked_back(first)) == ([2_850], [])


def test_the_term_is_that_of_the_programme_it_was_bought_under(stage, mei):
    order = a_year(stage, mei)
    buy(stage, mei, stage.mug())
    change(stage, at=NOON + DAY, membership_least_days=90)
    assert stage.terms.membership_least_days == 90

    assert plan_of(stage, order, at=NOON + 2 * DAY).lines[0].used_days == 30


def test_a_version_from_before_there_was_a_term_has_none():
    settings = programme.default_settings(shop_name="-")
    del settings["membership_least_days"]

    assert programme.terms_of(1, settings).membership_least_days == 1


def test_the_pack_of_a_birthday_that_a_paid_level_brought_goes_with_it_and_the_one_of_growth_is_given(stage, mei):
    order = a_year(stage, mei)
    birthday(stage, mei)
    assert packs(mei) == [("birthday:2026-03-11", 4, 100, f"order:{order.id}:1")]
    assert (stage.balances(mei, at=NOON + 9 * DAY).ready, coupons_of(mei)) == (140, ["usable"])
    shown = plan_of(stage, order, at=NOON + 10 * DAY)
    assert (shown.brought.points, shown.brought.growth, shown.brought.coupons) == (140, 3, 1)

    give_back(stage, order, mei, at=NOON + 10 * DAY, shown=shown.fingerprint)

    assert (stage.balances(mei, at=NOON + 10 * DAY).ready, coupons_of(mei)) == (10, ["revoked"])
    assert packs(mei)[1:] == [("birthday:2026-03-11:again:1", 2, 10, None)]
    assert [(each["points"], each["coupons"], each["used"]) for each in told(mei)] == [(140, 1, 0)]
    assert standing(stage, mei, at=NOON + 10 * DAY).growth == 0
    assert all_broken() == []


def test_what_is_spent_of_it_is_owed_and_a_coupon_that_was_used_stays_used(stage, mei):
    order = a_year(stage, mei)
    birthday(stage, mei)
    with reading():
        [coupon] = execute(select(coupons.Coupon.id).where(coupons.Coupon.member_id == mei)).scalars()
    lamp = stage.item("Lamp", prices=(catalogue.cash_price(5_000), catalogue.points_price(140)))
    buy(stage, mei, lamp, use=[coupon], at=NOON + 9 * DAY)
    buy(stage, mei, lamp, "points", at=NOON + 9 * DAY)

    plan = give_back(stage, order, mei, at=NOON + 10 * DAY)

    assert plan.lines[0].used_days == 30
    assert stage.balances(mei, at=NOON + 10 * DAY).owed == 130
    assert told(mei)[0]["used"] == 1
    assert all_broken() == []


def test_a_dispute_that_is_lost_takes_what_the_level_brought(stage, mei):
    order = a_year(stage, mei)
    birthday(stage, mei)

    dispute(stage, order, "open", at=NOON + 10 * DAY)
    assert stage.balances(mei, at=NOON + 10 * DAY).ready == 140
    dispute(stage, order, "lost", at=NOON + 11 * DAY)

    assert stage.balances(mei, at=NOON + 11 * DAY).ready == 10
    assert all_broken() == []


def test_a_task_that_asks_for_the_level_is_taken_back_with_it_and_one_that_does_not_stays(stage, mei):
    order = a_year(stage, mei)
    with transaction():
        earning.check_in(mei, terms=stage.terms, at=NOON + DAY)
    birthday(stage, mei)

    give_back(stage, order, mei, at=NOON + 10 * DAY)

    assert stage.balances(mei, at=NOON + 10 * DAY).ready == 5 + 10


def test_what_growth_or_a_hand_gives_as_well_stays(stage, mei):
    with transaction():
        membership.write_grant(
            membership.Grant(mei, 4, date(2026, 6, 30), "A friend", "staff:1", "once"), terms=stage.terms, at=NOON
        )
    order = a_year(stage, mei)
    birthday(stage, mei)
    assert packs(mei) == [("birthday:2026-03-11", 4, 100, None)]

    give_back(stage, order, mei, at=NOON + 10 * DAY)

    assert stage.balances(mei, at=NOON + 10 * DAY).ready == 140
    assert (told(mei), all_broken()) == ([], [])


def test_the_pack_that_takes_its_place_may_be_that_of_another_membership_and_goes_with_that(stage, mei):
    higher = buy(stage, mei, stage.membership("svip", length=300))
    lower = a_year(stage, mei)
    birthday(stage, mei)
    give_back(stage, higher, mei, at=NOON + 10 * DAY)
    assert packs(mei)[1:] == [("birthday:2026-03-11:again:1", 4, 100, f"order:{lower.id}:1")]

    give_back(stage, lower, mei, at=NOON + 11 * DAY)

    assert packs(mei)[2:] == [("birthday:2026-03-11:again:2", 2, 10, None)]
    assert stage.balances(mei, at=NOON + 11 * DAY).ready == 10
    assert all_broken() == []


def test_paying_for_a_level_brings_no_pack_for_reaching_it(stage, mei):
    a_year(stage, mei)

    with transaction():
        earning.review_level(mei, terms=stage.terms, at=NOON + DAY)
    assert packs(mei) == []


def test_a_membership_that_ended_by_itself_leaves_what_it_brought(stage, mei):
    buy(stage, mei, stage.membership(length=10))
    birthday(stage, mei)
    with transaction():
        membership.end_grants(terms=stage.terms, at=NOON + 20 * DAY)

    assert stage.balances(mei, at=NOON + 20 * DAY).ready == 140
    assert all_broken() == []


FOUND = "what a paid level brought was taken back where it was given back, and nowhere else"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("verb", ["record", "take_pack_back", "take_reward_back"])
def test_the_proof_finds_what_was_not_taken_back(stage, mei, monkeypatch, verb):
    order = a_year(stage, mei)
    birthday(stage, mei)
    assert all_broken() == []
    nothing = {
        "record": None, "take_pack_back": undoing.PackBack(), "take_reward_back": earning.Reward("birthday", 0, 0),
    }[verb]  # fmt: skip
    monkeypatch.setattr(paid_levels, verb, lambda *_args, **_more: nothing)

    give_back(stage, order, mei, at=NOON + 10 * DAY)

    found = all_broken()
    wanted = FOUND if verb != "take_reward_back" else (
        "what was given for a fact that is undone was taken back, and for no other"
    )  # fmt: skip
    assert wanted in found


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_level_that_is_said_to_be_given_back_and_goes_on(stage, mei):
    order = a_year(stage, mei)
    with transaction():
        execute(
            text(
                "INSERT INTO fact (kind, member_id, reference, cents, attributes, key, at)"
                " SELECT 'paid_level_undone', member_id, :of, 0, '{}', 'paid_level:' || :of, at FROM fact LIMIT 1"
            ),
            {"of": f"order:{order.id}:1"},
        )

    assert FOUND in all_broken()


def test_given_back_it_takes_a_task_back_once_though_what_it_was_for_is_undone_as_well(stage, mei):
    tasks = [{"key": "every_order", "points": 50, "growth": 2, "least_cents": 1_000, "from_rank": 3}]
    change(stage, at=NOON, tasks=tasks)
    year = a_year(stage, mei)
    stage.put_in(mei, stage.mug(), "cash")
    kept = stage.pay(stage.place(mei))
    stage.ship(kept)
    stage.deliver(kept)
    assert stage.close(kept, at=NOON + 15 * DAY)
    give_back(stage, year, mei, at=NOON + 16 * DAY)
    with transaction():
        aftersales.refund(kept.id, reason="damaged", restock=True, by="staff:1", terms=stage.terms, at=NOON + 17 * DAY)

    with reading():
        assert membership.standing(mei, terms=stage.terms, at=NOON + 17 * DAY).growth == 0
    assert (stage.balances(mei, at=NOON + 17 * DAY).ready, all_broken()) == (0, [])
