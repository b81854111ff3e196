"""A membership gives its level as soon as it is paid, for its days; had again meanwhile, it goes on after them."""

from datetime import date, timedelta

import pytest
from sqlalchemy import delete, insert, select, text, update

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import catalogue, checkout, earning, ledger, membership, notices, programme
from mall.domain.membership import grants
from tests.stage import NOON

DAY = timedelta(days=1)
TODAY = date(2026, 3, 2)


def standing(stage, member_id, *, at=NOON):
    with reading():
        return membership.standing(member_id, terms=stage.terms, at=at)


def buy(stage, member_id, item, form="cash", *, at=NOON, **more):
    stage.put_in(member_id, item, form, at=at, **more)
    order = stage.place(member_id, at=at)
    return stage.pay(order, at=at) if order.state == checkout.AWAITING else order


def grants_of(member_id):
    with reading():
        return [(row.kind, row.rank, row.begins_on, row.last_day) for row in reversed(membership.grants_of(member_id))]


def broken():
    with reading():
        return [check.name for check in checkout.checks() if execute(check.breaks).first()]


def told(kind):
    with reading():
        return [
            row.details
            for row in execute(
                select(notices.Notice.details).where(notices.Notice.kind == kind).order_by(notices.Notice.id)
            )
        ]


def test_it_gives_its_level_as_soon_as_it_is_paid_and_the_order_is_complete(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    order = stage.place(mei)
    assert standing(stage, mei).rank == 1

    order = stage.pay(order)

    now = standing(stage, mei)
    assert (now.level.key, now.granted_until, now.paid, now.grown.rank) == ("vip", date(2026, 3, 31), True, 1)
    assert order.state == checkout.COMPLETED
    with reading():
        [line] = checkout.lines_of(order.id)
    assert (line.plan_rank, line.plan_length, line.plan_unit, line.plan_days) == (4, 30, "days", 30)
    assert [each["last_day"] for each in told("level_granted")] == ["2026-03-31"]
    assert standing(stage, mei, at=NOON + 30 * DAY).rank == 1


def test_it_is_had_for_points_as_well(stage, mei):
    stage.give(mei, 3_000)
    order = buy(stage, mei, stage.membership(), "points")

    assert (order.state, order.plan_cents, standing(stage, mei).level.key) == (checkout.COMPLETED, 0, "vip")


@pytest.mark.parametrize(
    ("length", "unit", "last"),
    [
        (1, "days", TODAY),
        (366, "days", date(2027, 3, 2)),
        (1, "months", date(2026, 4, 1)),
        (12, "months", date(2027, 3, 1)),
    ],
)
def test_it_lasts_so_many_days_or_months_its_first_day_counted(stage, mei, length, unit, last):
    buy(stage, mei, stage.membership(length=length, unit=unit))

    assert standing(stage, mei).granted_until == last


def test_had_again_while_it_lasts_it_goes_on_after_its_last_day_without_a_gap(stage, mei):
    plan = stage.membership()
    buy(stage, mei, plan)
    buy(stage, mei, plan, at=NOON + 9 * DAY)

    assert grants_of(mei) == [
        ("paid", 4, TODAY, date(2026, 3, 31)),
        ("paid", 4, date(2026, 4, 1), date(2026, 4, 30)),
    ]
    assert standing(stage, mei).granted_until == date(2026, 4, 30)
    turn = NOON + 30 * DAY
    assert (standing(stage, mei, at=turn).rank, standing(stage, mei, at=turn).granted_until) == (4, date(2026, 4, 30))
    with transaction():
        membership.end_grants(terms=stage.terms, at=turn)
    assert told("level_grant_ended") == []  # It goes on.


def test_two_orders_that_wait_at_once_are_two_periods(stage, mei):
    plan = stage.membership()
    stage.put_in(mei, plan, "cash")
    one = stage.place(mei)
    stage.put_in(mei, plan, "cash")
    another = stage.place(mei)

    stage.pay(another)
    stage.pay(one)

    assert standing(stage, mei).granted_until == date(2026, 4, 30)


def test_had_after_it_has_ended_it_begins_anew(stage, mei):
    plan = stage.membership()
    buy(stage, mei, plan)
    buy(stage, mei, plan, at=NOON + 40 * DAY)

    assert grants_of(mei)[1] == ("paid", 4, date(2026, 4, 11), date(2026, 5, 10))


def test_another_level_begins_at_once_and_the_higher_holds(stage, mei):
    buy(stage, mei, stage.membership(length=60))
    buy(stage, mei, stage.membership("svip", length=10))

    assert (standing(stage, mei).level.key, standing(stage, mei).granted_until) == ("svip", date(2026, 3, 11))
    assert standing(stage, mei, at=NOON + 20 * DAY).level.key == "vip"


def change_levels(stage, keep, *, at):
    """Put a version in force with the levels of these keys only; nobody is carried over yet."""
    settings = programme.settings_of(stage.terms)
    levels = [each for each in settings["levels"] if each["key"] in keep]
    settings |= {"levels": [each | {"rank": rank} for rank, each in enumerate(levels, 1)]}
    with transaction():
        number = programme.draft(
            settings, based_on=stage.terms.version, effective_from=at, by="staff:1", at=at, reason="Fewer levels"
        )
        programme.approve(number, by="staff:2", at=at, other_approvers=1)
        stage.terms = programme.current(at)


def test_had_again_before_its_level_is_carried_over_to_a_new_version_it_goes_on_all_the_same(stage, mei):
    plan = stage.membership()
    buy(stage, mei, plan)
    change_levels(stage, ("registered", "ordinary", "vip"), at=NOON + DAY)

    buy(stage, mei, plan, at=NOON + DAY)
    with transaction():
        membership.carry(terms=stage.terms, after=0, at=NOON + DAY)

    month = TODAY + 29 * DAY
    assert grants_of(mei) == [
        ("paid", 4, TODAY, month),
        ("paid", 3, TODAY, month),
        ("paid", 3, month + DAY, month + 30 * DAY),
    ]
    assert broken() == []


def test_paid_when_there_is_one_level_only_the_order_is_paid_and_can_be_given_back(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    order = stage.place(mei)
    change_levels(stage, ("registered",), at=NOON)

    order = stage.pay(order)

    assert (order.state, grants_of(mei)) == (checkout.COMPLETED, [("paid", 2, TODAY, TODAY + 29 * DAY)])
    assert broken() == []
    stage.refund(order)
    assert (stage.order(order).state, broken()) == (checkout.REFUNDED, [])


def test_one_that_was_granted_by_hand_is_not_what_a_paid_one_lengthens(stage, mei):
    with transaction():
        earning.grant_level(
            membership.Grant(mei, 4, date(2026, 5, 1), "A friend", "staff:1", "once"), terms=stage.terms, at=NOON
        )
    buy(stage, mei, stage.membership())

    assert grants_of(mei)[1] == ("paid", 4, TODAY, date(2026, 3, 31))


def test_told_twice_that_it_is_paid_there_is_one(stage, mei):
    order = buy(stage, mei, stage.membership())
    checkout.look_at_order(order.id, cashier=stage.cashier, terms=stage.terms)

    assert len(grants_of(mei)) == 1


def test_one_at_a_time(stage, mei):
    plan = stage.membership()
    stage.put_in(mei, plan, "cash", quantity=2)

    with pytest.raises(checkout.OnePlanAtATime, match="one at a time"):
        stage.place(mei)


def test_two_lines_of_one_order_go_on_one_after_the_other(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, stage.membership(length=3, unit="months"), "cash")
    stage.pay(stage.place(mei))

    assert [each[2:] for each in grants_of(mei)] == [
        (TODAY, date(2026, 3, 31)),
        (date(2026, 4, 1), date(2026, 6, 30)),
    ]


def test_it_earns_neither_points_nor_growth_and_what_is_bought_beside_it_does(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, stage.mug(delivery="digital"), "cash")
    _basket, priced = stage.price(mei)
    with reading():
        will = checkout.will_earn(priced.quote, (), level=stage.level_of(mei), terms=stage.terms, at=NOON)
    order = stage.pay(stage.place(mei))
    stage.close(order, at=NOON)

    assert (will.points, will.growth) == (159, 15)
    assert stage.balances(mei).ready == 159
    assert (standing(stage, mei).growth, order.plan_cents) == (15, 3_000)


def test_it_is_in_no_campaign(stage, mei):
    stage.campaign()
    order = buy(stage, mei, stage.membership())

    with reading():
        assert ledger.lots_earned(checkout.reference_of(order.id), at=NOON) == []
    assert order.campaigns is None


def test_in_an_order_of_goods_it_begins_when_that_is_paid_and_the_goods_are_still_to_be_sent(stage, mei):
    stage.put_in(mei, stage.membership(), "cash")
    stage.put_in(mei, stage.mug(), "cash")
    order = stage.pay(stage.place(mei))

    assert (order.state, standing(stage, mei).level.key) == (checkout.PAID, "vip")
    with reading():
        assert [checkout.to_ship(line) for line in checkout.lines_of(order.id)] == [0, 1]


def test_one_whose_length_was_changed_since_it_was_shown_is_shown_again(stage, mei):
    plan = stage.membership()
    stage.put_in(mei, plan, "cash")
    _basket, priced = stage.price(mei)
    with transaction():
        catalogue.edit_product(plan.product_id, terms=stage.terms, by="staff:1", at=NOON, plan_length=20)

    with pytest.raises(checkout.QuoteChanged):
        stage.place(mei, shown=priced.quote.fingerprint)


def test_an_order_keeps_the_length_it_was_placed_with(stage, mei):
    plan = stage.membership()
    stage.put_in(mei, plan, "cash")
    order = stage.place(mei)
    with transaction():
        catalogue.edit_product(plan.product_id, terms=stage.terms, by="staff:1", at=NOON, plan_length=20)
    stage.pay(order)

    assert standing(stage, mei).granted_until == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"plan_level": "registered"}, "plan_level"),
        ({"plan_level": "nobody"}, "plan_level"),
        ({"plan_level": None}, "plan_level"),
        ({"plan_length": 0}, "plan_length"),
        ({"plan_length": 367}, "plan_length"),
        ({"plan_length": None}, "plan_length"),
        ({"plan_length": 13, "plan_unit": "months"}, "plan_length"),
        ({"plan_unit": "years"}, "plan_unit"),
        ({"delivery": "shipped"}, "delivery"),
    ],
)
def test_a_membership_that_cannot_be_meant_is_refused_at_its_field(stage, wrong, field):
    plain = {
        "title": {"en": "VIP"}, "kind": "membership", "plan_level": "vip", "plan_length": 12, "plan_unit": "months"
    }  # fmt: skip
    with pytest.raises(Refusal) as refusal, transaction():
        catalogue.create_product(terms=stage.terms, by="staff:1", at=NOON, **(plain | wrong))

    assert refusal.value.field == field


def test_the_desk_does_not_withdraw_what_was_paid_for(stage, mei):
    buy(stage, mei, stage.membership())
    with reading():
        [grant] = membership.grants_of(mei)

    with pytest.raises(membership.WasPaid), transaction():
        earning.withdraw_level(
            grant.id, member_id=mei, reason="So", by="staff:1", terms=stage.terms, at=NOON + timedelta(hours=1)
        )


GAVE = "a paid membership gave one level, its member's, for its days, and none was given before"
ENDS = "a level ends when its membership is given back, and goes on where it is not"
NOWHERE = "a level that was paid for has its membership"
CENTS = "an order says what of its cash is for memberships"


def plain_rows(table):
    """Let a table be changed, as nobody can in the shop."""
    for event in ("no_update", "no_delete"):
        execute(text(f"DROP TRIGGER {table}_{event}"))


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda: update(grants.LevelGrant).values(rank=3), GAVE),
        (lambda: update(grants.LevelGrant).values(last_day=date(2026, 4, 1)), GAVE),
        (lambda: update(checkout.OrderLine).values(plan_days=29), GAVE),
        (lambda: update(checkout.OrderLine).values(plan_length=31), GAVE),
        (lambda: delete(grants.LevelGrant), GAVE),
        (lambda: update(grants.LevelGrant).values(reference="order:9:1"), NOWHERE),
        (lambda: update(checkout.Order).values(plan_cents=2_999), CENTS),
        (
            lambda: insert(grants.LevelGrantEnd).values(
                grant_id=1, how="withdrawn", reason="So", by="staff:1", ended_at=NOON
            ),
            ENDS,
        ),
    ],
)
def test_the_proof_finds_a_membership_that_gave_something_else(stage, mei, change, found):
    buy(stage, mei, stage.membership())
    assert broken() == []
    with transaction():
        plain_rows("level_grant")
        execute(change())

    assert found in broken()
