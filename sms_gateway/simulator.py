"""The simulated network of demo mode: what it delivers lies in a handset's inbox, for `./mlango phone` to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from peewee import BlobField, CharField, ForeignKeyField, SmallIntegerField

from cases.citizens import Citizens
from cases.models import Citizen
from sms_gateway.encoding import segments
from sms_gateway.gateway import Accepted, Capabilities, Mt, Policy, Refused, Report, State
from sms_gateway.message import DeliveryReport
from sms_gateway.sendable import sendable
from store import database
from store.model import Insert, Model, UtcField, new_id

INBOX_SIZE: Final = 200


class HandsetMessage(Model):
    """An SMS as it arrived on a simulated handset."""

    citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
    sender = CharField(max_length=20)
    text = BlobField()  # sealed
    segments = SmallIntegerField()
    sent_at = UtcField()

    class Meta:
        table_name = "handset_message"
        indexes = ((("citizen", "sent_at"), False),)


class Simulator:
    """A gateway that takes everything and reports it delivered. A message sent twice arrives twice, as it would."""

    name = "simulator"
    capabilities = Capabilities(max_recipients=100)

    def __init__(self, citizens: Citizens, sender: str, clock: Callable[[], datetime]) -> None:
        self._citizens, self._sender, self._clock = citizens, sender, clock
        self._insert, self._insert_report = Insert(HandsetMessage), Insert(DeliveryReport)

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        """Deliver at once; each message gets an id of the simulated network and a report that waits for it."""
        with database.transaction():
            return [self._deliver(mt) for mt in batch]

    def _deliver(self, message: Mt) -> Accepted | Refused:
        mt = sendable(message)
        if isinstance(mt, Refused):
            return mt
        owner = self._citizens.find(mt.msisdn)
        if owner is None:
            return Refused(Policy.PERMANENT, "no-such-handset")
        row_id, now = new_id(), self._clock()
        row: dict[str, Any] = {
            "id": row_id,
            "citizen": owner.id,
            "sender": mt.sender or self._sender,
            "text": owner.key.seal("handset_message.text", row_id, mt.text),
            "segments": segments(mt.text).count,
            "sent_at": now,
        }
        self._insert([row])
        report = Report(self.name, row_id, State.DELIVERED, "Delivered", mt.msisdn, None)
        self._insert_report(
            [
                {
                    "provider": report.provider,
                    "provider_id": report.provider_id,
                    "state": report.state,
                    "raw_status": report.raw,
                    "received_at": now,
                }
            ]
        )
        return Accepted(row_id, None)

    def inbox(self, msisdn: str) -> list[dict[str, Any]]:
        """The newest 200 messages on a handset, newest last."""
        owner = self._citizens.find(msisdn)
        if owner is None:
            return []
        newest = HandsetMessage.select().where(HandsetMessage.citizen == owner.id)
        rows = list(newest.order_by(HandsetMessage.sent_at.desc(), HandsetMessage.id.desc()).limit(INBOX_SIZE))
        return [
            {
                "id": row.id,
                "from": row.sender,
                "text": owner.key.open("handset_message.text", row.id, row.text),
                "segments": row.segments,
                "sent_at": row.sent_at.isoformat(timespec="seconds"),
            }
            for row in reversed(rows)
        ]
