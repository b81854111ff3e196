"""What a row of orders, payments and refunds is declared to hold is what its table holds: each column, by its type."""

from typing import get_args, get_type_hints

import pytest

from mall.domain import cash, checkout

ROWS = [
    (checkout.OrderRow, checkout.Order),
    (checkout.LineRow, checkout.OrderLine),
    (cash.PaymentRow, cash.Payment),
    (cash.RefundRow, cash.Refund),
]


@pytest.mark.parametrize(("row", "table"), ROWS, ids=lambda each: each.__name__)
def test_a_row_has_the_columns_of_its_table(row, table):
    declared = {name: str(hint) for name, hint in get_type_hints(row).items()}
    kept = {name: str(get_args(table.__annotations__[name])[0]) for name in set(table.__table__.columns.keys())}

    assert declared == kept


def test_a_basket_row_is_a_basket_line_without_its_basket():
    declared = get_type_hints(checkout.BasketRow)

    assert declared.keys() == set(checkout.BasketLine.__table__.columns.keys()) - {"basket_id"}
