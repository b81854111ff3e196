"""Known browsers: one that an account's password was once typed in rightly keeps an allowance of tries of its own.

So a stranger's wrong tries never keep out who has been here before (OWASP: device cookies). The browser holds a random
number and, for each of its last accounts, a mark that only the mall can make. It lets nobody in.
"""

import secrets

from mall.base.seals import mark, marked

from .emails import Email

MOST_ACCOUNTS = 5
LONGEST = 400
# What marks are made for. Another word here, and no browser is known any more.
MARKS = "mall people marks v1"


def remember(held: str, door: str, email: Email) -> str:
    """Return what a browser is to hold so that it is known to an account beside those it is known to already."""
    number, marks = _read(held)
    number = number or secrets.token_urlsafe(16)
    mine = mark(_words(number, door, email), purpose=MARKS)
    return ".".join([number, *[each for each in marks if each != mine][-(MOST_ACCOUNTS - 1) :], mine])


def known_as(held: str, door: str, email: Email) -> str | None:
    """Return the number of a browser that is known to an account, None for any other."""
    number, marks = _read(held)
    words = _words(number, door, email)
    return number if number and any([marked(words, each, purpose=MARKS) for each in marks]) else None


def _read(held: str) -> tuple[str, list[str]]:
    if len(held) > LONGEST or not held.isascii():
        return "", []
    number, *marks = held.split(".")
    return number, marks[-MOST_ACCOUNTS:]


def _words(number: str, door: str, email: Email) -> str:
    return f"{door}:{email.key}:{number}"
