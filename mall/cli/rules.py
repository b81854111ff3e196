"""The programme from the command line: shown, drafted from a file by one administrator, approved by another."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from flask.cli import AppGroup, with_appcontext

from mall.base.clock import now
from mall.base.db import reading, transaction
from mall.base.text import local
from mall.domain import coupons, membership, people, programme

from .manners import of_a_shop, refusals_said

rules = AppGroup("programme", help="The shop's settings and levels: drafted by one, approved by another.")


@rules.command("show")
@click.argument("number", type=int, required=False)
@with_appcontext
@of_a_shop
@refusals_said
def show_programme(number: int | None) -> None:
    """Print a version's settings as JSON, to be changed and drafted; the one in force when none is named."""
    with reading():
        terms = programme.version(number) if number is not None else programme.current(now())
        coming = programme.upcoming(now()) if number is None else {}
    for one, begins in coming.items():
        click.echo(f"Version {one} is yet to begin, on {begins:%Y-%m-%d %H:%M} UTC: programme show {one}", err=True)
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
        if row.withdrawn_by:
            state = f"withdrawn by version {row.withdrawn_by}, was to hold {state}"
        click.echo(f"{row.id:4}  {state}; drafted by {row.drafted_by}. {row.reason}")


@rules.command("draft")
@click.argument("file", type=click.File("r", encoding="utf-8"), required=False)
@click.option(
    "--levels",
    type=click.Choice(list(programme.LEVEL_SETS)),
    help="Take a ready-made set of levels; without a file, all else stays as it was approved last.",
)
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
def draft_programme(file: Any, levels: str | None, email: str, reason: str, start: datetime | None) -> None:
    """Draft a new version from a file of settings or with other levels, for another administrator to approve."""
    settings = _settings_in(file, levels)
    by, at = f"staff:{administrator(email)}", now()
    with transaction():
        zone, based_on = ZoneInfo(programme.current(at).zone), programme.newest()
        begins = at if start is None else start.replace(tzinfo=zone)
        if start is not None and begins.astimezone(zone).date() < at.astimezone(zone).date():
            raise click.ClickException("That day is over. Leave --from out: it then begins once it is approved.")
        withdrawn = programme.would_withdraw(begins, at=at)
        number = programme.draft(
            settings,
            based_on=based_on,
            effective_from=begins,
            by=by,
            at=at,
            reason=reason,
        )
        before, after = programme.version(based_on), programme.version(number)
        wanted = programme.coupons_of(after)
        if unknown := sorted(wanted - coupons.titles_of(wanted).keys()):
            raise click.ClickException(f"Levels give coupons that there are not: {', '.join(map(str, unknown))}.")
        changed = sorted(programme.changes(before, after))
    click.echo(
        f"Compared with version {based_on}, the last one approved, it changes: {', '.join(changed) or 'nothing'}."
    )
    if [level.key for level in before.levels] != [level.key for level in after.levels]:
        for level in before.levels:
            place = after.level(membership.place_of(level.rank, before=before, now=after))
            click.echo(f"  {local(level.name, 'en')} becomes {local(place.name, 'en')}.")
        click.echo("Nobody falls that day. Items and tasks ask for a level by its number: look them through.")
    for one in withdrawn:
        click.echo(f"It withdraws version {one}, which is yet to begin: approved later, it begins earlier.")
    click.echo(f"Version {number} is drafted. Another administrator lets it hold:")
    click.echo(f"  flask --app wsgi programme approve {number} --by ADDRESS")


def _settings_in(file: Any, levels: str | None) -> dict[str, Any]:
    """Return the settings to draft: those of a file or of the version approved last, with a set of levels if named."""
    if file is None and levels is None:
        raise click.UsageError("Name a file of settings, or --levels. Begin with: flask --app wsgi programme show")
    if file is None:
        with reading():
            settings = programme.settings_of(programme.version(programme.newest()))
    else:
        try:
            settings = json.load(file)
        except ValueError as fault:
            raise click.ClickException(f"The file is no JSON: {fault}") from fault
        if not isinstance(settings, dict):
            raise click.ClickException("The file holds no settings. Begin with: flask --app wsgi programme show")
    if levels is not None:
        settings |= {"levels": programme.level_settings(levels)}
    return settings


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
        others, at = [one for one in people.staff_able_to("admin") if one != by], now()
        waiting = programme.upcoming(at)
        began = programme.approve(number, by=f"staff:{by}", at=at, other_approvers=len(others))
        still_to_come = programme.upcoming(at)
    click.echo(f"Version {number} holds from {began:%Y-%m-%d %H:%M} UTC.")
    for one in waiting.keys() - still_to_come.keys():
        click.echo(f"Version {one}, which was to begin {waiting[one]:%Y-%m-%d %H:%M} UTC, is withdrawn.")


def administrator(email: str) -> int:
    """Return the id of an administrator at work, by address. Raises ClickException."""
    with reading():
        staff_id = people.staff_with(people.read_email(email))
        able = people.staff_able_to("admin")
    if staff_id is None or staff_id not in able:
        raise click.ClickException(f"No administrator here has the address {email}.")
    return staff_id
