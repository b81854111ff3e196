"""Many buyers at once: no more is sold than there is, than is allowed in all, than is allowed to one; a basket once.

Each race has a twin in which a lock is off or a figure is read before it: there the same buyers break the promise.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from mall.base.db import execute, reading, transaction
from mall.base.text import say
from mall.domain import catalogue, checkout, earning, ledger, people
from mall.domain.catalogue import quotas, reservations
from mall.domain.checkout import placing, pricing
from mall.domain.ledger import purses
from tests.cast import note_adjustment
from tests.concurrency.test_purse import deadlocks, unlocked
from tests.stage import ADDRESS, NOON, Item, Stage, open_shop
from tests.threads import errors, meeting, race

pytestmark = pytest.mark.concurrency

THREADS = 16
SECONDS = 30


@pytest.fixture
def stage(postgres_app: Flask) -> Stage:
    return open_shop()


@pytest.fixture
def together() -> Callable[[], None]:
    """Let the threads of a race meet once, at the place that calls this."""
    return meeting(THREADS)


def crowd(stage: Stage, count: int, item: Item, *, first: int = 0) -> list[int]:
    """Register so many members, each with points and one piece of an item in the basket."""
    with transaction():
        return [newcomer(stage, number, item) for number in range(first, first + count)]


def newcomer(stage: Stage, number: int, item: Item) -> int:
    terms = stage.terms
    member_id = people.register(
        email=people.read_email(f"m{number}@example.com"), password=people.PasswordHash("-"), display_name="M",
        language="en", wants_news=False, verify_page="http://localhost/verify/", at=NOON,
    )  # fmt: skip
    assert member_id is not None
    earning.welcome(member_id, terms=terms, at=NOON)
    ledger.adjust_up(
        ledger.lock(member_id, zone=terms.zone), 1_000, key=f"gift:{member_id}", reference="gift", worth=terms.worth,
        expiry=terms.expiry_of(terms.today(NOON)), version=terms.version, why=say("A gift"), by="staff:1", at=NOON,
    )  # fmt: skip
    note_adjustment(member_id, 1_000, at=NOON)
    put_in(member_id, item)
    return member_id


def put_in(member_id: int, item: Item, *, quantity: int = 1) -> None:
    checkout.put_in(
        checkout.Owner(member_id=member_id), variant_id=item.variant_id, option_id=item.options["points"],
        points_each=100, quantity=quantity, at=NOON,
    )  # fmt: skip


def all_place(app: Flask, stage: Stage, members: list[int]) -> list[Any]:
    """Let members place their baskets at once, as they were shown; answers each one's order, or what stood in the way.

    Whose baskets hold the same were shown the same.
    """
    keys: dict[int, str] = {}
    contents: dict[int, tuple[int, ...]] = {}
    shown: dict[tuple[int, ...], str] = {}
    for member_id in set(members):
        with reading():
            basket = checkout.basket_of(checkout.Owner(member_id=member_id))
        keys[member_id] = basket.key
        contents[member_id] = content = tuple(line.variant_id for line in basket.lines)
        shown[content] = shown.get(content) or stage.price(member_id)[1].quote.fingerprint
    jobs = [lambda m=m: place(stage, m, keys[m], shown[contents[m]]) for m in members]
    return race(app, jobs, threads=THREADS, seconds=SECONDS)


def place(stage: Stage, member_id: int, key: str, shown: str) -> Any:
    with transaction():
        return checkout.place(
            member_id, key=key, shown=shown, points_offered=0, terms=stage.terms, verified=True, cashier=False,
            address=ADDRESS, at=NOON,
        )  # fmt: skip


def refusals(outcomes: list[Any]) -> set[type]:
    return {type(error) for error in errors(outcomes)}


def count_orders() -> int:
    with reading():
        return execute(select(func.count()).select_from(checkout.Order)).scalar_one()


# Two hundred buyers, fifty pieces.


def test_two_hundred_buyers_share_fifty_pieces(postgres_app, stage):
    mug = stage.item(prices=(catalogue.points_price(100),), stock=50)

    outcomes = all_place(postgres_app, stage, crowd(stage, 200, mug))

    assert refusals(outcomes) == {catalogue.OutOfStock}
    assert len(errors(outcomes)) == 150
    assert count_orders() == 50
    assert stage.stock(mug) == (50, 50)


@pytest.fixture
def stock_read_first(monkeypatch: pytest.MonkeyPatch, together: Callable[[], None]) -> None:
    """Look whether there is enough, then write what is left: not one statement, and nothing locked."""

    def change(kind: str, pieces: dict[int, int]) -> set[int]:
        assert kind == "reserve"
        moved = set()
        for variant_id, quantity in pieces.items():
            columns = select(catalogue.Stock.on_hand, catalogue.Stock.reserved).where(
                catalogue.Stock.variant_id == variant_id
            )
            row = execute(columns).one()
            together()
            if row.on_hand - row.reserved >= quantity:
                counted = update(catalogue.Stock).where(catalogue.Stock.variant_id == variant_id)
                execute(counted.values(reserved=row.reserved + quantity))
                moved.add(variant_id)
        return moved

    monkeypatch.setattr(reservations, "change_stock", change)


@pytest.mark.breaks_the_books
def test_stock_that_is_read_first_is_sold_twice(postgres_app, stage, stock_read_first):
    mug = stage.item(prices=(catalogue.points_price(100),), stock=0)
    with transaction():
        execute(update(catalogue.Stock).where(catalogue.Stock.variant_id == mug.variant_id).values(on_hand=5))

    outcomes = all_place(postgres_app, stage, crowd(stage, 40, mug))

    assert refusals(outcomes) <= {catalogue.OutOfStock}
    assert count_orders() > 5


# Forty buyers, ten in all.


def test_forty_buyers_share_ten_that_all_may_have_together(postgres_app, stage):
    rare = stage.item(prices=(catalogue.points_price(100),), stock=100, total_quota=10)

    outcomes = all_place(postgres_app, stage, crowd(stage, 40, rare))

    assert refusals(outcomes) <= {catalogue.QuotaUsedUp, pricing.NoLongerRedeemable}
    assert len(errors(outcomes)) == 30
    assert count_orders() == 10
    assert stage.stock(rare) == (100, 10)


@pytest.fixture
def quota_read_first(monkeypatch: pytest.MonkeyPatch, together: Callable[[], None]) -> None:
    """Look how many were taken, then write how many are: not one statement, and nothing locked."""

    def count(pieces: dict[int, int], *, sign: int) -> set[int]:
        moved = set()
        for product_id, quantity in pieces.items():
            of_product = quotas.Quota.product_id == product_id
            row = execute(select(quotas.Quota.total, quotas.Quota.taken).where(of_product)).one()
            together()
            if row.taken + quantity <= row.total:
                execute(update(quotas.Quota).where(of_product).values(taken=row.taken + quantity))
                moved.add(product_id)
        return moved

    monkeypatch.setattr(quotas, "_count", count)


@pytest.mark.breaks_the_books
def test_a_total_that_is_read_first_is_exceeded(postgres_app, stage, quota_read_first):
    rare = stage.item(prices=(catalogue.points_price(100),), stock=100, total_quota=10)

    outcomes = all_place(postgres_app, stage, crowd(stage, 40, rare))

    assert refusals(outcomes) <= {catalogue.QuotaUsedUp, pricing.NoLongerRedeemable}
    assert count_orders() > 10


# One member, ten tabs, two a member.


def ten_tabs(app: Flask, stage: Stage, rare: Item) -> tuple[int, list[Any]]:
    """Let one member, with two in the basket, place it in ten tabs at once, and then try for one more in each."""
    [mei] = crowd(stage, 1, rare)
    put_in_once_more(mei, rare)
    basket, priced = stage.price(mei)

    def tab() -> Any:
        place(stage, mei, basket.key, priced.quote.fingerprint)
        put_in_once_more(mei, rare)
        return stage.place(mei, cashier=False)

    return mei, race(app, [tab] * 10, threads=10, seconds=SECONDS)


def put_in_once_more(member_id: int, item: Item) -> None:
    with transaction():
        put_in(member_id, item)


def pieces_had(member_id: int) -> int:
    lines = select(func.coalesce(func.sum(checkout.OrderLine.quantity), 0)).join(
        checkout.Order, checkout.Order.id == checkout.OrderLine.order_id
    )
    with reading():
        return execute(lines.where(checkout.Order.member_id == member_id)).scalar_one()


def test_ten_tabs_together_get_what_one_member_may_have(postgres_app, stage):
    rare = stage.item(prices=(catalogue.points_price(100),), stock=100, limit_per_member=2)

    mei, outcomes = ten_tabs(postgres_app, stage, rare)

    assert refusals(outcomes) == {checkout.LimitReached}
    assert len(errors(outcomes)) == 10
    assert pieces_had(mei) == 2
    with reading():
        [line] = checkout.basket_of(checkout.Owner(member_id=mei)).lines
    assert line.quantity == 10  # What was not had is still there.


def test_ten_tabs_without_the_lock_are_stopped_by_the_key_only(postgres_app, stage, purse_not_locked):
    rare = stage.item(prices=(catalogue.points_price(100),), stock=100, limit_per_member=2)

    mei, outcomes = ten_tabs(postgres_app, stage, rare)

    assert psycopg.errors.UniqueViolation in broken_on(outcomes)
    assert pieces_had(mei) == 2


@pytest.fixture
def purse_not_locked(monkeypatch: pytest.MonkeyPatch, together: Callable[[], None]) -> None:
    """Read the purse without locking it, and let the threads meet once, when each knows that the key is new."""
    price = placing.price

    def price_together(*args: Any, **options: Any) -> checkout.Priced:
        together()
        return price(*args, **options)

    monkeypatch.setattr(purses, "lock_many", unlocked)
    monkeypatch.setattr(placing, "price", price_together)


def broken_on(outcomes: list[Any]) -> set[type]:
    return {type(error.orig) for error in errors(outcomes) if isinstance(error, DBAPIError)}


# One basket, twenty times.


def twenty_times(app: Flask, stage: Stage, mug: Item) -> list[Any]:
    [mei] = crowd(stage, 1, mug)
    return all_place(app, stage, [mei] * 20)


def test_a_basket_placed_twenty_times_is_one_order(postgres_app, stage):
    mug = stage.item(prices=(catalogue.points_price(100),))

    outcomes = twenty_times(postgres_app, stage, mug)

    assert errors(outcomes) == []
    assert Counter(order.id for order in outcomes) == {outcomes[0].id: 20}
    assert count_orders() == 1
    assert stage.stock(mug) == (10, 1)


def test_a_basket_placed_without_the_lock_breaks_on_the_key(postgres_app, stage, purse_not_locked):
    mug = stage.item(prices=(catalogue.points_price(100),))

    outcomes = twenty_times(postgres_app, stage, mug)

    # The key is unique in the table itself, so that even now there is one order; the others see a bare error.
    assert psycopg.errors.UniqueViolation in broken_on(outcomes)
    assert count_orders() == 1


# Baskets in opposite orders.


def opposite_baskets(app: Flask, stage: Stage, count: int) -> list[Any]:
    """Let buyers of the same two items place at once, half of them with the one put in first, half with the other."""
    mug, tea = (stage.item(title, prices=(catalogue.points_price(100),), stock=100) for title in ("Mug", "Tea"))
    members = crowd(stage, count // 2, mug)
    others = crowd(stage, count // 2, tea, first=count)
    with transaction():
        for some, item in ((members, tea), (others, mug)):
            for member_id in some:
                put_in(member_id, item)
    return all_place(app, stage, [each for pair in zip(members, others, strict=True) for each in pair])


@pytest.mark.fresh_copy
def test_baskets_in_opposite_orders_are_sold_without_a_deadlock(postgres_app, stage):
    outcomes = opposite_baskets(postgres_app, stage, 40)

    assert errors(outcomes) == []
    assert count_orders() == 40
    assert deadlocks() == 0


@pytest.mark.fresh_copy
def test_stock_taken_as_the_basket_has_it_deadlocks(postgres_app, stage, monkeypatch: pytest.MonkeyPatch, together):
    change = reservations.change_stock

    def one_by_one(kind: str, pieces: dict[int, int]) -> set[int]:
        moved = set()
        for number, (variant_id, quantity) in enumerate(pieces.items()):
            if number:
                together()
            moved |= change(kind, {variant_id: quantity})
        return moved

    monkeypatch.setattr(reservations, "change_stock", one_by_one)
    outcomes = opposite_baskets(postgres_app, stage, 20)

    assert psycopg.errors.DeadlockDetected in broken_on(outcomes)
    assert deadlocks() > 0
