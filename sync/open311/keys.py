"""Who may send us requests: keys of clients, shown once when they are made, kept as a digest."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Final

from peewee import CharField, IntegerField

from store import database
from store.model import Model, Select, UtcField, to_micros

LODGE: Final = "lodge"  # to send requests
NOTES: Final = "notes"  # to read what offices wrote about the client's own requests
SMS: Final = "sms"  # to have citizens texted: the client made sure that the numbers it sends are theirs
SCOPES: Final = (LODGE, NOTES, SMS)
USUAL: Final = (LODGE, NOTES)
CLIENT: Final = re.compile(r"[a-z][a-z0-9-]{1,23}")
PER_MINUTE: Final = 60  # requests that a key may send, unless it was made for more

_SHORTEST_ENDING: Final = 6


class ApiKey(Model):
    """A key that was given out. Several may be of one client, as while they are being changed."""

    client = CharField(max_length=24)
    digest = CharField(max_length=64, unique=True)  # SHA-256: the key has 192 random bits, so nobody guesses it
    scopes = CharField(max_length=40)  # with a space between
    per_minute = IntegerField()
    made_at = UtcField()
    made_by = CharField(max_length=40)
    revoked_at = UtcField(null=True)
    revoked_by = CharField(max_length=40, null=True)

    class Meta:
        table_name = "open311_key"

    def may(self, scope: str) -> bool:
        return scope in self.scopes.split()

    @property
    def called(self) -> str:
        """How a person names it."""
        return str(self.id[-8:])


TABLES: Final = (ApiKey,)


class NoSuchKey(Exception):
    """No one key in force is meant; the message says why."""


def make(
    client: str, by: str, now: datetime, scopes: Iterable[str] = USUAL, per_minute: int = PER_MINUTE
) -> tuple[ApiKey, str]:
    """A new key of `client` (see CLIENT), and the secret, which is told nobody again."""
    secret = secrets.token_urlsafe(24)
    key = ApiKey.create(
        client=client,
        digest=_digest(secret),
        scopes=" ".join(scopes),
        per_minute=per_minute,
        made_at=now,
        made_by=by,
    )
    return key, secret


def find(secret: str) -> ApiKey | None:
    """The key in force with this secret."""
    found = _keys("WHERE digest = ? AND revoked_at IS NULL", _digest(secret)) if secret else []
    return found[0] if found else None


def listed() -> list[ApiKey]:
    """All keys that were ever given out, by client, the newest first."""
    return _keys("ORDER BY client, made_at DESC")


def revoke(ending: str, by: str, now: datetime) -> ApiKey:
    """Take a key out of force at once; `ending` is the end of its id. Raises NoSuchKey."""
    if len(ending) < _SHORTEST_ENDING or not ending.isalnum():
        raise NoSuchKey(f"Name the key as the list shows it; {ending!r} is too short.")
    found = _keys("WHERE id LIKE ? AND revoked_at IS NULL", f"%{ending}")
    if len(found) != 1:
        raise NoSuchKey(f"No key in force is called {ending}." if not found else f"Several keys end in {ending}.")
    revoking = "UPDATE open311_key SET revoked_at = ?, revoked_by = ? WHERE id = ?"
    database.run(database.main, revoking, to_micros(now), by, found[0].id)
    return found[0]


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


_keys: Final = Select(ApiKey)
