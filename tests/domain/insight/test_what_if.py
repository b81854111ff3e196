"""The rule sandbox replays what happened: the rules in force give what was really given, a draft what it would."""

import gc
from collections import Counter
from datetime import date, timedelta
from importlib import import_module

import pytest
from sqlalchemy import func, select

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.domain import catalogue, checkout, earning, insight, ledger, membership, programme
from mall.domain.insight.replay import TaskDone, tasks_paid
from tests.domain.insight.test_pyramid import grow
from tests.stage import NOON, open_shop

LATER = NOON + timedelta(days=40)
TERMS = programme.terms_of(1, programme.default_settings(shop_name="Tessera"))


@pytest.fixture
def stage(either):
    with moved_to(NOON):
        yield open_shop()


def drafted(stage, *, levels=None, steps=None, **changes):
    """Draft a version; `levels`: {rank: {figure: value}}, `steps`: all of them."""
    settings = programme.settings_of(stage.terms) | changes | ({"levels": steps} if steps else {})
    for rank, figures in (levels or {}).items():
        settings["levels"][rank - 1] |= figures
    with transaction():
        number = programme.sketch(settings, based_on=1, effective_from=LATER, by="staff:1", at=NOON, reason="Trial")
    with reading():
        return programme.version(number)


def tried(stage, draft, *, days=90, at=LATER):
    with reading():
        return insight.what_if(draft, days=days, terms=stage.terms, at=at)


@pytest.fixture
def year(stage):
    """Three members of three levels who buy in cash, keep, give back and check in; returns their ids."""
    mei, tom, bo = (stage.member(name) for name in ("mei", "tom", "bo"))
    mugs = stage.item(prices=(catalogue.cash_price(1_590),), stock=500)
    grow(stage, mei, 6_000)
    grow(stage, tom, 1_700)
    for place, (who, pieces) in enumerate(((mei, 7), (tom, 3), (bo, 1), (mei, 1), (tom, 11))):
        at = NOON + timedelta(days=place)
        stage.put_in(who, mugs, "cash", quantity=pieces, at=at)
        order = stage.deliver(stage.ship(stage.pay(stage.place(who, at=at), at=at), at=at), at=at)
        if place == 1:
            stage.refund(order, pieces={1: 2}, at=at + timedelta(hours=1))
        if place != 4:
            assert stage.close(order, at=at + timedelta(days=20))
    for day in range(8):
        for who in (mei, tom):
            with transaction():
                earning.check_in(who, terms=stage.terms, at=NOON + timedelta(days=day))
    return mei, tom, bo


def really(question):
    with reading():
        return int(execute(question).scalar_one() or 0)


def test_the_rules_in_force_replayed_give_exactly_what_was_really_given(stage, year):
    found = tried(stage, stage.terms)

    lot, posting = ledger.Lot, ledger.Posting
    by_orders = really(select(func.sum(lot.points)).where(lot.rule == "order"))
    back = really(select(func.sum(posting.points)).where(posting.kind == "clawback"))
    by_tasks = really(select(func.sum(lot.points)).where(lot.origin == "task"))
    line = checkout.OrderLine
    discount = really(select(func.sum(line.level_discount_cents * (line.quantity - line.refunded) / line.quantity)))

    assert found.live.given.points == found.issued_points - by_tasks == by_orders - back > 0 < back
    assert found.live.task_points == by_tasks > 0
    assert found.live.given.discount_cents == discount > 0
    assert found.live == found.draft and found.movers == ()
    assert {each.rank: each.members for each in found.now.courses} == {1: 0, 2: 1, 3: 1, 4: 1, 5: 0}


def test_growth_replayed_under_the_rules_in_force_is_what_was_really_given(stage, year):
    draft = drafted(stage, growth_per_cents=50)
    found = tried(stage, draft)
    event = membership.GrowthEvent
    given = really(select(func.sum(event.points)))
    by_orders = really(select(func.sum(event.points)).where(event.source == "order"))
    with reading():
        kept = execute(
            select(earning.FactRow.reference, func.sum(earning.FactRow.cents).label("cents"))
            .where(
                earning.FactRow.kind.in_(("order_paid", "order_reduced")),
                earning.FactRow.reference.in_(
                    select(earning.FactRow.reference).where(earning.FactRow.kind == "order_kept")
                ),
            )
            .group_by(earning.FactRow.reference)
        ).all()

    assert found.live.pyramid.growth == given
    assert by_orders == sum(row.cents // 100 for row in kept)
    assert found.draft.pyramid.growth == given - by_orders + sum(row.cents // 50 for row in kept)


def test_a_draft_of_rates_and_multipliers_gives_by_the_same_formula(stage, year):
    live = tried(stage, stage.terms).live
    twice = tried(stage, drafted(stage, earn_points=20)).draft
    plain = tried(stage, drafted(stage, levels={rank: {"multiplier_percent": 100} for rank in (3, 4)})).draft
    dear = tried(stage, drafted(stage, worth_cents=200)).draft

    assert live.points < twice.points <= 2 * live.points + 10
    assert plain.given.points == live.given.points - live.given.multiplier_points
    assert plain.given.multiplier_points == 0 < live.given.multiplier_points
    assert dear.points == live.points and dear.liability_cents in (
        2 * live.liability_cents,
        2 * live.liability_cents - 1,
    )


def test_discount_and_free_delivery_are_counted_as_checkout_prices_them(stage, year):
    found = tried(stage, drafted(stage, levels={3: {"discount_percent": 10, "free_shipping_from_cents": None}}))

    # Tom's 12 kept mugs: 1.59 less each, half up. Mei's stay.
    assert found.draft.given.discount_cents == found.live.given.discount_cents + 12 * 159
    with reading():
        free = execute(
            select(func.count())
            .select_from(checkout.Order)
            .where(
                checkout.Order.level_rank == 3,
                checkout.Order.shipping_cents == 0,
                checkout.Order.shipping_list_cents > 0,
            )
        ).scalar_one()
    assert free > 0
    assert found.live.given.shipping_cents - found.draft.given.shipping_cents == free * 490


def test_higher_thresholds_show_who_would_stand_lower_and_lower_ones_who_higher(stage, year):
    mei, tom, _bo = year
    up = tried(stage, drafted(stage, levels={4: {"reach": 9_000, "keep": 9_000}}))
    (mover,) = up.movers
    assert (mover.member_id, mover.now_rank, mover.live_rank, mover.draft_rank) == (mei, 4, 4, 3)
    assert not mover.rises and up.moves() == [(4, 3, 1)]
    assert [course.members for course in up.draft.pyramid.courses] == [0, 1, 2, 0, 0]
    # Counted as Senior, she gets no discount and a multiplier of 120.
    assert up.draft.given.discount_cents == 0
    assert up.draft.given.points < up.live.given.points

    down = tried(stage, drafted(stage, levels={4: {"reach": 1_600, "keep": 1_600}, 3: {"reach": 1_500}}))
    assert [(each.member_id, each.draft_rank, each.rises) for each in down.movers] == [(tom, 4, True)]


def test_a_set_of_other_levels_carries_everybody_over_first(stage, year):
    levels = [dict(level) | {"rank": rank} for rank, level in enumerate(programme.SIX_STEPS, start=1)]
    found = tried(stage, drafted(stage, steps=levels))

    assert found.draft.pyramid.members == found.live.pyramid.members == 3
    assert len(found.draft.pyramid.courses) == 6
    # 6,000 growth and more: carried to V5, which takes 5,000.
    assert found.draft.pyramid.from_rank(5).members == 1


def test_only_the_days_asked_for_are_replayed(stage, year):
    assert tried(stage, stage.terms, days=30).issued_points < tried(stage, stage.terms, days=90).issued_points
    late = tried(stage, stage.terms, days=30, at=LATER + timedelta(days=60))
    assert (late.issued_points, late.live.given.points) == (0, 0)


def test_a_changed_task_is_replayed_with_its_caps_and_the_others_stay(stage, year):
    def task(key, **figures):
        settings = programme.settings_of(stage.terms)["tasks"]
        return [each | figures if each["key"] == key else each for each in settings]

    live = tried(stage, stage.terms).live.task_points
    dearer = tried(stage, drafted(stage, tasks=task("check_in", points=15)))
    assert dearer.draft.task_points - live == 2 * 8 * 5
    scarcer = tried(stage, drafted(stage, tasks=task("check_in", per_month=3)))
    assert live - scarcer.draft.task_points == 2 * (8 - 3) * 10
    off = tried(stage, drafted(stage, tasks=[each for each in task("x") if each["key"] != "check_in"]))
    assert live - off.draft.task_points == 2 * 8 * 10
    grown = tried(stage, drafted(stage, tasks=task("check_in", growth=100)))
    assert grown.draft.pyramid.growth - grown.live.pyramid.growth == 2 * 8 * 100


def test_every_task_replayed_pays_as_often_as_it_was_really_paid(stage, year):
    with reading():
        rows = execute(select(earning.FactRow).order_by(earning.FactRow.at, earning.FactRow.id)).all()
        paid = execute(
            select(earning.TaskReward.member_id, earning.TaskReward.task, func.count().label("times")).group_by(
                earning.TaskReward.member_id, earning.TaskReward.task
            )
        ).all()
    done = [
        TaskDone(
            earning.Fact(row.kind, row.member_id, row.key, row.at, attributes=row.attributes),
            stage.terms.today(row.at),
            1,
            row.id,
        )
        for row in rows
    ]

    times = Counter()
    for (member_id, task, _day), paid_then in tasks_paid(done, stage.terms.tasks, since=date(2026, 3, 1)).items():
        times[member_id, task] += paid_then
    assert times == {(row.member_id, row.task): row.times for row in paid}


def test_what_was_paid_before_the_replay_counts_for_the_caps(stage):
    task = programme.Task("check_in", 10, 0, per_day=1, per_month=3)
    done = [TaskDone(earning.Fact("checked_in", 1, f"k{day}", NOON), date(2026, 3, day), 1) for day in (10, 11, 12)]

    before = {(1, "check_in"): earning.Done(0, 2, 2)}
    assert tasks_paid(done, [task], before=before, since=date(2026, 3, 10)) == {(1, "check_in", date(2026, 3, 10)): 1}
    assert tasks_paid(done, [task], since=date(2026, 3, 10)) == {(1, "check_in", each.day): 1 for each in done}


def test_the_garbage_collector_rests_meanwhile_and_is_at_work_again_whatever_comes(monkeypatch):
    found = []

    def fails(*_asked, **_more):
        found.append(gc.isenabled())
        raise ZeroDivisionError

    sandbox = import_module("mall.domain.insight.what_if")  # The room calls its function by the same name.
    monkeypatch.setattr(sandbox, "_replayed", fails)
    was_at_work = gc.isenabled()
    gc.enable()
    try:
        with pytest.raises(ZeroDivisionError):
            sandbox.what_if(TERMS, days=30, terms=TERMS, at=LATER)
        found.append(gc.isenabled())
    finally:
        if not was_at_work:
            gc.disable()
    assert found == [False, True]


def test_a_year_is_reckoned_from_the_days_replayed(stage):
    found = tried(stage, stage.terms, days=30)
    assert [found.a_year(cents) for cents in (0, 30, 31, -30)] == [0, 365, 377, -365]
