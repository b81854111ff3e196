"""E-mail addresses: how they are written, and when two of them are one person's."""

import unicodedata

from msgspec import Struct

from mall.base.errors import Refusal
from mall.base.text import N_

LONGEST_EMAIL = 254
# Mailboxes that drop the dots of what stands before the @.
DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


class BadEmail(Refusal):
    """It cannot be an e-mail address."""

    message = N_("This is not an e-mail address. Write it like name@example.com.")


class Email(Struct, frozen=True):
    """An address as its owner writes it, and the key that is the same for all its spellings."""

    address: str
    key: str


def read_email(typed: str) -> Email:
    """Read an address as typed. Raises BadEmail.

    Case, a +tag, dots that do not count and full-width letters make no other person. What stands before the @ must
    be ASCII, so that no Cyrillic "a" looks like ours; a domain in another script is kept in its ASCII form.
    """
    # Loading it takes longer than most of the mall, and the first page needs no address.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    plain = unicodedata.normalize("NFKC", typed).strip()
    if len(plain) > LONGEST_EMAIL:
        raise BadEmail
    try:
        valid = validate_email(plain, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise BadEmail from error
    box, domain = valid.local_part.casefold(), valid.ascii_domain.casefold()
    bare = box.partition("+")[0] or box
    if domain in DOTLESS:
        bare, domain = bare.replace(".", ""), DOTLESS[domain]
    return Email(address=f"{valid.local_part}@{valid.ascii_domain.casefold()}", key=f"{bare}@{domain}")
