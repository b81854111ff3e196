"""Staff from the command line: someone is added, or enrols afresh after losing phone and codes."""

import click
from flask.cli import AppGroup, with_appcontext

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import people

from .manners import of_a_shop, refusals_said, say_link

staff = AppGroup("staff", help="Who works here.")


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
        staff_id = people.staff_with(people.read_email(email))
    if staff_id is None:
        raise click.ClickException(f"Nobody on the staff has the address {email}.")
    with transaction():
        people.reset_totp(staff_id, by="system", at=now())
        token = people.new_set_up_token(staff_id, by="system", at=now())
    click.echo(f"{email} enrols afresh at the next sign-in. If the password may be known too:")
    say_link(token)
