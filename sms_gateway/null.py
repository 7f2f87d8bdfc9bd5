"""A channel that takes everything and sends nothing: for a box that only listens, and to measure all but a network."""

from __future__ import annotations

from collections.abc import Sequence

from sms_gateway.gateway import Accepted, Capabilities, Mt, Refused
from sms_gateway.sendable import sendable


class Null:
    """Takes what a network would take. No report ever comes, so the messages end in UNKNOWN after 72 hours."""

    name = "null"
    capabilities = Capabilities(max_recipients=1_000, reports=False)

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        """Take `batch`; one outcome per message, in order."""
        return [_taken(message) for message in batch]


def _taken(message: Mt) -> Accepted | Refused:
    mt = sendable(message)
    return mt if isinstance(mt, Refused) else Accepted(mt.id, None)
