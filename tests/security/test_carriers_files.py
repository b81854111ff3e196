"""A carrier's file is read with suspicion: formulas, a million rows, the same file twice - SECURITY 78, 83."""

import pytest

from mall.base.clock import moved_to
from mall.base.db import reading
from mall.base.sheets import FileTooLarge
from mall.domain import catalogue, checkout
from tests.stage import NOON, open_shop


@pytest.fixture
def order(app):
    """Mei's paid order of two mugs."""
    stage = open_shop()
    mei = stage.member("mei")
    stage.put_in(mei, stage.item(prices=(catalogue.cash_price(1_000),)), "cash", quantity=2)
    return stage.pay(stage.place(mei))


def planned(content):
    with reading():
        return checkout.plan_dispatch(checkout.read_file(content.encode()))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "=cmd|'/c calc'!A0"])
@pytest.mark.parametrize("column", ["carrier", "tracking", "sku"])
def test_sec_78_a_cell_that_begins_like_a_formula_is_no_text_of_ours(order, column, cell):
    cells = {"order": checkout.number_of(order.id), "carrier": "Swift", "tracking": "T1", "sku": ""} | {column: cell}

    plan = planned("order,carrier,tracking,sku\n" + ",".join(f'"{each}"' for each in cells.values()))

    assert [str(row.why) for row in plan.rows] == ["A cell begins like a formula. Take the sign away."]
    assert plan.parcels == ()


def test_sec_83_a_file_of_a_million_rows_is_refused_before_it_is_read():
    with pytest.raises(FileTooLarge):
        checkout.read_file(b"order,carrier,tracking\n" + b"1,a,b\n" * 1_000_000)


def test_sec_83_a_file_of_more_rows_than_are_done_at_once_is_refused():
    rows = "".join(f"{number},a,{number}\n" for number in range(checkout.MOST_ROWS + 1))
    with pytest.raises(FileTooLarge):
        checkout.read_file(f"order,carrier,tracking\n{rows}".encode())


def test_sec_83_the_same_file_twice_sends_each_parcel_once(order):
    content = f"order,carrier,tracking,sku,quantity\n{checkout.number_of(order.id)},Swift,T1,SKU-1,1\n"
    with moved_to(NOON):
        first = checkout.send_all(planned(content).parcels, by="staff:1", at=NOON)
    again = planned(content)

    assert [refusal for _parcel, refusal in first] == [None]
    assert ([row.does for row in again.rows], again.parcels) == (["known"], ())
    with reading():
        assert [each.pieces for each in checkout.parcels_of(order.id)] == [{1: 1}]
