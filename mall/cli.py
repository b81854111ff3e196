"""The mall's commands: `flask --app wsgi COMMAND`. Each calls one verb and prints what came of it."""

import json
import sys

import click
from flask import Flask
from flask.cli import with_appcontext

from mall.domain import finance


def prepare(app: Flask) -> None:
    """Add the commands to the app."""
    app.cli.add_command(prove_books)


@click.command("prove")
@click.option("--json", "as_json", is_flag=True, help="Print the result for a machine.")
@with_appcontext
def prove_books(as_json: bool) -> None:
    """Check every invariant of the mall against the database. Exit status 1 when one is broken."""
    results = finance.prove()
    ok = all(result.ok for result in results)
    if as_json:
        checks = [
            {"name": result.name, "ok": result.ok, "rows": result.rows, "seconds": result.microseconds / 1_000_000}
            for result in results
        ]
        click.echo(json.dumps({"ok": ok, "checks": checks}, indent=2))
    else:
        for result in results:
            click.echo(
                f"{'ok    ' if result.ok else 'BROKEN'} {result.microseconds / 1_000_000:8.3f} s  {result.name}"
            )
            for example in result.examples:
                click.echo(f"       {example}")
        broken = sum(not result.ok for result in results)
        click.echo(f"{len(results)} checks, {broken} broken" if broken else f"{len(results)} checks, all sound")
    sys.exit(0 if ok else 1)
