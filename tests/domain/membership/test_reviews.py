"""Up at once; down only on a review day, one step, after 30 days' notice; a level reached is kept for 12 months."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import again, execute, reading, transaction
from mall.base.text import say
from mall.domain import membership, notices, programme
from mall.domain.membership.reviews import Fall, Keep, Rise, Warn, decide
from mall.domain.programme.settings import terms_of
from tests.threads import errors, race

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
# Senior from 10 January 2026: reviewed a year on, when growth from 11 January 2026 counts.
REVIEW = datetime(2027, 1, 10, 2, 0, tzinfo=UTC)
PYRAMID = terms_of(1, programme.default_settings(shop_name="Tessera"))
TODAY = date(2027, 1, 10)
WAY = {"many": True}


def standing(member_id, at=START):
    with reading():
        return membership.standing(member_id, terms=programme.current(at), at=at)


@pytest.fixture(params=["many at a time", "one by one"], autouse=True)
def way(request, monkeypatch):
    """A night's review looks at many members at a time, or at one after the other where one is in the way."""
    monkeypatch.setitem(WAY, "many", request.param == "many at a time")


def night(at):
    """Run a night's review, as the worker does. Returns the level changes."""
    with reading():
        terms = programme.current(at)
        wanted = membership.to_review(terms=terms, at=at)
        before = {member_id: membership.history_of(member_id)[0] for member_id in wanted}
    if WAY["many"]:
        after = 0
        while after is not None:
            with transaction():
                due, after = membership.due_in_share(terms=terms, after=after, at=at, share=1)
                membership.review_many(due, terms=terms, at=at)
    else:
        for member_id in wanted:
            with transaction():
                membership.review(member_id, terms=terms, at=at)
    with transaction():
        membership.note_review(terms=terms, at=at)
    with reading():
        now = {member_id: membership.history_of(member_id)[0] for member_id in wanted}
    return [
        membership.LevelChange(member_id, was.rank, now[member_id].rank, now[member_id].growth)
        for member_id, was in before.items()
        if was.rank != now[member_id].rank
    ]


def told(kind):
    with reading():
        return (
            execute(select(notices.Notice.details).where(notices.Notice.kind == kind).order_by(notices.Notice.id))
            .scalars()
            .all()
        )


def ranks(member_id):
    with reading():
        return [(step.rank, step.reason) for step in reversed(membership.history_of(member_id))]


# Up


def test_the_first_order_makes_an_ordinary_member(mei, give_growth):
    change = give_growth(mei, 1)

    assert (change.from_rank, change.to_rank, change.rose) == (1, 2, True)
    assert standing(mei).level.key == "ordinary"


def test_a_level_is_reached_at_its_threshold_and_not_before(mei, give_growth):
    give_growth(mei, 1_499)
    assert standing(mei).rank == 2
    assert give_growth(mei, 1).to_rank == 3


def test_several_levels_at_once_are_one_step(mei, give_growth):
    give_growth(mei, 20_000)

    assert ranks(mei) == [(1, "registered"), (5, "reached")]


def test_a_rise_is_told_once(mei, give_growth):
    give_growth(mei, 1_500)
    give_growth(mei, 10)

    assert told("level_raised") == [{"level": {"en": "Senior", "zh": "高级会员"}}]


def test_growth_given_twice_by_the_same_key_counts_once(mei, give_growth):
    give_growth(mei, 800, key="order:7:growth")
    assert give_growth(mei, 800, key="order:7:growth") is None

    assert standing(mei).growth == 800


def test_growth_older_than_365_days_does_not_count(mei, give_growth):
    give_growth(mei, 100)

    assert standing(mei, at=START + 364 * DAY).growth == 100
    assert standing(mei, at=START + 365 * DAY).growth == 0


def test_what_is_taken_back_lowers_growth_but_not_the_level(mei, give_growth):
    give_growth(mei, 2_000, reference="order:7")
    change = give_growth(mei, -1_900, reference="order:7", at=START + 20 * DAY, counts_on=date(2026, 1, 10))

    assert change is None
    assert (standing(mei, at=START + 20 * DAY).growth, standing(mei).rank) == (100, 3)
    assert night(START + 21 * DAY) == []


def test_what_was_taken_back_leaves_the_window_together_with_what_it_took(mei, give_growth):
    give_growth(mei, 2_000, reference="order:7")
    give_growth(mei, -1_900, reference="order:7", at=START + 100 * DAY, counts_on=date(2026, 1, 10))

    assert standing(mei, at=START + 365 * DAY).growth == 0


def test_the_night_raises_whoever_a_new_version_lets_rise(mei, give_growth):
    give_growth(mei, 1_000)
    with transaction():
        settings = programme.settings_of(programme.current(START))
        settings["levels"][2] |= {"reach": 900, "keep": 900}
        number = programme.draft(settings, based_on=1, effective_from=START, by="staff:1", at=START, reason="Lower")
        programme.approve(number, by="staff:2", at=START, other_approvers=1)
    assert standing(mei).rank == 2

    (change,) = night(START + DAY)
    assert (change.from_rank, change.to_rank) == (2, 3)
    assert night(START + 2 * DAY) == []


# Standing


def test_standing_says_what_is_missing_to_the_next_level_and_to_keep_this_one(mei, give_growth):
    give_growth(mei, 1_600)
    give_growth(mei, 1_188, at=START + 30 * DAY)
    now = standing(mei, at=START + 30 * DAY)

    assert (now.level.name["en"], now.growth, now.since) == ("Senior", 2_788, date(2026, 1, 10))
    assert (now.next_level.rank, now.next_reach, now.missing) == (4, 5_000, 2_212)
    # By the review of 10 January 2027, the 1,600 of 10 January 2026 will have left the window.
    assert (now.keep, now.keep_missing, now.review_on) == (1_500, 312, date(2027, 1, 10))


def test_a_new_member_has_nothing_to_keep(mei):
    now = standing(mei)

    assert (now.rank, now.growth, now.missing) == (1, 0, 1)
    assert (now.review_on, now.keep_missing) == (None, 0)


def test_at_the_top_nothing_is_missing(mei, give_growth):
    give_growth(mei, 15_000)
    now = standing(mei)

    assert (now.next_level, now.next_reach, now.missing) == (None, None, 0)


def test_standing_costs_one_statement(mei, give_growth, count_statements):
    give_growth(mei, 10)
    standing(mei)
    count_statements.clear()
    with reading():
        terms = programme.current(START)
        count_statements.clear()
        membership.standing(mei, terms=terms, at=START)

    assert len(count_statements) == 1


# Down


def test_nobody_falls_between_reviews_however_little_is_left(mei, give_growth):
    give_growth(mei, 1_500)

    assert night(REVIEW - 31 * DAY) == []
    assert standing(mei, at=REVIEW - 31 * DAY).rank == 3
    assert told("level_review") == []


def test_thirty_days_before_the_review_the_member_is_told_what_is_missing_once(mei, give_growth):
    give_growth(mei, 1_500)
    give_growth(mei, 1_188, at=START + 30 * DAY)
    night(REVIEW - 30 * DAY)
    night(REVIEW - 29 * DAY)

    assert told("level_review") == [
        {"level": {"en": "Senior", "zh": "高级会员"}, "missing": 312, "review_on": "2027-01-10"}
    ]


def test_a_member_who_has_enough_for_the_review_is_not_worried(mei, give_growth):
    give_growth(mei, 1_500)
    give_growth(mei, 1_500, at=START + 30 * DAY)
    night(REVIEW - 30 * DAY)

    assert told("level_review") == []


def test_on_the_review_day_the_member_falls_one_step_only(mei, give_growth):
    give_growth(mei, 20_000)
    night(REVIEW - 30 * DAY)
    assert night(REVIEW - DAY) == []
    (change,) = night(REVIEW)

    assert (change.from_rank, change.to_rank) == (5, 4)
    assert told("level_lowered") == [{"level": {"en": "VIP", "zh": "贵宾"}}]
    assert standing(mei, at=REVIEW).review_on == date(2028, 1, 10)
    assert night(REVIEW + DAY) == []


def test_a_member_who_made_it_in_the_last_days_keeps_the_level_for_another_year(mei, give_growth):
    give_growth(mei, 1_500)
    night(REVIEW - 30 * DAY)
    give_growth(mei, 1_500, at=REVIEW - 2 * DAY)

    assert night(REVIEW) == []
    assert ranks(mei)[-1] == (3, "kept")
    assert standing(mei, at=REVIEW).review_on == date(2028, 1, 10)


def test_a_notice_that_was_missed_is_given_late_and_the_review_waits(mei, give_growth):
    give_growth(mei, 1_500)
    night(REVIEW - 10 * DAY)

    assert standing(mei, at=REVIEW).review_on == date(2027, 1, 30)
    assert night(REVIEW) == []
    assert night(REVIEW + 19 * DAY) == []
    (change,) = night(REVIEW + 20 * DAY)
    assert change.to_rank == 2


def test_growth_taken_back_after_the_notice_day_gives_notice_first(mei, give_growth):
    give_growth(mei, 1_500)
    give_growth(mei, 1_500, at=START + 30 * DAY, reference="order:8")
    night(REVIEW - 30 * DAY)
    give_growth(mei, -1_000, at=REVIEW - DAY, counts_on=date(2026, 2, 9), reference="order:8")

    assert night(REVIEW) == []
    assert told("level_review")[0]["missing"] == 1_000
    (change,) = night(REVIEW + 30 * DAY)
    assert change.to_rank == 2


def test_from_ordinary_a_member_falls_to_registered_and_is_reviewed_no_more(mei, give_growth):
    give_growth(mei, 5)
    night(REVIEW - 30 * DAY)
    night(REVIEW)

    assert standing(mei, at=REVIEW).rank == 1
    assert standing(mei, at=REVIEW).review_on is None
    assert night(REVIEW + 800 * DAY) == []


def test_a_night_that_ran_twice_does_nothing_twice(mei, give_growth):
    give_growth(mei, 20_000)
    night(REVIEW - 30 * DAY)
    night(REVIEW)
    night(REVIEW)

    assert ranks(mei) == [(1, "registered"), (5, "reached"), (4, "lowered")]


# The decision, without a database


@pytest.mark.parametrize("has_notice", [False, True])
def test_every_day_brings_what_the_rule_says(has_notice):
    """Over every level, growth near each threshold, and every day around the review."""
    near = sorted({level.reach + delta for level in PYRAMID.levels for delta in (-1, 0, 1)} | {0})
    days = [-40, -31, -30, -29, -1, 0, 1, 29, 30, 31]
    for rank, growth, later, offset in product(range(1, 6), near, near, days):
        if later > growth:
            continue
        review_on = None if rank == 1 else TODAY - offset * DAY
        decides_on = max(review_on, TODAY - offset * DAY) if has_notice and review_on else None
        answer = decide(
            PYRAMID,
            rank=rank,
            growth=growth,
            growth_at_review=later,
            review_on=review_on,
            decides_on=decides_on,
            today=TODAY,
        )
        keep = PYRAMID.level(rank).keep
        reached = PYRAMID.level_reached(growth).rank
        match answer:
            case Rise(to_rank):
                assert to_rank == reached > rank
            case Fall():
                assert rank > 1 and growth < keep and decides_on and decides_on <= TODAY
            case Keep():
                assert review_on and review_on <= TODAY and growth >= keep
            case Warn(missing, wait_until):
                assert not has_notice and missing > 0
                assert wait_until >= max(review_on, TODAY + 30 * DAY)
                assert growth < keep if offset >= 0 else later < keep
            case None:
                assert reached <= rank
                if rank > 1 and offset >= 0:
                    assert decides_on and decides_on > TODAY
                elif rank > 1 and offset >= -30 and not has_notice:
                    assert later >= keep


# What holds it together


@pytest.mark.parametrize(
    "table", [membership.GrowthEvent, membership.LevelHistory, membership.LevelNotice, membership.ReviewRun]
)
def test_growth_and_levels_are_only_added_to(mei, give_growth, table):
    give_growth(mei, 1_500)
    night(REVIEW - 30 * DAY)
    for tamper in (update(table).values({next(iter(table.__table__.primary_key.columns)).name: 77}), delete(table)):
        with pytest.raises(DBAPIError, match="append-only"), transaction():
            execute(tamper)


def test_it_is_the_same_on_both_databases(either, open_shop, give_growth):
    _terms, mei = open_shop()
    give_growth(mei, 20_000)
    give_growth(mei, 20_000, key="order:1:growth")
    night(REVIEW - 30 * DAY)
    night(REVIEW)

    now = standing(mei, at=REVIEW)
    assert (now.rank, now.growth, now.review_on) == (4, 0, date(2028, 1, 10))
    assert [row.points for row in broken()] == []


def broken():
    with reading():
        return [row for check in membership.checks() for row in execute(check.breaks)]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_fall_without_notice(mei, give_growth):
    give_growth(mei, 20_000)
    with transaction():
        execute(
            insert(membership.LevelHistory).values(
                member_id=mei,
                step=3,
                rank=4,
                reason="lowered",
                growth=0,
                version=1,
                began_on=date(2026, 2, 1),
                began_at=START,
                review_on=date(2027, 2, 1),
                counts_from=date(2026, 2, 2),
            )
        )

    assert [(row.from_rank, row.rank) for row in broken()] == [(5, 4)]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("step", "rank", "reason", "growth"),
    [
        (3, 5, "reached", 99_999),  # Of which nothing was given.
        (3, 5, "reached", 1_000),  # Which is not what the level takes.
        (3, 2, "reached", 1_000),  # It had been reached before.
        (3, 4, "kept", 1_000),
        (3, 1, "registered", 0),
    ],
)
def test_the_proof_finds_a_level_that_nothing_explains(mei, give_growth, step, rank, reason, growth):
    give_growth(mei, 1_000)
    assert (ranks(mei)[-1][0], broken()) == (2, [])

    review_on, counts_from = (date(2027, 2, 1), date(2026, 2, 2)) if rank > 1 else (None, None)
    with transaction():
        execute(
            insert(membership.LevelHistory).values(
                member_id=mei,
                step=step,
                rank=rank,
                reason=reason,
                growth=growth,
                version=1,
                began_on=date(2026, 2, 1),
                began_at=START + DAY,
                review_on=review_on,
                counts_from=counts_from,
            )
        )

    assert [(row.rank, row.reason) for row in broken()] == [(rank, reason)]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("review_on", "counts_from"),
    [
        (date(2027, 3, 1), date(2026, 3, 2)),  # Later than a year.
        (date(2026, 12, 1), date(2025, 12, 2)),
        (date(2027, 2, 1), date(2025, 1, 1)),  # By more growth than counts.
    ],
)
def test_the_proof_finds_a_review_that_was_put_off_or_counts_other_growth(mei, give_growth, review_on, counts_from):
    give_growth(mei, 1_000)
    with transaction():
        execute(
            insert(membership.LevelHistory).values(
                member_id=mei, step=3, rank=2, reason="kept", growth=1_000, version=1, began_on=date(2026, 2, 1),
                began_at=START + 22 * DAY, review_on=review_on, counts_from=counts_from,
            )
        )  # fmt: skip

    assert [row.review_on for row in broken()] == [review_on]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_member_below_what_was_reached(mei):
    with transaction():
        execute(
            insert(membership.GrowthEvent).values(
                member_id=mei,
                points=1_500,
                source="order",
                reference="order:1",
                counts_on=date(2026, 1, 10),
                version=1,
                why=say("Slipped past"),
                key="order:1:growth",
                at=START,
            )
        )
        membership.note_review(terms=programme.current(START), at=START + DAY)

    assert {row.reached for row in broken()} == {2, 3}


@pytest.mark.breaks_the_books
def test_the_proof_finds_more_taken_back_than_given(mei, give_growth):
    give_growth(mei, 10, reference="order:7")
    give_growth(mei, -11, reference="order:7", at=START + DAY, counts_on=date(2026, 1, 10))

    assert [(row.reference, row.points) for row in broken()] == [("order:7", -1)]


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("points", [10, -10])
def test_the_proof_finds_growth_that_leaves_the_window_on_another_day(either, open_shop, give_growth, points):
    _terms, mei = open_shop()
    give_growth(mei, 20, reference="order:7")
    assert broken() == []

    give_growth(mei, points, reference="order:7" if points < 0 else "order:8", counts_on=date(2026, 1, 12))

    assert [row.reference for row in broken()] == ["order:7" if points < 0 else "order:8"]


@pytest.mark.concurrency
def test_growth_from_many_orders_at_once_makes_each_step_once(postgres_app, open_shop, give_growth):
    _terms, mei = open_shop()

    def earn(number):
        return lambda: again(lambda: give_growth(mei, 500, reference=f"order:{number}", key=f"order:{number}:growth"))

    outcomes = race(postgres_app, [earn(number) for number in range(12)], threads=4)
    night(START + DAY)

    assert not errors(outcomes)
    assert standing(mei, at=START + DAY).growth == 6_000
    assert standing(mei, at=START + DAY).rank == 4
    assert [rank for rank, _reason in ranks(mei)] == sorted({rank for rank, _reason in ranks(mei)})
