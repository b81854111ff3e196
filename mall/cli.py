"""The mall's commands: `flask --app wsgi COMMAND`. Each calls one verb and prints what came of it."""

import json
import signal
import socket
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import flask_migrate
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from mall.domain import finance, people, programme

from . import demo, worker
from .base.clock import now
from .base.db import db, execute, hurried, reading, transaction
from .base.errors import Refusal
from .config import ROOT
from .demo.serving import serve
from .web.mail import address_of

staff = AppGroup("staff", help="Who works here.")
rules = AppGroup("programme", help="The shop's settings and levels: drafted by one, approved by another.")


def prepare(app: Flask) -> None:
    """Add the commands to the app, and tell `flask db` where the migrations are."""
    flask_migrate.Migrate(app, db, directory=str(ROOT / "migrations"), transactional_ddl=True)
    for command in (set_up, staff, rules, demonstrate, work, prove_books, write_journal):
        app.cli.add_command(command)


def refusals_said(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command end with the sentence of a refusal and exit status 1."""

    @wraps(command)
    def said(*args: Any, **values: Any) -> None:
        try:
            command(*args, **values)
        except Refusal as refusal:
            raise click.ClickException(str(refusal)) from refusal

    return said


def of_a_shop(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command say that there is no shop yet, instead of failing at its first statement."""

    @wraps(command)
    def asked(*args: Any, **values: Any) -> None:
        if not is_set_up():
            raise click.ClickException(str(programme.NoProgramme()))
        command(*args, **values)

    return asked


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
    if not is_free(app.config["PORT"]):
        raise click.ClickException(f"Port {app.config['PORT']} is taken. Choose another: PORT=8000 make run")
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


def is_set_up() -> bool:
    """Tell whether there is a programme in force."""
    if not programme.has_tables():
        return False
    with reading():
        return bool(programme.versions())


@staff.command("add")
@click.option("--email", prompt="E-mail address", help="Where they read mail.")
@click.option("--name", prompt="Name", help="What colleagues call them.")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(people.ROLES), help="May be given repeatedly."
)
@click.option("--language", default="en", show_default=True, type=click.Choice(["en", "zh"]))
@with_appcontext
@of_a_shop
@refusals_said
def add_staff(email: str, name: str, roles: tuple[str, ...], language: str) -> None:
    """Add someone to the staff, and print the one-time link with which they set a password."""
    with transaction():
        _id, token = people.add_staff(
            people.read_email(email), name=name, roles=roles, language=language, by="system", at=now()
        )
    click.echo(f"{name} is on the staff.")
    say_link(token)


@staff.command("reset-totp")
@click.argument("email")
@with_appcontext
@of_a_shop
@refusals_said
def reset_totp(email: str) -> None:
    """Let someone who lost phone and codes enrol afresh, and print a one-time link to set a new password too."""
    with reading():
        staff_id = execute(
            select(people.Staff.id).where(people.Staff.email_key == people.read_email(email).key)
        ).scalar_one_or_none()
    if staff_id is None:
        raise click.ClickException(f"Nobody on the staff has the address {email}.")
    with transaction():
        people.reset_totp(staff_id, by="system", at=now())
        token = people.new_set_up_token(staff_id, by="system", at=now())
    click.echo(f"{email} enrols afresh at the next sign-in. If the password may be known too:")
    say_link(token)


def administrator(email: str) -> int:
    """Return the id of an administrator at work, by address. Raises ClickException."""
    with reading():
        staff_id = execute(
            select(people.Staff.id).where(people.Staff.email_key == people.read_email(email).key)
        ).scalar_one_or_none()
        if staff_id not in people.staff_able_to("admin"):
            raise click.ClickException(f"No administrator here has the address {email}.")
    return int(staff_id)


@rules.command("show")
@click.argument("number", type=int, required=False)
@with_appcontext
@of_a_shop
@refusals_said
def show_programme(number: int | None) -> None:
    """Print a version's settings as JSON, to be changed and drafted; the one in force when none is named."""
    with reading():
        terms = programme.version(number) if number is not None else programme.current(now())
    click.echo(json.dumps(programme.settings_of(terms), indent=2, ensure_ascii=False))


@rules.command("list")
@with_appcontext
@of_a_shop
def list_programme() -> None:
    """Print every version, newest first: who drafted it, why, who approved it, from when it holds."""
    with reading():
        found = programme.versions()
    for row in found:
        state = f"from {row.effective_from:%Y-%m-%d %H:%M} UTC, by {row.approved_by}" if row.approved_by else "a draft"
        click.echo(f"{row.id:4}  {state}; drafted by {row.drafted_by}. {row.reason}")


@rules.command("draft")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--by", "email", required=True, help="The drafter's e-mail address.")
@click.option("--why", "reason", required=True, help="What changes, and why; kept with the version.")
@click.option(
    "--from",
    "start",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day it begins, in the shop's time zone; as soon as it is approved when not given.",
)
@with_appcontext
@of_a_shop
@refusals_said
def draft_programme(file: Any, email: str, reason: str, start: datetime | None) -> None:
    """Draft a new version from a file of settings, for another administrator to approve."""
    try:
        settings = json.load(file)
    except ValueError as fault:
        raise click.ClickException(f"The file is no JSON: {fault}") from fault
    if not isinstance(settings, dict):
        raise click.ClickException("The file holds no settings. Begin with: flask --app wsgi programme show")
    by, at = f"staff:{administrator(email)}", now()
    with transaction():
        terms = programme.current(at)
        number = programme.draft(
            settings,
            based_on=terms.version,
            effective_from=at if start is None else start.replace(tzinfo=ZoneInfo(terms.zone)),
            by=by,
            at=at,
            reason=reason,
        )
    click.echo(f"Version {number} is drafted. Another administrator lets it hold:")
    click.echo(f"  flask --app wsgi programme approve {number} --by ADDRESS")


@rules.command("approve")
@click.argument("number", type=int)
@click.option("--by", "email", required=True, help="The approver's e-mail address.")
@with_appcontext
@of_a_shop
@refusals_said
def approve_programme(number: int, email: str) -> None:
    """Let a drafted version hold. Where there is a second administrator, the drafter cannot."""
    by = administrator(email)
    with transaction():
        others = [one for one in people.staff_able_to("admin") if one != by]
        began = programme.approve(number, by=f"staff:{by}", at=now(), other_approvers=len(others))
    click.echo(f"Version {number} holds from {began:%Y-%m-%d %H:%M} UTC.")


def say_link(token: str) -> None:
    """Print the one-time link that sets the password of someone on the staff."""
    click.echo("Set a password here, once, within 3 days:")
    click.echo(f"  {address_of('office.account.set_up', token=token)}")


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


@click.command("prove")
@click.option("--json", "as_json", is_flag=True, help="Print the result for a machine.")
@with_appcontext
@of_a_shop
def prove_books(as_json: bool) -> None:
    """Check every invariant of the mall against the database. Exit status 1 when one is broken or not known."""
    results = finance.prove()
    ok = all(result.ok for result in results)
    if as_json:
        checks = [
            {
                "name": result.name,
                "ok": result.ok,
                "known": result.known,
                "rows": result.rows,
                "seconds": result.microseconds / 1_000_000,
            }
            for result in results
        ]
        click.echo(json.dumps({"ok": ok, "checks": checks}, indent=2))
    else:
        for result in results:
            word = "ok" if result.ok else "BROKEN" if result.known else "?"
            click.echo(f"{word:6} {result.microseconds / 1_000_000:8.3f} s  {result.name}")
            for example in result.examples:
                click.echo(f"       {example}")
        broken = sum(result.known and not result.ok for result in results)
        unknown = sum(not result.known for result in results)
        found = [f"{broken} broken"] * (broken > 0) + [f"{unknown} not known: the database gave no answer"] * (
            unknown > 0
        )
        click.echo(f"{len(results)} checks, {', '.join(found) or 'all sound'}")
    sys.exit(0 if ok else 1)


@click.command("journal")
@click.option("--format", "form", required=True, type=click.Choice(finance.FORMATS), help="Who is to read it.")
@click.option("--from", "first", required=True, metavar="DATE", help="The first day, such as 2026-01-01.")
@click.option("--to", "last", required=True, metavar="DATE", help="The last day, included.")
@with_appcontext
@of_a_shop
@refusals_said
def write_journal(form: str, first: str, last: str) -> None:
    """Write the journal of some days to standard output, for hledger or beancount."""
    at = now()
    with reading(scan=True):
        found = finance.journal(
            first=finance.read_day(first), last=finance.read_day(last), terms=programme.current(at), at=at
        )
    for line in finance.journal_text(found, form=form):
        click.echo(line)
