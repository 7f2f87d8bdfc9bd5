"""From a citizen's call to an office's spreadsheet and back to the citizen's phone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
from flask.testing import FlaskClient

from cases.models import Case
from cases.reference import shown
from sms_gateway import heartbeat
from store.clock import utcnow
from sync.exchange import Exchanges
from sync.turn import Ran
from tests import box
from tests.box import ASHA, LODGE, Handset, number_in, soon, through
from ussd_app import background, wiring
from ussd_app.background import Relay
from ussd_app.settings import Settings
from ussd_app.wiring import House

WATER = "NCWSC"
NOTE = "Bomba limerekebishwa na maji yamerudi tangu asubuhi."


# The first test goes through all of it on both databases
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@dataclass
class Town:
    """A service, a citizen's phone, and an office that has nothing but a folder and a spreadsheet."""

    house: House
    client: FlaskClient
    environ: dict[str, str]
    folder: Path

    @property
    def handset(self) -> Handset:
        return Handset(through(self.client))

    @property
    def office(self) -> Path:
        return self.folder / "exchange" / WATER

    def exchange(self) -> Ran:
        return self.house.exchanges.run(WATER, utcnow())

    def inbox(self) -> list[str]:
        """What stands on the citizen's phone."""
        self.house.outbox.drain(utcnow)
        answer = self.client.get("/phone/messages.json", query_string={"msisdn": ASHA})
        return [message["text"] for message in answer.get_json()]

    def newest(self, pattern: str) -> Path:
        return max((self.office / "out").glob(pattern))


@pytest.fixture
def town(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr("sync.transports.folder.time", SimpleNamespace(sleep=lambda _: None))
    environ = box.environ(tmp_path, database_url)
    settings = Settings.load(environ)
    with box.application(settings) as app:
        yield Town(wiring.build(settings), app.test_client(), environ, tmp_path)


def fill_in(sheet: Path, number: str, **entries: str) -> None:
    """What a clerk types into the row of a case."""
    book = openpyxl.load_workbook(sheet)
    page = book.worksheets[0]
    rows = list(page.iter_rows())
    head = next(row for row in rows if any(cell.value == "update_key" for cell in row))
    row = next(row for row in rows if any(str(cell.value) == shown(number) for cell in row))
    cells = {str(title.value).casefold(): cell for title, cell in zip(head, row, strict=True)}
    for name, text in entries.items():
        cells[name].value = text
    book.save(sheet)


def test_a_clerk_with_a_spreadsheet_solves_a_case_and_the_citizen_reads_so(town: Town) -> None:
    number = number_in(town.handset.dial(*LODGE))
    first = town.exchange()
    assert first.error is None
    assert (first.rows, first.undelivered) == (1, 0)

    sheet = town.newest("work_*.xlsx")
    fill_in(sheet, number, status="3", note=NOTE)
    (town.office / "in" / sheet.name).write_bytes(sheet.read_bytes())
    second = town.exchange()
    assert second.error is None
    (taken,) = second.taken
    assert (taken.rows, taken.accepted, taken.rejected) == (1, 1, 0)
    assert Case.get(Case.ref == number).state == "resolved"
    assert any(number_in(text) == number and NOTE in text for text in town.inbox() if "-" in text)

    ack = json.loads(town.newest("*ack.json").read_text())
    assert ack["accepted"] + ack["duplicate"] + ack["rejected"] == ack["rows"] == 1
    assert (town.office / "in" / "done" / sheet.name).exists()


@on_sqlite
def test_a_row_with_a_mistake_comes_back_and_is_taken_once_it_is_mended(town: Town) -> None:
    number = number_in(town.handset.dial(*LODGE))
    town.exchange()
    sheet = town.newest("work_*.xlsx")
    fill_in(sheet, number, status="3", note="Tayari.")  # too short for a closing note
    (town.office / "in" / sheet.name).write_bytes(sheet.read_bytes())
    (taken,) = town.exchange().taken
    assert (taken.accepted, taken.rejected) == (0, 1)
    before = town.inbox()

    errors = town.newest("*errors.xlsx")
    fill_in(errors, number, note=NOTE)
    (town.office / "in" / errors.name).write_bytes(errors.read_bytes())
    (taken,) = town.exchange().taken
    assert (taken.accepted, taken.rejected) == (1, 0)
    assert any(NOTE in text for text in town.inbox()[len(before) :])


@on_sqlite
def test_what_was_read_once_changes_nothing_the_second_time(town: Town) -> None:
    number = number_in(town.handset.dial(*LODGE))
    town.exchange()
    sheet = town.newest("work_*.xlsx")
    fill_in(sheet, number, status="1", note="Fundi yuko njiani kuja kuangalia bomba.")
    filled = sheet.read_bytes()
    for _ in range(2):
        (town.office / "in" / sheet.name).write_bytes(filled)
        ran = town.exchange()
        assert ran.error is None
        (taken,) = ran.taken
    assert (taken.accepted, taken.duplicate, taken.rejected) == (0, 1, 0)


@on_sqlite
class TestTheRelay:
    def test_it_exchanges_files_by_itself_and_without_redis(self, town: Town) -> None:
        town.handset.dial(*LODGE)
        with box.running(town.environ, town.folder / "relay.log", "ussd_app", "relay"):
            soon(lambda: list((town.office / "out").glob("work_*.xlsx")), "no worklist was made")

    def test_an_office_that_does_not_answer_holds_up_nothing_else(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks, answered = threading.Event(), threading.Event()

        def hang(*_: object) -> list[Ran]:
            looks.set()
            answered.wait(30)
            return []

        monkeypatch.setattr(Exchanges, "look", hang)
        stop = threading.Event()
        connection = background.redis(town.house.settings)
        relay = Relay(town.house, connection)
        exchange = threading.Thread(target=relay.exchange, args=(stop,))
        exchange.start()
        try:
            assert looks.wait(10)
            relay.look()
            assert heartbeat.last_beat() is not None
        finally:
            stop.set()
            answered.set()
            exchange.join(10)
            connection.close()
        assert not exchange.is_alive()
