"""Paging: which page of a list was asked for."""

from flask import request

from .numbers import whole

FARTHEST = 10_000


def page_number(name: str = "page") -> int:
    """Return the page asked for; what is no page of a list is the first."""
    return page_of(request.args.get(name))


def page_of(typed: str | None) -> int:
    """Return the page that was typed or sent along; what is no page of a list is the first."""
    return max(1, min(whole(typed) or 1, FARTHEST))


def pages_of(total: int, per_page: int) -> int:
    """Return how many pages a list has; an empty one has one."""
    return max(1, -(-total // per_page))
