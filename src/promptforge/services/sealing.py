"""Sealing: what is stored of a secret, and how it is read again.

AES-256-GCM under a key that is derived (HKDF) from the home's. A sealed value is bound to its workspace and name: moved
to another row it cannot be opened.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from promptforge.core.secret import Secret

_VERSION = b"\x01"
_NONCE = 12


class Seal:
    """Seals with the first of its keys and opens with any; its repr shows none."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = [AESGCM(_derived(key)) for key in keys]

    def seal(self, secret: Secret, value: str) -> bytes:
        """What may be stored: version, nonce, and the value encrypted."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._ciphers[0].encrypt(nonce, value.encode(), _bound(secret))

    def open(self, secret: Secret, sealed: bytes) -> str | None:
        """The value; None when it was sealed with a key that is not here, for another name, or was damaged."""
        return next((value for cipher in self._ciphers if (value := _opened(cipher, secret, sealed)) is not None), None)

    def is_current(self, secret: Secret, sealed: bytes) -> bool:
        """Whether it was sealed with the first key."""
        return _opened(self._ciphers[0], secret, sealed) is not None


def _opened(cipher: AESGCM, secret: Secret, sealed: bytes) -> str | None:
    if sealed[:1] != _VERSION:
        return None
    nonce, encrypted = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    try:
        return cipher.decrypt(nonce, encrypted, _bound(secret)).decode()
    except (InvalidTag, ValueError):
        return None


def _derived(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"promptforge: secrets at rest, 1").derive(key.encode())


def _bound(secret: Secret) -> bytes:
    return "\0".join((secret.workspace, secret.name)).encode()
