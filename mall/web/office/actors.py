"""Actors in words: who did something, as the desk calls them - a colleague, a member, the mall itself."""

from typing import Any

from flask import g
from flask_babel import gettext as _

from mall.base.db import reading
from mall.domain import people


def actor_words(actor: str) -> str:
    """Return who an actor is: the name of a colleague, "Member 12", or the mall. One statement a request."""
    kind, _colon, number = actor.partition(":")
    if kind == "staff":
        return staff_names().get(actor, _("Someone who left"))
    if kind == "member":
        return _("Member %(number)s", number=number)
    return _("The mall itself")


def staff_names() -> dict[str, str]:
    """Return the names of the staff by actor: {"staff:3": "Ola"}."""
    if "staff_names" not in g:
        with reading():
            g.staff_names = {f"staff:{row.id}": row.name for row in people.staff_list()}
    names: dict[str, Any] = g.staff_names
    return names
