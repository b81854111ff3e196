"""Whole numbers as people write and send them: read in one way, wherever they come from."""

from flask import request

LONGEST = 18  # Digits that fit the database's 64 bits.
GROUPING = str.maketrans("", "", ", \u202f\u00a0")


def whole(typed: str | None) -> int | None:
    """Return the whole number that was typed, 0 or more: 1,590 is 1590. None for what is none."""
    number = capped(typed)
    return number if number is not None and number < 10**LONGEST else None


def capped(typed: str | None) -> int | None:
    """Return the whole number that was typed, 0 or more, 10**18 where it is longer still. None for what is none."""
    digits = (typed or "").translate(GROUPING)
    if not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) if len(digits) <= LONGEST else 10**LONGEST


def asked(name: str) -> int | None:
    """Return a number of the address. What is none counts as not asked for: an address is not mended by its reader."""
    return whole(request.args.get(name))


def stepped(name: str) -> str | None:
    """Return what was sent for a stepper: the number on the button pressed, else what is typed. None: nothing sent."""
    return request.form.get(f"{name}_to") or request.form.get(name)
