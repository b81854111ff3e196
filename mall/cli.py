"""The mall's commands: `flask --app wsgi COMMAND`. Each calls one verb and prints what came of it."""

import json
import sys
from dataclasses import asdict

import click
from flask import Flask
from flask.cli import with_appcontext

from . import prove


def prepare(app: Flask) -> None:
    """Add the commands to the app."""
    app.cli.add_command(prove_books)


@click.command("prove")
@click.option("--json", "as_json", is_flag=True, help="Print the result for a machine.")
@with_appcontext
def prove_books(as_json: bool) -> None:
    """Check every invariant of the mall against the database. Exit status 1 when one is broken."""
    results = prove.prove()
    ok = all(result.ok for result in results)
    if as_json:
        checks = [{name: asdict(result)[name] for name in ("name", "ok", "rows", "seconds")} for result in results]
        click.echo(json.dumps({"ok": ok, "checks": checks}, indent=2))
    else:
        for result in results:
            click.echo(f"{'ok    ' if result.ok else 'BROKEN'} {result.seconds:8.3f} s  {result.name}")
            for example in result.examples:
                click.echo(f"       {example}")
        broken = sum(not result.ok for result in results)
        click.echo(f"{len(results)} checks, {broken} broken" if broken else f"{len(results)} checks, all sound")
    sys.exit(0 if ok else 1)
