"""Member numbers: ten digits that can be said at a till, of which any single mistyped one is found."""

import secrets


def new_number() -> str:
    """Return a member number: ten random digits, the last of them a check digit (Luhn)."""
    body = f"{secrets.randbelow(9 * 10**8) + 10**8}"
    return body + str(check_digit(body))


def plain_number(typed: str) -> str:
    """Return a member number as it is kept, however it was typed: it is shown in two groups."""
    return "".join(typed.split())


def check_digit(body: str) -> int:
    """Return the digit that makes a number pass Luhn's check, which finds every single mistyped digit."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10
