"""Killed at any step of buying, paying and giving back, the mall comes back with no effect or the whole one.

The process that got there, or PostgreSQL, is killed with -9; then the member presses again, the cashier tells again,
the worker looks again. In the end there is one order, one page and one refund at the cashier, and the books are sound.
"""

import itertools
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select

from mall import worker
from mall.base.clock import moved_to, now
from mall.base.db import db, execute, reading
from mall.domain import catalogue, checkout, finance, ledger
from tests import postgresql
from tests.conftest import build_app, compiled_templates, could_not_run, dispose
from tests.crash.processes import ROUNDS, Cluster, Web, cluster, work
from tests.crash.steps import STEPS, WEB, WORKER, Step
from tests.domain.ledger.machine import SOAK
from tests.stage import PASSWORD, open_shop
from tests.stripe_double import running
from tests.stripe_double.hooks import by_http
from tests.web.store.till import fields_of

PROCESS, DATABASE = "process", "PostgreSQL"
VICTIMS = (PROCESS, DATABASE)
ALONE = [
    pytest.param(step, victim, id=f"{step.name}, {victim} killed, {turn + 1}")
    for turn in range(SOAK // 10)
    for step, victim in itertools.product(STEPS, VICTIMS)
]
# (orders, state, points ready, on their way and held, pieces reserved): all that an order may look like.
NOTHING = (0, "", 2_000, 0, 0, 0)
PLACED = (1, "awaiting_payment", 1_100, 0, 900, 1)
PAID = (1, "paid", 1_100, 69, 0, 1)
REFUNDED = (1, "refunded", 2_000, 0, 0, 0)
WHOLE = {NOTHING: "nothing", PLACED: "placed", PAID: "paid", REFUNDED: "given back"}


@dataclass
class Ground:
    """A cluster with a shop in it, of which every run gets a copy."""

    cluster: Cluster
    folder: str
    mei: int
    mug: object
    count: int = 0


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    try:
        with cluster() as own:
            own.run("CREATE DATABASE seeded TEMPLATE template0")
            app = build_app(folder, own.url_of("seeded"))
            with app.app_context():
                db.create_all(bind_key=None)
                at = now()
                stage = open_shop(at=at)
                mei = stage.member("mei", at=at)
                stage.settle_down(mei, at=at)
                mug = stage.item(prices=(catalogue.mix_price(1_590, least=600, most=1_500, step=100),), at=at)
                stage.give(mei, 2_000, at=at)
                stage.put_in(mei, mug, "mix", points=900, at=at)
                dispose()
            yield Ground(own, str(folder), mei, mug)
    except postgresql.CannotRun as reason:
        could_not_run(str(reason))


@pytest.fixture(scope="module")
def report(request):
    """Print what every run came to, once all are done."""
    rows = []
    yield rows
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n\n{'killed at':<34}{'killed':<12}{'before':<12}{'after restart':<15}seconds")
        for row in rows:
            print("{:<34}{:<12}{:<12}{:<15}{:7.1f}".format(*row))


class Run:
    """One order's life, in which a process, or PostgreSQL, is killed at one step after the other."""

    def __init__(self, ground: Ground, double, steps: list[Step], victim: str):
        ground.count += 1
        self.ground, self.double, self.cluster = ground, double, ground.cluster
        name = f"run_{ground.count}"
        self.cluster.run(f"CREATE DATABASE {name} TEMPLATE seeded")
        self.url = self.cluster.url_of(name)
        self.settings = {
            "CASHIER": "stripe",
            "STRIPE_SECRET_KEY": "sk_test_double",
            "STRIPE_WEBHOOK_SECRET": double.secret,
            "STRIPE_API_BASE": double.address,
            "COMPILED_DIR": compiled_templates(),
        }
        self.victim, self.steps, self.left, self.rows = victim, steps, list(steps), []
        self.app = build_app(Path(ground.folder), self.url, **self.settings)
        self.web = self.start()
        self.browser = requests.Session()
        self.browser.trust_env = False
        self.ahead = 0
        self.before = self.stands()

    def start(self):
        """Start a server that will be killed at the next step, or kill PostgreSQL at all that are left."""
        return Web(self.ground.folder, self.url, self.settings, self.fate(WEB))

    def fate(self, whose):
        names = [step.name for step in self.left if step.whose == whose]
        if self.victim == DATABASE:
            return {"names": names, "victim": self.cluster.pid_file}
        return {"names": names[:1]}

    def close(self):
        self.web.stop()
        with self.app.app_context():
            dispose()

    # Acts, pressed again until the shop answers

    def act(self, press):
        self.before = self.stands()
        for _time in range(len(STEPS) + 1):
            try:
                if (answer := press()).status_code < 500:
                    return answer
            except requests.ConnectionError:
                pass
            self.recover()
        raise AssertionError("the shop does not answer")

    def get(self, path):
        return self.act(lambda: self.browser.get(self.web.address + path, allow_redirects=False, timeout=60))

    def post(self, path, **data):
        return self.act(
            lambda: self.browser.post(self.web.address + path, data=data, allow_redirects=False, timeout=60)
        )

    def tell(self):
        """The cashier tells all that it has to tell; what is not answered it tells again, by another event too."""
        told = list(self.double.outbox.waiting)

        def press():
            self.double.outbox.post = by_http(f"{self.web.address}/hooks/stripe")
            answer = requests.Response()
            answered = all(200 <= status < 300 for status in self.double.outbox.deliver())
            answer.status_code = 200 if answered else 503
            self.double.outbox.waiting += [event | {"id": f"{event['id']}_{len(self.left)}"} for event in told]
            return answer

        self.act(press)
        self.double.outbox.waiting.clear()

    def work(self):
        """A worker does its rounds, each time later, until it gets through."""
        self.before = self.stands()
        while not work(self.ground.folder, self.url, self.settings, self.fate(WORKER), ahead=self.ahead):
            self.recover()
            self.ahead += 5

    # After the crash

    def recover(self):
        """Bring back what was killed, and see that nothing is half done; if it was all, the worker looks at once."""
        assert self.left, "it was killed once more than was meant"
        step = self.left.pop(0)
        self.cluster.revive()
        if not self.web.process.is_alive():
            self.web = self.start()
        self.rows.append((step.name, self.victim, self.before, self.stands()))
        if len(self.steps) == 1:
            self.sweep()

    def sweep(self):
        with self.app.app_context(), moved_to(now() + timedelta(minutes=6)):
            for name in ROUNDS:
                worker.JOBS[name].job(now())
        self.stands()

    def stands(self):
        """Return how the order stands, in one word. It fails when something of it is half done."""
        with self.app.app_context(), reading():
            orders = execute(select(checkout.Order.state)).scalars().all()
            balances = ledger.balances(self.ground.mei, at=now())
            stock = catalogue.Stock
            reserved = execute(select(func.sum(stock.reserved)).select_from(stock)).scalar_one()
        found = (len(orders), "".join(orders), balances.ready, balances.pending, balances.held, int(reserved))
        assert found in WHOLE, found
        return WHOLE[found]

    def number(self):
        """Return the number of the one order."""
        with self.app.app_context(), reading():
            return checkout.number_of(execute(select(checkout.Order.id)).scalar_one())

    def broken(self):
        with self.app.app_context():
            return [result.name for result in finance.prove() if not result.ok]


def live(ground, report, steps, victim):
    """Live an order's life: placed, paid, told, cancelled, given back; killed at these steps."""
    began = time.monotonic()
    with running() as double:
        run = Run(ground, double, steps, victim)
        try:
            run.post("/sign-in", email="mei@example.com", password=PASSWORD)
            form = fields_of(run.get("/checkout").text, "order")
            placed = run.post("/checkout", **form)
            assert placed.headers["Location"].startswith(double.address), placed.text
            (session_id,) = double.books.sessions
            double.books.pay(session_id)
            run.tell()
            run.sweep()
            assert run.post(f"/orders/{run.number()}/cancellation").status_code == 303
            run.work()
            run.tell()
            run.sweep()

            assert run.left == [], "a step was never reached"
            assert run.stands() == "given back"
            assert len(double.books.sessions) == 1
            assert [each["amount"] for each in double.books.refunds.values()] == [
                session["amount_total"] for session in double.books.sessions.values()
            ]
            assert run.broken() == []
        finally:
            run.close()
            seconds = (time.monotonic() - began) / max(1, len(run.rows))
            report += [(*row, seconds) for row in run.rows]


@pytest.mark.postgresql
@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_one_step_after_the_other_an_order_lives_its_life_once(ground, report, victim):
    live(ground, report, list(STEPS), victim)


if ALONE:  # The long form.

    @pytest.mark.soak
    @pytest.mark.postgresql
    @pytest.mark.parametrize(("step", "victim"), ALONE)
    def test_killed_at_one_step(ground, report, step, victim):
        live(ground, report, [step], victim)


def test_every_step_is_one_of_the_mall():
    assert all(callable(getattr(step.owner, step.function)) for step in STEPS)
    assert len({step.name for step in STEPS}) == len(STEPS)
