"""Figures for Prometheus. Labels are bound once: a hop pays for an addition, not for a look-up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from menus.abuse import Counts
from sms_gateway.limits import MICROS
from sms_gateway.lines import Spent
from sync.status import Lag

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
_CHANNELS: Final = Gauge("mlango_channel_up", "1 if SMS may leave through this channel", ["channel"], registry=REGISTRY)
_SENT: Final = Gauge("mlango_sms_sent_today", "SMS that left today", ["channel"], registry=REGISTRY)
_SEGMENTS: Final = Gauge("mlango_sms_segments_today", "Parts of SMS that left today", ["channel"], registry=REGISTRY)
_COST: Final = Gauge("mlango_sms_cost_today", "What SMS cost today", ["channel", "currency"], registry=REGISTRY)
_BANNED: Final = Gauge("mlango_sms_numbers_banned", "Numbers whose SMS are held", registry=REGISTRY)
_HELD: Final = Gauge("mlango_sms_texts_held", "SMS from citizens that wait for the end of a ban", registry=REGISTRY)
_STRANGERS: Final = Gauge(
    "mlango_sms_turned_away_today", "SMS of senders that are no phone: names, short codes", registry=REGISTRY
)
_BEHIND: Final = Gauge(
    "mlango_exchange_days_behind", "Working days that an office's files are behind", ["agency"], registry=REGISTRY
)
_UNTOLD: Final = Gauge(
    "mlango_exchange_rows_waiting", "Events that are in no file for the office yet", ["agency"], registry=REGISTRY
)
_UNDELIVERED: Final = Gauge(
    "mlango_exchange_files_waiting", "Files that still have to reach the office", ["agency"], registry=REGISTRY
)
_REACHED: Final = Gauge(
    "mlango_exchange_last_success_seconds", "When the office was last reached", ["agency"], registry=REGISTRY
)
_UP: Final = Gauge("mlango_part_up", "1 if this part of the service works", ["part"], registry=REGISTRY)


def hop(end: bool, seconds: float) -> None:
    """One USSD request was answered."""
    (_END if end else _CON).inc()
    _SECONDS.observe(seconds)


def callback(kind: str, outcome: str) -> None:
    """One other callback was taken, unreadable, or failed."""
    _CALLBACKS.labels(kind, outcome).inc()


def exposition(
    outbox: int,
    queues: Mapping[str, int],
    calls: int,
    parts: Mapping[str, bool],
    channels: Mapping[str, str],
    spent: Iterable[Spent],
    abuse: Counts,
    offices: Iterable[Lag],
) -> bytes:
    """All figures in Prometheus' text format. `channels`: "ok" or what is the matter; `spent`: what left today."""
    _OUTBOX.set(outbox)
    for queue in ("supervisor", "triage"):
        _QUEUES.labels(queue).set(queues.get(queue, 0))
    _CALLS.set(calls)
    for name, state in channels.items():
        _CHANNELS.labels(name).set(state == "ok")
    for gauge in (_SENT, _SEGMENTS, _COST):
        gauge.clear()  # yesterday's are over
    for one in spent:
        _SENT.labels(one.channel).set(one.messages)
        _SEGMENTS.labels(one.channel).set(one.segments)
        _COST.labels(one.channel, one.currency or "").set(one.cost / MICROS)
    _BANNED.set(abuse.banned)
    _HELD.set(abuse.held)
    _STRANGERS.set(abuse.turned_away)
    _exchange(offices)
    for part, works in parts.items():
        _UP.labels(part).set(works)
    return generate_latest(REGISTRY)


def _exchange(offices: Iterable[Lag]) -> None:
    for gauge in (_BEHIND, _UNTOLD, _UNDELIVERED, _REACHED):
        gauge.clear()  # an office may take part no more
    for lag in offices:
        _BEHIND.labels(lag.agency).set(lag.days)
        _UNTOLD.labels(lag.agency).set(lag.waiting)
        _UNDELIVERED.labels(lag.agency).set(lag.undelivered)
        if lag.link.last_ok_at:
            _REACHED.labels(lag.agency).set(lag.link.last_ok_at.timestamp())
