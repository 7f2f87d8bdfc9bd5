"""How far an office is behind, and who is told. On both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from packs import Pack
from packs.model import Exchange
from sync import files, links, slots, status
from sync.models import ExchangeLink
from sync.status import Lag
from sync.transport import LinkFault
from tests.sync.stage import WATER, Stage

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
# Where it is not about SQL, one database is enough
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def stage(bound: str, tmp_path: Any, keyring: Any, now: datetime) -> Stage:
    return Stage(tmp_path, keyring, now)


@pytest.fixture
def lag(stage: Stage, ke: Pack) -> Any:
    """How the water company stands, at a moment."""
    exchange = stage.exchanges[WATER]
    return lambda now: status.of(exchange, ke.calendar(ke.unsure), now)


def run_slot(name: str, now: datetime) -> None:
    slots.make_due(WATER, name, now)
    (slot,) = slots.claimable()
    taken = slots.claim(slot, now)
    assert taken
    slots.finish(taken, now)


def test_an_office_that_has_everything_is_not_behind(stage: Stage, lag: Any, now: datetime) -> None:
    made = stage.exporter.make(WATER, now)
    (file,) = files.undelivered(WATER)
    files.delivered(file, now + HOUR)
    links.works(WATER, now + HOUR)
    told: Lag = lag(now + 3 * DAY)
    assert (told.last_file, told.delivered_at) == (made.path.name, now + HOUR)
    assert (told.waiting, told.undelivered, told.days, told.error, told.alarms) == (0, 0, 0, None, ())
    assert told.word == "ok"


def test_rows_and_files_that_wait_are_counted(stage: Stage, lag: Any, now: datetime) -> None:
    stage.exporter.make(WATER, now)
    stage.lodge()
    told: Lag = lag(now)
    assert (told.waiting, told.undelivered) == (1, 1)


def test_it_is_behind_by_the_working_days_since_the_oldest_file_that_did_not_go(
    stage: Stage, lag: Any, now: datetime
) -> None:
    stage.exporter.make(WATER, now)
    assert [lag(now + DAY * days).days for days in range(8)] == [0, 1, 2, 3, 4, 4, 4, 5]
    assert lag(now + DAY).alarms == ("It is 1 working day behind.",)
    assert lag(now + 2 * DAY).word == "2 working days behind"


@on_sqlite
def test_a_worklist_that_made_room_for_a_newer_one_hides_no_day(stage: Stage, lag: Any, now: datetime) -> None:
    links.failed(WATER, LinkFault("It does not answer."), now)
    stage.exporter.make(WATER, now + 3 * DAY)
    assert lag(now + 3 * DAY).days == 3


def test_a_run_that_fails_on_this_box_is_seen(lag: Any, now: datetime) -> None:
    slots.make_due(WATER, "2026-11-23", now)
    (slot,) = slots.claimable()
    taken = slots.claim(slot, now)
    assert taken
    slots.put_back(taken, now, "events: The disk is full.")
    told: Lag = lag(now + DAY)
    assert (told.days, told.error) == (1, "events: The disk is full.")


def test_a_relay_that_stands_still_is_seen(lag: Any, now: datetime) -> None:
    run_slot("2026-11-23", now)
    assert [lag(now + DAY * days).days for days in range(3)] == [0, 1, 2]


@on_sqlite
def test_a_demonstration_without_news_is_not_behind(lag: Any, now: datetime) -> None:
    run_slot("2026-11-23T09:15", now)
    assert lag(now + 3 * DAY).days == 0


@on_sqlite
def test_a_link_that_fails_for_a_day_is_an_alarm(lag: Any, now: datetime) -> None:
    links.failed(WATER, LinkFault("It does not answer."), now)
    assert lag(now + 24 * HOUR).alarms == ()
    assert lag(now).word == "not reached; being tried again"
    assert lag(now + 25 * HOUR).alarms == ("It cannot be reached since 2026-11-23 06:15 UTC: It does not answer.",)


@on_sqlite
def test_files_of_the_office_that_are_missing_are_an_alarm(lag: Any, now: datetime) -> None:
    links.works(WATER, now)
    ExchangeLink.update(gaps="[3, 4]").execute()
    assert lag(now).alarms == ("Update files of its are missing, by number: 3, 4.",)
    assert lag(now).word == "files are missing"


def test_rows_of_an_office_without_event_files_wait_for_nothing(stage: Stage, ke: Pack, now: datetime) -> None:
    stage.lodge()
    told = status.of(Exchange(WATER, files=("work",)), ke.calendar(ke.unsure), now)
    assert told.waiting == 0


@on_sqlite
def test_the_offices_of_the_schedule_are_looked_at(stage: Stage, now: datetime) -> None:
    assert [told.agency for told in status.lags(stage.pack(), now)] == [WATER]
