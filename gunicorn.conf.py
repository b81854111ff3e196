"""How gunicorn serves a shop; it finds this file by its name: `gunicorn wsgi:app`.

The app is built once and its processes are forked from it, so that they share its memory. WEB_CONCURRENCY says how
many there are (SQLite: one), WEB_THREADS how many requests each answers at once, PORT where they listen.
"""

import gc
import os

bind = f"127.0.0.1:{os.environ.get('PORT', '5000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = int(os.environ.get("WEB_THREADS", "4"))
worker_class = "gthread"
preload_app = True


def when_ready(server):
    """Set what is loaded aside from garbage collection: it would touch, and so copy, every page that is shared."""
    gc.freeze()


def post_fork(server, worker):
    """Let each process connect to the database by itself, whatever the first one has opened."""
    app = server.app.wsgi()
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose(close=False)
