"""Stock is moves: never below nothing, an order reserves all its lines or none, the counters are its sums."""

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from mall.base.db import execute, reading, transaction
from mall.base.errors import Refusal
from mall.domain import audit, catalogue
from tests.domain.catalogue.conftest import NOON, OPERATOR
from tests.threads import errors, race

pytestmark = pytest.mark.alone


def counters(variant_id):
    with reading():
        return tuple(
            execute(
                select(catalogue.Stock.on_hand, catalogue.Stock.reserved).where(
                    catalogue.Stock.variant_id == variant_id
                )
            ).one()
        )


ON_HAND = "stock on hand is the sum of its moves"
RESERVED = "stock reserved is the sum of open reservations, and of its moves"
OPEN = "each order's reservation is what its moves left open"
COVERED = "stock on hand covers what is reserved, and neither is below nothing"
TOTAL = "what was taken of a total is the sum of what orders took of it, and within it"
PICTURES = "an item's pictures stand in one order, from the first"


def broken():
    with reading():
        return [check.name for check in catalogue.checks() if execute(check.breaks).first()]


def test_thirty_buyers_get_the_twelve_pieces_there_are(app, make):
    _, variant_id = make(stock=12)

    def buy(number):
        with transaction():
            catalogue.reserve({variant_id: 1}, reference=f"order:{number}", at=NOON)

    outcomes = race(app, [lambda number=number: buy(number) for number in range(30)], threads=30)

    refused = errors(outcomes)
    assert len(refused) == 18
    assert all(isinstance(error, catalogue.OutOfStock) for error in refused)
    assert counters(variant_id) == (12, 12)
    assert broken() == []


def test_reserving_is_all_lines_or_none(make):
    _, mug = make("Mug", stock=5)
    _, pot = make("Pot", stock=1)

    with pytest.raises(catalogue.OutOfStock, match="Only 1 of") as refused, transaction():
        catalogue.reserve({pot: 2, mug: 2}, reference="order:1", at=NOON)

    assert (refused.value.variant_id, refused.value.left, refused.value.title) == (pot, 1, {"en": "Pot"})
    assert counters(mug) == (5, 0)
    assert counters(pot) == (1, 0)


def test_what_is_sold_out_says_so(make):
    _, mug = make(stock=0)
    with pytest.raises(catalogue.OutOfStock, match="is sold out"), transaction():
        catalogue.reserve({mug: 1}, reference="order:1", at=NOON)


def test_rows_are_locked_ascending_by_one_statement(make, count_statements):
    _, first = make("Mug")
    _, second = make("Pot")
    count_statements.clear()
    with transaction():
        catalogue.reserve({second: 1, first: 1}, reference="order:1", at=NOON)
    changed = [statement for statement in count_statements if statement.startswith("UPDATE stock ")]
    assert len(changed) == 1
    assert "ORDER BY stock.variant_id" in changed[0]
    assert len(count_statements) <= 4  # BEGIN, the counters, the reservations, the moves.


def test_reserved_pieces_are_shipped_or_freed(make):
    _, mug = make(stock=10)
    with transaction():
        catalogue.reserve({mug: 4}, reference="order:1", at=NOON)
    assert counters(mug) == (10, 4)

    with transaction():
        catalogue.ship("order:1", {mug: 1}, at=NOON)
        assert catalogue.unreserve("order:1", {mug: 1}, at=NOON) == {mug: 1}
    assert counters(mug) == (9, 2)

    with transaction():
        assert catalogue.unreserve("order:1", at=NOON) == {mug: 2}
    with transaction():
        assert catalogue.unreserve("order:1", at=NOON) == {}
    assert counters(mug) == (9, 0)
    assert broken() == []


@pytest.mark.parametrize("verb", [catalogue.ship, catalogue.unreserve])
def test_no_more_leaves_than_the_order_has_reserved(make, verb):
    _, mug = make(stock=10)
    with transaction():
        catalogue.reserve({mug: 2}, reference="order:1", at=NOON)
        catalogue.reserve({mug: 5}, reference="order:2", at=NOON)
    with pytest.raises(catalogue.NotReserved), transaction():
        verb("order:1", {mug: 3}, at=NOON)
    assert counters(mug) == (10, 7)


def test_what_comes_back_is_on_hand_again(make):
    _, mug = make(stock=3)
    with transaction():
        catalogue.reserve({mug: 2}, reference="order:1", at=NOON)
        catalogue.ship("order:1", {mug: 2}, at=NOON)
        catalogue.take_returned("order:1", {mug: 1}, at=NOON)
    assert counters(mug) == (2, 0)


def test_a_count_is_a_move_of_the_difference(make):
    product_id, mug = make(stock=10)
    with transaction():
        assert catalogue.set_on_hand(mug, 7, reason="stocktake", by=OPERATOR, at=NOON) == -3
        assert catalogue.set_on_hand(mug, 7, reason="stocktake", by=OPERATOR, at=NOON) == 0
    with reading():
        newest, first = catalogue.stock_history(product_id)
        assert (newest.kind, newest.on_hand_change, newest.by) == ("stocktake", -3, OPERATOR)
        assert (first.kind, first.on_hand_change) == ("receive", 10)
        assert audit.entries(act="stock.stocktake")[0].reason == "stocktake"
    assert counters(mug) == (7, 0)


def test_a_count_cannot_take_what_orders_wait_for(make):
    _, mug = make(stock=10)
    with transaction():
        catalogue.reserve({mug: 4}, reference="order:1", at=NOON)
    with pytest.raises(catalogue.StockSpokenFor, match="4 pieces are reserved"), transaction():
        catalogue.set_on_hand(mug, 3, by=OPERATOR, at=NOON)
    with pytest.raises(catalogue.StockSpokenFor), transaction():
        catalogue.adjust(mug, -7, reason="broken", by=OPERATOR, at=NOON)
    assert counters(mug) == (10, 4)


def test_a_correction_has_a_reason(make):
    _, mug = make()
    with pytest.raises(Refusal, match="Say why"), transaction():
        catalogue.adjust(mug, -1, reason=" ", by=OPERATOR, at=NOON)


@pytest.mark.parametrize("quantity", [0, -1, 1.5, 10**9, 2**63, True, "3"])
def test_sec_34_a_quantity_is_a_whole_number_within_reason(make, quantity):
    _, mug = make()
    for verb in (
        lambda: catalogue.reserve({mug: quantity}, reference="order:1", at=NOON),
        lambda: catalogue.receive(mug, quantity, by=OPERATOR, at=NOON),
        lambda: catalogue.ship("order:1", {mug: quantity}, at=NOON),
    ):
        with pytest.raises(catalogue.BadFigure, match="whole number from 1"), transaction():
            verb()
    assert counters(mug) == (10, 0)


def test_sec_54_stock_cannot_go_below_nothing_even_by_the_back_door(make):
    make(stock=1)
    with pytest.raises(IntegrityError, match="on_hand_covers_reserved"), transaction():
        execute(update(catalogue.Stock).values(reserved=2))


def test_moves_are_never_changed(make):
    make()
    with pytest.raises(IntegrityError, match="append-only"), transaction():
        execute(update(catalogue.StockMove).values(on_hand_change=99))


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("table", "values", "names"),
    [
        (catalogue.Stock, {"on_hand": 4}, {ON_HAND}),
        (catalogue.Stock, {"reserved": 3}, {RESERVED}),
        (catalogue.Stock, {"on_hand": 1, "reserved": 2}, {ON_HAND, COVERED}),
        (catalogue.Stock, {"reserved": -1}, {RESERVED, COVERED}),
        (catalogue.Reservation, {"open": 1}, {RESERVED, OPEN}),
        (catalogue.Reservation, {"reference": "order:2"}, {OPEN}),
        (catalogue.Quota, {"taken": 1}, {TOTAL}),
        (catalogue.Quota, {"total": 1}, {TOTAL}),
        (catalogue.QuotaDraw, {"quantity": 1}, {TOTAL}),
        (catalogue.Picture, {"position": 1}, {PICTURES}),
        (catalogue.Picture, {"position": catalogue.Picture.position + 1}, {PICTURES}),
    ],
)
def test_the_proof_finds_what_is_wrong(make, table, values, names):
    product_id, variant_id = make(stock=3, total_quota=5)
    with transaction():
        catalogue.reserve({variant_id: 2}, reference="order:1", at=NOON)
        catalogue.draw_quota({product_id: 2}, reference="order:1", at=NOON)
        for art in ("a.svg", "b.svg"):
            catalogue.add_art(product_id, art, alt={"en": "Mug"}, by=OPERATOR, at=NOON)
    assert broken() == []

    with transaction():
        execute(text("PRAGMA ignore_check_constraints=ON"))
        execute(update(table).values(**values))

    assert set(broken()) == names


def test_low_stock_is_told_in_time(make):
    _, mug = make(stock=6)
    make("Pot", stock=50)
    with reading():
        assert catalogue.low_stock(at=NOON) == []
    with transaction():
        catalogue.reserve({mug: 2}, reference="order:1", at=NOON)
    with reading():
        (row,) = catalogue.low_stock(at=NOON)
    assert (row.title, row.free, row.low_water) == ({"en": "Mug"}, 4, 5)
    with transaction():
        catalogue.set_low_water(mug, None, by=OPERATOR, at=NOON)
    with reading():
        assert catalogue.low_stock(at=NOON) == []


def test_a_total_for_everybody_is_drawn_and_given_back(make):
    product_id, _ = make(total_quota=3)
    free_id, _ = make("Pot")
    with transaction():
        catalogue.draw_quota({product_id: 2, free_id: 9}, reference="order:1", at=NOON)
    with pytest.raises(catalogue.QuotaUsedUp, match="Only 1 of this item") as refused, transaction():
        catalogue.draw_quota({product_id: 2}, reference="order:2", at=NOON)
    assert refused.value.product_id == product_id

    with transaction():
        catalogue.return_quota("order:1", {product_id: 1})
        catalogue.draw_quota({product_id: 2}, reference="order:2", at=NOON)
    with transaction():
        catalogue.return_quota("order:1")
        catalogue.return_quota("order:1")
    with reading():
        assert execute(select(catalogue.Quota.taken)).scalar_one() == 2
    assert broken() == []


def test_twenty_members_share_a_total_of_seven(app, make):
    product_id, _ = make(total_quota=7)

    def draw(number):
        with transaction():
            catalogue.draw_quota({product_id: 1}, reference=f"order:{number}", at=NOON)

    refused = errors(race(app, [lambda number=number: draw(number) for number in range(20)], threads=20))
    assert len(refused) == 13
    assert all(isinstance(error, catalogue.QuotaUsedUp) for error in refused)
    with reading():
        assert execute(select(func.sum(catalogue.QuotaDraw.quantity))).scalar_one() == 7


def test_a_total_is_not_set_below_what_was_taken(make, terms):
    product_id, _ = make(total_quota=5)
    with transaction():
        catalogue.draw_quota({product_id: 4}, reference="order:1", at=NOON)
    with pytest.raises(catalogue.QuotaBelowTaken, match="4 were already taken"), transaction():
        catalogue.edit_product(product_id, total_quota=3, terms=terms, by=OPERATOR, at=NOON)
    with transaction():
        catalogue.edit_product(product_id, total_quota=None, terms=terms, by=OPERATOR, at=NOON)
        catalogue.draw_quota({product_id: 100}, reference="order:2", at=NOON)
    assert broken() == []
