"""After an erasure no file in the folders of offices tells of the citizen, and every office that had a case of theirs
hears that it is to erase its copies."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from cases.citizens import Caller
from cases.lifecycle import Action, Role
from cases.models import Case
from packs.model import Exchange
from store import database
from store.sealing import Keyring
from sync import erasure, files, manifest, outbound, slots
from sync.held import UpdateRow
from sync.inbound import Importer
from sync.models import Erasing, ExchangeFile, FeedRow
from sync.transports.folder import Folder
from sync.worklists import Worklists
from tests.sync.bureau import row
from tests.sync.stage import POWER, WATER, Stage, fed, rows_of
from ussd_app import privacy

WORDS: Final = "Zumaridi"
NUMBER: Final = "0798 765 431"
PHONE: Final = "+254798765431"
OTHER: Final = "The pump is broken"  # said by somebody who stays


class Office(Stage):
    """With clerks, too; whose files come back."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.exchanges = {
            one: Exchange(one, address=address, contact=True, contact_on_worklist=True)
            for one, address in ((WATER, "/mnt/water"), (POWER, ""))
        }
        self.worklists = Worklists(self.citizens, self.pack, self.home)
        self.importer = Importer(self.casework, self.citizens, self.pack, self.worklists, self.home)

    def make_all(self, agency: str = WATER) -> list[str]:
        """The files of a day; the names of all that are still to be delivered."""
        self.exporter.make(agency, self.now)
        self.worklists.make(agency, self.now)
        return [file.name for file in files.undelivered(agency)]

    def deliver(self, agency: str = WATER) -> None:
        for file in files.undelivered(agency):
            files.delivered(file, self.now)

    def come_back(self, name: str, agency: str = WATER) -> Path:
        """A clerk fills in the list of today and sends it back; it is read."""
        lies = files.in_(self.home, agency) / name
        lies.write_bytes((files.out(self.home, agency) / name).read_bytes())
        self.importer.take(lies, agency, self.now)
        return lies

    def erase(self, who: Caller) -> Counter[str]:
        """All of it, as `./mlango citizen erase` does."""
        assert privacy.erase(
            self.citizens, who.id, reason="request", actor="test", now=self.now, withdraw=(self.casework, who)
        )
        return self.clean()

    def clean(self) -> Counter[str]:
        return erasure.clean(self.exporter, self.pack(), self.home, self.now)

    def holds(self) -> list[str]:
        """The files under the home whose content, unpacked, has something of the citizen."""
        return [path.name for path in sorted(self.home.glob("exchange/**/*")) if path.is_file() and tells(path)]


def tells(path: Path) -> bool:
    content = path.read_bytes()
    if content.startswith(b"PK"):
        with ZipFile(path) as archive:
            content = b"".join(archive.read(part) for part in archive.infolist())
    content = content.replace(b"\0", b"")
    return WORDS.encode() in content or NUMBER.encode() in content


@pytest.fixture
def office(bound: str, tmp_path: Path, keyring: Keyring, now: datetime) -> Office:
    return Office(tmp_path, keyring, now)


@pytest.fixture
def asha(office: Office) -> Caller:
    return office.citizen(PHONE)


@pytest.fixture
def case(office: Office, asha: Caller) -> Case:
    office.lodge(OTHER)
    return office.lodge(f"{WORDS} street is dry", caller=asha)


def test_what_was_not_delivered_yet_is_written_anew_without_them(office: Office, asha: Caller, case: Case) -> None:
    names = office.make_all()
    assert office.holds() == sorted(names)  # so we look in the right place
    assert office.erase(asha) == {erasure.ANEW: 1, erasure.REMOVED: 2}
    assert office.holds() == []
    (file,) = files.undelivered(WATER)  # the lists come tomorrow
    told = rows_of(files.parts(office.home, file)[0])
    assert [(one["summary"], bool(one["contact"])) for one in told] == [(OTHER, True), ("", False)]
    assert office.make_all()[-2:] == ["work_NCWSC_20261123.csv", "work_NCWSC_20261123.xlsx"]
    assert office.holds() == []


def test_the_chain_of_event_files_stays_whole(office: Office, asha: Caller, case: Case) -> None:
    first = office.exporter.make(WATER, office.now)
    office.deliver()
    for _ in range(2):
        office.act(case, Action.NOTE, "We looked at it")
        office.exporter.make(WATER, office.now + timedelta(hours=1))
    office.lodge()
    office.exporter.make(WATER, office.now + timedelta(hours=2))
    before = [file.name for file in files.undelivered(WATER)]
    sent = manifest.read(files.manifest_of(first.path), office.keys).sha256
    assert office.erase(asha) == {erasure.ANEW: 2, erasure.REMOVED: 1}
    undelivered = files.undelivered(WATER)
    assert [file.name for file in undelivered] == before
    notes = [manifest.check(files.parts(office.home, file)[0], office.keys) for file in undelivered]
    assert [note.previous for note in notes] == [sent, notes[0].sha256, notes[1].sha256]
    assert [(file.sha256, file.previous) for file in undelivered] == [(note.sha256, note.previous) for note in notes]


def test_what_was_delivered_goes_from_the_disk_and_is_remembered(office: Office, asha: Caller, case: Case) -> None:
    office.make_all()
    office.deliver()
    assert office.erase(asha) == {erasure.REMOVED: 3}
    assert list(files.out(office.home, WATER).iterdir()) == []
    assert {file.removed_at for file in ExchangeFile.select()} == {office.now}
    assert office.exporter.make(WATER, office.now).seq == 2


def test_where_nobody_knows_what_was_fetched_the_words_of_others_are_laid_down_again(
    office: Office, asha: Caller, case: Case
) -> None:
    """In a folder of ours from which the office fetches itself, every file is delivered at once."""
    office.exchanges |= {WATER: replace(office.exchanges[WATER], address="")}
    office.exporter.make(WATER, office.now)
    office.deliver()
    office.now += timedelta(hours=1)
    assert office.erase(asha) == {erasure.REMOVED: 1}
    (repeat,) = files.undelivered(WATER)
    told = rows_of(files.parts(office.home, repeat)[0])
    assert [one["summary"] for one in told] == [OTHER, ""]
    office.deliver()
    office.now += timedelta(hours=1)
    office.erase(office.citizen())  # who was told of in the repeat, too
    assert [
        (one["case_ref"], one["summary"]) for one in rows_of(files.parts(office.home, files.undelivered(WATER)[0])[0])
    ] == [(one["case_ref"], "") for one in told]


def test_what_came_back_goes_and_so_do_the_sheets_of_what_was_wrong_in_it(
    office: Office, asha: Caller, case: Case
) -> None:
    office.make_all()
    csv_file, xlsx = sorted(files.out(office.home, WATER).glob("work_*"))
    book = load_workbook(xlsx)
    sheet = book.worksheets[0]
    names = [cell.value for cell in sheet[1]]
    for line in (2, 3):
        sheet.cell(line, names.index("status") + 1).value = "finished it"  # what is no status
    book.save(xlsx)
    csv_file.write_text(csv_file.read_text("utf-8-sig"), encoding="utf-16")
    for name in (csv_file.name, xlsx.name):
        office.come_back(name)
    assert [name for name in office.holds() if "errors" in name] == [
        "work_NCWSC_20261123.errors.csv",
        "work_NCWSC_20261123.errors.xlsx",
    ]
    office.deliver()
    office.erase(asha)
    assert office.holds() == []
    assert {path.name for path in office.home.glob("exchange/*/*/*") if path.suffix != ".json"} == set()


def test_others_keep_their_files(office: Office, asha: Caller, case: Case) -> None:
    office.make_all()
    office.deliver()
    office.exchanges |= {"COUNTY-047": Exchange("COUNTY-047")}
    office.make_all("COUNTY-047")
    later = office.now + timedelta(days=1)
    with files.publish(files.out(office.home, WATER), "work_NCWSC_20261124.csv") as out:
        out.write(b'"case_ref"\r\n"222-222-222"\r\n')
    files.register(WATER, "work", files.out(office.home, WATER) / "work_NCWSC_20261124.csv", 1, later)
    office.erase(asha)
    assert len(list(files.out(office.home, "COUNTY-047").iterdir())) == 4
    assert [path.name for path in files.out(office.home, WATER).iterdir()] == ["work_NCWSC_20261124.csv"]


def test_what_an_office_laid_down_is_read_before_it_goes(office: Office, asha: Caller, case: Case) -> None:
    """In a folder of ours that the office fills itself."""
    office.act(case, Action.TRANSFER, "A power line fell on the pipe", agency=POWER)
    office.make_all(POWER)
    lies = files.in_(office.home, POWER) / "work_KPLC_20261123.csv"
    lies.write_bytes((files.out(office.home, POWER) / lies.name).read_bytes())
    office.erase(asha)
    assert office.holds() == [lies.name]
    office.importer.take(lies, POWER, office.now)
    office.now += erasure.EVERY
    Folder(office.home / "exchange" / POWER, settle_s=0).took(lies.name)
    assert office.clean() == {erasure.REMOVED: 1}
    assert office.holds() == []
    assert files.find(POWER, lies.name, "in").removed_at == office.now  # type: ignore[union-attr]


def test_a_list_that_comes_back_much_later_goes_as_well(office: Office, asha: Caller, case: Case) -> None:
    office.make_all()
    name = next(files.out(office.home, WATER).glob("*.xlsx")).name
    kept = (files.out(office.home, WATER) / name).read_bytes()
    office.deliver()
    office.erase(asha)
    office.now += timedelta(days=30)
    (files.out(office.home, WATER) / name).write_bytes(kept)
    office.come_back(name)
    office.clean()
    assert office.holds() == []
    office.now += outbound.KEEP
    office.clean()
    assert not Erasing.select().exists()


def test_what_somebody_was_writing_who_died_goes(office: Office, asha: Caller, case: Case) -> None:
    office.make_all()
    for path in list(files.out(office.home, WATER).iterdir()):
        path.with_name(f".{path.name}{files.UNFINISHED}").write_bytes(path.read_bytes())
    office.erase(asha)
    assert office.holds() == []
    assert not list(office.home.glob("exchange/**/.*.part"))


def test_a_repeat_is_made_once_more(office: Office, asha: Caller, case: Case) -> None:
    office.exporter.make(WATER, office.now)
    office.exporter.make(WATER, office.now, since=office.now)
    assert len(office.holds()) == 2
    office.now += timedelta(minutes=1)
    office.erase(asha)
    assert office.holds() == []
    assert [file.kind for file in files.undelivered(WATER)] == ["events", "repeat"]
    assert len(rows_of(files.parts(office.home, files.undelivered(WATER)[1])[0])) == 2


# Who hears of it


def test_every_office_that_had_a_case_hears_to_erase_its_copy(office: Office, asha: Caller, case: Case) -> None:
    office.act(case, Action.TRANSFER, "A power line fell on the pipe", agency=POWER)
    office.erase(asha)
    for agency in (WATER, POWER):
        (told,) = [
            one for one in rows_of(office.exporter.make(agency, office.now).path) if one["event_type"] == "erased"
        ]
        assert {name: value for name, value in told.items() if value} == {
            "schema_version": "1",
            "case_ref": case.ref,
            "case_version": str(Case.get_by_id(case.id).version),
            "event_id": FeedRow.get((FeedRow.agency == agency) & (FeedRow.kind == "erased")).id,
            "event_type": "erased",
        }


def test_the_office_that_it_is_about_hears_nothing(office: Office, asha: Caller, case: Case) -> None:
    Case.update(about=WATER).where(Case.id == case.id).execute()
    before = len(fed())
    Case.update(state="withdrawn").where(Case.id == case.id).execute()
    erasure.begin(asha.id, office.pack(), office.now, thorough=True)
    assert len(fed()) == before


def test_an_office_of_open311_gets_no_row_that_nobody_would_take(office: Office, asha: Caller, case: Case) -> None:
    office.exchanges |= {WATER: replace(office.exchanges[WATER], transport="open311")}
    erasure.begin(asha.id, office.pack(), office.now, thorough=True)
    assert "erased" not in [one.kind for one in fed()]


def test_what_an_office_said_and_what_waits_for_the_case_goes(office: Office, asha: Caller, case: Case) -> None:
    master = office.lodge()
    office.act(case, Action.DUPLICATE, "It is the same pipe", role=Role.SUPERVISOR, master=master.id)
    lies = files.in_(office.home, WATER) / "in_NCWSC_20261123_1.csv"
    lines = [list(row(case)), list(row(case, "resolved", occurred_at="2026-11-23T09:15:00+03:00").values())]
    lies.write_text("".join(",".join(line) + "\n" for line in lines))
    assert office.importer.take(lies, WATER, office.now).waiting == 1
    Case.update(state="withdrawn").where(Case.id == case.id).execute()
    gone = privacy.erase(office.citizens, asha.id, reason="request", actor="test", now=office.now)
    assert gone is not None
    assert gone["updates of offices that wait"] == 1
    assert not UpdateRow.select().exists()
    office.clean()
    assert not lies.exists()


# Falls, others at work, and much at once


def test_whatever_stops_it_on_the_way_the_next_look_brings_it_to_its_end(
    office: Office, database_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every third step, beginning with the first on one database and with the second on the other."""
    steps, is_killed = (-2 if database_kind == "sqlite" else -1), True
    while is_killed:
        steps += 3
        erase_one_whom_two_files_tell_of(office, office.citizen(f"+2547987{steps:05}"))
        with monkeypatch.context() as killed:
            fuse = count(1)
            for module, name in ((database, "run"), (os, "fsync"), (os, "replace"), (os, "unlink")):
                killed.setattr(module, name, burning(fuse, steps, getattr(module, name)))
            is_killed = not survives(office.clean)
        if steps % 2:
            office.exporter.make(WATER, office.now)  # a turn comes before the next look
        office.clean()
        assert office.holds() == []
        assert_chained(office)
        files.remove(office.home, files.kept(WATER), office.now)
        ExchangeFile.update(state="delivered").execute()
    assert steps > 25


def erase_one_whom_two_files_tell_of(office: Office, caller: Caller) -> None:
    case = office.lodge(f"{WORDS} street is dry", caller=caller)
    office.exporter.make(WATER, office.now)
    office.exporter.make(WATER, office.now)
    office.act(case, Action.NOTE, "We looked at it")
    office.make_all()
    with slots.alone(files.folder(office.home, WATER), WATER):
        office.erase(caller)
    assert len(office.holds()) == 4


def survives(act: Callable[[], object]) -> bool:
    try:
        act()
    except KeyboardInterrupt:
        return False
    return True


def assert_chained(office: Office) -> None:
    """The event files that are to be delivered are whole, and each names the one before."""
    undelivered = [file for file in files.undelivered(WATER) if file.kind == "events"]
    notes = [manifest.check(files.parts(office.home, file)[0], office.keys) for file in undelivered]
    assert [note.seq for note in notes] == list(range(notes[0].seq or 0, (notes[0].seq or 0) + len(notes)))
    assert [note.previous for note in notes[1:]] == [note.sha256 for note in notes[:-1]]


def burning(fuse: Iterator[int], steps: int, act: Callable[..., Any]) -> Callable[..., Any]:
    """Does what `act` does, unless the fuse has burnt down."""

    def acting(*values: Any, **named: Any) -> Any:
        if next(fuse) == steps:
            raise KeyboardInterrupt
        return act(*values, **named)

    return acting


def test_an_office_that_somebody_is_at_work_with_is_left_for_later(office: Office, asha: Caller, case: Case) -> None:
    office.make_all()
    with slots.alone(files.folder(office.home, WATER), WATER):
        assert office.erase(asha) == {}
    with files.alone(office.home, WATER):
        assert office.clean() == {}
    assert office.holds()
    assert office.clean()
    assert office.holds() == []
    assert office.clean() == {}


def test_who_was_let_go_of_long_after_costs_no_look_at_any_file(
    office: Office, asha: Caller, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.make_all()
    office.deliver()
    Case.update(state="closed").where(Case.citizen == asha.id).execute()
    office.now += timedelta(days=730)
    outbound.prune(office.pack(), office.home, office.now)
    office.lodge()
    office.make_all()
    assert privacy.erase(office.citizens, asha.id, reason="retention", actor="relay", now=office.now) is not None
    assert not Erasing.select().exists()
    assert [one.kind for one in fed() if one.file_id is None] == ["erased"]


def test_who_was_let_go_of_is_not_left_in_a_file_that_never_went_out(office: Office, asha: Caller, case: Case) -> None:
    office.make_all()
    Case.update(state="closed").where(Case.citizen == asha.id).execute()
    office.now += timedelta(days=730)
    outbound.prune(office.pack(), office.home, office.now)
    assert privacy.erase(office.citizens, asha.id, reason="retention", actor="relay", now=office.now) is not None
    assert office.clean() == {erasure.ANEW: 1, erasure.REMOVED: 2}
    assert office.holds() == []
    assert not Erasing.select().exists()


# What a file says


@pytest.mark.parametrize(
    "written", ["482915633", "482-915-633", "482 915 633", "W20261123-482915633-7", "1,482\u2011915\u2011633"]
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_case_is_found_however_its_number_is_written(tmp_path: Path, written: str, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'"123","{written}","done"', encoding=encoding)
    assert erasure._names(path, {"482915633"})
    assert not erasure._names(path, {"482915634", "915633123"})


def test_a_case_is_found_where_two_pieces_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "_CHUNK", 100)
    for before in range(80, 101):
        (tmp_path / "a.csv").write_bytes(b"x" * before + b",482-915-633,")
        assert erasure._names(tmp_path / "a.csv", {"482915633"})


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"\xd0\xcf\x11\xe0", b"PK\x03\x04 no archive"])
def test_what_nobody_can_look_into_counts_as_telling(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    assert erasure._names(tmp_path / "a.xlsx", {"482915633"})
