"""Senders that are no phone: names in letters, short codes, premium numbers. Nobody there reads what we answer.

M-PESA, a network's own notices, a bank and a betting service text every number there is. Their texts are nobody's
complaint and hold what is others' business, so they are not kept: only counted, by sender and day, for the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from peewee import CharField, IntegerField

from sms_gateway.encoding import printable
from sms_gateway.msisdn import mask
from store import database
from store.model import Model, UtcField, from_micros, new_id, node_name, to_micros

KEPT: Final = timedelta(days=30)
_SHORT: Final = 6  # digits: a short code is nobody's own number


class Stranger(Model):
    """How many texts came from one such sender on one day (UTC)."""

    provider = CharField(max_length=24)
    sender = CharField(max_length=20)
    day = CharField(max_length=10)
    texts = IntegerField()
    last_at = UtcField()

    class Meta:
        table_name = "stranger"
        indexes = ((("day", "provider", "sender"), True),)


TABLES: Final = (Stranger,)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one sender sent in a span of time."""

    provider: str
    sender: str
    texts: int
    last_at: datetime


def turn_away(provider: str, sender: str, now: datetime) -> None:
    """Count a text from a sender that is no phone."""
    database.run(
        database.main,
        "INSERT INTO stranger (id, node, provider, sender, day, texts, last_at) VALUES (?, ?, ?, ?, ?, 1, ?) "
        "ON CONFLICT (day, provider, sender) DO UPDATE SET texts = stranger.texts + 1, last_at = excluded.last_at",
        new_id(),
        node_name(),
        provider[: Stranger.provider.max_length],
        _shown(sender),
        f"{now:%Y-%m-%d}",
        to_micros(now),
    )


def seen(since: datetime, limit: int = 200) -> list[Seen]:
    """Who was turned away since that day, most texts first."""
    found = database.rows(
        database.main,
        "SELECT provider, sender, SUM(texts), MAX(last_at) FROM stranger WHERE day >= ? "
        "GROUP BY provider, sender ORDER BY SUM(texts) DESC, sender LIMIT ?",
        f"{since:%Y-%m-%d}",
        limit,
    )
    return [Seen(provider, sender, int(texts), from_micros(last)) for provider, sender, texts, last in found]


def prune(now: datetime) -> int:
    """Forget what is older than thirty days; how many rows."""
    return int(database.run(database.main, "DELETE FROM stranger WHERE day < ?", f"{now - KEPT:%Y-%m-%d}").rowcount)


def _shown(sender: str) -> str:
    """A name or short code as it is. Anything longer in digits may be a person's number, if a wrong one: masked."""
    sender = " ".join(printable(sender).split()) or "nobody"
    digits = sum(map(str.isdigit, sender))
    return (mask(sender) if digits > _SHORT else sender)[: Stranger.sender.max_length]
