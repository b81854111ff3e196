"""Doing what a form asks for: one unit of work, whole or not at all."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mall.base.db import again, transaction

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
