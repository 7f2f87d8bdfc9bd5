"""Figures for Prometheus. Labels are bound once: a hop pays for an addition, not for a look-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY: Final = CollectorRegistry()
_SECONDS: Final = Histogram(
    "mlango_ussd_hop_seconds",
    "Time to answer a USSD request",
    registry=REGISTRY,
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
_HOPS: Final = Counter("mlango_ussd_hops", "USSD requests answered", ["answer"], registry=REGISTRY)
_CON, _END = _HOPS.labels("con"), _HOPS.labels("end")
_CALLBACKS: Final = Counter("mlango_callbacks", "Other callbacks", ["kind", "outcome"], registry=REGISTRY)
_OUTBOX: Final = Gauge("mlango_outbox_messages", "Messages that wait to go out", registry=REGISTRY)
_QUEUES: Final = Gauge(
    "mlango_queue_cases", "Cases that wait for a person to say where they belong", ["queue"], registry=REGISTRY
)
_CALLS: Final = Gauge("mlango_calls_waiting", "Citizens who wait to be called", registry=REGISTRY)
_UP: Final = Gauge("mlango_part_up", "1 if this part of the service works", ["part"], registry=REGISTRY)


def hop(end: bool, seconds: float) -> None:
    """One USSD request was answered."""
    (_END if end else _CON).inc()
    _SECONDS.observe(seconds)


def callback(kind: str, outcome: str) -> None:
    """One other callback was taken, unreadable, or failed."""
    _CALLBACKS.labels(kind, outcome).inc()


def exposition(outbox: int, queues: Mapping[str, int], calls: int, parts: Mapping[str, bool]) -> bytes:
    """All figures in Prometheus' text format."""
    _OUTBOX.set(outbox)
    for queue in ("supervisor", "triage"):
        _QUEUES.labels(queue).set(queues.get(queue, 0))
    _CALLS.set(calls)
    for part, works in parts.items():
        _UP.labels(part).set(works)
    return generate_latest(REGISTRY)
