"""Whoever comes by a member's link is counted once, and paid for within the caps; the proof knows."""

import pytest
from sqlalchemy import insert, select

from mall.base.db import execute, reading, transaction
from mall.domain import earning
from tests.stage import NOON, open_shop


@pytest.fixture
def shared(app):
    stage = open_shop()
    mei, item = stage.member("mei"), stage.item()
    with transaction():
        code = earning.share(mei, item.product_id, at=NOON)
    with reading():
        return stage, mei, earning.shared_by(code)


def visit(stage, link, visitor="v1", network="n1"):
    with transaction():
        return earning.note_share_visit(link, visitor=visitor, network=network, terms=stage.terms, at=NOON)


def broken():
    with reading():
        return [check.name for check in earning.checks() if execute(check.breaks).first()]


def test_a_visit_is_a_fact_and_is_paid_once(shared):
    stage, mei, link = shared
    assert visit(stage, link) == (earning.Reward("share", 2, 0),)
    assert visit(stage, link) == ()
    assert stage.balances(mei).ready == 2
    with reading():
        fact = execute(select(earning.FactRow).where(earning.FactRow.kind == "share_visited")).one()
    assert (fact.member_id, fact.reference) == (mei, f"share:{link.link_id}")


def test_a_network_counts_once_for_all_links_of_a_member(shared):
    stage, mei, link = shared
    other = stage.item("Tea")
    with transaction():
        code = earning.share(mei, other.product_id, at=NOON)
    visit(stage, link)
    with reading():
        second = earning.shared_by(code)
    assert visit(stage, second, visitor="v2") == ()
    assert visit(stage, second, visitor="v1", network="n2") != ()


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_share_paid_for_nobody(shared):
    _stage, mei, link = shared
    with transaction():
        execute(
            insert(earning.FactRow).values(
                kind="share_visited", member_id=mei, reference=f"share:{link.link_id}", cents=0, key="share:99",
                attributes={"visit": 99}, at=NOON,
            )
        )  # fmt: skip
    assert broken() == ["a shared item counts whoever came by its link, once"]


@pytest.mark.breaks_the_books
def test_the_proof_finds_a_visit_that_was_not_counted(shared):
    _stage, mei, link = shared
    with transaction():
        execute(
            insert(earning.ShareVisit).values(
                link_id=link.link_id, member_id=mei, visitor="v", network="n", day=NOON.date(), at=NOON
            )
        )
    assert broken() == ["a shared item counts whoever came by its link, once"]
