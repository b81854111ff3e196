"""The proof sees money, goods and points that disagree with an order's life, however well the tables add up."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from mall.base.clock import moved_to
from mall.base.db import execute, transaction
from mall.domain import catalogue, checkout, finance
from tests.stage import NOON, SITE


def broken() -> list[str]:
    return [result.name for result in finance.prove() if not result.ok]


@pytest.fixture
def orders(stage, mei):
    """Orders in every corner of their lives, by name: their ids."""
    stage.member("tom")
    stage.give(mei, 9_000)
    chair, mug = stage.item("Chair", prices=(catalogue.cash_price(5_000),)), stage.item("Mug", stock=20)

    def placed(points: int = 0):
        stage.put_in(mei, chair, "cash", quantity=2 if points else 1)
        return stage.place(mei, points=points)

    refunded = stage.pay(placed(1_000))
    stage.refund(refunded)
    paid = stage.pay(placed(1_000))
    shipped = stage.ship(stage.pay(placed(500)))
    returned = stage.ship(stage.pay(placed(500)))
    stage.deliver(returned)
    stage.refund(returned, reason="damaged")
    late = placed()
    session = stage.open_page(late)
    with moved_to(NOON + timedelta(minutes=1)):
        stage.cashier.pay_late(session)
        checkout.look_at_order(late.id, cashier=stage.cashier, terms=stage.terms)
    gone = placed()
    stage.open_page(gone)
    with moved_to(NOON + timedelta(minutes=2)):
        checkout.give_up(gone.id, by="member:{mei}", cashier=stage.cashier, terms=stage.terms, site=SITE)
    stage.put_in(mei, mug)
    points = stage.place(mei)
    completed = stage.ship(stage.pay(placed()))
    stage.deliver(completed)
    waiting = placed()
    return {
        "refunded": refunded.id, "paid": paid.id, "shipped": shipped.id, "returned": returned.id, "late": late.id,
        "gone": gone.id, "points": points.id, "completed": completed.id, "waiting": waiting.id,
    }  # fmt: skip


NO_ORDER = "a payment is for an order that is there, and of its member"
NOT_KEPT = "an order that was not sold keeps no money"
BACK = "the cash given back of an order is that of its refunded pieces, and of no others"
TAX = "the tax of a line and of its delivery is what its rate makes of the price"
SAVED = "points save the cash they are worth; only what is too small to charge is waived"
TIMES = "an order has the times of its state, and no others"
SENT = "what was sent of an order is what left the shelf for it"
TOO_EARLY = "points of an order are ready only once its return window is over"
SET_ASIDE = "what was set aside for an order is what its lines bought, item by item"
NO_SUCH_ORDER = "goods move only for orders that are there"
ITS_ITEM = "a line is of the item, the variant and the price it names"
PARCELS = "an order that needs no parcel has no line that does, and codes are of an order with codes"
NOTHING_LEFT = "nothing is left to send of an order that was shipped"
OF = "payment_id = (SELECT id FROM payment WHERE reference = 'order:{0}')"
THIS = "reference = 'order:{0}'"
PAY_IT = (
    "UPDATE payment SET state = 'paid', captured_cents = amount_cents, captured_currency = 'USD', cashier_id = 'x',"
    " paid_at = begun_at, ended_at = begun_at WHERE {this}"
)


def written(change: str, order_id: int) -> str:
    """Return a change as a statement about one order."""
    return change.format(order_id, of=OF.format(order_id), this=THIS.format(order_id))


@pytest.mark.breaks_the_books
@pytest.mark.parametrize(
    ("order", "changes", "seen"),
    [
        ("refunded", ["DELETE FROM refund WHERE {of}", "UPDATE payment SET refunded_cents = 0 WHERE {this}"], BACK),
        (
            "refunded",
            [
                "UPDATE refund SET amount_cents = amount_cents / 2 WHERE {of}",
                "UPDATE payment SET refunded_cents = (SELECT amount_cents FROM refund WHERE payment_id = payment.id)"
                " WHERE {this}",
            ],
            BACK,
        ),
        (
            "shipped",
            [
                "INSERT INTO refund (payment_id, amount_cents, key, reason, origin, asked_by, state, attempt, tries,"
                " due_at, note, asked_at) SELECT id, captured_cents, 'x1', 'x', 'mall', 'staff', 'asked', 1, 0,"
                " begun_at, '', begun_at FROM payment WHERE {this}",
                "UPDATE payment SET refunded_cents = captured_cents WHERE {this}",
            ],
            BACK,
        ),
        ("shipped", ["UPDATE order_line SET refunded = 1 WHERE order_id = {0}"], BACK),
        ("gone", [PAY_IT], NOT_KEPT),
        ("late", ["UPDATE payment SET state = 'paid', refunded_cents = refunded_cents - 1 WHERE {this}"], NOT_KEPT),
        ("late", ["UPDATE payment SET reference = 'order:99999' WHERE {this}"], NO_ORDER),
        ("paid", ["UPDATE payment SET member_id = (SELECT max(id) FROM member) WHERE {this}"], NO_ORDER),
        (
            "paid",
            ["UPDATE payment SET captured_currency = 'JPY' WHERE {this}"],
            "an order was paid in its own currency",
        ),
        (
            "returned",
            [
                "INSERT INTO stock_move (variant_id, kind, on_hand_change, reserved_change, reference, reason, by, at)"
                " SELECT variant_id, kind, on_hand_change, reserved_change, reference, reason, by, at FROM stock_move"
                " WHERE kind = 'return' AND {this}",
                "UPDATE stock SET on_hand = on_hand + 2 WHERE variant_id = (SELECT variant_id FROM order_line WHERE"
                " order_id = {0})",
            ],
            "no more of an order comes back to the shelf than left it",
        ),
        ("paid", ["UPDATE order_line SET tax_cents = 999999 WHERE order_id = {0}"], TAX),
        ("paid", ["UPDATE order_line SET tax_cents = tax_cents + 1 WHERE order_id = {0}"], TAX),
        ("paid", ["UPDATE orders SET shipping_tax_cents = shipping_cents + 1 WHERE id = {0}"], TAX),
        (
            "completed",
            ["UPDATE orders SET window_closed_at = window_ends_at WHERE id = {0}"],
            "points are on the way no longer than the return window",
        ),
        ("completed", ["UPDATE orders SET window_closed_at = completed_at WHERE id = {0}"], TIMES),
        ("shipped", ["UPDATE orders SET state = 'completed' WHERE id = {0}"], TIMES),
        ("paid", ["UPDATE orders SET paid_at = NULL WHERE id = {0}"], TIMES),
        ("refunded", ["UPDATE orders SET ended_at = NULL WHERE id = {0}"], TIMES),
        ("gone", ["UPDATE orders SET paid_at = placed_at WHERE id = {0}"], TIMES),
        (
            "refunded",
            ["UPDATE order_line SET refunded = 0, called_off = 0, shipping_back = 0 WHERE order_id = {0}"],
            "an order is refunded when all of its pieces are",
        ),
        ("shipped", ["UPDATE order_line SET shipped = 0 WHERE order_id = {0}"], SENT),
        ("shipped", ["UPDATE order_line SET shipped = 0 WHERE order_id = {0}"], NOTHING_LEFT),
        (
            "completed",
            [
                "UPDATE posting SET kind = 'unlock', source = 'pending', destination = 'wallet' WHERE id = (SELECT"
                " max(id) FROM posting WHERE kind = 'earn' AND {this})"
            ],
            TOO_EARLY,
        ),
        ("shipped", ["UPDATE reservation SET quantity = quantity + 1 WHERE {this}"], SET_ASIDE),
        ("shipped", ["DELETE FROM reservation WHERE {this}"], SET_ASIDE),
        (
            "shipped",
            ["UPDATE order_line SET variant_id = (SELECT max(id) FROM variant) WHERE order_id = {0}"],
            SET_ASIDE,
        ),
        (
            "shipped",
            [
                "UPDATE stock_move SET variant_id = (SELECT max(id) FROM variant) WHERE kind = 'ship' AND {this}",
            ],
            SENT,
        ),
        ("shipped", ["UPDATE stock_move SET reference = 'order:99999' WHERE kind = 'ship' AND {this}"], NO_SUCH_ORDER),
        ("paid", ["UPDATE order_line SET product_id = (SELECT max(id) FROM product) WHERE order_id = {0}"], ITS_ITEM),
        (
            "paid",
            ["UPDATE order_line SET option_id = (SELECT max(id) FROM price_option) WHERE order_id = {0}"],
            ITS_ITEM,
        ),
        ("paid", ["UPDATE order_line SET form = 'points' WHERE order_id = {0}"], ITS_ITEM),
        ("paid", ["UPDATE orders SET digital = 1 WHERE id = {0}"], PARCELS),
        ("paid", ["UPDATE order_line SET digital = 1 WHERE order_id = {0}"], PARCELS),
        ("paid", ["UPDATE orders SET gives_codes = 1 WHERE id = {0}"], PARCELS),
        ("gone", ["UPDATE order_line SET refunded = 1 WHERE order_id = {0}"], NOTHING_LEFT),
        (
            "points",
            ["UPDATE orders SET member_id = (SELECT max(member_id) FROM purse) WHERE id = {0}"],
            "points moved for an order are those of its member",
        ),
        (
            "paid",
            [
                "UPDATE order_line SET list_cents = list_cents + 700, saved_cents = saved_cents + 700,"
                " unit_cents = unit_cents + 350 WHERE order_id = {0}"
            ],
            SAVED,
        ),
        (
            "paid",
            [
                "UPDATE order_line SET list_cents = list_cents + 7, waived_cents = 7, level_discount_cents = 0"
                " WHERE order_id = {0}"
            ],
            SAVED,
        ),
        ("paid", ["UPDATE orders SET shipping_list_cents = shipping_list_cents + 5 WHERE id = {0}"], SAVED),
    ],
)
def test_what_is_wrong_with_the_money_is_seen(orders, order, changes, seen):
    with transaction():
        execute(text("PRAGMA ignore_check_constraints = ON"))
        for guard in execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            execute(text(f'DROP TRIGGER "{guard}"'))
        for change in changes:
            statement = written(change, orders[order])
            assert execute(text(statement)).rowcount > 0, statement

    assert seen in broken()


@pytest.mark.breaks_the_books
def test_money_of_an_order_that_still_waits_is_seen(stage, orders):
    waiting = orders["waiting"]
    with transaction():
        order = checkout.order_of(waiting)
    stage.open_page(order)
    with transaction():
        execute(text(written(PAY_IT, waiting)))

    assert broken() == [NOT_KEPT]


def test_sound_money_has_nothing_to_show(orders):
    assert broken() == []
