"""What an operator does about a message that waits or is given up: send it again, or let it go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sms_gateway.gateway import State
from sms_gateway.history import DEAD
from sms_gateway.message import SHELF_LIFE, Message, Step, fit, note
from sms_gateway.msisdn import mask_all
from store import database
from store.model import to_micros

_MICROSECOND: Final = timedelta(microseconds=1)


def retry(message_id: str, now: datetime) -> bool:
    """Send a message after all that is given up (by hand: the network's word no longer counts); False if it is not.

    It is worth as long again as a new one, and goes through any channel. What may have arrived already is marked.
    """
    shelf_life = " ".join(f"WHEN {int(lane)} THEN {life // _MICROSECOND}" for lane, life in SHELF_LIFE.items())
    return _by_hand(
        message_id,
        f"state = '{State.QUEUED}', due_at = ?, expires_at = ? + CASE lane {shelf_life} END, settled_at = NULL, "
        "sent_at = NULL, channel = NULL, tried = NULL, "
        f"resent = (resent OR state IN ('{State.UNKNOWN}', '{State.UNDELIVERABLE}'))",
        (to_micros(now), to_micros(now)),
        DEAD,
        Step(message_id, State.QUEUED, detail="sent again by hand"),
        now,
    )


def drop(message_id: str, now: datetime, why: str) -> bool:
    """Let go of a message that waits or is given up: it is WITHHELD, for this reason. False if it is neither."""
    return _by_hand(
        message_id,
        f"state = '{State.WITHHELD}', settled_at = ?, error = ?",
        (to_micros(now), fit(Message.error, mask_all(why))),
        DEAD - {State.WITHHELD} | {State.QUEUED},
        Step(message_id, State.WITHHELD, detail="dropped by hand"),
        now,
    )


def _by_hand(
    message_id: str, changes: str, values: Sequence[Any], among: Collection[State], step: Step, now: datetime
) -> bool:
    with database.transaction():
        changed = database.run(
            database.main,
            f"UPDATE message SET {changes} WHERE id = ? AND direction = 'mt' "
            f"AND state IN ({', '.join('?' * len(among))})",
            *values,
            message_id,
            *map(str, among),
        ).rowcount
        if changed:
            note([step], now)
    return bool(changed)
