"""What the page for offices tells is what their files are."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import pytest

from cases.lifecycle import OUTCOMES, SHORTEST_NOTE, State
from docs import offices
from store.sealing import Keyring
from sync import columns, files, held, inbound, lines, manifest, outbound, said, sheet, updates
from sync.faults import RowFault
from sync.updates import Kind, Update, kind_of, understand
from tests.sync.stage import WATER, Stage
from ussd_app.cli.sync import command as sync_command

PAGE: Final = offices.PAGE.read_text(encoding="utf-8")
EVENING: Final = datetime(2026, 11, 23, 15, tzinfo=UTC)


def block(language: str) -> str:
    """The first example in that language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_tables_are_up_to_date() -> None:
    assert offices.renewed(PAGE) == PAGE, "Write them again: .venv/bin/python -m docs.offices"


def test_every_table_is_on_the_page() -> None:
    assert set(re.findall(r"<!-- table: (.+) -->", PAGE)) == offices.TABLES.keys()


def test_every_column_and_word_is_explained() -> None:
    assert tuple(offices.WORKLIST) == columns.WORKLIST
    assert tuple(offices.EVENTS) == lines.HEADER
    assert tuple(offices.UPDATES) == columns.UPDATES
    assert set(offices.MANIFEST) == {field.name for field in fields(manifest.Manifest)}
    assert set(offices.MEANINGS) == set(updates.STATUSES)
    assert tuple(offices.ENDINGS) == OUTCOMES


def test_the_page_tells_the_numbers_of_the_code() -> None:
    assert f"at least {SHORTEST_NOTE} letters" in PAGE
    assert f"at most {said.LONGEST} characters" in PAGE
    assert f"at most {updates.LONGEST_NOTE:,}" in PAGE
    assert timedelta(days=7) == held.HELD_FOR
    assert "waits for seven days" in PAGE
    assert f"kept** for {outbound.KEEP.days} days" in PAGE


def test_the_example_of_an_update_file_is_understood(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(block("csv"), encoding="utf-8")
    found = sheet.read(tmp_path / "in.csv")
    assert found.header == columns.UPDATES
    assert kind_of(found.header) is Kind.UPDATES
    understood = [understand(Kind.UPDATES, row, now=EVENING, zone=ZoneInfo("Africa/Nairobi")) for row in found]
    assert not [one for one in understood if isinstance(one, RowFault)]
    assert [one.status for one in understood if isinstance(one, Update)] == [
        State.IN_PROGRESS,
        State.RESOLVED,
        State.PENDING_CITIZEN,
    ]


def test_the_example_of_an_answer_has_its_fields() -> None:
    told = json.loads(block("json"))
    counts = {field.name for field in fields(inbound.Taken)} - {"agency", "name", "answers"}
    assert counts == told.keys() - {"file", "sha256", "read_at", "errors"}
    assert told["accepted"] + told["duplicate"] + told["rejected"] == told["rows"]


@pytest.mark.parametrize("line", re.findall(r"^\./mlango sync [^#\n]+", PAGE, re.MULTILINE))
def test_the_commands_on_the_page_are_there(line: str) -> None:
    name, *arguments = shlex.split(line)[2:]
    command = sync_command.commands[name]
    given, surplus, _ = command.make_parser(click.Context(command)).parse_args(arguments)  # raises where it knows none
    assert not surplus
    assert all(parameter.name in given for parameter in command.params if parameter.required)


@pytest.fixture
def stage(bound: str, tmp_path: Path, keyring: Keyring, now: datetime) -> Stage:
    return Stage(tmp_path, keyring, now)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_programme_that_checks_a_manifest_does(stage: Stage) -> None:
    stage.lodge("Hakuna maji")
    made = stage.exporter.make(WATER, stage.now)
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102  it is what the page tells people to run
    key = stage.keys.key_for(WATER).hex()
    assert names["is_ours"](str(made.manifest), key)
    assert not names["is_ours"](str(made.manifest), stage.keys.key_for("KPLC").hex())
    made.path.write_bytes(made.path.read_bytes() + b" ")
    assert not names["is_ours"](str(made.manifest), key)
    assert files.manifest_of(made.path) == made.manifest
