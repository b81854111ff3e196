"""Servers under measurement: gunicorn as a shop runs it, on this machine only; each is ended by its own pid."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 60
THREADS = 4


@dataclass(frozen=True)
class Server:
    """A server that answers: its port, the pid of its first process, and the seconds until its first page."""

    port: int
    pid: int
    first_page_seconds: float

    def worker_pids(self) -> list[int]:
        """Return the processes that answer requests."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def mib_per_worker(self) -> list[float]:
        """Return each worker's share of memory in MiB: what is shared is divided by those who share it (PSS)."""
        return [_pss_kib(pid) / 1024 for pid in self.worker_pids()]


@contextlib.contextmanager
def serving(
    app: str, environ: Mapping[str, str], *, workers: int, folder: Path, config: str = "/dev/null"
) -> Iterator[Server]:
    """Serve an app ("module:name") until left; what it says goes to a log in the folder."""
    port = _free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    command += ["--workers", str(workers), "--threads", str(THREADS), "--preload", "--no-control-socket"]
    command += ["--keep-alive", "10", "--worker-tmp-dir", str(folder), "--config", config]
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, app],
            cwd=ROOT,
            env=_environ(environ, port=port, folder=folder),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        _wait_for_a_page(process, port, log)
        yield Server(port, process.pid, time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)


def _environ(changes: Mapping[str, str], *, port: int, folder: Path) -> dict[str, str]:
    """Return a server's environment. What Python compiles is kept, as on a shop's machine, but not in this folder."""
    environ = os.environ | dict(changes) | {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return environ | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def _wait_for_a_page(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        time.sleep(0.005)
    raise RuntimeError(f"the server did not answer: {log.read_text(errors='replace')[-2_000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError(f"no PSS of process {pid}")
