"""How gunicorn serves a shop; it finds this file by its name: `gunicorn wsgi:app`.

The app is built once and its processes are forked from it, so that they share its memory. WEB_CONCURRENCY says how
many there are (SQLite: one), WEB_THREADS how many requests each answers at once, PORT where they listen.
"""

import contextlib
import ctypes
import fcntl
import gc
import os
import sys


def number(name, default):
    """Return a setting; its default where it is no number, which the mall then says, and does not start."""
    typed = os.environ.get(name, "").strip()
    return int(typed) if typed.isdecimal() and int(typed) else default


bind = f"127.0.0.1:{number('PORT', 5000)}"
workers = number("WEB_CONCURRENCY", 1)
threads = number("WEB_THREADS", 4)
worker_class = "gthread"
preload_app = True
held = []


# One pool of memory for all threads: Python lets one of them work at a time, and each pool keeps its own leftovers.
with contextlib.suppress(AttributeError, OSError):
    ctypes.CDLL(None).mallopt(-8, 1)  # M_ARENA_MAX of glibc.


def when_ready(server):
    """Show the first page once before there are processes: what it took to make is then shared by all of them.

    What is loaded is set aside from garbage collection, which would touch, and so copy, every page of memory.
    """
    app = server.app.wsgi()
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        be_the_only_one(server.cfg.workers, folder=app.config["INSTANCE_DIR"])
    app.test_client().get("/", base_url=app.config["PUBLIC_URL"])
    forget_connections(app, close=True)
    gc.freeze()


def be_the_only_one(processes, *, folder):
    """Refuse to serve SQLite by more than one process: neither of this server nor of another one."""
    if processes > 1:
        sys.exit("The mall does not start. SQLite serves one web process: leave out -w, or use PostgreSQL.")
    lock = open(os.path.join(folder, "serving.lock"), "w")  # noqa: SIM115 - Held for as long as this process lives.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("The mall does not start. Another server is serving this SQLite database: use one, or PostgreSQL.")
    held.append(lock)


def post_fork(server, worker):
    """Let each process connect to the database by itself."""
    forget_connections(server.app.wsgi(), close=False)


def forget_connections(app, *, close):
    """Let go of the connections to the database; only who opened them may close them."""
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose(close=close)
