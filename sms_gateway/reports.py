"""What networks report about messages: kept as it came, and moved forward, never back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sms_gateway.gateway import FINALS, Report, State
from sms_gateway.message import DeliveryReport, Message, Step, fit, note
from sms_gateway.msisdn import mask_all
from store import database
from store.model import to_micros

REPORT_WINDOW: Final = timedelta(hours=72)  # then a message of which nothing was heard is UNKNOWN
_AT_ONCE: Final = 1_000  # that are matched late at most: it must not keep others waiting


def report(report: Report, now: datetime) -> bool:
    """Store a delivery report and move its message forward; False if no message matches (yet). Idempotent."""
    provider_id = fit(Message.provider_id, report.provider_id) or ""
    with database.transaction():
        DeliveryReport.create(
            provider=report.provider,
            provider_id=provider_id,
            state=report.state,
            raw_status=fit(DeliveryReport.raw_status, mask_all(report.raw)) or "",
            reason=fit(DeliveryReport.reason, mask_all(report.reason or "")),
            received_at=now,
        )
        found = Message.select(Message.id).where(
            Message.provider == report.provider, Message.provider_id == provider_id, Message.direction == "mt"
        )
        message = found.first() or _in_doubt(report.provider, provider_id).first()
    if message is None:
        return False
    match(report.provider, {provider_id: message.id}, now)
    return True


def _in_doubt(channel: str, message_id: str) -> Any:
    """The message with this id of ours, if it perhaps left through this channel: some networks name it by that, also
    when they never told us that they took it. Not while a worker holds it, who may be told just now."""
    return Message.select(Message.id).where(
        Message.id == message_id,
        Message.channel == channel,
        Message.direction == "mt",
        Message.provider_id.is_null(),
        Message.lease.is_null(),
    )


def match(provider: str, messages: Mapping[str, str], now: datetime) -> None:
    """Let every report that waits for these messages (our ids by the network's) act on them, in the order they came."""
    if not messages:
        return
    waiting = database.rows(
        database.main,
        f"SELECT id, provider_id, state, raw_status FROM delivery_report WHERE provider = ? "
        f"AND provider_id IN ({', '.join('?' * len(messages))}) AND matched_at IS NULL ORDER BY id",
        provider,
        *messages,
    )
    if not waiting:
        return
    with database.transaction():
        said = [Step(messages[provider_id], State(state), provider, raw) for _, provider_id, state, raw in waiting]
        note([step for step in said if _advance(step, now)], now)
        database.run(
            database.main,
            f"UPDATE delivery_report SET matched_at = ? WHERE id IN ({', '.join('?' * len(waiting))})",
            to_micros(now),
            *[row[0] for row in waiting],
        )


def _advance(step: Step, now: datetime) -> bool:
    """Move a message on if that is a step forward; one statement, so that racing reports never step back."""
    before = [str(one) for one in State if one.may_become(step.state)]
    marks = ", ".join("?" * len(before))
    settled = to_micros(now) if step.state in FINALS else None
    moved = database.run(
        database.main,
        "UPDATE message SET state = ?, settled_at = ?, sent_at = COALESCE(sent_at, ?) "
        f"WHERE id = ? AND state IN ({marks})",
        str(step.state),
        settled,
        to_micros(now),
        step.message_id,
        *before,
    ).rowcount
    return bool(moved)


def match_late(now: datetime) -> int:
    """Match reports that arrived in the very moment when their message was being settled."""
    late = database.rows(
        database.main,
        "SELECT r.provider, r.provider_id, m.id FROM delivery_report r JOIN message m "
        "ON m.provider = r.provider AND m.provider_id = r.provider_id AND m.direction = 'mt' "
        f"WHERE r.matched_at IS NULL AND r.received_at > ? LIMIT {_AT_ONCE}",
        to_micros(now - REPORT_WINDOW),
    )
    late += database.rows(
        database.main,
        "SELECT r.provider, r.provider_id, m.id FROM delivery_report r JOIN message m "
        "ON m.id = r.provider_id AND m.channel = r.provider AND m.provider_id IS NULL AND m.lease IS NULL "
        f"WHERE r.matched_at IS NULL AND r.received_at > ? LIMIT {_AT_ONCE}",
        to_micros(now - REPORT_WINDOW),
    )
    for provider, provider_id, message_id in late:
        match(provider, {provider_id: message_id}, now)
    return len(late)
