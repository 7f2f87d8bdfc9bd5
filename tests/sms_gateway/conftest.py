"""A network that does as it is told, and messages for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pytest

from cases.citizens import Caller, Citizens
from sms_gateway import heartbeat, outbox
from sms_gateway.channels import Channels
from sms_gateway.gateway import Accepted, Capabilities, Mt, Refused
from sms_gateway.message import Draft, Lane, Message, Tick, post
from sms_gateway.outbox import Outbox
from store import database
from store.sealing import Keyring

Outcome = Accepted | Refused
Post = Callable[..., list[str]]
MANY: Final = Capabilities(max_recipients=100)


@dataclass(slots=True)
class Network:
    """Takes every message, unless `answers` has other answers ready; `meanwhile` happens while it sends."""

    name: str = "network"
    capabilities: Capabilities = MANY
    sent: list[Mt] = field(default_factory=list)
    answers: list[Outcome] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def send(self, batch: Sequence[Mt]) -> list[Outcome]:
        self.sent += batch
        self.meanwhile()
        return [self.answers.pop(0) if self.answers else Accepted(f"net-{mt.id}", "KES 0.8000") for mt in batch]

    @property
    def texts(self) -> list[str]:
        return [mt.text for mt in self.sent]


def render(template: str, language: str, params: Any) -> str:
    """`number 7`; some templates are broken."""
    if template == "broken":
        raise KeyError(template)
    return f"{template} {params.get('n', '')}".strip()


@dataclass(slots=True)
class Log:
    """What was logged."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.lines]


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def citizens(bound: str, keyring: Keyring) -> Citizens:
    return Citizens(keyring)


@pytest.fixture
def amina(citizens: Citizens, now: datetime) -> Caller:
    return citizens.meet("+254712345678", now)


@pytest.fixture
def sender(citizens: Citizens, network: Network, log: Log) -> Outbox:
    """An outbox whose chance always takes the longest."""
    return Outbox(citizens, Channels([network]), render, log, jitter=lambda _, most: most)


@pytest.fixture
def put(amina: Caller, now: datetime) -> Post:
    """Put messages to Amina into the outbox: `number 0`, `number 1` … unless said otherwise."""

    def put(
        count: int = 1,
        lane: Lane = Lane.RECEIPT,
        at: datetime | None = None,
        template: str = "number",
        to: Caller | None = None,
    ) -> list[str]:
        drafts = [Draft(to or amina, template, {"n": str(number)}, lane=lane) for number in range(count)]
        with database.transaction():
            return post(drafts, at or now)

    return put


@pytest.fixture
def plans(bound: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the database goes about every statement that follows."""
    if database.is_postgres():
        database.run(database.main, "SET enable_seqscan = off")  # so few rows are quicker read without an index
    explain = "EXPLAIN" if database.is_postgres() else "EXPLAIN QUERY PLAN"
    execute = database.main.obj.execute_sql
    found: list[str] = []

    def explaining(sql: str, params: Any = None) -> Any:
        if sql.startswith(("SELECT", "UPDATE")):
            found.extend(str(line[-1]) for line in execute(f"{explain} {sql}", params).fetchall())
        return execute(sql, params)

    monkeypatch.setattr(database.main.obj, "execute_sql", explaining)
    return found


def row(message_id: str) -> Message:
    found: Message = Message.get_by_id(message_id)
    return found


def let_leases_run_out(now: datetime) -> None:
    """The relay has beaten so often that every lease given until now is over."""
    heartbeat.beat(now)
    Tick.update(count=Tick.count + outbox.LEASE_TICKS).execute()
