"""The processes that are killed: a PostgreSQL that syncs to disk, a server of the mall over HTTP, a worker.

A server of the mall is forked from a process that has loaded it, as gunicorn forks its workers, and listens on a port
of its own.
"""

import contextlib
import itertools
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from pwd import getpwnam
from typing import Any

import psycopg
from sqlalchemy import URL
from werkzeug.serving import WSGIRequestHandler, make_server

from mall import domain, worker
from mall.base.clock import moved_to, now
from mall.domain import ledger
from mall.domain.ledger import expiry
from tests import postgresql
from tests.conftest import build_app
from tests.crash.steps import die_at

SAFE = {
    **postgresql.SETTINGS,
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "deadlock_timeout": "1s",
}
SECONDS_TO_START = 60
# What the worker does every minute.
ROUNDS = ("cashier.hear", "payments.look_after", "refunds.send")

forking = multiprocessing.get_context("forkserver")
forking.set_forkserver_preload(["tests.crash.processes"])


class Cluster:
    """A PostgreSQL of our own that can be killed and started again on the same files."""

    def __init__(self) -> None:
        self.binaries, self.user = postgresql._binaries(), postgresql._lent_user()
        self.folder = Path(tempfile.mkdtemp(prefix="mall-crash-"))
        if self.user:
            account = getpwnam(self.user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        where = ["-D", self.folder / "data", "-U", postgresql.OWNER, "-A", "trust"]
        postgresql._call([self.binaries / "initdb", *where, "-E", "UTF8", "--locale=C.UTF-8"], user=self.user)
        self.starts = 0
        self.start()

    @property
    def pid_file(self) -> str:
        """Where PostgreSQL writes the number of its first process, the one that is killed."""
        return str(self.folder / "data" / "postmaster.pid")

    def start(self) -> None:
        """Start on the files that are there; after a kill the old one's helpers may need a moment to go."""
        options = [
            part
            for name, value in {**SAFE, "unix_socket_directories": str(self.folder)}.items()
            for part in ("-c", f"{name}={value}")
        ]
        until = time.monotonic() + SECONDS_TO_START
        while True:
            with (self.folder / "log").open("ab") as output:
                self.process = subprocess.Popen(
                    [self.binaries / "postgres", "-D", self.folder / "data", *options],
                    stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=self.folder, user=self.user,
                    group=None if self.user is None else getpwnam(self.user).pw_gid,
                    extra_groups=[] if self.user else None, preexec_fn=postgresql._stop_with_parent,
                )  # fmt: skip
            if self._answers(until):
                self.starts += 1
                return
            if time.monotonic() > until:
                raise postgresql.CannotRun((self.folder / "log").read_text(errors="replace")[-500:])

    def _answers(self, until: float) -> bool:
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(host=str(self.folder), user=postgresql.OWNER, dbname="postgres").close()
                return True
            time.sleep(0.02)
        return False

    def revive(self) -> bool:
        """Start again if it was killed. Tells whether it was."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        if self.process.poll() is None:
            return False
        self.start()
        return True

    def run(self, statement: str) -> None:
        """Run a statement that makes or drops a database."""
        with psycopg.connect(
            host=str(self.folder), user=postgresql.OWNER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def url_of(self, name: str) -> str:
        """Return the address of a database for SQLAlchemy."""
        url = URL.create("postgresql+psycopg", postgresql.OWNER, database=name, query={"host": str(self.folder)})
        return url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Stop for good."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster for as long as the block lasts. Raises CannotRun."""
    made = Cluster()
    try:
        yield made
    finally:
        made.close()


class Web:
    """A server of the mall in a process of its own. `fate`: at which steps what is killed."""

    def __init__(self, folder: str, database_url: str, settings: dict[str, Any], fate: dict[str, Any]) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        listening.close()
        self.process = forking.Process(
            target=serve, args=(folder, database_url, settings, self.port, fate), daemon=True
        )
        self.process.start()
        self._wait()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def _wait(self) -> None:
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until and self.process.is_alive():
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return
            time.sleep(0.02)
        raise RuntimeError("the server did not start")

    def stop(self) -> None:
        """Kill it, if nothing has yet."""
        self.process.kill()
        self.process.join()


def work(folder: str, database_url: str, settings: dict[str, Any], fate: dict[str, Any], *, ahead: int) -> bool:
    """Let a worker do its rounds in a process of its own, some minutes ahead. Tells whether it got through."""
    process = forking.Process(target=do_rounds, args=(folder, database_url, settings, fate, ahead), daemon=True)
    process.start()
    process.join()
    return process.exitcode == 0


def serve(folder: str, database_url: str, settings: dict[str, Any], port: int, fate: dict[str, Any]) -> None:
    """Be a server."""
    app = build_app(Path(folder), database_url, **settings)
    die_at(**fate)
    make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet).serve_forever()


def do_rounds(folder: str, database_url: str, settings: dict[str, Any], fate: dict[str, Any], ahead: int) -> None:
    """Be a worker for a minute's rounds."""
    app = build_app(Path(folder), database_url, **settings)
    die_at(**fate)
    with app.app_context(), moved_to(now() + timedelta(minutes=ahead)):
        for name in ROUNDS:
            worker.JOBS[name].job(now())


def do_expiry(folder: str, database_url: str, at: datetime, share: int, dies_at: int) -> None:
    """Be a worker for a night's expiry; killed when so many shares are written, the last not yet kept."""
    app = build_app(Path(folder), database_url)
    shares, write = itertools.count(1), expiry.post

    def post(purses: Any, lines: Any) -> Any:
        written = write(purses, lines)
        if next(shares) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    setattr(expiry, "post", post)  # noqa: B010 - This process is the worker's own.
    setattr(ledger, "expire_due", partial(ledger.expire_due, share=share))  # noqa: B010
    with app.app_context(), moved_to(at):
        worker.of_members.expire_points(at)


def do_shares(verb: str, job: str, folder: str, database_url: str, at: datetime, share: int, dies_at: int) -> None:
    """Be a worker for a job that goes by shares of the members, each one call of a verb ("radar.note_signs").

    Killed when so many shares are written, the last not yet kept.
    """
    app = build_app(Path(folder), database_url)
    room, _dot, name = verb.partition(".")
    owner = getattr(domain, room)
    shares, do = itertools.count(1), partial(getattr(owner, name), share=share)

    def counted(*given: Any, **named: Any) -> Any:
        following = do(*given, **named)
        if next(shares) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return following

    setattr(owner, name, counted)  # This process is the worker's own.
    with app.app_context(), moved_to(at):
        worker.JOBS[job].job(at)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass
