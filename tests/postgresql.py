"""A real PostgreSQL for the tests: one that is named, or one of our own that lives as long as the session.

TEST_DATABASE_URL names a server where we may create databases. Without it the distribution's server binaries are
started in a folder of their own, reached through a socket there, with nothing listening on the network.
"""

import contextlib
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from glob import glob
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/pgsql/bin")
OWNER = "mall"
SECONDS_TO_START = 30
# Speed before safety: a test cluster is thrown away. A deadlock is to be noticed at once.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
    "max_connections": "150",
    "deadlock_timeout": "50ms",
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "autovacuum": "off",
}


class CannotRun(RuntimeError):
    """There is no PostgreSQL here, and this is why."""


class Server:
    """A PostgreSQL server on which databases are made from a template and dropped again."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._numbers = itertools.count(1)
        self._prefix = f"mall_test_{os.getpid()}"
        self._admin = psycopg.connect(plain(url), autocommit=True)

    def url_of(self, name: str) -> str:
        """Return the address of a database of this server for SQLAlchemy."""
        return self.url.set(database=name).render_as_string(hide_password=False)

    def create(self, template: str | None = None) -> str:
        """Create a database, empty or as a copy of another. Returns its name."""
        name = f"{self._prefix}_{next(self._numbers)}"
        copied = template or "template0"
        # A copy of files: three times as fast as a copy through the log while nothing is synced to disk.
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, copied)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever may still be connected to it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def close(self) -> None:
        """Leave the server."""
        self._admin.close()

    def _run(self, statement: str, *names: str) -> None:
        self._admin.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


@contextlib.contextmanager
def running(settings: Mapping[str, str] = SETTINGS) -> Iterator[Server]:
    """Reach the named server, or start our own with these settings and stop it at the end. Raises CannotRun."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        with _reached(make_url(named).set(drivername="postgresql+psycopg")) as server:
            yield server
        return
    with _own_cluster(_binaries(), settings) as folder:
        address = URL.create("postgresql+psycopg", OWNER, database="postgres", query={"host": str(folder)})
        with _reached(address) as server:
            yield server


def what_is_here() -> str:
    """Return in words which server the tests will use."""
    if os.environ.get("TEST_DATABASE_URL"):
        return "the server named by TEST_DATABASE_URL"
    try:
        return f"the programs in {_binaries()}"
    except CannotRun as reason:
        return str(reason)


@contextlib.contextmanager
def _reached(url: URL) -> Iterator[Server]:
    server = Server(url)
    try:
        yield server
    finally:
        server.close()


def _binaries() -> Path:
    """Return the newest server's folder of programs; Debian keeps them outside PATH."""
    found = [Path(folder) for place in PLACES for folder in glob(place) if (Path(folder) / "initdb").exists()]
    if found:
        return max(found, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()])
    if program := shutil.which("initdb"):
        return Path(program).resolve().parent
    raise CannotRun("no PostgreSQL here: install the package postgresql, or set TEST_DATABASE_URL")


@contextlib.contextmanager
def _own_cluster(binaries: Path, settings: Mapping[str, str]) -> Iterator[Path]:
    """Run a fresh cluster; yields the folder of its socket. PostgreSQL refuses to run as root, so root lends it."""
    user = _lent_user()
    folder = Path(tempfile.mkdtemp(prefix="mall-postgresql-"))
    if user:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    log = folder / "log"
    try:
        where = ["-D", folder / "data", "-U", OWNER, "-A", "trust"]
        _call(
            [binaries / "initdb", *where, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            user=user,
        )
        every = {**settings, "unix_socket_directories": str(folder)}
        options = [part for name, value in every.items() for part in ("-c", f"{name}={value}")]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *options],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                user=user,
                group=None if user is None else pwd.getpwnam(user).pw_gid,
                extra_groups=[] if user else None,
                preexec_fn=_stop_with_parent,
            )
        try:
            _wait_until_ready(server, folder, log)
            yield folder
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lent_user() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise CannotRun("no account to run PostgreSQL with: root may not, and there is no user postgres or nobody")


def _call(command: list[str | Path], *, user: str | None) -> None:
    done = subprocess.run(
        command,
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=[] if user else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotRun(f"{command[0]} failed: {done.stderr.strip()[-500:]}")


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(host=str(folder), user=OWNER, dbname="postgres").close()
            return
        time.sleep(0.02)
    raise CannotRun(f"PostgreSQL did not start: {log.read_text(errors='replace')[-500:]}")


def _stop_with_parent() -> None:
    """Ask Linux to stop the server when the tests are killed; elsewhere there is no such wish."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


def plain(url: URL) -> str:
    """Return an address for psycopg by itself."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
