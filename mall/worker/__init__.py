"""The worker: does what the outbox holds, mails and jobs, and starts what comes round every night or few minutes.

Several workers may run at once, each in its own process: a notice is claimed by one, and what comes round is written
to the outbox under a key of its day or minute, so that only one of them starts it. The jobs stand beside this file by
what they look after; rounds.py says which come round, and how often. Those laid out here are also started by hand.
"""

import threading
from collections.abc import Callable

from flask import Flask, current_app

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import notices
from mall.gateway.mailers import Mailer, mailer_for
from mall.web.mail import mail_for
from mall.web.shared.logs import log

from .of_members import review_levels, reward_invitations, take_off_dormant
from .of_the_house import look_around
from .rounds import JOBS, Round, start_rounds
from .telling import tell_of_coupons, tell_of_levels, tell_of_points, tell_of_stock

__all__ = [
    "JOBS",
    "Round",
    "attempt",
    "drain",
    "look_around",
    "review_levels",
    "reward_invitations",
    "run_in_background",
    "start_rounds",
    "take_off_dormant",
    "tell_of_coupons",
    "tell_of_levels",
    "tell_of_points",
    "tell_of_stock",
    "work",
]

BATCH = 20
PAUSE_SECONDS = 2.0


def drain(mailer: Mailer) -> int:
    """Do what is due now, one after the other. Returns how many were tried.

    Mails are claimed by the batch. A job may take long, so each is claimed when it is its turn. Of the mails that go
    to many one batch is sent when nothing else is due: what comes round is started between two of them.
    """
    tried = 0
    while claimed := claim(notices.MAIL, limit=BATCH) or claim(notices.JOB, limit=1):
        tried += sum(attempt(notice, mailer) for notice in claimed)
    return tried + sum(attempt(notice, mailer) for notice in claim(notices.BULK, limit=BATCH))


def claim(channel: str, *, limit: int) -> list[notices.Claimed]:
    """Take some of what is due of a channel; a worker with nothing to do writes nothing."""
    with reading():
        if not notices.is_due(channel, at=now()):
            return []
    with transaction():
        return notices.claim(at=now(), limit=limit, channel=channel)


def attempt(notice: notices.Claimed, mailer: Mailer) -> bool:
    """Do one notice outside any transaction, and mark what came of it. Returns False when it is another's by now."""
    with transaction():
        if not notices.renew(notice, at=now()):
            return False
    try:
        perform(notice, mailer)
    except Exception as error:  # noqa: BLE001 - The outermost edge: whatever went wrong is kept and tried again.
        with transaction():
            kept = notices.failed(notice, f"{type(error).__name__}: {error}", at=now())
        log.error("notice failed", notice=notice.id, kind=notice.kind, tries=notice.tries, kept=kept, exc_info=error)
        return True
    with transaction():
        notices.done(notice, at=now())
    return True


def perform(notice: notices.Claimed, mailer: Mailer) -> None:
    """Send a mail, or do a job."""
    if notice.channel == notices.JOB:
        JOBS[notice.kind].job(now())
    elif mail := mail_for(notice):
        mailer.send(mail)


def work(stop: threading.Event, *, once: bool = False) -> int:
    """Work until told to stop, pausing when there is nothing to do; or once. Returns how many notices were tried."""
    mailer = mailer_for(current_app.config)
    started: set[str] = set()
    tried = 0
    while not stop.is_set():
        done = 0
        try:
            start_rounds(now(), started)
            done = drain(mailer)
            tried += done
        except Exception as error:
            if once:
                raise
            log.error("worker", exc_info=error)
        if not done:
            if once:
                break
            stop.wait(PAUSE_SECONDS)
    return tried


def run_in_background(app: Flask) -> Callable[[], None]:
    """Work in a thread of this process, for the demo. Returns what stops it, and waits for the notice in hand."""
    stop = threading.Event()

    def in_context() -> None:
        with app.app_context():
            work(stop)

    thread = threading.Thread(target=in_context, name="worker", daemon=True)
    thread.start()

    def stop_it() -> None:
        stop.set()
        thread.join()

    return stop_it
