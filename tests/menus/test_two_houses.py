"""Two services like this one, each with a database of its own, come to text each other: it ends at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from menus import abuse
from menus.abuse import MOST_ANSWERS
from packs import published
from store import database
from store.sealing import Keyring
from tests.menus.stage import VOICE, Stage


@dataclass(frozen=True, slots=True)
class Service:
    """A service, its database, and the number of the SIM in its modem."""

    stage: Stage
    url: str
    number: str

    @contextmanager
    def at_home(self) -> Iterator[Stage]:
        """This process is this service's."""
        database.close()
        database.bind(self.url)
        published.forget()
        yield self.stage


@pytest.fixture
def kenya(sqlite_template: Path, tmp_path: Path, keyring: Keyring, now: datetime) -> Iterator[Service]:
    yield service(sqlite_template, tmp_path / "kenya", keyring, now, "Mlango", "+254711000001")
    database.close()
    published.forget()


@pytest.fixture
def county(sqlite_template: Path, tmp_path: Path, keyring: Keyring, now: datetime) -> Service:
    return service(sqlite_template, tmp_path / "county", keyring, now, "Kaunti", "+254722000001")


def service(template: Path, folder: Path, keyring: Keyring, now: datetime, name: str, number: str) -> Service:
    shutil.copytree(template, folder)
    url = f"sqlite:///{folder}/mlango.sqlite3"
    database.bind(url)
    return Service(Stage(keyring, now, replace(VOICE, service=name)), url, number)


def exchanged(first: str, writer: Service, reader: Service, most: int = 60) -> int:
    """How many texts go to and fro, the first one too."""
    waiting, total = [first], 0
    handsets = {service.number: service.stage.phone(other.number) for service, other in _both(writer, reader)}
    while waiting and total < most:
        total += len(waiting)
        with reader.at_home():
            for text in waiting:
                handsets[reader.number].text(text)
            waiting = handsets[reader.number].inbox()
        writer, reader = reader, writer
    return total


def _both(one: Service, other: Service) -> tuple[tuple[Service, Service], ...]:
    return (one, other), (other, one)


@pytest.mark.parametrize("language", ["en", "sw"])
@pytest.mark.parametrize("first", ["No water in Lindi", "STATUS", "hello", "Hakuna maji"])
def test_two_services_stop_after_two_texts(kenya: Service, county: Service, first: str, language: str) -> None:
    with kenya.at_home() as house:
        house.phone(county.number, language)
    assert exchanged(first, writer=county, reader=kenya) == 2
    with county.at_home() as house:
        assert house.cases() == [], "what the other said is no complaint"


def test_two_that_do_not_know_each_others_words_stop_as_well(
    kenya: Service, county: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abuse, "is_echo", lambda *_: False)
    assert exchanged("No water in Lindi", writer=county, reader=kenya) <= 2 * MOST_ANSWERS + 1
