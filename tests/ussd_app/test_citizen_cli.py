"""`./mlango citizen`, on both databases: clear to whoever runs it, and careful with what is private."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner, Result

from cases import reference
from cases.models import Case, Citizen
from cases.privacy import Erasure
from sms_gateway.message import Message
from store.clock import utcnow
from tests import box
from tests.box import ASHA, LODGE, Handset, number_in, through
from ussd_app import wiring
from ussd_app.cli.citizen import command
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

WORDS = "Zumaridi"


@pytest.fixture
def number(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A box with a case of Asha's; its number, as people read it."""
    environ = box.environ(tmp_path, database_url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with box.application(Settings.load(environ)) as app:
        handset = Handset(through(app.test_client()))
        ref = number_in(handset.dial(*LODGE))
        assert handset.text(f"{WORDS} street") == 200
        yield reference.shown(ref)


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=answer)


def refusal(result: Result) -> str:
    assert isinstance(result.exception, Refusal), result.output
    (fault,) = result.exception.faults
    return fault


class TestExport:
    def test_it_is_printed(self, number: str) -> None:
        result = run("export", "0712 345 678")
        assert result.exit_code == 0
        told = json.loads(result.stdout)
        assert (told["number"], told["cases"][0]["number"]) == (ASHA, number)
        assert f"{WORDS} street" in [one["text"] for one in told["messages"]]

    def test_it_is_written_for_nobody_else_to_read(self, number: str, tmp_path: Path) -> None:
        file = tmp_path / "asha.json"
        result = run("export", ASHA, "--to", str(file))
        assert result.stdout.startswith(f"{file}: cases: 1, messages: ")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text())["number"] == ASHA

    def test_no_file_is_overwritten(self, number: str, tmp_path: Path) -> None:
        file = tmp_path / "asha.json"
        file.write_text("mine")
        assert refusal(run("export", ASHA, "--to", str(file))) == f"{file} is there already; choose another name."
        assert file.read_text() == "mine"
        missing = tmp_path / "no" / "asha.json"
        assert refusal(run("export", ASHA, "--to", str(missing))).startswith(f"{missing} cannot be written: no such")


@pytest.mark.parametrize("verb", ["export", "erase"])
class TestWhom:
    def test_a_number_that_is_none(self, number: str, verb: str) -> None:
        assert refusal(run(verb, "12345")) == (
            "'12345' is not a phone number; write it like +254712345678 or 0712345678."
        )

    def test_a_number_that_we_do_not_know(self, number: str, verb: str) -> None:
        assert refusal(run(verb, "+254799999999")) == (
            "Nothing is kept about +254799999999: they never asked us anything, or were erased."
        )

    def test_a_citizen_whose_key_does_not_open(self, number: str, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLANGO_MASTER_KEYS", f"other:{'A' * 43}=")
        monkeypatch.setenv("MLANGO_INDEX_KEY", Settings.load().index_key.get_secret_value())
        told = refusal(run(verb, ASHA))
        assert told.startswith(f"What is kept about {ASHA} cannot be read: master key 'demo1' is not in")


class TestErase:
    def test_an_open_case_stands_in_the_way(self, number: str) -> None:
        assert refusal(run("erase", ASHA, "--yes")) == (
            f"{ASHA} has open cases: {number}. Wait until they have ended, or withdraw them with --withdraw."
        )
        assert Erasure.select().count() == 0

    def test_it_says_what_goes_asks_and_does_it(self, number: str) -> None:
        result = run("erase", ASHA, "--withdraw", "--by", "wanjiku", answer="y\n")
        assert result.exit_code == 0, result.output
        before, after = result.output.split("Erase? [y/N]: y\n")
        assert f"This erases {ASHA} for ever" in before
        assert "       1  USSD sessions and drafts\n" in before
        assert f"Withdrawn before that: {number}." in before
        assert "Cases that stay, without a person, their words unreadable: 1." in before
        assert after.startswith("Erased. open cases, withdrawn: 1; USSD sessions and drafts: 1; ")
        assert (Erasure.get().actor, Erasure.get().reason) == ("wanjiku", "request")
        assert Case.get().state == "withdrawn"
        assert refusal(run("export", ASHA)).startswith("Nothing is kept about")

    def test_files_that_wait_for_their_office_are_written_anew(self, number: str) -> None:
        office = wiring.build(Settings.load()).exchanges.workshop
        made = office.exporter.make(Case.get().agency, utcnow())
        assert WORDS in made.path.read_text(encoding="utf-8")
        result = run("erase", ASHA, "--withdraw", "--yes")
        assert "\nFiles of offices on this box: written anew: 1. The offices are told to erase" in result.output
        assert WORDS not in made.path.read_text(encoding="utf-8")

    def test_no_means_no(self, number: str) -> None:
        result = run("erase", ASHA, "--withdraw", answer="n\n")
        assert result.exit_code == 1
        assert Erasure.select().count() == 0
        assert json.loads(run("export", ASHA).stdout)["cases"][0]["state"] != "withdrawn"


class TestRetention:
    def test_a_dry_run_only_says_what_would_go(self, number: str) -> None:
        withdraw()
        result = run_later(timedelta(days=800), "retention", "--dry-run")
        messages = Message.select().count()
        waiting = Message.select().where(Message.state == "queued").count()
        assert result.stdout.splitlines() == [
            "citizens, kept 730 days: 1 would go (2 years old: 1).",
            f"texts of SMS, kept 180 days: {messages - waiting} would go (2 years old: {messages - waiting}).",
            "SMS on simulated handsets, kept 180 days: 0 would go.",
        ]
        assert Citizen.select().where(Citizen.data_key.is_null(False)).count() == 1

    def test_what_was_kept_long_enough_goes_once(self, number: str) -> None:
        withdraw()
        assert run_later(timedelta(days=200), "retention").stdout.splitlines()[0] == (
            "citizens, kept 730 days: 0 erased."
        )
        result = run_later(timedelta(days=800), "retention")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("citizens, kept 730 days: 1 erased.\n")
        assert run_later(timedelta(days=800), "retention").stdout.startswith("citizens, kept 730 days: 0 erased.\n")

    def test_the_settings_say_how_long(self, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
        withdraw()
        monkeypatch.setenv("MLANGO_KEEP_CITIZENS_DAYS", "90")
        monkeypatch.setenv("MLANGO_KEEP_MESSAGES_DAYS", "30")
        told = run_later(timedelta(days=100), "retention", "--dry-run").stdout
        assert "citizens, kept 90 days: 1 would go (3 months old: 1)." in told
        assert "texts of SMS, kept 30 days: " in told

    @pytest.mark.parametrize("days", ["29", "soon", "-1", "99999"])
    def test_an_impossible_time_is_refused(self, number: str, monkeypatch: pytest.MonkeyPatch, days: str) -> None:
        monkeypatch.setenv("MLANGO_KEEP_CITIZENS_DAYS", days)
        assert refusal(run("retention")) == (
            f"MLANGO_KEEP_CITIZENS_DAYS must be a whole number of days, from 30 to 36500, not {days!r}."
        )


def run_later(later: timedelta, *arguments: str, answer: str | None = None) -> Result:
    with time_machine.travel(utcnow() + later, tick=True):
        return run(*arguments, answer=answer)


def withdraw() -> None:
    Case.update(state="withdrawn").execute()
