"""What is measured, one function a figure; each returns lines for the table.

Two things that are compared are measured in turns of a few seconds on the same machine, so that whatever else it has
to do weighs on both alike; their ratio is that of the sums.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mall.base.db import transaction
from mall.domain import finance

from . import bare, redeeming, shop
from .servers import ROOT, Server, serving
from .shop import PASSWORD, Shop, copy_member, environ_for, opened
from .table import Figure, at_least, at_most

VISITORS = 8
CLIENTS = 4


@dataclass(frozen=True)
class Effort:
    """How long and how often things are measured."""

    rounds: int
    seconds: float
    redemptions: int
    few: int
    many: int
    samples: int
    members: int


FULL = Effort(rounds=4, seconds=3, redemptions=150, few=10_000, many=1_000_000, samples=400, members=100_000)
QUICK = Effort(rounds=2, seconds=1, redemptions=50, few=10_000, many=100_000, samples=100, members=10_000)


@dataclass(frozen=True)
class Database:
    """A filled shop's database: its name in the table, its address, where its app keeps files, its web processes."""

    name: str
    url: str
    folder: Path
    workers: int
    shop: Shop
    members: list[int]

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment of a server on it."""
        return environ_for(self.url, self.folder)


def filled(name: str, url: str, folder: Path, *, workers: int) -> Database:
    """Fill a database for the measures over HTTP."""
    with opened(url, folder):
        made = shop.fill()
        members = copy_member(made, VISITORS)
        shop.tidy()
    return Database(name, url, folder, workers, made, members)


def pages(database: Database, effort: Effort) -> list[Figure]:
    """Measure the listing of 24 cards and the item page beside the bare page.

    A machine is not equally fast from one second to the next: each page is measured right after the bare page, and
    what is told of it is the median of these pairs.
    """
    bare.fill(database.url)
    slugs = list(dict.fromkeys(item.slug for item in database.shop.items))
    member = {"members": _emails(database), "password": PASSWORD}
    plans: dict[str, dict[str, Any]] = {
        "listing, visitor": {"paths": ["/shop"]},
        "listing, signed in": {"paths": ["/shop"]} | member,
        "item page, visitor": {"paths": [f"/items/{slug}" for slug in slugs]},
        "item page, signed in": {"paths": [f"/items/{slug}" for slug in slugs]} | member,
    }
    bare_rates: list[float] = []
    rates: dict[str, list[float]] = {name: [] for name in plans}
    ratios: dict[str, list[float]] = {name: [] for name in plans}
    with ExitStack() as servers:
        ours = servers.enter_context(_mall(database))
        other = servers.enter_context(_bare(database))

        def rate_of(plan: dict[str, Any], server: Server, seconds: float) -> float:
            done = _visit(plan | {"do": "fetch", "seconds": seconds}, server)
            return done["count"] / done["seconds"]

        for number in range(effort.rounds + 1):
            seconds = effort.seconds if number else 0.5  # The first round warms up.
            for name, plan in plans.items():
                beside, rate = rate_of({"paths": ["/"]}, other, seconds), rate_of(plan, ours, seconds)
                if number:
                    bare_rates.append(beside)
                    rates[name].append(rate)
                    ratios[name].append(rate / beside)
    figures = [Figure("bare page, one SELECT of 24 rows", database.name, f"{median(bare_rates):,.0f}/s")]
    for name in plans:
        ratio = median(ratios[name])
        measured = f"{median(rates[name]):,.0f}/s = {ratio:.2f} of the bare page"
        if name.startswith("listing"):
            goal = {"value": ratio, "goal": 0.5, "words": "0.5 of the bare page"}
            figures.append(at_least(name, database.name, measured, **goal))
        else:
            figures.append(Figure(name, database.name, measured))
    return figures


def orders(database: Database, effort: Effort) -> list[Figure]:
    """Measure orders for points through HTTP by eight members, and what the processes weigh afterwards."""
    items = [{"page": f"/items/{item.slug}", "form": item.form} for item in database.shop.items]
    plan = {"do": "order", "items": items, "members": _emails(database), "password": PASSWORD}
    with _mall(database):
        pass  # Python has compiled all of it then, as on a shop's machine: what that takes is not given back.
    with _mall(database) as server:
        _visit(plan | {"seconds": 1}, server)
        done = _visit(plan | {"seconds": effort.rounds * effort.seconds}, server)
        weights = server.mib_per_worker()
    took = sorted(done["noted"])
    p50, p99 = _at(took, 0.5) * 1_000, _at(took, 0.99) * 1_000
    rate = done["count"] / done["seconds"]
    figures = [
        at_least(
            "orders, 8 members by HTTP", database.name, f"{rate:,.0f}/s", value=rate, goal=45, words="45/s"
        ),
        at_most(
            "placing one of them", database.name, f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms", value=p99, goal=250,
            words="p99 250 ms",
        ),
    ]  # fmt: skip
    if database.workers > 1:
        weight = max(weights)
        measured = f"{weight:,.1f} MiB (PSS, {len(weights)} preloaded)"
        figures.append(at_most("memory per worker", database.name, measured, value=weight, goal=65, words="65 MiB"))
    return figures


def first_page(database: Database, effort: Effort) -> list[Figure]:
    """Measure the time from the start of the server's process to its first page."""
    seconds = []
    for _ in range(effort.rounds + 1):
        with _mall(database, workers=1) as server:
            seconds.append(server.first_page_seconds)
    value = median(seconds[1:])
    words = {"value": value, "goal": 1, "words": "1 s"}
    return [at_most("start to first page", database.name, f"{value:.2f} s", **words)]


def redemptions(database: Database, effort: Effort) -> list[Figure]:
    """Measure redemptions below the web beside the one function that writes the same rows, on PostgreSQL."""
    each = {"mall": effort.redemptions, "function": effort.redemptions * 4}
    counts = {way: count * CLIENTS * (effort.rounds + 1) for way, count in each.items()}
    with opened(database.url, database.folder):
        with transaction() as connection:
            connection.exec_driver_sql(redeeming.LIMIT)
        members = copy_member(database.shop, sum(counts.values()))
        ready = shop.fill_baskets(database.shop, members)
        shop.tidy()
    rates: dict[str, list[float]] = {"mall": [], "function": []}
    took: list[float] = []
    with ExitStack() as stack:
        clients = {
            way: [stack.enter_context(_client(way, database)) for _ in range(CLIENTS)] for way in ("mall", "function")
        }
        for number in range(effort.rounds + 1):
            for way in rates:
                share = [[ready.pop() for _ in range(each[way])] for _ in range(CLIENTS)]
                seconds, notes = _side_by_side(clients[way], share)
                if number:
                    rates[way].append(CLIENTS * each[way] / seconds)
                    took += notes if way == "mall" else []
    ours, limit = median(rates["mall"]), median(rates["function"])
    ratio = ours / limit
    took.sort()
    measured = f"{ours:,.0f}/s = {ratio:.2f} of the limit, p50 {_at(took, 0.5) * 1_000:.1f} ms"
    return [
        Figure("the limit: one SQL function", database.name, f"{limit:,.0f}/s with {CLIENTS} clients"),
        at_least("redemptions below the web", database.name, measured, value=ratio, goal=0.15, words="0.15 of it"),
    ]


def behind(name: str, few: tuple[str, Path], many: tuple[str, Path], effort: Effort) -> list[Figure]:
    """Measure a redemption with few and with many postings behind it, one here and one there in turns."""
    took: dict[int, list[float]] = {effort.few: [], effort.many: []}
    ready: dict[int, list[dict[str, Any]]] = {}
    for (url, folder), postings in ((few, effort.few), (many, effort.many)):
        with opened(url, folder):
            made = shop.fill()
            members = copy_member(made, effort.samples)
            shop.add_history(members, postings)
            ready[postings] = shop.fill_baskets(made, members)
            shop.tidy()
    with ExitStack() as stack:
        clients = {
            postings: stack.enter_context(_running("mall", url, folder))
            for postings, (url, folder) in ((effort.few, few), (effort.many, many))
        }
        for _ in range(effort.samples // 20):
            for postings, client in clients.items():
                _ask(client, [ready[postings].pop() for _ in range(20)])
                took[postings] += _answer(client)
    # The first few teach the database and SQLAlchemy their statements.
    short, long = (median(took[postings][40:]) * 1_000 for postings in (effort.few, effort.many))
    measured = f"{long:.2f} ms = {long / short:.2f} of {short:.2f} ms"
    what = f"redemption, {effort.many:,} postings behind it beside {effort.few:,}"
    return [at_most(what, name, measured, value=long / short, goal=1.2, words="1.2")]


def books(database: Database) -> list[Figure]:
    """Prove the books of a measured database: what was counted was also right."""
    with opened(database.url, database.folder):
        results = finance.prove()
    broken = [result.name for result in results if not result.ok]
    words = f"{len(results)} checks" + (f", broken: {', '.join(broken)}" if broken else "")
    return [Figure("the books afterwards", database.name, words, "sound", not broken)]


def _mall(database: Database, *, workers: int | None = None) -> Any:
    count = workers or database.workers
    environ = database.environ | {"WEB_CONCURRENCY": str(count)}
    return serving("wsgi:app", environ, workers=count, folder=database.folder, config="gunicorn.conf.py")


def _bare(database: Database) -> Any:
    environ = {"BARE_URL": database.url}
    return serving("benchmarks.bare:app", environ, workers=database.workers, folder=database.folder)


def _emails(database: Database) -> list[str]:
    return [f"visitor-{member_id}@bench.example" for member_id in database.members]


def _visit(plan: dict[str, Any], server: Server) -> dict[str, Any]:
    """Send visitors, from a process of their own."""
    asked = json.dumps(plan | {"port": server.port, "visitors": VISITORS})
    command = [sys.executable, "-m", "benchmarks.visitors"]
    done = subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"the visitors failed: {done.stderr[-2_000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _client(way: str, database: Database) -> Any:
    return _running(way, database.url, database.folder)


@contextmanager
def _running(way: str, url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a client that redeems, until left."""
    command = [sys.executable, "-m", redeeming.__name__, way, url, str(folder)]
    with (folder / "clients.log").open("a") as log:
        client = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
        )
    try:
        assert client.stdout is not None
        if client.stdout.readline() != "ready\n":
            raise RuntimeError(f"a client did not start: {(folder / 'clients.log').read_text()[-2_000:]}")
        yield client
    finally:
        assert client.stdin is not None
        client.stdin.close()
        try:
            client.wait(15)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait(15)


def _side_by_side(
    clients: Sequence[subprocess.Popen[str]], shares: Sequence[list[dict[str, Any]]]
) -> tuple[float, list[float]]:
    """Let clients redeem at once. Returns the seconds until each was done, on average, and the seconds of each."""
    for client, share in zip(clients, shares, strict=True):
        _ask(client, share)
    notes = [_answer(client) for client in clients]
    return sum(sum(note) for note in notes) / len(notes), [each for note in notes for each in note]


def _ask(client: subprocess.Popen[str], ready: list[dict[str, Any]]) -> None:
    assert client.stdin is not None
    client.stdin.write(json.dumps(ready) + "\n")


def _answer(client: subprocess.Popen[str]) -> list[float]:
    assert client.stdout is not None
    if not (line := client.stdout.readline()):
        raise RuntimeError("a client gave up")
    took: list[float] = json.loads(line)
    return took


def _at(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of ordered values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
