"""The points mall: a shop whose members earn, redeem and climb levels, on a ledger that finance can prove."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from . import config, gateway
from .base.db import READING, REPLICA, db, prepare_engines
from .web import api, finance, hooks, office, sandbox, store
from .web.shared import (
    addresses,
    forms,
    headers,
    languages,
    layout,
    logs,
    pictures,
    problems,
    quick,
    reviews,
    signing_in,
    tables,
    templates,
    texts,
)

# How engines read: each statement stands alone, so there is nothing to roll back when a connection is given back.
EACH_BY_ITSELF = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}


def create_app(overrides: Mapping[str, Any] | None = None, *, commands: bool = True) -> Flask:
    """Build the mall from the environment. `overrides` replaces single settings. Raises UnsafeSettings.

    `commands=False` builds it for a server, which takes no commands.
    """
    settings = config.settings_now(overrides)
    app = quick.App(
        __name__,
        template_folder=str(config.ROOT / "templates"),
        static_folder=str(config.ROOT / "static"),
        instance_path=str(Path(settings["INSTANCE_DIR"]).resolve()),
    )
    app.jinja_environment = templates.Environment
    app.config.update(settings)
    config.make_folder(Path(settings["INSTANCE_DIR"]))

    open_database(app)
    if app.config["TRUSTED_PROXIES"]:
        count = app.config["TRUSTED_PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
    CSRFProtect(app)
    for part in (
        logs,
        headers,
        texts,
        addresses,
        problems,
        forms,
        signing_in,
        layout,
        pictures,
        reviews,
        tables,
        languages,
    ):
        part.prepare(app)
    for face in (store, office, finance, api):
        app.register_blueprint(face.bp)
    app.extensions["csrf"].exempt(api.bp)
    open_cashier(app)
    if commands:
        # Not imported above: with migrations and the demo they would make a server start half as slow again.
        importlib.import_module("mall.cli").prepare(app)
    return app


def open_cashier(app: Flask) -> None:
    """Give the app its cashier, and mount the one page that goes with it."""
    app.extensions["cashier"] = gateway.cashier_for(app.config)
    if app.config["CASHIER"] == "stripe":
        app.register_blueprint(hooks.bp)
        app.extensions["csrf"].exempt(hooks.bp)
    if app.config["CASHIER"] == "sandbox":
        app.register_blueprint(sandbox.bp)


def open_database(app: Flask) -> None:
    """Connect the app to its database: to write, to read, and to the replica where there is one."""
    app.config["SQLALCHEMY_BINDS"] = {
        READING: {"url": app.config["SQLALCHEMY_DATABASE_URI"], **EACH_BY_ITSELF},
    }
    if app.config["DATABASE_READ_URL"] != app.config["SQLALCHEMY_DATABASE_URI"]:
        app.config["SQLALCHEMY_BINDS"][REPLICA] = {"url": app.config["DATABASE_READ_URL"], **EACH_BY_ITSELF}
    db.init_app(app)
    with app.app_context():
        prepare_engines(sqlite_synchronous=app.config["SQLITE_SYNCHRONOUS"])
