"""Is it alive, can it serve, what is degraded: for load balancers, operators and Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

import structlog
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from rq import Worker

import packs
from cases import callbacks, lookup
from menus import abuse
from menus.abuse import Counts
from sms_gateway import heartbeat, lines, outbox
from sms_gateway.lines import Line, Spent
from sms_gateway.outbox import Outbox
from store import database, migrate
from store.clock import utcnow
from sync import status as exchange
from sync.status import Lag
from ussd_app import background, metrics
from ussd_app.callbacks import guard
from ussd_app.wiring import House

RELAY_SILENCE: Final = timedelta(seconds=30)

log = structlog.get_logger("mlango")


@dataclass(frozen=True, slots=True)
class Account:
    """What works ("ok") and what does not ("down"); how many messages wait to go out, cases and calls for a person."""

    checks: dict[str, str]
    outbox: int | None
    queues: dict[str, int]
    calls: int
    channels: dict[str, str]  # what is the matter with a channel that SMS leave through; "ok"
    spent: list[Spent]  # what left today
    abuse: Counts
    offices: list[Lag]  # how far the files of each are behind

    @property
    def ready(self) -> bool:
        """Citizens are answered as long as the database works; everything else only delays SMS."""
        return self.checks["database"] == "ok"


def blueprint(house: House) -> Blueprint:
    """`/healthz`, `/readyz` and, for those who may call back, `/metrics`."""
    health = Blueprint("health", __name__)
    may_look = guard(house.settings)
    connection = background.redis(house.settings)

    @health.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    @health.get("/readyz")
    def readyz() -> ResponseReturnValue:
        account = _look(connection, house)
        degraded = sorted(part for part, state in account.checks.items() if state != "ok")
        body: dict[str, Any] = {
            "ready": account.ready,
            "degraded": degraded,
            "checks": account.checks,
            "outbox": account.outbox,
            "queues": account.queues,
            "calls": account.calls,
            "channels": account.channels,
            "offices": {lag.agency: lag.word for lag in account.offices},
        }
        return body, 200 if account.ready else 503

    @health.get("/metrics")
    def figures() -> ResponseReturnValue:
        may_look()
        account = _look(connection, house)
        parts = {part: state == "ok" for part, state in account.checks.items()}
        return Response(
            metrics.exposition(
                account.outbox or 0,
                account.queues,
                account.calls,
                parts,
                account.channels,
                account.spent,
                account.abuse,
                account.offices,
            ),
            content_type="text/plain; version=0.0.4; charset=utf-8",
        )

    return health


def _look(connection: Any, house: House) -> Account:
    checks = {
        "database": _state(_database_serves),
        "redis": _state(connection.ping),
        "worker": _state(lambda: bool(Worker.all(queue=background.queue(connection)))),
        "relay": _state(_relay_beats),
    }
    if checks["database"] != "ok":
        return Account(checks, None, {}, 0, {}, [], Counts(0, 0, 0), [])
    now = utcnow()
    channels = _channels(house.outbox, now)
    checks["sms"] = "ok" if set(channels.values()) == {"ok"} else "down"
    spent = lines.spent(house.outbox.limits.day_of(now))
    waiting, queues, calls = outbox.depth(now)[0], lookup.queues(), callbacks.count()
    offices = exchange.lags(packs.current(), now)
    checks["offices"] = "down" if any(lag.alarms for lag in offices) else "ok"
    return Account(checks, waiting, queues, calls, channels, spent, abuse.counts(now), offices)


def _channels(sending: Outbox, now: datetime) -> dict[str, str]:
    known = lines.states(sending.channels.names)
    return {name: _of_channel(line, now, sending.limits.zone()) for name, line in known.items()}


def _of_channel(line: Line, now: datetime, zone: tzinfo) -> str:
    """Without the network's words, which are for the operator: anybody may ask for this."""
    if line.is_well(now):
        return "ok"
    if line.is_paused(now) and line.paused_until:
        return f"paused until {line.paused_until.astimezone(zone):%H:%M on %d %B}"
    return "being tried again"


def _state(check: Callable[[], object]) -> str:
    try:
        return "ok" if check() else "down"
    except (RedisError, OSError, packs.NoPack):
        return "down"
    except Exception:
        log.exception("check_failed")
        database.close()
        return "down"


def _database_serves() -> bool:
    return not migrate.pending() and bool(packs.current())


def _relay_beats() -> bool:
    beat = heartbeat.last_beat()
    return beat is not None and abs(utcnow() - beat) < RELAY_SILENCE
