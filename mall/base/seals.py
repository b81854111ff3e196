"""Seals: secrets that must be read again are kept encrypted. Marks: what nobody can make without the mall's key.

Every purpose has a key of its own, derived from the mall's: what was sealed or marked for one is nothing to another.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import Refusal
from .text import N_


class BrokenSeal(Refusal):
    """What was sealed cannot be read: the mall's secret key has changed, it is too old, or it is none of ours."""

    message = N_("This cannot be read with the shop's present secret key. Ask an administrator to reset it.")


_secrets: list[str] = []
_keys: dict[str, list[bytes]] = {}


def configure_seals(secrets: Sequence[str]) -> None:
    """Set the mall's secret keys, the present one first, former ones after it."""
    _secrets[:] = secrets
    _keys.clear()


def seal(text: str, *, purpose: str) -> str:
    """Encrypt a text."""
    return _fernet(purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, *, purpose: str, within: timedelta | None = None) -> str:
    """Read a sealed text, sealed no longer ago than `within`. Raises BrokenSeal."""
    try:
        age = None if within is None else int(within.total_seconds())
        return _fernet(purpose).decrypt(sealed.encode(), ttl=age).decode()
    except InvalidToken as error:
        raise BrokenSeal from error


def mark(text: str, *, purpose: str) -> str:
    """Return the mark of a text, which nobody can make without the mall's secret key."""
    return _mark_with(_keys_for(purpose)[0], text)


def marks(text: str, *, purpose: str) -> list[str]:
    """Return the marks of a text by the present secret key and by the former ones, to look for what has one."""
    return [_mark_with(key, text) for key in _keys_for(purpose)]


def marked(text: str, given: str, *, purpose: str) -> bool:
    """Tell whether a mark is that of a text, by the present secret key or a former one."""
    return any([hmac.compare_digest(each, given) for each in marks(text, purpose=purpose)])


def _mark_with(key: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode().rstrip("=")


def _fernet(purpose: str) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _keys_for(purpose)])


def _keys_for(purpose: str) -> list[bytes]:
    if not _secrets:
        raise RuntimeError("configure_seals() was not called")
    if purpose not in _keys:
        _keys[purpose] = [_derived(secret, purpose.encode()) for secret in _secrets]
    return _keys[purpose]


def _derived(secret: str, purpose: bytes) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
    return base64.urlsafe_b64encode(key)
