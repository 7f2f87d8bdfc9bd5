"""Personal data at rest: sealed with a key per citizen, found by a keyed index.

Each citizen has a random data key; it seals their number, words, messages and drafts (AES-256-GCM). The data key is
stored wrapped by a master key from the environment. Deleting the wrapped key erases the citizen everywhere at once.
Associated data is "table.column:row id", so that a sealed value moved to another row or column does not open.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION: Final = b"\x01"
_NONCE: Final = 12
KEY_BYTES: Final = 32


class Unreadable(Exception):
    """A sealed value does not open: another key, another row, or changed bytes."""


class DataKey:
    """The key of one citizen."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, column: str, row_id: str, text: str) -> bytes:
        """Seal `text` for `column` ("table.column") of the row `row_id`. 29 bytes longer than its UTF-8."""
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text.encode(), f"{column}:{row_id}".encode())

    def open(self, column: str, row_id: str, sealed: bytes) -> str:
        """The text that was sealed for exactly this column and row. Raises Unreadable."""
        return _open(self._cipher, sealed, f"{column}:{row_id}").decode()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The master keys by id (the current one wraps, all of them unwrap) and the key of the look-up index."""

    masters: Mapping[str, bytes] = field(repr=False)
    current: str
    index_key: bytes = field(repr=False)

    def new_data_key(self, owner_id: str) -> tuple[DataKey, bytes]:
        """A fresh data key for the row `owner_id`, and the same wrapped, for storing."""
        key = secrets.token_bytes(KEY_BYTES)
        nonce = secrets.token_bytes(_NONCE)
        name = self.current.encode()
        wrapped = AESGCM(self.masters[self.current]).encrypt(nonce, key, f"data_key:{owner_id}".encode())
        return DataKey(key), bytes([len(name)]) + name + _VERSION + nonce + wrapped

    def unwrap(self, owner_id: str, wrapped: bytes) -> DataKey:
        """The data key of `owner_id`. Raises Unreadable, also when its master key is not in the ring."""
        wrapped = bytes(wrapped)  # psycopg and sqlite3 hand out memoryview or bytes
        end = 1 + int.from_bytes(wrapped[:1])
        name = wrapped[1:end].decode(errors="replace")
        master = self.masters.get(name)
        if master is None:
            raise Unreadable(f"master key {name!r} is not in MLANGO_MASTER_KEYS")
        return DataKey(_open(_cipher(master), wrapped[end:], f"data_key:{owner_id}"))

    def index(self, value: str) -> str:
        """A keyed fingerprint (HMAC-SHA256, 128 bits, hex) under which `value` can be found but not guessed."""
        return hmac.digest(self.index_key, value.encode(), "sha256").hex()[:32]


_cipher: Final = lru_cache(maxsize=16)(AESGCM)  # of the master keys: every request unwraps with one


def _open(cipher: AESGCM, sealed: bytes, associated: str) -> bytes:
    sealed = bytes(sealed)
    nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    if sealed[:1] != _VERSION:
        raise Unreadable(f"unknown version of a sealed value ({associated})")
    try:
        return cipher.decrypt(nonce, body, associated.encode())
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise Unreadable(f"a sealed value does not open ({associated})") from None
