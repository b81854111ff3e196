"""The mall's commands: `flask --app wsgi COMMAND`. Each calls one verb and prints what came of it."""

import signal
import threading

import click
import flask_migrate
from flask import Flask
from flask.cli import with_appcontext

from mall import worker
from mall.base.db import db
from mall.config import ROOT

from .books import forget_sums, prove_books, write_journal
from .manners import of_a_shop
from .opening import demonstrate, set_up
from .rules import rules
from .staffing import staff


def prepare(app: Flask) -> None:
    """Add the commands to the app, and tell `flask db` where the migrations are."""
    flask_migrate.Migrate(app, db, directory=str(ROOT / "migrations"), transactional_ddl=True)
    for command in (set_up, staff, rules, demonstrate, work, prove_books, write_journal, forget_sums):
        app.cli.add_command(command)


@click.command("worker")
@click.option("--once", is_flag=True, help="Do what there is to do now, then stop.")
@with_appcontext
@of_a_shop
def work(once: bool) -> None:
    """Send mails and do jobs until told to stop (Ctrl-C, SIGTERM): the notice in hand is finished first."""
    stop = threading.Event()
    for number in () if once else (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    tried = worker.work(stop, once=once)
    click.echo(f"{tried} notices tried.")
