"""Serving the demo: one process, a few threads, and the worker beside them."""

from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from mall import worker

THREADS = 8


class Server(BaseApplication):
    """Gunicorn around an app that is already built."""

    def __init__(self, app: Flask, *, port: int) -> None:
        self.app, self.port = app, port
        super().__init__()

    def load_config(self) -> None:
        """Set one process with threads, on this machine only."""
        settings: dict[str, Any] = {
            "bind": f"127.0.0.1:{self.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "loglevel": "warning",
            "post_worker_init": lambda _worker: worker.run_in_background(self.app),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the app."""
        return self.app


def serve(app: Flask, *, port: int) -> None:
    """Serve until interrupted."""
    Server(app, port=port).run()
