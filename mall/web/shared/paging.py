"""Paging: which page of a list was asked for."""

from flask import request

FARTHEST = 10_000


def page_number(name: str = "page") -> int:
    """Return the page asked for; what is no page of a list is the first."""
    typed = request.args.get(name, "1")
    return max(1, min(int(typed), FARTHEST)) if typed.isascii() and typed.isdigit() and len(typed) < 9 else 1


def pages_of(total: int, per_page: int) -> int:
    """Return how many pages a list has; an empty one has one."""
    return max(1, -(-total // per_page))
