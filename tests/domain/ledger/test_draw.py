"""Which lots pay: the soonest to expire first, never more than a lot has, all or nothing."""

from itertools import product

import pytest

from mall.domain.ledger.postings import InsufficientPoints
from mall.domain.ledger.spending import OpenLot, draw
from tests.conftest import NOON


def test_every_small_case():
    for wanted, *had in product(range(1, 8), range(4), range(4), range(4)):
        lots = [OpenLot(number, points, NOON) for number, points in enumerate(had, start=1)]

        if wanted > sum(had):
            with pytest.raises(InsufficientPoints) as refused:
                draw(lots, wanted)
            assert refused.value.values == {"wanted": wanted, "available": sum(had)}
            continue

        drawn = draw(lots, wanted)
        assert sum(taken for _lot, taken in drawn) == wanted
        assert all(0 < taken <= lot.points for lot, taken in drawn)
        # All lots but the last one drawn are emptied, and none before it is left out.
        assert all(taken == lot.points for lot, taken in drawn[:-1])
        assert [lot.id for lot, _taken in drawn] == [lot.id for lot in lots if lot.points][: len(drawn)]


def test_the_soonest_to_expire_pays_first_however_they_are_handed_in():
    early, late = OpenLot(9, 5, NOON), OpenLot(1, 5, NOON.replace(year=2027))

    assert draw([late, early], 6) == draw([early, late], 6) == [(early, 5), (late, 1)]


def test_of_two_that_expire_together_the_older_pays_first():
    older, newer = OpenLot(1, 5, NOON), OpenLot(2, 5, NOON)

    assert draw([newer, older], 5) == [(older, 5)]


def test_it_says_what_is_missing():
    with pytest.raises(InsufficientPoints, match="This needs 300 points; 200 are available"):
        draw([OpenLot(1, 200, NOON)], 300)
