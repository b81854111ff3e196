"""Races: many units of work let off at once, each in a thread and an app context of its own."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from flask import Flask

SECONDS = 30


def race(app: Flask, jobs: Sequence[Callable[[], Any]], *, threads: int = 8, seconds: int = SECONDS) -> list[Any]:
    """Run jobs at the same time, `threads` of them at once. A clock moved here is not moved there: move it in the job.

    Returns in the order of the jobs what each answered, or the exception it raised. Fails when they do not end.
    """
    outcomes: list[Any] = [None] * len(jobs)
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(jobs)):
        waiting.put(number)
    count = min(threads, len(jobs))
    start = threading.Barrier(count)

    def work() -> None:
        with app.app_context():
            start.wait(seconds)
            while True:
                try:
                    number = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    outcomes[number] = jobs[number]()
                except Exception as error:  # noqa: BLE001 - The test looks at it.
                    outcomes[number] = error

    runners = [threading.Thread(target=work, daemon=True) for _number in range(count)]
    for runner in runners:
        runner.start()
    until = time.monotonic() + seconds
    for runner in runners:
        runner.join(max(0.0, until - time.monotonic()))
    still_running = sum(runner.is_alive() for runner in runners)
    if still_running:
        raise AssertionError(f"{still_running} of {count} threads did not end within {seconds} s")
    return outcomes


def meeting(threads: int, *, seconds: float = 1) -> Callable[[], None]:
    """Return the place where so many threads of a race meet once: each waits for the others, later ones pass by.

    Some may not come, since they wait for what one of those here has locked: after a while these go on. The test's
    own thread, which sets the stage, waits for nobody.
    """
    place = threading.Barrier(threads)

    def meet() -> None:
        if threading.current_thread() is threading.main_thread():
            return
        with suppress(threading.BrokenBarrierError):
            place.wait(seconds)
        place.abort()

    return meet


def errors(outcomes: Sequence[Any]) -> list[Any]:
    """Return those outcomes of a race that are exceptions."""
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
