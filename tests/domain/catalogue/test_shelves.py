"""Shelves and gates: what is out follows from dates alone; who may see and who may have it, and what is missing."""

from datetime import timedelta

import pytest

from mall.base.db import reading, transaction
from mall.base.errors import Refusal
from mall.domain import audit, catalogue
from mall.domain.catalogue import Viewer, points_price
from tests.domain.catalogue.conftest import NOON, OPERATOR

pytestmark = pytest.mark.alone

HOUR = timedelta(hours=1)
VIP = Viewer(rank=4, member_id=1, ready_points=5_000, early_access_hours=24)
ORDINARY = Viewer(rank=2, member_id=2, ready_points=900)


@pytest.fixture
def seen(terms):
    def seen(viewer=ORDINARY, at=NOON):
        with reading():
            return [card.title["en"] for card in catalogue.listing(viewer, terms=terms, at=at).cards]

    return seen


def state(product_id, at):
    with reading():
        rows = catalogue.office_list(at=at).rows
    return next(row.state for row in rows if row.row.id == product_id)


def test_a_schedule_comes_true_by_itself(make, terms, seen):
    product_id, _ = make(listed=False)
    assert state(product_id, NOON) == "draft"
    with transaction():
        catalogue.schedule(
            [product_id], listed_from=NOON + HOUR, listed_until=NOON + 3 * HOUR, terms=terms, by=OPERATOR, at=NOON
        )
    for at, expected in ((0, "scheduled"), (1, "listed"), (2, "listed"), (3, "delisted")):
        assert state(product_id, NOON + at * HOUR) == expected
        assert seen(at=NOON + at * HOUR) == (["Mug"] if expected == "listed" else [])


def test_delisting_is_at_once_and_listing_again_brings_it_back(make, terms, seen):
    product_id, _ = make()
    with transaction():
        assert catalogue.delist_products([product_id], by=OPERATOR, at=NOON + HOUR, reason="recall") == 1
        assert catalogue.delist_products([product_id], by=OPERATOR, at=NOON + HOUR) == 0
    assert seen(at=NOON + HOUR) == []
    with reading(), pytest.raises(catalogue.NoSuchProduct):
        catalogue.item("mug", ORDINARY, terms=terms, at=NOON + HOUR)
    with transaction():
        assert catalogue.list_products([product_id], terms=terms, by=OPERATOR, at=NOON + 2 * HOUR) == 1
    assert seen(at=NOON + 2 * HOUR) == ["Mug"]
    with reading():
        acts = [entry.act for entry in audit.entries(subject=f"product:{product_id}")]
        assert acts[:2] == ["product.listed", "product.delisted"]
        assert audit.entries(act="product.delisted")[0].reason == "recall"


def test_delisting_what_was_only_scheduled_makes_it_a_draft_again(make, terms):
    product_id, _ = make(listed=False)
    with transaction():
        catalogue.schedule([product_id], listed_from=NOON + HOUR, terms=terms, by=OPERATOR, at=NOON)
        catalogue.delist_products([product_id], by=OPERATOR, at=NOON)
    assert state(product_id, NOON + 2 * HOUR) == "draft"


def test_a_schedule_that_makes_no_stretch_of_time_is_refused(make, terms):
    product_id, _ = make(listed=False)
    for until in (NOON, NOON - HOUR):
        with transaction(), pytest.raises(Refusal, match="delisted after it is listed"):
            catalogue.schedule([product_id], listed_from=NOON, listed_until=until, terms=terms, by=OPERATOR, at=NOON)


def test_listing_many_is_all_or_none(make, terms, seen):
    ready, _ = make("Ready", listed=False)
    priceless, _ = make("Priceless", prices=(), listed=False)
    with pytest.raises(catalogue.NotReady, match="at least one price") as refused, transaction():
        catalogue.list_products([ready, priceless], terms=terms, by=OPERATOR, at=NOON)
    assert refused.value.product_id == priceless
    assert seen() == []


def test_what_is_missing_before_listing_is_said(make, terms):
    ended = points_price(100, ends_at=NOON)
    product_id, _ = make({"zh": "马克杯"}, prices=(ended,), listed=False)
    with transaction():
        catalogue.add_art(product_id, "mug.svg", alt={"zh": "杯"}, by=OPERATOR, at=NOON)
    with reading():
        missing = catalogue.missing_to_list([product_id], terms=terms, at=NOON)[product_id]
    assert [str(message).split()[0] for message in missing] == ["Name", "Give", "Describe"]


def test_a_level_may_hide_an_item_from_those_below(make, terms, seen):
    make("Secret", see_rank=4)
    assert seen(ORDINARY) == []
    assert seen(VIP) == ["Secret"]
    with reading():
        with pytest.raises(catalogue.NoSuchProduct):
            catalogue.item("secret", ORDINARY, terms=terms, at=NOON)
        assert catalogue.item("secret", VIP, terms=terms, at=NOON).gate.is_open


def test_a_gated_item_is_shown_with_the_level_it_asks_for(make, terms, seen):
    make("Teapot", buy_rank=4)
    assert seen(ORDINARY) == ["Teapot"]
    with reading():
        gate = catalogue.item("teapot", ORDINARY, terms=terms, at=NOON).gate
        assert (gate.is_open, gate.required_rank) == (False, 4)
        assert catalogue.item("teapot", VIP, terms=terms, at=NOON).gate.is_open
        assert catalogue.item("teapot", catalogue.ANYBODY, terms=terms, at=NOON).gate.required_rank == 4


def test_a_launch_opens_hours_earlier_for_higher_levels(make, terms):
    launch = NOON + 24 * HOUR
    make("Radio", public_from=launch, at=NOON - 2 * HOUR)

    def gate(viewer, at):
        with reading():
            return catalogue.item("radio", viewer, terms=terms, at=at).gate

    assert gate(VIP, NOON).is_open
    assert not gate(VIP, NOON - HOUR).is_open
    waiting = gate(ORDINARY, NOON)
    assert (waiting.is_open, waiting.opens_at, waiting.public_from) == (False, launch, launch)
    assert gate(VIP, NOON - HOUR).opens_at == NOON
    assert gate(ORDINARY, launch).is_open


def test_an_item_may_be_visible_longer_than_it_can_be_had(make, terms):
    make("Kite", redeem_from=NOON + HOUR, redeem_until=NOON + 2 * HOUR)
    with reading():
        gates = [catalogue.item("kite", VIP, terms=terms, at=NOON + hours * HOUR).gate for hours in range(3)]
    assert [gate.is_open for gate in gates] == [False, True, False]
    assert gates[0].opens_at == NOON + HOUR
    assert gates[2].closed_at == NOON + 2 * HOUR


def test_early_access_does_not_open_before_the_redeemable_window(make, terms):
    make("Kite", public_from=NOON + HOUR, redeem_from=NOON, at=NOON - 2 * HOUR)
    with reading():
        gate = catalogue.item("kite", VIP, terms=terms, at=NOON - HOUR).gate
    assert gate.opens_at == NOON


def test_offers_know_all_the_quote_asks(make, terms, count_statements):
    product_id, variant_id = make(
        "Mug", buy_rank=3, limit_per_member=2, limit_days=30, total_quota=4, public_from=NOON + HOUR, stock=9
    )
    with transaction():
        catalogue.draw_quota({product_id: 1}, reference="order:1", at=NOON)
        catalogue.reserve({variant_id: 1}, reference="order:1", at=NOON)
    count_statements.clear()
    with reading():
        (offer,) = catalogue.offers([variant_id, 10**30, -1, 999], at=NOON)
    assert len(count_statements) == 1
    assert (offer.product_id, offer.title, offer.tax_class, offer.delivery) == (
        product_id, {"en": "Mug"}, "standard", "shipped",
    )  # fmt: skip
    assert (offer.may_be_seen_by(catalogue.ANYBODY), offer.free, offer.quota_left, offer.left) == (True, 8, 3, 3)
    assert (offer.limit_per_member, offer.limit_days) == (2, 30)
    assert offer.gate(ORDINARY).required_rank == 3
    assert offer.gate(VIP).is_open
    assert [price.points for price in offer.options] == [800]
