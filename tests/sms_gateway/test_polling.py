from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import pytest
from peewee import DataError, OperationalError

from sms_gateway.gateway import (
    Accepted,
    Capabilities,
    Gateway,
    GatewayFault,
    Mo,
    Mt,
    Polled,
    Refused,
    Report,
    State,
)
from sms_gateway.message import DeliveryReport
from sms_gateway.polling import PollCursor, Polling
from tests.sms_gateway.conftest import Log, Network

TICK: Final = timedelta(seconds=5)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class Pool:
    """A network that keeps what citizens sent, hands out `page` of it at a time, and remembers who asked from where."""

    name: str = "africastalking"
    page: int = 100
    texts: list[str] = field(default_factory=list)
    reports: tuple[Report, ...] = ()
    asked: list[str] = field(default_factory=list)
    broken: Exception | None = None
    capabilities: Capabilities = field(default=Capabilities(polls=True))

    def send(self, batch: Sequence[Mt]) -> list[Accepted | Refused]:
        return [Accepted(mt.id, None) for mt in batch]

    def poll(self, cursor: str) -> Polled:
        self.asked.append(cursor)
        if self.broken:
            raise self.broken
        known = int(cursor or 0)
        fresh = self.texts[known : known + self.page]
        messages = tuple(
            Mo(self.name, str(known + number), "+254712345678", "38496", text, None)
            for number, text in enumerate(fresh, start=1)
        )
        return Polled(messages, self.reports, str(known + len(fresh)) if fresh else cursor)


@dataclass(slots=True)
class Shelf:
    """Stores messages, unless it cannot just now."""

    stored: list[str] = field(default_factory=list)
    fault: Callable[[Mo], Exception | None] = lambda mo: None

    def __call__(self, mo: Mo, now: datetime) -> None:
        if fault := self.fault(mo):
            raise fault
        self.stored.append(mo.text)


@pytest.fixture
def pool(bound: str) -> Pool:
    return Pool()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def polling(pool: Pool, shelf: Shelf, log: Log) -> Polling:
    return Polling([pool, Network()], shelf, log)


def look_for(polling: Polling, span: timedelta, start: datetime) -> datetime:
    """The relay looks every five seconds; when it looked last."""
    for ticks in range(span // TICK + 1):
        polling.look(start + ticks * TICK)
    return start + span // TICK * TICK


def test_what_came_while_we_were_away_is_fetched_at_the_start(
    polling: Polling, pool: Pool, shelf: Shelf, now: datetime
) -> None:
    pool.texts += ["maji", "stima"]
    assert polling.look(now) == 2
    assert shelf.stored == ["maji", "stima"]


def test_page_after_page_is_fetched_look_after_look(polling: Polling, pool: Pool, shelf: Shelf, now: datetime) -> None:
    pool.page, pool.texts = 2, list("abcde")
    assert [polling.look(now + number * TICK) for number in range(5)] == [2, 2, 1, 0, 0]
    assert shelf.stored == list("abcde")
    assert pool.asked == ["", "2", "4", "5"]  # the fourth page was empty: enough


def test_a_network_with_callbacks_is_asked_every_ten_minutes(polling: Polling, pool: Pool, now: datetime) -> None:
    look_for(polling, HOUR, now)
    assert len(pool.asked) == 7


def test_a_spool_on_this_box_is_read_at_each_look(bound: str, shelf: Shelf, log: Log, now: datetime) -> None:
    spool = Pool(name="gammu-safaricom")
    look_for(Polling([spool], shelf, log), MINUTE, now)
    assert len(spool.asked) == 13


@pytest.mark.parametrize("away", [timedelta(minutes=2), timedelta(days=3), -HOUR], ids=["off", "long off", "clock set"])
def test_after_a_gap_all_are_asked_at_once(polling: Polling, pool: Pool, away: timedelta, now: datetime) -> None:
    last = look_for(polling, MINUTE, now)
    assert len(pool.asked) == 1
    polling.look(last + away)
    assert len(pool.asked) == 2


def test_another_process_goes_on_where_this_one_was(
    polling: Polling, pool: Pool, shelf: Shelf, log: Log, now: datetime
) -> None:
    pool.texts.append("maji")
    polling.look(now)
    pool.texts.append("stima")
    Polling([pool], shelf, log).look(now + MINUTE)
    assert shelf.stored == ["maji", "stima"]
    assert PollCursor.get().polled_at == now + MINUTE
    assert PollCursor.select().count() == 1


def test_what_could_not_be_stored_is_fetched_again(polling: Polling, pool: Pool, shelf: Shelf, now: datetime) -> None:
    pool.texts += ["maji", "stima"]
    shelf.fault = lambda mo: OperationalError("database is locked") if mo.text == "stima" else None
    with pytest.raises(OperationalError):
        polling.look(now)
    assert PollCursor.select().count() == 0
    shelf.fault = lambda mo: None
    assert look_for(polling, MINUTE, now + TICK)
    assert shelf.stored == ["maji", "maji", "stima"]  # which the message table knows by its id


def test_what_can_never_be_stored_is_told_and_keeps_nobody_waiting(
    polling: Polling, pool: Pool, shelf: Shelf, log: Log, now: datetime
) -> None:
    pool.texts += ["poison", "maji"]
    shelf.fault = lambda mo: DataError("no column holds it") if mo.text == "poison" else None
    polling.look(now)
    assert shelf.stored == ["maji"]
    assert log.events == ["polled_message_not_stored"]
    polling.look(now + TICK)
    assert pool.asked == ["", "2"]


def test_a_network_that_cannot_be_asked_is_told_once_and_left_alone_longer_each_time(
    polling: Polling, pool: Pool, log: Log, now: datetime
) -> None:
    pool.broken = GatewayFault("Africa's Talking could not be asked for messages (unreachable).")
    last = look_for(polling, HOUR, now)
    assert log.lines == [("poll_failed", {"channel": "africastalking", "fault": str(pool.broken)})]
    assert len(pool.asked) == 11  # after 10, 20, 40, 80, 160, 320 seconds, then every ten minutes
    pool.broken = None
    look_for(polling, 10 * MINUTE, last + TICK)
    assert log.events == ["poll_failed", "poll_works_again"]


def test_a_network_that_cannot_be_asked_keeps_no_other_from_being_asked(
    bound: str, shelf: Shelf, log: Log, now: datetime
) -> None:
    broken, well = Pool(name="broken", broken=GatewayFault("It is down.")), Pool(name="well", texts=["maji"])
    assert Polling([broken, well], shelf, log).look(now) == 1
    assert {row.channel for row in PollCursor.select()} == {"well"}


def test_a_fault_of_ours_is_raised_and_not_met_at_every_look(polling: Polling, pool: Pool, now: datetime) -> None:
    pool.broken = RuntimeError("a mistake")
    with pytest.raises(RuntimeError):
        polling.look(now)
    assert polling.look(now + TICK) == 0
    with pytest.raises(RuntimeError):
        polling.look(now + 2 * TICK)


def test_reports_that_are_polled_are_stored(polling: Polling, pool: Pool, now: datetime) -> None:
    pool.reports = (Report(pool.name, "sent-1", State.DELIVERED, "DeliveryOK", None, None),)
    polling.look(now)
    assert DeliveryReport.get().provider_id == "sent-1"


def test_channels_that_cannot_be_polled_are_not(bound: str, shelf: Shelf, log: Log, now: datetime) -> None:
    gateways: list[Gateway] = [Network()]
    assert Polling(gateways, shelf, log).look(now) == 0
