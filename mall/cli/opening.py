"""Opening a shop: the first administrator's by `setup`, or the demo's with a year of history by `demo`."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import flask_migrate
from flask import current_app
from flask.cli import with_appcontext

from mall import demo
from mall.base.clock import now
from mall.base.db import hurried, transaction
from mall.base.errors import Refusal
from mall.demo.serving import serve
from mall.domain import people, programme

from .manners import is_set_up, refusals_said, say_link


def answer(name: str, *, prompt: str, check: Callable[[str], object], help: str) -> Callable[..., Any]:
    """Return an option that is asked for, and asked for again while `check` refuses what was typed."""

    def checked(_context: click.Context, _parameter: click.Parameter, typed: str) -> str:
        try:
            check(typed.strip())
        except Refusal as refusal:
            raise click.BadParameter(str(refusal)) from refusal
        return typed.strip()

    return click.option(name, prompt=prompt, help=help, callback=checked)


def as_setting(name: str) -> Callable[[str], object]:
    """Return the check that a shop may have this setting."""
    fits = {"shop_name": "-", "currency": "EUR", "zone": "UTC"}
    return lambda typed: programme.terms_of(0, programme.default_settings(**(fits | {name: typed})))


@click.command("setup")
@answer("--shop", prompt="Name of the shop", check=as_setting("shop_name"), help="The shop's name.")
@answer(
    "--currency",
    prompt="Currency, such as EUR",
    check=lambda typed: as_setting("currency")(typed.upper()),
    help="A code with two decimals; fixed once points are given.",
)
@answer(
    "--zone",
    prompt="Time zone, such as Europe/Berlin",
    check=as_setting("zone"),
    help="When the shop's days begin.",
)
@answer(
    "--email",
    prompt="Your e-mail address",
    check=people.read_email,
    help="The first administrator's e-mail address.",
)
@click.option("--name", prompt="Your name", help="What colleagues call the first administrator.")
@click.option("--language", default="en", show_default=True, type=click.Choice(["en", "zh"]), help="Main language.")
@click.option("--levels", default="pyramid", show_default=True, type=click.Choice(list(programme.LEVEL_SETS)))
@with_appcontext
@refusals_said
def set_up(shop: str, currency: str, zone: str, email: str, name: str, language: str, levels: str) -> None:
    """Open a shop: version 1 of its programme, its first administrator, and a one-time link to set a password."""
    if not programme.has_tables():
        flask_migrate.upgrade()
    address, at = people.read_email(email), now()
    settings = programme.default_settings(
        shop_name=shop,
        currency=currency.upper(),
        zone=zone,
        language=language,
        support_email=address.address,
        levels=levels,
    )
    with transaction():
        programme.establish(settings, by="system", at=at)
        _id, token = people.add_staff(address, name=name, roles=["admin"], language=language, by="system", at=at)
    click.echo(f"{shop} is set up.")
    say_link(token)


@click.command("demo")
@click.option("--no-serve", is_flag=True, help="Only prepare the data.")
@with_appcontext
def demonstrate(no_serve: bool) -> None:
    """Make a shop with a year of history, once, and serve it."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if not app.config["DEMO"]:
        raise click.ClickException("DEMO=0 is set, so there is no demo here.")
    if not no_serve and not is_free(app.config["PORT"]):
        raise click.ClickException(f"Port {app.config['PORT']} is taken. Choose another: PORT=8000 make run")
    flask_migrate.upgrade()
    if not is_set_up():
        click.echo("Making a year of history; this takes about a minute, once.")
        with hurried():
            built = demo.build(
                cashier=app.extensions["cashier"],
                site=app.config["PUBLIC_URL"],
                instance=Path(app.config["INSTANCE_DIR"]),
            )
        click.echo(f"{built.members} members, {built.orders} orders, {built.items} items in {built.seconds:.0f} s.")
    if no_serve:
        return
    click.echo(f"The shop is open at {app.config['PUBLIC_URL']} - sign in with one click, Ctrl-C closes it.")
    serve(app, port=app.config["PORT"])


def is_free(port: int) -> bool:
    """Tell whether a server may listen at a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
