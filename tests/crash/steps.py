"""Where a process is killed: at a named step of buying, paying, giving back. The mall itself knows nothing of it.

Each step wraps one function of the mall from the outside, in the process that is to be killed.
"""

import os
import signal
import time
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from mall.domain import aftersales, cash, catalogue, checkout, ledger
from mall.domain.aftersales import hearing, sending
from mall.domain.checkout import paying, placing

BEFORE, AFTER = "before", "after"
WEB, WORKER = "web", "worker"


@dataclass(frozen=True)
class Step:
    """A step by name: the function it is at, on which side of it, and whose process gets there."""

    name: str
    owner: ModuleType
    function: str
    side: str
    whose: str = WEB


# In the order in which an order lives through them.
STEPS = (
    Step("the key is written", placing, "write_order", AFTER),
    Step("points are held", ledger, "hold", AFTER),
    Step("goods are set aside", placing, "_set_aside", AFTER),
    Step("the order is committed", paying, "tell_placed", BEFORE),
    Step("a payment is committed", paying, "_open_session", BEFORE),
    Step("the cashier has opened its page", cash, "opened", BEFORE),
    Step("the page is noted", cash, "opened", AFTER),
    Step("an event is in the inbox", aftersales, "hear", BEFORE),
    Step("the cashier has been asked", hearing, "_act", BEFORE),
    Step("points are spent", ledger, "capture", AFTER),
    Step("the payment is settled", checkout, "settle", AFTER),
    Step("the event is concluded", cash, "conclude", AFTER),
    Step("points are given back", ledger, "give_back", AFTER),
    Step("a refund is asked for", cash, "ask_refund", AFTER),
    Step("goods are freed", catalogue, "unreserve", AFTER),
    Step("a refund is taken to be sent", cash, "take_due_refund", AFTER, WORKER),
    Step("the cashier has given it back", sending, "record_ours", BEFORE, WORKER),
    Step("the refund is recorded", cash, "record_refund", AFTER, WORKER),
)
BY_NAME = {step.name: step for step in STEPS}


def die_at(names: list[str], *, victim: str = "") -> None:
    """Kill a process at each of these steps, the first time this one gets there.

    `victim` is a file that names the process by its number; without one it is this process itself.
    """
    for name in names:
        _arm(BY_NAME[name], victim)


def end(pid: int) -> None:
    """Kill a process, and come back only when it is gone: what is asked of it next must find nobody."""
    os.kill(pid, signal.SIGKILL)
    while (stat := _stat_of(pid)) and stat.rpartition(")")[2].split()[0] not in "ZX":
        time.sleep(0.001)


def _stat_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""


def _arm(step: Step, victim: str) -> None:
    whole = getattr(step.owner, step.function)
    killed: list[str] = []

    def kill() -> None:
        if not killed:
            killed.append(step.name)
            end(int(Path(victim).read_text().split()[0]) if victim else os.getpid())

    @wraps(whole)
    def wrapped(*given: Any, **named: Any) -> Any:
        if step.side == BEFORE:
            kill()
        answer = whole(*given, **named)
        if step.side == AFTER:
            kill()
        return answer

    setattr(step.owner, step.function, wrapped)
