"""Seals: secrets that must be read again (TOTP) are kept encrypted, by a key derived from the mall's own."""

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mall.base.errors import Refusal
from mall.base.text import N_

PURPOSE = b"mall people seals v1"


class BrokenSeal(Refusal):
    """What was sealed cannot be read: the mall's secret key has changed."""

    message = N_("This cannot be read with the shop's present secret key. Ask an administrator to reset it.")


_keys: MultiFernet | None = None


def configure_seals(secrets: Sequence[str]) -> None:
    """Set the mall's secret keys, the present one first, former ones after it."""
    global _keys
    _keys = MultiFernet([Fernet(_derived(secret)) for secret in secrets])


def seal(text: str) -> str:
    """Encrypt a text."""
    return _in_force().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Read a sealed text. Raises BrokenSeal."""
    try:
        return _in_force().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise BrokenSeal from error


def _in_force() -> MultiFernet:
    if _keys is None:
        raise RuntimeError("configure_seals() was not called")
    return _keys


def _derived(secret: str) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return base64.urlsafe_b64encode(key)
