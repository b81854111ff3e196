"""`make bench`: measure the mall on PostgreSQL and SQLite in one run, and print a table of figures and goals.

Nothing is written into this folder: databases and logs live in a temporary one. `--quick` measures for a shorter
while; `--only pages orders` some of it; `--check` ends with exit status 1 when a goal was missed.
"""

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests import postgresql

from . import measures, nights, selling, what_if
from .measures import Database, Effort
from .servers import THREADS
from .table import Figure, lines

PARTS = ("pages", "orders", "start", "redemptions", "behind", "cash", "books", "nights", "what_if")
# As a shop runs it: what is committed is on the disk.
DURABLE = {
    **postgresql.SETTINGS,
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "deadlock_timeout": "1s",
    "autovacuum": "on",
}
POSTGRESQL, SQLITE = "PostgreSQL", "SQLite"


def main() -> int:
    """Measure and print. Returns the exit status."""
    asked = arguments()
    effort = measures.QUICK if asked.quick else measures.FULL
    began, load = time.monotonic(), os.getloadavg()[0]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="mall-bench-") as name:
        folder = Path(name)
        if POSTGRESQL.lower() in asked.on:
            with postgresql.running(DURABLE) as server:
                print(header(server.url_of("postgres")))
                figures += measured(
                    POSTGRESQL, lambda: server.url_of(server.create()), folder, effort, parts=asked.only, workers=2
                )
        if SQLITE.lower() in asked.on:
            new = lambda: f"sqlite:///{new_folder(folder) / 'mall.db'}"  # noqa: E731
            figures += measured(SQLITE, new, folder, effort, parts=asked.only, workers=1)
    print("\n".join(["", *lines(figures), ""]))
    print(f"{time.monotonic() - began:.0f} s; load of the machine before {load:.1f}, after {os.getloadavg()[0]:.1f}.")
    if load > 1:
        print("Other work was running: rates and times are worse than this machine's, ratios an indication.")
    missed = [figure for figure in figures if figure.met is False]
    return 1 if missed and asked.check else 0


def arguments() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure for a shorter while")
    parser.add_argument("--check", action="store_true", help="exit status 1 when a goal was missed")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="measure only these")
    names = (POSTGRESQL.lower(), SQLITE.lower())
    parser.add_argument("--on", nargs="+", choices=names, default=names, help="measure only on these")
    return parser.parse_args()


def measured(
    name: str, new_database: Callable[[], str], folder: Path, effort: Effort, *, parts: tuple[str, ...], workers: int
) -> list[Figure]:
    """Measure the parts asked for on one database after the other of this kind."""
    figures: list[Figure] = []
    said(f"{name}: filling the shop")
    database = measures.filled(name, new_database(), new_folder(folder), workers=workers)
    whole: dict[str, Callable[[], list[Figure]]] = {
        "pages": lambda: measures.pages(database, effort),
        "orders": lambda: measures.orders(database, effort),
        "start": lambda: measures.first_page(database, effort),
        "redemptions": lambda: measures.redemptions(database, effort) if name == POSTGRESQL else [],
        "behind": lambda: measures.behind(
            name, (new_database(), new_folder(folder)), (new_database(), new_folder(folder)), effort
        ),
        "cash": lambda: cash(database, effort),
        "books": lambda: measures.books(database),
        "nights": lambda: (
            nights.night(name, new_database(), new_folder(folder), members=night_members(effort))
            if name == POSTGRESQL
            else []
        ),
        "what_if": lambda: (
            what_if.what_if(name, new_database(), new_folder(folder), members=effort.members)
            if name == POSTGRESQL
            else []
        ),
    }
    for part in (part for part in PARTS if part in parts):
        said(f"{name}: {part}")
        figures += whole[part]()
    return figures


def night_members(effort: Effort) -> int:
    """Return over how many members a night is measured: NIGHT_MEMBERS=20000 makes it a smaller one."""
    return int(os.environ.get("NIGHT_MEMBERS", effort.members))


def cash(database: Database, effort: Effort) -> list[Figure]:
    """Measure selling for cash."""
    where = (database.name, database.url, database.folder, database.shop)
    orders = effort.samples // 2
    return [
        *selling.with_cash(*where, orders=orders),
        *selling.rush(*where),
        *selling.webhooks(*where, workers=database.workers, orders=orders),
    ]


def new_folder(folder: Path) -> Path:
    """Make a folder of its own."""
    return Path(tempfile.mkdtemp(dir=folder))


def said(words: str) -> None:
    """Tell who waits what is going on."""
    print(f"{words} ...", file=sys.stderr, flush=True)


def header(url: str) -> str:
    """Return the day, the machine, and the versions of what was measured with."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        version, fsync = (connection.execute(f"SHOW {name}").fetchone()[0] for name in ("server_version", "fsync"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {processor()}, Python {platform.python_version()}\n"
        f"PostgreSQL {version.split()[0]} with fsync {fsync}, two processes of {THREADS} threads; "
        f"SQLite {sqlite3.sqlite_version} with synchronous FULL, one process. Visitors run on the same machine."
    )


def processor() -> str:
    """Return what the processor calls itself."""
    lines_read = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines_read if line.startswith("model name"))
    return next(names, platform.machine())


if __name__ == "__main__":
    sys.exit(main())
