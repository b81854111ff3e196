"""Paying goes around the network of the cashier; what is no order is not found, and nothing is asked about it."""

import pytest

from mall.base.db import reading
from mall.base.errors import NotFound
from mall.domain import checkout


def test_of_an_order_that_there_is_not_nothing_is_said(stage):
    with pytest.raises(NotFound, match="no such order"):
        checkout.look_at_order(4_711, cashier=stage.cashier, terms=stage.terms)


def test_an_order_is_read_for_its_own_member_only(stage, mei):
    mug = stage.item()
    stage.give(mei, 2_000)
    stage.put_in(mei, mug)
    order = stage.place(mei)
    tom = stage.member("tom")

    with reading():
        assert checkout.order_of(order.id) == checkout.order_of(order.id, member_id=mei)
        with pytest.raises(NotFound, match="no such order"):
            checkout.order_of(order.id, member_id=tom)
