"""A visit: who is behind a request, and what every page shows of them - asked of the database at once."""

from collections.abc import Callable
from typing import TypeVar

from flask import current_app, g, request, session
from flask_login import current_user

from mall.base.clock import now
from mall.base.db import reading
from mall.domain import insight, people

View = TypeVar("View", bound=Callable[..., object])


def of_shelves(view: View) -> View:
    """Mark a view as one of the shelves': its visits come with the mark that tells whether these have changed."""
    view.of_shelves = True  # type: ignore[attr-defined]
    return view


def person_with(token: str, *, in_store: bool) -> people.Person | None:
    """Return who holds a sign-in, with one statement; in the store it brings the member's strip along."""
    with reading():
        if not in_store:
            return people.person_of(token, at=now())
        person, strip = insight.arrival(token, shelves=_shows_shelves(), at=now())
    if strip is not None:
        g.strip = strip
    return person


def who() -> people.Person | None:
    """Return who is behind this request, or None; found out once a request."""
    found = current_user._get_current_object()
    return found if found.is_authenticated else None


def strip() -> insight.Strip:
    """Return what the frame shows of a member, or of a visitor by their basket; asked once a request."""
    found = g.get("strip")
    if found is None:
        person = who()  # May bring the strip along.
        found = g.get("strip") or _asked_for(person.id if person is not None and person.kind == "member" else None)
        g.strip = found
    return found


def forget() -> None:
    """Have whoever is here looked up again: someone has just signed in or out."""
    for name in ("_login_user", "person", "visitor", "strip"):
        g.pop(name, None)


def _asked_for(member_id: int | None) -> insight.Strip:
    with reading():
        return insight.strip(
            member_id=member_id, basket_token=session.get("basket"), shelves=_shows_shelves(), at=now()
        )


def _shows_shelves() -> bool:
    return getattr(current_app.view_functions.get(request.endpoint or ""), "of_shelves", False)
