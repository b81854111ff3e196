"""Selling for cash, measured: orders with a coupon and points, refunds, a rush for few goods, webhooks.

Cash comes at the sandbox, which keeps its books in the same database; webhooks come from a double of Stripe over HTTP.
Below the web, from threads of one process; a webhook goes through gunicorn.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from flask import current_app
from stripe import WebhookSignature

from mall import create_app
from mall.base.clock import now
from mall.base.db import again, db, reading, transaction
from mall.domain import aftersales, cash, catalogue, checkout
from tests.stage import ADDRESS, Item, Stage
from tests.stripe_double import Double, running

from .servers import serving
from .shop import Shop, copy_member, environ_for, settings_for, tidy
from .table import Figure

SITE = "http://127.0.0.1"
CLIENTS = 4
BUYERS, UNITS, AT_ONCE = 200, 50, 32
PRICE_CENTS, COUPON_CENTS, POINTS = 4_000, 1_000, 500


@contextmanager
def _opened(url: str, folder: Path, **cashier: Any):
    """Build the mall with a cashier, its app context open."""
    app = create_app(settings_for(url, folder) | cashier)
    with app.app_context():
        try:
            yield app
        finally:
            for engine in db.engines.values():
                engine.dispose()


def with_cash(name: str, url: str, folder: Path, shop: Shop, *, orders: int) -> list[Figure]:
    """Measure orders with a coupon, points and cash, from the button to paid, and refunds of all of it."""
    with _opened(url, folder, CASHIER="sandbox", DEMO=True) as app:
        stage = Stage(shop.terms, made=1_000_000)
        item = _cash_item(stage, stock=orders + 10)
        kind = stage.coupon_kind(amount_cents=COUPON_CENTS, at=now())
        ready = [_ready(stage, member_id, item, kind) for member_id in copy_member(shop, orders)]
        tidy()
        placed_in: list[float] = []

        def buy(one: dict[str, Any]) -> Any:
            began = time.perf_counter()
            order = again(lambda: _placed(one, stage))
            placed_in.append(time.perf_counter() - began)
            session = checkout.open_page(order.id, cashier=stage.cashier, site=SITE).rpartition("/")[2]
            stage.cashier.pay(session)
            return checkout.look_at_order(order.id, cashier=stage.cashier, terms=shop.terms)

        seconds, paid = _side_by_side(app, buy, ready)
        assert {order.state for order in paid} == {checkout.PAID}

        def give_back(order: Any) -> Any:
            def unit() -> Any:
                with transaction():
                    return aftersales.cancel(order.id, by="staff:1", terms=shop.terms, at=now())

            return again(unit)

        refunded_in, refunded = _side_by_side(app, give_back, paid)
        assert {order.state for order in refunded} == {checkout.REFUNDED}
        sent_in = _seconds(lambda: _send_all(stage, shop))
        due = sum(checkout.cash_cents_of(order) > 0 for order in paid)
    placed_in.sort()
    p99 = placed_in[min(len(placed_in) - 1, int(len(placed_in) * 0.99))] * 1_000
    return [
        Figure(
            "coupon, points and cash, button to paid", name,
            f"{orders / seconds:,.0f}/s; placing p50 {median(placed_in) * 1_000:,.0f} ms, p99 {p99:,.0f} ms",
        ),
        Figure("refunds of them, below the web", name, f"{orders / refunded_in:,.0f}/s"),
        Figure("refunds sent to the cashier", name, f"{due / sent_in:,.0f}/s"),
    ]  # fmt: skip


def rush(name: str, url: str, folder: Path, shop: Shop) -> list[Figure]:
    """Measure 200 buyers who all want one of 50 pieces: how long until each has an answer."""
    with _opened(url, folder, CASHIER="sandbox", DEMO=True) as app:
        stage = Stage(shop.terms, made=2_000_000)
        item = stage.item("Rare lamp", prices=(catalogue.cash_price(PRICE_CENTS),), stock=UNITS, at=now())
        ready = []
        for member_id in copy_member(shop, BUYERS):
            stage.put_in(member_id, item, "cash", at=now())
            ready.append(_priced(stage, member_id))
        tidy()

        def want(one: dict[str, Any]) -> str:
            try:
                again(lambda: _placed(one, stage))
            except catalogue.OutOfStock:
                return "sold out"
            return "bought"

        seconds, answers = _side_by_side(app, want, ready, clients=AT_ONCE)
    bought, told = answers.count("bought"), answers.count("sold out")
    words = f"{seconds:.1f} s; {bought} bought, {told} told that it is sold out, {BUYERS - bought - told} unanswered"
    met = (bought, told) == (UNITS, BUYERS - UNITS)
    return [Figure(f"{BUYERS} buyers for {UNITS} pieces, {AT_ONCE} at once", name, words, "all answered", met)]


def webhooks(name: str, url: str, folder: Path, shop: Shop, *, workers: int, orders: int) -> list[Figure]:
    """Measure from the moment Stripe tells of a payment until the shop answers: by then the order is paid."""
    with running() as double:
        settings = {
            "CASHIER": "stripe",
            "STRIPE_SECRET_KEY": "sk_test_double",
            "STRIPE_WEBHOOK_SECRET": double.secret,
            "STRIPE_API_BASE": double.address,
        }
        with _opened(url, folder, **settings):
            stage = Stage(shop.terms, made=3_000_000)
            item = _cash_item(stage, stock=orders + 10)
            kind = stage.coupon_kind(amount_cents=COUPON_CENTS, at=now())
            for member_id in copy_member(shop, orders):
                order = _placed(_ready(stage, member_id, item, kind), stage)
                checkout.open_page(order.id, cashier=current_app.extensions["cashier"], site=SITE)
                double.books.pay(list(double.books.sessions)[-1])
            tidy()
        environ = environ_for(url, folder) | settings | {"WEB_CONCURRENCY": str(workers)}
        with serving("wsgi:app", environ, workers=workers, folder=folder, config="gunicorn.conf.py") as server:
            told = list(double.outbox.waiting)
            took = [_seconds(lambda event=event: _tell(double, event, server.port)) for event in told]
        with _opened(url, folder, **settings), reading():
            paid = sum(
                payment.state == cash.PAID
                for event in told
                for payment in cash.payments_of(event["data"]["object"]["client_reference_id"])
            )
    took.sort()
    p50, p99 = median(took) * 1_000, took[min(len(took) - 1, int(len(took) * 0.99))] * 1_000
    words = f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms; {paid} of {orders} paid"
    return [Figure("webhook to paid, through HTTP", name, words, "all paid", paid == orders)]


def _tell(double: Double, event: dict[str, Any], port: int) -> None:
    body = json.dumps(event)
    signature = WebhookSignature.generate_signature_header(body, double.secret)
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/hooks/stripe", body.encode(),
        {"Content-Type": "application/json", "Stripe-Signature": signature}, method="POST",
    )  # fmt: skip
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        assert answer.status == 200


def _cash_item(stage: Stage, *, stock: int) -> Item:
    return stage.item("Bench lamp", prices=(catalogue.cash_price(PRICE_CENTS),), stock=stock, at=now())


def _ready(stage: Stage, member_id: int, item: Item, kind: int) -> dict[str, Any]:
    """Give a member a coupon and a basket, and look at its total with points. Returns what placing it takes."""
    coupon_id = stage.coupon(member_id, of=kind, at=now())
    stage.put_in(member_id, item, "cash", at=now())
    return _priced(stage, member_id, points=POINTS, use=(coupon_id,))


def _priced(stage: Stage, member_id: int, *, points: int = 0, use: Sequence[int] = ()) -> dict[str, Any]:
    basket, priced = stage.price(member_id, points=points, use=use, at=now())
    return {
        "member_id": member_id, "key": basket.key, "shown": priced.quote.fingerprint, "points_offered": points,
        "coupon_ids": use,
    }  # fmt: skip


def _placed(one: dict[str, Any], stage: Stage) -> Any:
    with transaction():
        return checkout.place(**one, terms=stage.terms, verified=True, cashier=True, address=ADDRESS, at=now())


def _send_all(stage: Stage, shop: Shop) -> None:
    while aftersales.send_refunds(stage.cashier, terms=shop.terms, at=now()).recorded:
        pass


def _side_by_side(
    app: Any, do: Callable[[Any], Any], things: Sequence[Any], *, clients: int = CLIENTS
) -> tuple[float, list[Any]]:
    """Do things from threads of this process. Returns the seconds it took, and the answers."""

    def one(thing: Any) -> Any:
        with app.app_context():
            return do(thing)

    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        answers = list(pool.map(one, things))
        return time.perf_counter() - began, answers


def _seconds(do: Callable[[], Any]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
