"""How every command behaves: it says a refusal as a sentence, knows whether there is a shop, prints a link one way."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import OperationalError

from mall.base.db import reading
from mall.base.errors import Refusal
from mall.domain import programme
from mall.web.mail import address_of


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


def is_set_up() -> bool:
    """Tell whether there is a programme in force. Raises ClickException where the database does not answer."""
    try:
        if not programme.has_tables():
            return False
    except OperationalError as fault:
        first = (str(fault.orig).strip().splitlines() or ["no answer"])[0]
        raise click.ClickException(f"The database does not answer; look at DATABASE_URL. It was: {first}") from fault
    with reading():
        return bool(programme.versions())


def say_link(token: str) -> None:
    """Print the one-time link that sets the password of someone on the staff."""
    click.echo("Set a password here, once, within 3 days:")
    click.echo(f"  {address_of('office.account.set_up', token=token)}")
