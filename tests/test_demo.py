"""The demo is a shop with history, made by the mall's own verbs: nothing in it breaks the books."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import current_app
from sqlalchemy import func, select

from mall import demo
from mall.base.db import execute, reading
from mall.domain import aftersales, catalogue, checkout, earning, insight, ledger, membership, people, programme
from tests.conftest import build_app, dispose
from tests.sound import all_sound

END = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def built(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[demo.Built]:
    """A small demo, its app context open. It takes long: all tests here look at one."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copyfile(sqlite_template, folder / "mall.db")
    app = build_app(folder, f"sqlite:///{folder / 'mall.db'}")
    with app.app_context():
        cashier = app.extensions["cashier"]
        yield demo.build(cashier=cashier, site="http://localhost", instance=folder, end=END, members=12, orders=40)
        dispose()


def test_nothing_in_it_breaks_the_books(built):
    assert all_sound()


def test_a_small_demo_has_items_members_orders_and_a_cast(built):
    assert built.items >= 60
    assert built.members == 12
    assert built.orders >= 30
    assert (Path(current_app.config["INSTANCE_DIR"]) / "demo-cast.json").exists()
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


def test_who_is_said_to_be_on_top_is_there(built):
    with reading():
        grace = execute(select(people.Member.id).where(people.Member.display_name == "Grace Oduya")).scalar_one()
        terms = programme.current(END)
        standing = membership.standing(grace, terms=terms, at=END)

    assert standing.next_level is None and standing.level == terms.levels[-1]
    assert standing.growth > standing.level.reach * 1.1


def test_the_order_to_be_paid_can_be_paid_for_a_while(built):
    with reading():
        until = execute(select(checkout.Order.pay_until).where(checkout.Order.state == "awaiting_payment")).scalars()
        assert max(until) > END + timedelta(minutes=30)


def test_campaigns_gave_points_and_the_one_of_the_past_no_more_than_its_cap(built):
    with reading():
        rows, total = earning.campaigns(page=1, per_page=9)
        states = {row.title["en"]: earning.campaign_state(row, END) for row in rows}
    assert total == 4
    assert states["Double points weekend"] == "running" and states["Triple points on tea and coffee"] == "over"
    assert states["Members’ weekend"] == "planned"


def test_the_history_ends_where_it_was_told_to(built):
    with reading():
        latest = execute(select(func.max(ledger.Posting.written_at))).scalar_one()
    assert latest <= END


def test_something_was_exchanged_and_another_piece_is_to_be_sent(built):
    with reading():
        rows = execute(select(aftersales.Return.state).where(aftersales.Return.wish == "exchange")).scalars()
        assert sorted(rows) == [aftersales.EXCHANGED, aftersales.RECEIVED]


def test_a_draft_of_levels_waits_to_be_tried(built):
    with reading():
        (sketch,) = programme.sketches()
        draft, terms = programme.version(sketch.id), programme.current(END)
        found = insight.what_if(draft, days=90, terms=terms, at=END)

    assert (sketch.drafted_by, draft.levels[2].reach, terms.levels[2].reach) == ("staff:4", 1_000, 1_500)
    assert found.live.points == found.issued_points > 0
