"""How gunicorn serves a shop: `gunicorn -c python:mall.serving wsgi:app`.

The app is built once and its processes are forked from it, so that they share its memory. WEB_CONCURRENCY says how
many there are (SQLite: one), WEB_THREADS how many requests each answers at once, PORT where they listen.
"""

import gc
import os
from typing import Any

from mall.base.db import db

bind = f"127.0.0.1:{os.environ.get('PORT', '5000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = int(os.environ.get("WEB_THREADS", "4"))
worker_class = "gthread"
preload_app = True


def when_ready(server: Any) -> None:
    """Set what is loaded aside from garbage collection: it would touch, and so copy, every page that is shared."""
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Let each process connect to the database by itself, whatever the first one has opened."""
    with server.app.wsgi().app_context():
        for engine in db.engines.values():
            engine.dispose(close=False)
