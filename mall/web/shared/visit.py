"""A visit: who is behind a request, and what every page shows of them - asked of the database at once."""

from collections.abc import Callable
from typing import TypeVar

from flask import current_app, g, request, session

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
        g.strip, g.strip_of = strip, person
    return person


def strip(person: people.Person | None) -> insight.Strip:
    """Return what the frame shows of a member, or of a visitor by their basket; asked once a request."""
    if "strip" not in g or g.strip_of != person:
        with reading():
            g.strip = insight.strip(
                member_id=None if person is None else person.id,
                basket_token=session.get("basket"),
                shelves=_shows_shelves(),
                at=now(),
            )
        g.strip_of = person
    return g.strip


def _shows_shelves() -> bool:
    return getattr(current_app.view_functions.get(request.endpoint or ""), "of_shelves", False)
