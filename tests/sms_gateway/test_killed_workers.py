"""Workers that are killed while they send, again and again: nothing is lost, and what goes out twice is marked."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from cases.citizens import Citizens
from sms_gateway import outbox
from sms_gateway.channels import Channels
from sms_gateway.gateway import Accepted, Capabilities, Mt, Refused, State
from sms_gateway.message import Lane, Message
from sms_gateway.outbox import CLAIM, Outbox
from store import database
from store.sealing import Keyring
from tests.conftest import KEYRING
from tests.sms_gateway.conftest import Log, Post, let_leases_run_out, render
from tests.together import PROCESSES

MESSAGES: Final = 300
KILLS: Final = 20
IN_FLIGHT: Final = CLAIM[Lane.RECEIPT]


class Ledger:
    """A network that writes down each message as it goes out, so that a kill leaves a true record."""

    name = "ledger"
    capabilities = Capabilities(max_recipients=100)

    def __init__(self, file: Path, pace_s: float = 0.0) -> None:
        self._file, self._pace_s = file, pace_s

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        ledger = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for mt in batch:
            time.sleep(self._pace_s)
            os.write(ledger, f"{mt.id}\n".encode())
        os.close(ledger)
        return [Accepted(mt.id, None) for mt in batch]


def sent(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def work(url: str, file: Path, now: datetime) -> None:
    """A worker's whole life, in a process of its own."""
    database.bind(url)
    Outbox(Citizens(KEYRING), Channels([Ledger(file, pace_s=0.003)]), render, Log()).drain(lambda: now)


def kill_a_worker_after(more: int, url: str, file: Path, now: datetime) -> None:
    enough, deadline = len(sent(file)) + more, time.monotonic() + 20
    worker = PROCESSES.Process(target=work, args=(url, file, now))
    worker.start()
    while len(sent(file)) < enough and worker.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    worker.kill()
    worker.join()


def test_receipts_survive_twenty_kills(bound: str, put: Post, tmp_path: Path, keyring: Keyring, now: datetime) -> None:
    ids, ledger, chance = put(MESSAGES), tmp_path / "ledger", Random(7)  # noqa: S311  the same kills every time
    for _ in range(KILLS):
        kill_a_worker_after(chance.randint(1, IN_FLIGHT - 1), bound, ledger, now)
        let_leases_run_out(now)
        outbox.sweep(now)  # what was in doubt is due in five seconds, after the last kill
    Outbox(Citizens(keyring), Channels([Ledger(ledger)]), render, Log()).drain(lambda: now + timedelta(minutes=1))

    times = Counter(sent(ledger))
    assert set(times) == set(ids)
    assert 0 < times.total() - MESSAGES <= KILLS * IN_FLIGHT
    assert max(times.values()) == 2
    marked = {row.id for row in Message.select().where(Message.resent)}
    assert {message_id for message_id, number in times.items() if number > 1} <= marked
    assert len(marked) <= KILLS * IN_FLIGHT
    assert Message.select().where(Message.state == State.SUBMITTED).count() == MESSAGES


def test_what_goes_to_many_is_never_sent_twice_whoever_dies(
    bound: str, put: Post, tmp_path: Path, keyring: Keyring, now: datetime
) -> None:
    ids, ledger = put(250, lane=Lane.BULK), tmp_path / "ledger"
    for more in (1, 50):
        kill_a_worker_after(more, bound, ledger, now)
        let_leases_run_out(now)
        outbox.sweep(now)
    Outbox(Citizens(keyring), Channels([Ledger(ledger)]), render, Log()).drain(lambda: now + timedelta(minutes=1))

    assert max(Counter(sent(ledger)).values()) == 1
    in_doubt = {row.id for row in Message.select().where(Message.state == State.SENDING)}
    assert set(ids) - set(sent(ledger)) <= in_doubt  # and after 72 hours they are UNKNOWN, not forgotten
    assert len(in_doubt) <= 2 * CLAIM[Lane.BULK]
