"""What a phone network is to the rest of the house: the values it takes and gives, and the states of a message.

MO is a message from a handset, MT one to a handset, DLR the network's delivery report about an MT. Pure: no I/O,
no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol


class BadCallback(Exception):
    """A network's request that cannot be used; the message is one sentence for the operator, without personal data."""


class GatewayFault(Exception):
    """A network could not be asked; the message is one sentence for the operator, without personal data."""


class State(StrEnum):
    """Where an MT stands. `FOLLOWERS` says which state may follow which."""

    QUEUED = "queued"  # ready in the outbox
    SUPERSEDED = "superseded"  # newer news took its place before anybody sent it
    CLAIMED = "claimed"  # a worker holds its lease
    SENDING = "sending"  # the request may have left this box
    SUBMITTED = "submitted"  # the network took it
    BUFFERED = "buffered"  # the network waits for the handset
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"  # the network's word for it is not ours, or no report came in time
    WITHHELD = "withheld"  # we chose not to send it: they opted out, or a budget was spent

    @property
    def final(self) -> bool:
        """Whether sending is over. A late report may still correct a final state (see `FOLLOWERS`)."""
        return self in FINALS

    def may_become(self, following: State) -> bool:
        """Whether `following` is a step forward; the same state again is not a step."""
        return following in FOLLOWERS[self]


# What the network's word, or its silence, may end with
_VERDICTS = frozenset({State.DELIVERED, State.UNDELIVERABLE, State.EXPIRED, State.REJECTED, State.UNKNOWN})
FINALS = _VERDICTS | {State.WITHHELD}

# Reports arrive late, twice and in any order, so a step may skip states but never turn back. Two exceptions: a message
# that was certainly not sent (or a receipt, once, that perhaps was not) returns to the queue, and a handset that did
# get the message outweighs every earlier verdict. A report about what waits in the queue is about its first try.
FOLLOWERS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SUPERSEDED, State.CLAIMED, State.EXPIRED, State.REJECTED, State.WITHHELD})
    | {State.SUBMITTED, State.BUFFERED, State.DELIVERED},
    State.SUPERSEDED: frozenset(),
    State.WITHHELD: frozenset({State.DELIVERED}),  # let go of by hand, while nobody knew what became of it
    State.CLAIMED: frozenset({State.QUEUED, State.SENDING, State.EXPIRED, State.REJECTED, State.WITHHELD}),
    State.SENDING: frozenset({State.QUEUED, State.SUBMITTED, State.BUFFERED}) | _VERDICTS,
    State.SUBMITTED: frozenset({State.BUFFERED}) | _VERDICTS,
    State.BUFFERED: _VERDICTS,
    State.UNKNOWN: _VERDICTS - {State.UNKNOWN},
    State.UNDELIVERABLE: frozenset({State.DELIVERED}),
    State.EXPIRED: frozenset({State.DELIVERED}),
    State.REJECTED: frozenset({State.DELIVERED}),
    State.DELIVERED: frozenset(),
}


class Policy(StrEnum):
    """What the outbox does about a message the network did not take."""

    TRANSIENT = "transient"  # certainly not sent; back off and try again
    DEFER = "defer"  # the handset refuses just now; try again much later
    CHANNEL = "channel"  # the account or link is at fault: pause the channel and alert, keep the message
    PERMANENT = "permanent"  # never sendable to this number; stop
    SUPPRESS = "suppress"  # the citizen opted out at the network; stop, and send nothing unsolicited again
    AMBIGUOUS = "ambiguous"  # it may have been sent: never again in bulk, a receipt once and marked


@dataclass(frozen=True, slots=True)
class Mt:
    """One message to one handset. `id` is ours, `msisdn` E.164 with +, `sender` None for the channel's own."""

    id: str
    msisdn: str
    text: str
    sender: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The network took the message. `cost` as the network words it ("KES 0.8000")."""

    provider_id: str | None
    cost: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The network did not (certainly) take the message. `code` is short and stable, `detail` for the operator.

    `throttled`: it takes messages, but not so many at once (HTTP 429, SMPP 0x58, a full queue).
    """

    policy: Policy
    code: str
    detail: str = ""
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can do."""

    max_recipients: int = 1  # of one request
    reports: bool = True  # says what became of a message
    polls: bool = False  # what citizens sent can be fetched
    replies: bool = True  # citizens can answer to its sender: not to a name in letters


@dataclass(frozen=True, slots=True)
class Mo:
    """One message from a handset. `provider` and `provider_id` together are unique for ever."""

    provider: str
    provider_id: str
    msisdn: str
    short_code: str
    text: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """One delivery report. `raw` is the network's own status word, kept because ours may lose a shade of it.

    `blocked`: the network lets nothing of ours through to this number.
    """

    provider: str
    provider_id: str
    state: State
    raw: str
    msisdn: str | None
    reason: str | None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class UssdRequest:
    """One hop of a USSD session. `text` is everything dialled so far, joined by `*`; '' on the first dial."""

    gateway: str
    session_id: str
    msisdn: str
    network: str
    service_code: str
    text: str


UssdMove = Literal["dial", "input", "hang-up"]


@dataclass(frozen=True, slots=True)
class UssdTurn:
    """One hop where a network sends each input alone and names no session that lasts (USSD over SMPP).

    `id` is the hop's own, the same again when it is repeated. `link` is the line it came by. `text` is what was typed,
    on "dial" what stood behind the service code.
    """

    gateway: str
    link: str
    id: str
    move: UssdMove
    msisdn: str
    service_code: str
    text: str


@dataclass(frozen=True, slots=True)
class Polled:
    """What was fetched from a network. Store `cursor` once all of it is stored: the next poll goes on from there."""

    messages: tuple[Mo, ...]
    reports: tuple[Report, ...]
    cursor: str


class Gateway(Protocol):
    """A channel to handsets."""

    @property
    def name(self) -> str:
        """Its own among the channels of a house."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        """Send; one outcome per message, in order. Network trouble is an outcome, never an exception."""
        ...


class Pollable(Gateway, Protocol):
    """A channel that can be asked for what citizens sent (`capabilities.polls`)."""

    def poll(self, cursor: str) -> Polled:
        """What came since `cursor`; '' the first time. Raises GatewayFault."""
        ...


UssdStatus = Literal["success", "incomplete", "failed"]


@dataclass(frozen=True, slots=True)
class UssdEnd:
    """The network says that a USSD session is over."""

    gateway: str
    session_id: str
    status: UssdStatus


@dataclass(frozen=True, slots=True)
class OptOut:
    """A citizen told the network that `sender` may not text them any more."""

    provider: str
    msisdn: str
    sender: str
