"""The made-up office, and the whole of the exchange with it: days in which it errs, mends, and solves every case."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cases.casework import Change
from cases.lifecycle import Action
from cases.models import Case
from sms_gateway.message import Message
from sync import files
from sync.inbound import Taken
from sync.manifest import Keys
from sync.mock import Habits, Office
from sync.mock.books import Books
from tests import box
from ussd_app import wiring
from ussd_app.settings import Settings
from ussd_app.wiring import House

WATER = "NCWSC"  # has a system and a clerk
COUNTY = "COUNTY-047"  # a clerk alone, who reads Swahili
HALF_A_DAY = timedelta(hours=12)

# What is not asked of the database here is asked of both elsewhere
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@dataclass
class Town:
    """A house with citizens, and made-up offices beside it."""

    house: House
    now: datetime
    taken: list[Taken] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def lodge(self, number: int, sub: str = "water.none") -> None:
        """So many cases of ten citizens."""
        callers = [self.house.citizens.meet(f"+2547123456{at:02}", self.now) for at in range(10)]
        changes = [
            Change(
                Action.LODGE,
                callers[at % 10],
                "ussd",
                f"town:{sub}:{at}",
                facts={"sub": sub, "place": "kibera", "language": ("en", "sw")[at % 2]},
                words=f"Hakuna maji tangu Jumatatu, nyumba {at}",
            )
            for at in range(number)
        ]
        self.house.casework.apply_many(changes, self.now)

    def folder(self, agency: str = WATER) -> Path:
        return files.folder(self.house.settings.home, agency)

    def office(self, agency: str = WATER, **habits: Any) -> Office:
        pack = self.house.casework.pack()
        exchange, key = pack.exchange(agency), Keys(self.house.settings.masters).key_for(agency)
        known: dict[str, Any] = {"files": exchange.files, "language": exchange.language, "key": key}
        return Office(Habits(agency, zone=ZoneInfo(pack.zone), **known | habits), self.folder(agency))

    def exchange(self, agency: str = WATER) -> None:
        """A turn of the exchange, as the relay would run it."""
        ran = self.house.exchanges.run(agency, self.now)
        assert ran.error is None, ran.error
        self.taken += ran.taken

    def live(self, office: Office, agency: str = WATER, most: int = 25) -> None:
        """Half days of exchange and work, until nothing is open; no more than so many."""
        for _ in range(most):
            self.exchange(agency)
            self.told += office.turn(self.now)
            self.now += HALF_A_DAY
            if set(self.states()) == {"resolved"}:
                return

    def states(self) -> Counter[str]:
        return Counter(case.state for case in Case.select())


@pytest.fixture
def town(database_url: str, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr("sync.transports.folder.time", SimpleNamespace(sleep=lambda _: None))
    settings = Settings.load(box.environ(tmp_path, database_url))
    with box.application(settings):
        yield Town(wiring.build(settings), now)


def test_days_with_an_office_that_errs_end_with_every_case_solved(town: Town) -> None:
    town.lodge(24)
    office = town.office(seed=7, idle=0.1)
    town.live(office)
    assert town.states() == {"resolved": 24}
    assert all(case.outcome == "fixed" and case.acknowledged_at for case in Case.select())

    assert all(one.accepted + one.duplicate + one.rejected == one.rows for one in town.taken)
    assert all(one.refused is None for one in town.taken)
    tally = office.tally()
    assert tally["mended"] > 5
    assert tally["accepted"] == sum(one.accepted for one in town.taken)
    for ack in town.folder().glob("out/*.ack.json"):
        assert json.loads(ack.read_text())["rows"] >= 1
    # and citizens heard of it, one SMS for several cases
    told = Counter(message.template for message in Message.select())
    assert told["summary"] + told["resolved"] >= 10
    assert len({message.__data__["citizen"] for message in Message.select()}) == 10


def test_a_clerk_with_swahili_sheets_alone_solves_them_all(town: Town) -> None:
    town.lodge(8, sub="tax.county_fees")
    office = town.office(COUNTY, seed=3, idle=0.0)
    town.live(office, COUNTY)
    assert town.states() == {"resolved": 8}
    assert office.tally().keys() >= {"worklists", "mended"}
    assert any(sentence.startswith("Mstari ") for sentence in town.told)  # what was wrong, in the clerk's language
    assert not list(town.folder(COUNTY).glob("out/out_*"))


def test_a_case_that_its_citizen_reopens_is_worked_again(town: Town) -> None:
    town.lodge(1)
    office = town.office(slips=0.0, idle=0.0)
    town.live(office)
    case = Case.get()
    caller = town.house.citizens.meet("+254712345600", town.now)
    reopen = Change(Action.REOPEN, caller, "ussd", "again", case.id, words="Bado hakuna maji")
    town.house.casework.apply(reopen, town.now)
    town.live(office)
    assert (town.states(), Case.get().reopens) == ({"resolved": 1}, 1)


# What the office checks


def test_a_file_that_was_changed_on_the_way_is_left_alone(town: Town) -> None:
    town.lodge(2)
    town.exchange()
    (file,) = town.folder().glob("out/out_*.csv")
    file.write_bytes(file.read_bytes().replace(b"Hakuna", b"Kuna"))
    assert town.office(files=["events"]).turn(town.now) == [
        f"Left {file.name} alone: its SHA-256 is not the one in its manifest."
    ]


def test_a_file_under_another_key_is_left_alone(town: Town) -> None:
    town.exchange()
    (sentence,) = town.office(files=["events"], key=bytes(32)).turn(town.now)
    assert "its HMAC does not fit" in sentence


def test_a_missing_file_is_noticed_in_the_next_one(town: Town) -> None:
    for _ in range(3):
        town.lodge(1)
        town.exchange()
        town.now += HALF_A_DAY
    for path in town.folder().glob("out/out_*_0002.*"):
        path.unlink()
    told = town.office(files=["events"]).turn(town.now)
    assert [("in the chain" in one, "is missing" in one) for one in told[:2]] == [(True, False), (False, True)]


# How it works


def test_a_day_that_was_cut_short_is_done_again_with_the_same_number(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.lodge(5)
    town.exchange()
    office = town.office(files=["events"], late=0.0, repeats=0.0)
    with monkeypatch.context() as broken:
        broken.setattr(Books, "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            office.turn(town.now)
    assert list(town.folder().glob("in/*.csv")) == []
    office.turn(town.now)
    assert [path.name for path in town.folder().glob("in/*.csv")] == ["in_NCWSC_20261123_0001.csv"]


def test_a_file_that_is_left_lying_comes_the_next_day(town: Town) -> None:
    town.lodge(5)
    town.exchange()
    office = town.office(files=["events"], late=1.0)
    assert office.turn(town.now)[-1] == "Left in_NCWSC_20261123_0001.csv lying until the next time."
    told = office.turn(town.now)
    assert "Brought in_NCWSC_20261123_0001.csv, which had been left lying." in told


def test_what_a_person_sends_beside_it_is_none_of_its_affairs(town: Town) -> None:
    town.lodge(2)
    town.exchange()
    row = f"1,BY-HAND-1,123456789,,,in_progress,,,,,{town.now:%Y-%m-%dT%H:%M:%SZ}"
    header = "schema_version,agency_update_id,case_ref,base_version,agency_ref,new_status,outcome_code,public_note,"
    header += "internal_note,assignee_code,occurred_at"
    (town.folder() / "in" / "in_NCWSC_20261123_0077.csv").write_text(f"{header}\n{row}\n")
    town.exchange()
    told = town.office().turn(town.now)
    assert "Saw what became of in_NCWSC_20261123_0077.csv, which somebody else sent." in told


def test_the_same_seed_is_the_same_office(town: Town, tmp_path: Path) -> None:
    town.lodge(8)
    town.exchange()
    for number in range(3):
        shutil.copytree(town.folder() / "out", tmp_path / str(number) / "out")
    pack = town.house.casework.pack()
    key = Keys(town.house.settings.masters).key_for(WATER)
    told = [
        Office(Habits(WATER, ("events", "work"), "en", ZoneInfo(pack.zone), key, seed), tmp_path / str(number)).turn(
            town.now
        )
        for number, seed in enumerate((5, 5, 6))
    ]
    assert told[0] == told[1] != told[2]
