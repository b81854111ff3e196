"""A row becomes a value by position only where column names and field names agree; else the module is not read."""

import pytest
from msgspec import Struct
from sqlalchemy import column

from mall.domain.catalogue.positions import must_fill


class Mug(Struct):
    """A mug, its colour and what it holds."""

    colour: str
    holds: int
    id: int


def columns(*names):
    return [column(name) for name in names]


def test_columns_in_the_order_of_the_fields_fill_them():
    must_fill(Mug, columns("colour", "holds", "id"))
    must_fill(Mug, columns("colour"), "holds", "id")
    must_fill(Mug, columns("colour", "holds", "mug_id"), called={"mug_id": "id"})


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("holds", "colour", "id"), "the column holds stands where the field colour is"),
        (("colour", "id"), "the column id stands where the field holds is"),
        (("colour", "holds"), "the column None stands where the field id is"),
        (("colour", "holds", "id", "art"), "the column art stands where the field None is"),
    ],
)
def test_any_others_are_named(names, said):
    with pytest.raises(TypeError, match=said):
        must_fill(Mug, columns(*names))
