"""Passwords: which are refused, and how the rest are kept (Argon2id) and compared.

Hashing takes 50-100 ms on purpose, so faces do it before they open a transaction.
"""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NewType

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mall.base.errors import Refusal
from mall.base.text import N_

LEAST_PASSWORD = 10
LONGEST_PASSWORD = 128
# Shorter words than this stand in too many good passwords by chance.
LEAST_TELLING_WORD = 4

PasswordHash = NewType("PasswordHash", str)


class WeakPassword(Refusal):
    """The password is too short, too long, or among those guessed first."""


def _common() -> frozenset[str]:
    words = Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split()
    return frozenset(words)


COMMON = _common()


class _Hashing:
    """The parameters in force, and a hash of nothing to compare with where there is no account."""

    def __init__(self, *, time_cost: int, memory_kib: int) -> None:
        self.hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._nobody: str | None = None

    @property
    def nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self.hasher.hash("nobody has this password")
        return self._nobody


_hashing = _Hashing(time_cost=3, memory_kib=65536)


def configure_passwords(*, time_cost: int, memory_kib: int) -> None:
    """Set what a hash costs, at the start of the process."""
    global _hashing
    _hashing = _Hashing(time_cost=time_cost, memory_kib=memory_kib)


def password_hash(password: str, *, unlike: Sequence[str] = ()) -> PasswordHash:
    """Return the hash of a password that may be used. Raises WeakPassword.

    `unlike`: texts it may not contain, the e-mail and the shop's names.
    """
    refuse_weak(password, unlike=unlike)
    return PasswordHash(_hashing.hasher.hash(_normal(password)))


def refuse_weak(password: str, *, unlike: Sequence[str] = ()) -> None:
    """Raise WeakPassword for one that is too short, too long, or guessed first; its mix of characters is free."""
    if len(password) > LONGEST_PASSWORD:
        raise WeakPassword(N_("Use at most {most} characters."), most=LONGEST_PASSWORD)
    folded = _normal(password).casefold()
    if len(folded) < LEAST_PASSWORD:
        raise WeakPassword(N_("Use at least {least} characters. A few words in a row are good."), least=LEAST_PASSWORD)
    if folded in COMMON or folded.replace(" ", "") in COMMON or len(set(folded)) < 4:
        raise WeakPassword(N_("This password is among those guessed first. Choose another, such as four words."))
    if any(word in folded for word in _telling_words(unlike)):
        raise WeakPassword(N_("Leave your e-mail address and the name of the shop out of the password."))


def matches(stored: str | None, password: str) -> bool:
    """Tell whether a password is the one stored. Without an account it takes as long and says no."""
    if len(password) > LONGEST_PASSWORD:
        return False
    try:
        return _hashing.hasher.verify(stored or _hashing.nobody, _normal(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Tell whether a hash was made with other parameters than those in force."""
    return _hashing.hasher.check_needs_rehash(stored)


def rehash(password: str) -> PasswordHash:
    """Return the hash of a password just found right, with the parameters in force."""
    return PasswordHash(_hashing.hasher.hash(_normal(password)))


def _normal(password: str) -> str:
    # The same password typed on two keyboards may arrive composed differently.
    return unicodedata.normalize("NFKC", password)


def _telling_words(texts: Sequence[str]) -> set[str]:
    words = {word for text in texts for word in text.partition("@")[0].casefold().replace("+", " ").split()}
    return {word for word in words if len(word) >= LEAST_TELLING_WORD}
