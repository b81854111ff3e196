"""What a refund is going to do is shown by the code that does it, and it does what was shown or nothing."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from mall.base.db import execute, reading, transaction
from mall.domain import aftersales, catalogue, checkout, ledger
from tests.stage import NOON

DELIVERED = NOON + timedelta(days=3)
WINDOW_OVER = DELIVERED + timedelta(days=14)
SOON_AFTER = WINDOW_OVER + timedelta(days=1)
# What was earned in March 2026 ends with March 2027.
EXPIRED = NOON + timedelta(days=400)


@pytest.fixture
def lamp(stage, mei):
    """Mei's paid order of a lamp for 200.00, which gives 2,000 points."""
    item = stage.item("Lamp", prices=(catalogue.cash_price(20_000),))
    stage.put_in(mei, item, "cash")
    return stage.pay(stage.place(mei))


def keep(stage, order) -> None:
    """Let an order arrive and its return window end."""
    stage.ship(order)
    stage.deliver(order, at=DELIVERED)
    stage.close(order, at=WINDOW_OVER)


def spend(stage, mei, points: int, at: datetime) -> None:
    item = stage.item("Notebook", prices=(catalogue.points_price(points),), at=at)
    stage.put_in(mei, item, "points", at=at)
    stage.place(mei, at=at)


def hold(stage, mei, points: int, at: datetime) -> None:
    price = catalogue.mix_price(points + 1_000, least=points, most=points, step=points)
    stage.put_in(mei, stage.item("Vase", prices=(price,), at=at), "mix", points=points, at=at)
    stage.place(mei, at=at)


def expire(stage, at: datetime) -> None:
    with transaction():
        ledger.expire_due(zone=stage.terms.zone, after=0, at=at)


def preview(order, *, at: datetime, reason: str = "changed_mind") -> aftersales.Plan:
    with reading():
        return aftersales.plan_refund(checkout.order_of(order.id), reason=reason, at=at, zone="UTC")


def taken_back(order) -> int:
    """Return the points that were taken back for an order, from wherever they came."""
    posting = ledger.Posting
    with reading():
        taken = select(func.coalesce(func.sum(posting.points), 0)).where(
            posting.reference == checkout.reference_of(order.id), posting.kind == "clawback"
        )
        return int(execute(taken).scalar_one())


def refund(stage, order, *, shown: str | None, at: datetime) -> aftersales.Plan:
    with transaction():
        return aftersales.refund(
            order.id, reason="changed_mind", restock=True, by="staff:1", terms=stage.terms, at=at, shown=shown
        )


SPENT = [0, 1, 700, 1_999, 2_000]


@pytest.mark.parametrize("night", [False, True], ids=["before the night", "after the night"])
@pytest.mark.parametrize("held", [0, 300])
@pytest.mark.parametrize("spent", SPENT)
@pytest.mark.parametrize("at", [SOON_AFTER, EXPIRED], ids=["in date", "expired"])
def test_what_is_shown_is_what_is_taken_back_wherever_the_points_are(stage, mei, lamp, at, spent, held, night):
    keep(stage, lamp)
    if spent:
        spend(stage, mei, spent, WINDOW_OVER)
    if held and spent + held <= 2_000:
        hold(stage, mei, held, WINDOW_OVER)
    if night:
        expire(stage, at)

    shown = preview(lamp, at=at)
    refund(stage, lamp, shown=shown.fingerprint, at=at)

    assert shown.earned_points == taken_back(lamp)


def test_points_on_the_way_are_shown_as_taken_back_whole(stage, mei, lamp):
    stage.ship(lamp)
    shown = preview(lamp, at=DELIVERED)
    refund(stage, lamp, shown=shown.fingerprint, at=DELIVERED)

    assert shown.earned_points == taken_back(lamp) == 2_000


def test_expired_points_are_not_shown_as_taken_back_whether_or_not_a_job_has_run(stage, mei, lamp):
    keep(stage, lamp)
    spend(stage, mei, 700, WINDOW_OVER)

    before = preview(lamp, at=EXPIRED)
    expire(stage, EXPIRED)

    assert (before.earned_points, preview(lamp, at=EXPIRED)) == (700, before)


def test_a_refund_that_is_other_than_was_shown_is_refused_and_changes_nothing(stage, mei, lamp):
    shown = preview(lamp, at=DELIVERED).fingerprint
    stage.ship(lamp)

    with pytest.raises(aftersales.RefundChanged, match="has changed since it was shown"):
        refund(stage, lamp, shown=shown, at=DELIVERED)

    assert stage.order(lamp).state == "shipped"
    assert taken_back(lamp) == 0


def test_points_that_expire_between_showing_and_pressing_change_the_refund(stage, mei, lamp):
    keep(stage, lamp)
    shown = preview(lamp, at=SOON_AFTER).fingerprint

    with pytest.raises(aftersales.RefundChanged):
        refund(stage, lamp, shown=shown, at=EXPIRED)


def test_another_reason_that_gives_more_back_is_another_refund(stage, lamp):
    small = stage.item("Card", prices=(catalogue.cash_price(500),))
    stage.put_in(lamp.member_id, small, "cash")
    order = stage.pay(stage.place(lamp.member_id))
    stage.ship(order)

    theirs, ours = preview(order, at=NOON), preview(order, at=NOON, reason="damaged")

    assert order.shipping_cents
    assert theirs.fingerprint != ours.fingerprint


def test_who_shows_nothing_is_not_asked(stage, lamp):
    assert refund(stage, lamp, shown=None, at=NOON).earned_points == 2_000


def test_what_goes_back_to_which_lots_is_part_of_what_is_shown(stage, mei):
    stage.give(mei, 300)
    stage.give(mei, 500)
    stage.put_in(mei, stage.item(prices=(catalogue.points_price(600),)), "points")
    order = stage.place(mei)

    shown = preview(order, at=NOON)

    with reading():
        assert [points for _lot, points in shown.points_to] == [300, 300]
    assert shown.points == 600
