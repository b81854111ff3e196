"""Actors in words: who did something, as the desk calls them - a colleague, a member, the mall itself."""

from collections.abc import Iterable
from typing import Any

from flask import g
from flask_babel import gettext as _

from mall.base.db import reading
from mall.domain import people


def actor_words(actor: str) -> str:
    """Return who an actor is: the name of a colleague or of a member, or the mall.

    Colleagues are asked for with one statement a request, members by `know_members`.
    """
    kind, _colon, number = actor.partition(":")
    if kind == "staff":
        return staff_names().get(actor, _("Someone who left"))
    if kind == "member":
        return member_words(number)
    return _("The mall itself")


def member_words(number: str) -> str:
    """Return a member's name where it is known, else their number in the books."""
    known: dict[str, str] = g.get("member_names", {})
    return known.get(number) or _("Member %(number)s", number=number)


def know_members(actors: Iterable[str]) -> None:
    """Find out the names of all members among actors and subjects ("member:7"), with one statement at most."""
    ids = {
        int(number) for kind, _colon, number in (each.partition(":") for each in actors) if _is_member(kind, number)
    }
    if ids:
        with reading():
            g.member_names = {str(member_id): name for member_id, name in people.names_of(ids).items()}


def know_as(member_id: int, name: str) -> None:
    """Call a member by name on this page."""
    g.member_names = {**g.get("member_names", {}), str(member_id): name}


def staff_names() -> dict[str, str]:
    """Return the names of the staff by actor: {"staff:3": "Ola"}."""
    if "staff_names" not in g:
        with reading():
            g.staff_names = {f"staff:{row.id}": row.name for row in people.staff_list()}
    names: dict[str, Any] = g.staff_names
    return names


def _is_member(kind: str, number: str) -> bool:
    return kind == "member" and number.isascii() and number.isdigit() and len(number) < 19
