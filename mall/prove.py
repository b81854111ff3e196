"""The proof: every room's checks, asked of the database. The mall is sound when none of them finds a row."""

import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from mall.base.db import execute, reading
from mall.base.proof import Check
from mall.domain import cash, catalogue, earning, ledger, membership, people, programme

# Every room that offers checks(); test_architecture.py tells when one is missing.
ROOMS: tuple[ModuleType, ...] = (programme, ledger, catalogue, cash, people, membership, earning)
EXAMPLES = 5


@dataclass(frozen=True)
class Result:
    """What one check found: how many rows break it, the first of them, and how long it took to look."""

    name: str
    ok: bool
    rows: int
    seconds: float
    examples: list[dict[str, Any]] = field(default_factory=list)


def prove() -> list[Result]:
    """Ask every check of every room. Each looks at the latest committed state."""
    with reading():
        return [_asked(check) for room in ROOMS for check in room.checks()]


def _asked(check: Check) -> Result:
    started = time.perf_counter()
    rows, examples = 0, []
    for row in execute(check.breaks).mappings():
        rows += 1
        if rows <= EXAMPLES:
            examples.append(dict(row))
    return Result(check.name, rows == 0, rows, round(time.perf_counter() - started, 4), examples)
