"""The books from the command line: proved, and written out as a journal."""

import json
import sys

import click
from flask.cli import with_appcontext

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.domain import finance, programme

from .manners import of_a_shop, refusals_said


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


@click.command("forget-sums")
@click.option("--from", "first", required=True, metavar="DATE", help="The first day to be forgotten, as 2026-01-01.")
@with_appcontext
@of_a_shop
@refusals_said
def forget_sums(first: str) -> None:
    """Add finance's days up anew from a day on: for a clock that was set forward and back. Changes no posting."""
    since, at = finance.read_day(first), now()
    with transaction():
        forgotten = finance.forget_roll_up(since=since, at=at)
    with reading():
        terms = programme.current(at)
    added = finance.roll_up(terms, at)
    click.echo(f"{forgotten} days forgotten, {added} added up anew. The rest follow when they are over.")


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
