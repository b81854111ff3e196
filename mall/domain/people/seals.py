"""Seals: secrets that must be read again (TOTP) are kept encrypted, by a key derived from the mall's own.

Marks: what a browser brings back can be told from what somebody made up.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mall.base.errors import Refusal
from mall.base.text import N_

PURPOSE = b"mall people seals v1"
MARKS_PURPOSE = b"mall people marks v1"


class BrokenSeal(Refusal):
    """What was sealed cannot be read: the mall's secret key has changed."""

    message = N_("This cannot be read with the shop's present secret key. Ask an administrator to reset it.")


_keys: MultiFernet | None = None
_mark_keys: list[bytes] = []


def configure_seals(secrets: Sequence[str]) -> None:
    """Set the mall's secret keys, the present one first, former ones after it."""
    global _keys, _mark_keys
    _keys = MultiFernet([Fernet(_derived(secret, PURPOSE)) for secret in secrets])
    _mark_keys = [_derived(secret, MARKS_PURPOSE) for secret in secrets]


def seal(text: str) -> str:
    """Encrypt a text."""
    return _in_force().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Read a sealed text. Raises BrokenSeal."""
    try:
        return _in_force().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise BrokenSeal from error


def mark(text: str) -> str:
    """Return the mark of a text, which nobody can make without the mall's secret key."""
    if not _mark_keys:
        raise RuntimeError("configure_seals() was not called")
    return _mark_with(_mark_keys[0], text)


def marked(text: str, given: str) -> bool:
    """Tell whether a mark is that of a text, by the present secret key or a former one."""
    return any([hmac.compare_digest(_mark_with(key, text), given) for key in _mark_keys])


def _mark_with(key: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode().rstrip("=")


def _in_force() -> MultiFernet:
    if _keys is None:
        raise RuntimeError("configure_seals() was not called")
    return _keys


def _derived(secret: str, purpose: bytes) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
    return base64.urlsafe_b64encode(key)
