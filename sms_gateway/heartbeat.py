"""The relay's heartbeat. Leases end at a tick, not at a time of day: a clock set wrong steals no lease."""

from __future__ import annotations

from datetime import datetime

from sms_gateway.message import Tick
from store import database
from store.model import node_name, to_micros


def current_tick() -> int:
    """The relay's heartbeat count."""
    found = database.rows(database.main, "SELECT count FROM tick WHERE id = 'relay'")
    return int(found[0][0]) if found else 0


def beat(now: datetime) -> int:
    """One more heartbeat of the relay; its count."""
    with database.transaction():
        rows = database.rows(
            database.main,
            "INSERT INTO tick (id, node, count, beaten_at) VALUES ('relay', ?, 1, ?) "
            "ON CONFLICT (id) DO UPDATE SET count = tick.count + 1, beaten_at = excluded.beaten_at RETURNING count",
            node_name(),
            to_micros(now),
        )
    return int(rows[0][0])


def last_beat() -> datetime | None:
    """When the relay last beat."""
    found = Tick.select(Tick.beaten_at).where(Tick.id == "relay").first()
    return found.beaten_at if found else None
