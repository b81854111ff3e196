"""Ageing tells apart by issue and by last day what the liability has in one figure, at any past instant."""

import pytest

from mall.base.db import reading
from mall.domain import finance

from .conftest import APRIL, ZONE, instant


def ageing(at=APRIL) -> finance.Ageing:
    with reading():
        return finance.ageing(as_of=at, zone=ZONE)


def liability(at=APRIL) -> dict[str, finance.Amount]:
    with reading():
        return {place.key: place.amount for place in finance.liability(as_of=at, zone=ZONE).places}


def rows(table) -> dict[str, tuple[int, int, int]]:
    return {str(row.month): (row.wallet, row.held, row.pending) for row in table}


def test_by_month_of_issue_latest_first(history):
    assert rows(ageing().by_issue) == {"2026-03": (40, 0, 0), "2026-02": (0, 0, 107), "2026-01": (601, 200, 70)}


def test_by_month_of_the_last_day_soonest_first(history):
    assert rows(ageing().by_expiry) == {"2026-03": (0, 0, 77), "2027-01": (601, 200, 0), "2027-02": (0, 0, 100),
                                        "2027-03": (40, 0, 0)}  # fmt: skip


def test_what_expires_soon_is_what_could_be_spent(history):
    at = instant("2026-03-21 12:00")

    assert [(band.within_days, band.amount.points) for band in ageing(at).bands] == [
        (0, 0), (30, 60), (60, 0), (90, 0), (None, 841),
    ]  # fmt: skip


def test_what_is_past_and_not_yet_taken_out_is_named(history):
    # It was the first of April in Berlin before the nightly job ran.
    band = ageing(instant("2026-03-31 23:00")).bands[0]

    assert (band.within_days, band.amount.points) == (0, 60)


@pytest.mark.parametrize("when", ["2026-01-11 00:00", "2026-02-23 11:00", "2026-03-14 00:00", "2026-04-10 00:00"])
def test_both_tables_add_up_to_the_liability_without_its_debt(odd_history, when):
    at = instant(when)
    found, places = ageing(at), liability(at)
    had = places["wallet"] + places["pending"] + places["held"]

    assert sum((row.total for row in found.by_issue), finance.Amount(0, 0)) == had
    assert sum((row.total for row in found.by_expiry), finance.Amount(0, 0)) == had
    assert found.total == had
    for table in (found.by_issue, found.by_expiry):
        for place in ("wallet", "held", "pending"):
            assert sum(getattr(row, place) for row in table) == getattr(found.every, place)
    assert found.pending.points == places["pending"].points
    assert sum(band.amount.points for band in found.bands) == had.points - found.pending.points


def test_who_owes_points_then(history):
    with reading():
        members, owing = finance.debtors(as_of=instant("2026-02-28 12:00"))
        later, _nobody = finance.debtors(as_of=APRIL)

    assert (members, [(each.member_id, each.points) for each in owing]) == (1, [(history.members["tom"], 200)])
    assert later == 0


def test_ageing_takes_one_statement(history, count_statements):
    count_statements.clear()

    ageing()

    assert len(count_statements) == 1
