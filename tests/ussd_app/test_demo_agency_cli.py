"""`./mlango demo agency`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from store.clock import utcnow
from tests import box
from tests.box import LODGE, Handset, through
from tests.commands import refusal, told
from ussd_app import wiring
from ussd_app.cli import demo
from ussd_app.settings import Settings

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in box.environ(tmp_path, database_url).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_a_turn_tells_what_each_office_did(home: Path) -> None:
    with box.application(Settings.load()) as app:
        Handset(through(app.test_client())).dial(*LODGE)
        wiring.build(Settings.load()).exchanges.run("NCWSC", utcnow())
    printed = told(demo.command, "agency", "--once", "--agency", "NCWSC", "--seed", "2")
    assert re.search(r"^\d\d:\d\d:\d\d  NCWSC: Read out_NCWSC_\d{8}_0001.csv, sealed,", printed)
    assert "NCWSC in all: event files 1, event rows 1, " in printed
    assert (home / "exchange" / "NCWSC" / "office" / "books.json").exists()


def test_every_office_of_the_demonstration_plays_unless_some_are_named(home: Path) -> None:
    printed = told(demo.command, "agency", "--once")
    assert sorted(printed.splitlines()) == [
        "COUNTY-047 in all: nothing to do yet.",
        "KPLC in all: nothing to do yet.",
        "NCWSC in all: nothing to do yet.",
    ]


def test_an_office_that_fetches_no_files_here_cannot_be_played(home: Path) -> None:
    assert refusal(demo.command, "agency", "--once", "--agency", "KENHA").endswith(
        "exchange.toml: COUNTY-047, KPLC, NCWSC."
    )


def test_made_up_offices_answer_nobody_in_production(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = "k1:" + "A" * 43 + "="
    for name, value in {
        "MODE": "production",
        "MASTER_KEYS": keys,
        "INDEX_KEY": keys[3:],
        "CALLBACK_TOKEN": "Qm9uZ28gbGEgbXRpLTE5Nzg0MzIx",
        "SMS_GATEWAY": "null",
    }.items():
        monkeypatch.setenv(f"MLANGO_{name}", value)
    assert "real ones answer" in refusal(demo.command, "agency", "--once")
