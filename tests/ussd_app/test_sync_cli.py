"""`./mlango sync`: what operators type, read and pipe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from cases.models import Case
from store.clock import utcnow
from sync import links, slots
from sync.models import ExchangeFile
from sync.transport import LinkFault
from tests import box, commands
from tests.box import LODGE, Handset, through
from ussd_app import wiring
from ussd_app.cli.sync import command
from ussd_app.settings import Settings
from ussd_app.wiring import House

WATER = "NCWSC"
HEADER = "schema_version,agency_update_id,case_ref,base_version,agency_ref,new_status,outcome_code,public_note,"
HEADER += "internal_note,assignee_code,occurred_at"

told = partial(commands.told, command)
run = partial(commands.run, command)
refusal = partial(commands.refusal, command)

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def house(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house in which one citizen has lodged a case."""
    monkeypatch.setattr("sync.transports.folder.time", SimpleNamespace(sleep=lambda _: None))
    environ = box.environ(tmp_path, database_url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load(environ)
    with box.application(settings) as app:
        Handset(through(app.test_client())).dial(*LODGE)
        yield wiring.build(settings)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


def update_file(folder: Path, *rows: str, name: str = "in_NCWSC_20261123_1.csv") -> Path:
    """A file as an office's own system writes it."""
    file = folder / name
    file.write_text("\r\n".join([HEADER, *rows, ""]))
    return file


def started(key: str = "u1") -> str:
    """A row that says that work on the only case has begun."""
    return f"1,{key},{Case.get().ref},,,in_progress,,,,,{utcnow():%Y-%m-%dT%H:%M:%SZ}"


class TestRun:
    def test_a_turn_with_every_office_of_the_schedule(self, house: House) -> None:
        head, *rows = told("run").splitlines()
        assert head.split()[0] == "OFFICE"
        turns = {office: figures for office, *figures in map(str.split, rows)}
        assert turns[WATER] == ["0", "0", "0", "0", "1", "3", "0"]
        assert turns.keys() >= {WATER, "KPLC"}
        assert max(map(len, [head, *rows])) <= 80

    def test_a_dry_run_writes_nothing(self, house: House) -> None:
        assert told("run", "--dry-run", "--agency", WATER).splitlines()[1].split()[5] == "1"
        assert not ExchangeFile.select().count()

    def test_programs_get_all_of_it(self, house: House) -> None:
        (ran,) = json.loads(told("run", "--agency", WATER, "--json"))
        assert (ran["agency"], ran["events"], ran["undelivered"], ran["link"]) == (WATER, 1, 0, None)
        assert all(Path(made).exists() for made in ran["made"])

    def test_what_was_sent_before_is_sent_once_more(self, house: House) -> None:
        told("run", "--agency", WATER)
        (ran,) = json.loads(told("run", "--agency", WATER, "--since", "7d", "--json"))
        assert [name for name in ran["delivered"] if name.startswith("repeat_")]

    def test_an_office_that_is_not_reached_is_named_and_the_command_fails(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def dead(*_: object, **__: object) -> object:
            raise LinkFault("The line is dead.")

        monkeypatch.setattr("sync.transports.folder.Folder.put", dead)
        result = run("run", "--agency", WATER)
        assert result.exit_code == 1
        assert result.stdout.splitlines()[-1] == f"{WATER}: The line is dead."

    def test_an_office_that_is_busy_is_left_alone(self, house: House) -> None:
        with slots.alone(house.settings.home / "exchange" / WATER, WATER):
            assert refusal("run", "--agency", WATER) == (
                f"Another run for {WATER} is going on; try again when it has ended."
            )

    def test_an_unknown_office_is_refused(self, house: House) -> None:
        assert refusal("run", "--agency", "NOBODY") == "There is no office NOBODY in the pack."
        assert refusal("run", "--agency", "ncwc") == "There is no office ncwc in the pack; did you mean NCWSC?"


class TestFilesByHand:
    def test_an_export_prints_what_it_wrote(self, house: House, stick: Path) -> None:
        *written, total = told("export", "--agency", WATER, "--to", str(stick)).splitlines()
        assert sorted(written) == sorted(map(str, stick.iterdir()))
        assert total == "1 event."

    def test_an_export_into_nowhere_is_refused(self, house: House, stick: Path) -> None:
        assert refusal("export", "--agency", WATER, "--to", str(stick / "none")) == (
            f"There is no folder {stick / 'none'}."
        )

    def test_a_file_of_before_is_had_once_more_as_it_was(self, house: House, stick: Path) -> None:
        told("run", "--agency", WATER)
        file, note = told("export", "--agency", WATER, "--to", str(stick), "--number", "1").splitlines()
        assert Path(note).name == Path(file).name.replace(".csv", ".manifest.json")
        assert (
            Path(file).read_bytes() == (house.settings.home / "exchange" / WATER / "out" / Path(file).name).read_bytes()
        )
        assert refusal("export", "--agency", WATER, "--to", str(stick), "--number", "2") == (
            f"There is no event file 2 for {WATER}."
        )

    def test_an_import_says_what_became_of_each_row(self, house: House, stick: Path) -> None:
        file = update_file(stick, started(), "1,u2,123456789,,,in_progress,,,,,2026-11-22T10:00:00Z")
        head, row, *answers = told("import", str(file)).splitlines()
        assert head.split() == ["OFFICE", "ROWS", "ACCEPTED", "DOUBLED", "REJECTED", "WAITING", "FILE"]
        assert row.split() == [WATER, "2", "1", "0", "1", "0", file.name]
        assert answers
        assert all(Path(answer.strip()).exists() for answer in answers)
        assert Case.get().state == "in_progress"

    def test_the_same_rows_in_another_file_are_doubles(self, house: House, stick: Path) -> None:
        row = started()
        told("import", str(update_file(stick, row)))
        (again,) = json.loads(told("import", str(update_file(stick, row, name="in_NCWSC_20261123_2.csv")), "--json"))
        assert (again["rows"], again["accepted"], again["duplicate"]) == (1, 0, 1)

    def test_a_dry_run_changes_nothing(self, house: House, stick: Path) -> None:
        assert told("import", "--dry-run", str(update_file(stick, started()))).split()[9] == "1"
        assert Case.get().state == "assigned"

    def test_a_file_that_is_refused_makes_the_command_fail(self, house: House, stick: Path) -> None:
        (stick / "in_NCWSC_20261123_1.csv").write_bytes(b"%PDF-1.7 and so on")
        result = run("import", str(stick / "in_NCWSC_20261123_1.csv"))
        assert result.exit_code == 1
        assert "was refused: " in result.stdout

    def test_a_file_is_checked_against_its_manifest(self, house: House, stick: Path) -> None:
        told("export", "--agency", WATER, "--to", str(stick))
        (file,) = stick.glob("out_*.csv")
        assert "is as we wrote it: number 1, 1 rows" in told("verify", str(file))
        file.write_bytes(file.read_bytes().replace(b"water", b"wader"))
        assert f"{file.name} cannot be trusted: " in refusal("verify", str(file))

    def test_a_file_without_a_manifest_is_not_vouched_for(self, house: House, stick: Path) -> None:
        (stick / "out.csv").write_text("a")
        assert "cannot be read" in refusal("verify", str(stick / "out.csv"))

    def test_the_key_of_an_office_is_shown_to_whom_the_log_names(self, house: House) -> None:
        result = run("key", "--agency", WATER, "--yes")
        assert result.stdout == f"{house.exchanges.key_for(WATER)}\n"
        assert "exchange_key_shown" in result.stderr
        assert told("key", "--agency", "KPLC", "--yes") != result.stdout

    def test_what_is_no_list_but_says_that_one_is_open_is_left_alone(self, house: House, stick: Path) -> None:
        (stick / "~$work_NCWSC_20261123.xlsx").write_bytes(b"Achieng")
        result = run("import", str(stick / "~$work_NCWSC_20261123.xlsx"), "--json")
        assert (result.exit_code, json.loads(result.stdout)) == (0, [])
        assert "was left alone" in result.stderr

    def test_the_code_of_an_office_may_be_typed_small(self, house: House, stick: Path) -> None:
        assert json.loads(told("run", "--agency", "ncwsc", "--json"))[0]["agency"] == WATER
        copies = json.loads(told("export", "--agency", "ncwsc", "--to", str(stick), "--number", "1", "--json"))
        assert [Path(copy).suffix for copy in copies] == [".csv", ".json"]


class TestUsb:
    def test_both_directions_and_then_it_may_be_taken_out(self, house: House, stick: Path) -> None:
        (stick / "mlango" / WATER / "in").mkdir(parents=True)
        update_file(stick / "mlango" / WATER / "in", started())
        result = run("usb", str(stick))
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines()[1].split()[:4] == [WATER, "1", "1", "1"]
        assert "you may take it out" in result.stderr
        assert "is no stick of its own" in result.stderr
        assert list((stick / "mlango" / WATER / "out").glob("out_*.manifest.json"))
        assert list((stick / "mlango" / WATER / "in" / "done").iterdir())

    def test_an_empty_stick_is_for_whom_it_is_said_to_be(self, house: House, stick: Path) -> None:
        assert "--agency" in refusal("usb", str(stick))
        assert told("usb", str(stick), "--agency", WATER, "--agency", "KPLC").count("\n") == 3

    def test_a_stick_that_cannot_be_written(self, house: House, stick: Path) -> None:
        (stick / "mlango").write_text("no folder")
        assert "cannot be written" in refusal("usb", str(stick), "--agency", WATER)

    def test_no_stick(self, house: House, stick: Path) -> None:
        assert "plugged in" in refusal("usb", str(stick / "gone"))


class TestStatus:
    def test_the_newest_file_and_what_waits(self, house: House) -> None:
        told("run")
        head, *rows = told("status").splitlines()
        water = next(row for row in rows if row.startswith(WATER)).split()
        assert head.split() == ["OFFICE", "NEWEST", "FILE", "DELIVERED", "ROWS", "FILES", "DAYS"]
        assert water[-3:] == ["0", "0", "0"]
        assert max(map(len, [head, *rows])) <= 80

    def test_why_an_office_is_not_reached_and_when_it_is_tried_again(self, house: House) -> None:
        links.failed(WATER, LinkFault("The line is dead."), utcnow())
        lines = told("status").splitlines()
        assert f"{WATER}: The line is dead." in lines
        assert [line for line in lines if line.startswith(f"{WATER}: It is tried again at ")]

    def test_programs_get_all_of_it(self, house: House) -> None:
        (water,) = [office for office in json.loads(told("status", "--json")) if office["agency"] == WATER]
        assert (water["rows_waiting"], water["days_behind"], water["state"], water["alarms"]) == (1, 0, "ok", [])

    def test_nothing_to_look_at(self, house: House) -> None:
        assert told("review", "--agency", WATER) == f"Nothing of {WATER} waits for a look.\n"
