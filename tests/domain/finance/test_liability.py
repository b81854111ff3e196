"""The liability is complete, ties from month to month, and is the same whenever it is asked."""

from datetime import timedelta
from fractions import Fraction

import pytest
from sqlalchemy import delete, func, select, text, update

from mall.base.clock import moved_to
from mall.base.db import execute, reading, transaction
from mall.base.money import half_up
from mall.domain import audit, finance, ledger
from mall.domain.finance.rollup import DaySum, RolledDay
from tests.domain.ledger.test_proof import lower_the_guards

from .conftest import APRIL, ZONE, instant, open_books

MONTHS = [finance.Month(2026, number) for number in (1, 2, 3, 4)]


def figures(month: finance.Month, at=APRIL) -> finance.RollForward:
    with reading():
        return finance.roll_forward(month, zone=ZONE, at=at)


def lines_of(month: finance.Month) -> dict[str, int]:
    return {f"{line.movement} {line.origin}".strip(): line.amount.points for line in figures(month).lines}


def liability(at) -> finance.Liability:
    with reading():
        return finance.liability(as_of=at, zone=ZONE)


def test_an_empty_ledger_owes_nothing(books):
    assert liability(APRIL).total == finance.Amount(0, 0)
    assert figures(finance.Month(2026, 2)).closing == finance.Amount(0, 0)


def test_the_liability_by_place(history):
    now = liability(APRIL)

    assert {place.key: place.amount.points for place in now.places} == {
        "wallet": 641, "pending": 177, "held": 200, "debt": 0,
    }  # fmt: skip
    assert now.total == finance.Amount(1018, 1018)


def test_what_was_owed_is_asked_of_the_past(history):
    assert [liability(instant(when)).total.points for when in ("2026-01-10 09:59", "2026-01-10 10:00")] == [0, 1000]
    february = liability(instant("2026-02-28 23:00"))
    assert {place.key: place.amount.points for place in february.places} == {
        "wallet": 801, "pending": 177, "held": 0, "debt": -200,
    }  # fmt: skip


def test_every_movement_has_its_line(history):
    always = {"earned purchase", "earned campaign", "earned task", "taken_back", "redeemed", "given_back", "expired",
              "adjusted_up", "adjusted_down", "cashed_out"}  # fmt: skip

    assert lines_of(finance.Month(2026, 1)) == dict.fromkeys(always, 0) | {
        "earned purchase": 1_070, "earned task": 500,
    }  # fmt: skip
    assert lines_of(finance.Month(2026, 2)) == dict.fromkeys(always, 0) | {
        "earned purchase": 540, "taken_back": -433, "redeemed": -1_000, "given_back": 101,
    }  # fmt: skip
    assert lines_of(finance.Month(2026, 3)) == dict.fromkeys(always, 0) | {
        "earned purchase": 60, "adjusted_up": 250, "adjusted_down": -10,
    }  # fmt: skip
    assert lines_of(finance.Month(2026, 4)) == dict.fromkeys(always, 0) | {"expired": -60}


@pytest.mark.breaks_the_books
def test_what_campaigns_gave_has_a_line_of_its_own(books):
    books.member("mei")
    books.earn("mei", 1_000, "2026-01-10 10:00")
    books.earn("mei", 70, "2026-01-20 10:00", origin="campaign")

    january = lines_of(finance.Month(2026, 1))

    assert (january["earned purchase"], january["earned campaign"]) == (1_000, 70)


def test_moves_within_a_member_are_no_movements(history):
    entries = {line.movement: line.entries for line in figures(finance.Month(2026, 3)).lines if line.entries}

    assert entries == {"earned": 1, "adjusted_up": 1, "adjusted_down": 1}


@pytest.mark.parametrize("rolled", ["never", "in March", "up to now"])
def test_columns_add_up_at_any_worth(odd_history, rolled):
    if rolled != "never":
        finance.roll_up(odd_history.terms, instant("2026-03-07 04:00") if rolled == "in March" else APRIL)
    before = None
    for month in MONTHS:
        found = figures(month)
        moved = sum((line.amount for line in found.lines), finance.Amount(0, 0))
        assert found.opening + moved == found.closing
        assert before is None or found.opening == before
        before = found.closing
        for place, line in enumerate(found.lines):
            assert sum((day.amounts[place] for day in found.days), finance.Amount(0, 0)) == line.amount
        for day in found.days:
            assert day.opening + sum(day.amounts, finance.Amount(0, 0)) == day.closing
        assert found.days[0].opening == found.opening
        assert found.days[-1].closing == found.closing
        as_of = liability(found.until)
        assert as_of.total == found.closing
        assert as_of.total.cents == half_up(Fraction(as_of.total.points * 2, 3))
        assert sum(place.amount.cents for place in as_of.places) == as_of.total.cents


def test_money_of_a_movement_is_the_rounded_total_after_less_before(odd_history):
    redeemed = [
        next(line for line in figures(month).lines if line.movement == "taken_back").amount for month in MONTHS
    ]

    assert [amount.points for amount in redeemed] == [0, -433, 0, 0]
    assert [amount.cents for amount in redeemed] == [0, -half_up(Fraction(433 * 2, 3)), 0, 0]


def test_the_trend_is_the_closings_of_the_months_before(history):
    trend = figures(finance.Month(2026, 4)).trend

    assert [str(end.month) for end in trend] == [
        "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04",
    ]  # fmt: skip
    assert [end.closing.points for end in trend] == [0, 0, 1_570, 778, 1_078, 1_018]
    # 1,000 redeemed less 101 given back, of 2,110 earned less 433 taken back; in March 60 more are earned.
    assert [end.redeemed_permille for end in trend] == [None, None, 0, 536, 518, 518]


@pytest.mark.breaks_the_books  # These points are worth what no programme says.
def test_debt_repaid_by_points_of_another_worth_leaves_a_line_of_its_own(either):
    books = open_books()
    books.member("tom")
    lot = books.ready("tom", 200, "2026-02-01 10:00")
    with books.purse("tom", "2026-02-02 10:00") as purse:
        ledger.redeem(purse, 200, reference="shop:1", at=instant("2026-02-02 10:00"))
    books.take_back("tom", {lot: 0}, "2026-02-03 10:00", "back:1")
    assert liability(instant("2026-02-28 00:00")).total == finance.Amount(-200, -200)
    books.worth = (100, 150)
    books.adjust_up("tom", 120, "2026-03-05 10:00", "gift:1")
    books.adjust_up("tom", 100, "2026-03-06 10:00", "gift:2")

    march = figures(finance.Month(2026, 3))

    assert {(line.movement): line.amount for line in march.lines if line.amount != finance.Amount(0, 0)} == {
        "adjusted_up": finance.Amount(220, 330),
        # 200 points of debt at 1.00 a hundred, repaid by points worth 1.50 a hundred.
        "repriced": finance.Amount(0, -100),
    }
    assert march.closing == finance.Amount(20, 30)
    finance.roll_up(books.terms, APRIL)
    assert figures(finance.Month(2026, 3)) == march


def test_the_roll_up_changes_no_figure(odd_history):
    fresh = [figures(month) for month in MONTHS]
    places = liability(APRIL)

    days = finance.roll_up(odd_history.terms, APRIL)

    assert days == 90
    assert [figures(month) for month in MONTHS] == fresh
    assert liability(APRIL) == places
    assert finance.roll_up(odd_history.terms, APRIL) == 0


def test_the_roll_up_stops_a_minute_before_now_and_goes_on_later(history):
    midnight = instant("2026-03-05 23:00")
    last = ledger.Posting.written_at

    assert finance.roll_up(history.terms, midnight + timedelta(seconds=59)) == 54
    assert finance.roll_up(history.terms, midnight + timedelta(seconds=61)) == 1
    with reading():
        assert finance.watermark() == midnight - timedelta(microseconds=1)
        assert execute(select(func.count()).where(last > finance.watermark())).scalar_one() == 5


def test_a_roll_up_thrown_away_is_made_anew(history):
    finance.roll_up(history.terms, APRIL)
    before = figures(finance.Month(2026, 2))

    with transaction():
        execute(delete(DaySum))
        execute(delete(RolledDay))

    assert figures(finance.Month(2026, 2)) == before
    assert finance.roll_up(history.terms, APRIL) == 100 - 10


@pytest.mark.breaks_the_books
def test_the_proof_sees_a_posting_written_into_a_day_already_added_up(history):
    finance.roll_up(history.terms, APRIL)
    history.member("late", "2026-02-01 09:00")
    history.earn("late", 5, "2026-02-02 10:00")

    with reading():
        broken = {check.name for check in finance.checks() if execute(check.breaks).first() is not None}

    assert broken == {
        "the daily sums for finance are the sums of their postings",
        "no posting was written into a day already added up",
    }


CLOCK_WAS_WRONG = instant("2026-05-20 09:00")


def test_after_a_clock_was_set_forward_and_back_the_days_are_added_up_anew(app, history):
    before = figures(finance.Month(2026, 2))
    finance.roll_up(history.terms, CLOCK_WAS_WRONG)
    history.earn("mei", 5, "2026-04-10 10:00")
    with reading():
        assert any(execute(check.breaks).first() is not None for check in finance.checks())

    with moved_to(instant("2026-04-12 09:00")):
        answer = app.test_cli_runner().invoke(args=["forget-sums", "--from", "2026-04-10"])

    assert (answer.exit_code, answer.stdout) == (
        0, "40 days forgotten, 2 added up anew. The rest follow when they are over.\n",
    )  # fmt: skip
    with reading():
        assert [check.name for check in finance.checks() if execute(check.breaks).first() is not None] == []
        (entry,) = audit.entries(act="finance.sums_forgotten")
    assert entry.after == {"since": "2026-04-10", "days": 40}
    assert figures(finance.Month(2026, 2)) == before


@pytest.mark.parametrize("day", ["2026-02-30", "yesterday", "0001-01-01"])
def test_no_day_is_forgotten_by_a_wrong_date(app, history, day):
    finance.roll_up(history.terms, APRIL)

    answer = app.test_cli_runner().invoke(args=["forget-sums", "--from", day])

    assert answer.exit_code == 1
    assert answer.output.startswith("Error: ")
    with reading():
        assert execute(select(func.count()).select_from(RolledDay)).scalar_one() == 100 - 10


@pytest.mark.breaks_the_books
@pytest.mark.parametrize("column", ["points", "entries"])
def test_the_proof_sees_sums_that_were_moved_from_day_to_day(history, column):
    finance.roll_up(history.terms, APRIL)
    alike = (DaySum.movement == "earned") & (DaySum.origin == "purchase") & (DaySum.place == "pending")
    with transaction():
        one, other = execute(select(DaySum.day).where(alike).order_by(DaySum.day).limit(2)).scalars()
        for day, change in ((one, 1), (other, -1)):
            execute(update(DaySum).where(alike, DaySum.day == day).values({column: getattr(DaySum, column) + change}))

    with reading():
        broken = [check.name for check in finance.checks() if execute(check.breaks).first() is not None]
    assert broken == ["the daily sums for finance are the sums of their postings"]


WORTH = "a lot is worth what the programme said when it came about"
AUDITED = "points adjusted at the desk are what the audit says, member by member"


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE lot SET worth_cents = worth_cents * 2", WORTH),
        ("UPDATE lot SET worth_points = 1 WHERE id = (SELECT max(id) FROM lot)", WORTH),
        ("UPDATE posting SET points = points + 1 WHERE kind = 'adjust' AND source = 'adjustment'", AUDITED),
        ("UPDATE posting SET actor = 'system' WHERE kind = 'adjust' AND points = 250", AUDITED),
        ("DELETE FROM audit_entry WHERE act = 'points.adjustment'", AUDITED),
        ("UPDATE audit_entry SET subject = 'member:1' WHERE act = 'points.adjustment'", AUDITED),
    ],
)
def test_the_proof_sees_points_that_are_worth_or_were_given_otherwise_than_is_written(history, change, broken):
    with reading():
        assert [check.name for check in finance.checks() if execute(check.breaks).first() is not None] == []

    with transaction():
        lower_the_guards()
        execute(text(change))
        found = [check.name for check in finance.checks() if execute(check.breaks).first() is not None]

    assert broken in found


def test_the_figures_take_one_statement(history, count_statements):
    finance.roll_up(history.terms, APRIL)
    count_statements.clear()

    figures(finance.Month(2026, 3))
    assert len(count_statements) == 1
    liability(APRIL)
    assert len(count_statements) == 2
