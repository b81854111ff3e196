"""A client that redeems: orders of one line for points, by the mall's own verb or by the one function of the limit.

`python -m benchmarks.redeeming` reads one plan a line from standard input, JSON, and answers each with one line: how
many it placed, and the seconds each took. Several of these run side by side.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import checkout, programme

from .servers import ROOT
from .shop import ADDRESS, opened

LIMIT = (ROOT / "benchmarks" / "limit.sql").read_text().replace("%", "%%")

Redeem = Callable[[dict[str, Any]], None]


@contextmanager
def by_the_mall(url: str, folder: Path) -> Iterator[Redeem]:
    """Redeem as the store does, below its web: checkout.place in a transaction."""
    with opened(url, folder):
        with reading():
            terms = programme.current(now())

        def redeem(ready: dict[str, Any]) -> None:
            with transaction():
                checkout.place(
                    ready["member_id"], key=ready["key"], shown=ready["shown"], points_offered=0, terms=terms,
                    verified=True, cashier=False, address=ADDRESS, at=now(),
                )  # fmt: skip

        yield redeem


@contextmanager
def by_one_function(url: str, folder: Path) -> Iterator[Redeem]:
    """Redeem by calling the function of limit.sql, prepared, each call a transaction of its own."""
    address = json.dumps(ADDRESS)
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:

        def redeem(ready: dict[str, Any]) -> None:
            values = (ready["member_id"], ready["key"], ready["shown"], address)
            connection.execute("SELECT redeem_at_once(%s, %s, %s, %s)", values, prepare=True)

        yield redeem


WAYS = {"mall": by_the_mall, "function": by_one_function}


def redeem_all(redeem: Redeem, ready: list[dict[str, Any]]) -> list[float]:
    """Redeem what is ready, one after the other. Returns the seconds of each."""
    took = []
    for each in ready:
        began = time.perf_counter()
        redeem(each)
        took.append(time.perf_counter() - began)
    return took


if __name__ == "__main__":
    way, where, files = sys.argv[1:]
    with WAYS[way](where, Path(files)) as placing:
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(redeem_all(placing, json.loads(line))), flush=True)
