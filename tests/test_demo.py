"""The demo is a shop with history, made by the mall's own verbs: nothing in it breaks the books."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mall import demo
from mall.base.db import execute, reading
from mall.domain import catalogue, checkout, ledger, people

END = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


@pytest.fixture
def built(app, tmp_path: Path) -> demo.Built:
    return demo.build(
        cashier=app.extensions["cashier"], site="http://localhost", instance=tmp_path, end=END, members=12, orders=40
    )


def test_a_small_demo_has_items_members_orders_and_a_cast(built, app, tmp_path):
    assert built.items >= 60
    assert built.members == 12
    assert built.orders >= 30
    assert (tmp_path / "demo-cast.json").exists()
    with reading():
        kinds = set(execute(select(ledger.Posting.kind).distinct()).scalars())
        states = set(execute(select(checkout.Order.state).distinct()).scalars())
        listed = execute(select(func.count()).select_from(catalogue.Product)).scalar_one()
        owing = execute(select(func.count()).where(ledger.Purse.debt < 0)).scalar_one()
        names = set(execute(select(people.Member.display_name)).scalars())
    assert {"earn", "unlock", "redeem", "hold", "expire", "adjust", "clawback"} <= kinds
    assert {"completed", "awaiting_payment"} <= states
    assert listed == built.items + 1
    assert owing >= 1
    assert {"Chen Meilin", "王伟"} <= names


def test_the_history_ends_where_it_was_told_to(built):
    with reading():
        latest = execute(select(func.max(ledger.Posting.written_at))).scalar_one()
    assert latest <= END
