"""Is it alive, can it serve, what is degraded: for load balancers, operators and Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from rq import Worker

import packs
from cases import callbacks, lookup
from sms_gateway import outbox
from store import database, migrate
from store.clock import utcnow
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
        account = _look(connection)
        degraded = sorted(part for part, state in account.checks.items() if state != "ok")
        body: dict[str, Any] = {
            "ready": account.ready,
            "degraded": degraded,
            "checks": account.checks,
            "outbox": account.outbox,
            "queues": account.queues,
            "calls": account.calls,
        }
        return body, 200 if account.ready else 503

    @health.get("/metrics")
    def figures() -> ResponseReturnValue:
        may_look()
        account = _look(connection)
        parts = {part: state == "ok" for part, state in account.checks.items()}
        return Response(
            metrics.exposition(account.outbox or 0, account.queues, account.calls, parts),
            content_type="text/plain; version=0.0.4; charset=utf-8",
        )

    return health


def _look(connection: Any) -> Account:
    checks = {
        "database": _state(_database_serves),
        "redis": _state(connection.ping),
        "worker": _state(lambda: bool(Worker.all(queue=background.queue(connection)))),
        "relay": _state(_relay_beats),
    }
    if checks["database"] != "ok":
        return Account(checks, None, {}, 0)
    return Account(checks, outbox.depth(utcnow())[0], lookup.queues(), callbacks.count())


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
    beat = outbox.last_beat()
    return beat is not None and abs(utcnow() - beat) < RELAY_SILENCE
