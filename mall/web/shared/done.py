"""Doing what a form asks for: one unit of work, whole or not at all."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import abort

from mall.base.db import again, transaction
from mall.base.errors import NotFound

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def done_once(verb: Callable[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
    """Call a verb in a transaction of its own and return what it answers; a refusal leaves nothing behind.

    When the database says "not now", or another was first with the same key, it is called again: what is given is
    given again, so a key or an instant stays the same.
    """

    def unit() -> Answer:
        with transaction():
            return verb(*given, **named)

    return again(unit)


def done_or_gone(verb: Callable[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
    """As done_once(), of what an address names: where that is not there, the answer is the page for nothing there.

    So a view that shows a refusal on its own page, by `except Refusal`, does not try to show a page of nothing.
    """
    try:
        return done_once(verb, *given, **named)
    except NotFound:
        abort(404)
