"""Every figure opens to the postings that make it, and they add up to it."""

import pytest

from mall.base.db import reading
from mall.domain import finance
from mall.domain.finance import entries

from .conftest import APRIL, ZONE

MARCH = finance.Month(2026, 3)


def chosen(month=MARCH, **details) -> finance.Choice:
    return finance.choose(month=month, zone=ZONE, at=APRIL, **details)


def page(number=1, **details) -> finance.Page:
    with reading():
        return finance.entries_page(chosen(**details), page=number)


def test_a_figure_opens_to_its_postings(odd_history):
    for number in (1, 2, 3, 4):
        month = finance.Month(2026, number)
        with reading():
            lines = finance.roll_forward(month, zone=ZONE, at=APRIL).lines
        for line in lines:
            if line.movement in ("rounding", "repriced"):
                continue
            found = page(month=month, movement=line.movement, origin=line.origin)
            assert (found.count, found.total.points) == (line.entries, line.amount.points)
            assert abs(found.total.cents - line.amount.cents) <= 1  # It is rounded with all that was before.
            assert sum(entry.effect.points for entry in found.entries) == found.total.points
            assert sum(entry.effect.cents for entry in found.entries) == found.total.cents


def test_money_adds_up_over_pages(odd_history, monkeypatch):
    monkeypatch.setattr(entries, "PER_PAGE", 3)
    monkeypatch.setattr(entries, "BATCH", 4)
    february = finance.Month(2026, 2)
    whole = page(month=february)
    pages = [page(number, month=february) for number in range(1, -(-whole.count // 3) + 1)]
    listed = [entry for each in pages for entry in each.entries]

    assert len(listed) == whole.count > 6
    assert sum(entry.effect.cents for entry in listed) == whole.total.cents
    with reading():
        assert list(finance.every_entry(chosen(month=february))) == listed


def test_a_page_far_beyond_the_last_is_empty(history):
    assert page(10_000).entries == []


def test_one_day(history):
    found = page(month=finance.Month(2026, 2), day=finance.read_day("2026-02-01"))

    assert [entry.points for entry in found.entries] == [7]


def test_an_entry_names_its_document_and_its_reason(history):
    (given,) = page(movement="adjusted_up").entries

    assert (given.reference, given.actor, str(given.reason)) == ("gift:7", "staff:1", "For the delay")
    assert finance.document_of("order:7") == "10007"


@pytest.mark.parametrize("given", [{"movement": "stolen"}, {"origin": "moon"}])
def test_what_is_no_movement_is_refused(history, given):
    with pytest.raises(finance.NoSuchMovement):
        chosen(**given)
