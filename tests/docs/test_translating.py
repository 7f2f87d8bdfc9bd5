"""The guide for translators is true: its commands are run, in their order, on a copy of the languages and the pack."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

import locales
from docs import readme
from locales import translations
from menus import walk
from tests import box
from tests.locales.conftest import forget
from ussd_app import wiring
from ussd_app.cli import locales as cli
from ussd_app.cli.locales import preview

GUIDE: Final = (readme.ROOT / "docs" / "translating.md").read_text(encoding="utf-8")
COMMANDS: Final = re.findall(r"^\$ \./mlango locales (.+)$", GUIDE, re.MULTILINE)
NEW_LANGUAGE: Final = re.findall(r"```toml\n(.+?)```", GUIDE, re.DOTALL)[0]
STATUS: Final = re.findall(r"status\n(.+?)```", GUIDE, re.DOTALL)[0].splitlines()


@pytest.fixture(autouse=True)
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The languages as they are, with the guide's new one, and the pack of Kenya, where they may be changed."""
    shutil.copytree(locales.FOLDER, tmp_path / "locales")
    shutil.copytree(wiring.PACKS / "ke", tmp_path / "packs" / "ke")
    with (tmp_path / "locales" / "languages.toml").open("a", encoding="utf-8") as registry:
        registry.write(f"\n{NEW_LANGUAGE}")
    monkeypatch.setattr(locales, "FOLDER", tmp_path / "locales")
    monkeypatch.setattr(wiring, "PACKS", tmp_path / "packs")
    monkeypatch.setattr(cli, "_overflowing", lambda *_: [0] * len(locales.registry()))  # proven by the menus' check
    monkeypatch.setattr(preview, "walk", lambda flow, here: islice(walk.walk(flow, here), 20))
    for name, value in box.environ(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def test_every_command_of_the_guide_works() -> None:
    assert len(COMMANDS) >= 6
    for line in COMMANDS:
        done = CliRunner().invoke(cli.command, line.split())
        assert done.exit_code == 0, f"{line}: {done.output or done.exception}"
        if line.endswith("export nyf.csv"):
            translate("Back", "Uya")
    assert translations("nyf").gettext("Back") == "Uya"
    assert translations("nyf").gettext("More") == translations("sw").gettext("More")


def translate(english: str, words: str) -> None:
    with Path("nyf.csv").open(encoding="utf-8-sig", newline="") as sheet:
        rows = list(csv.DictReader(sheet))
    for row in rows:
        row["text"] = words if row["English"] == english else ""
    with Path("nyf.csv").open("w", encoding="utf-8", newline="") as sheet:
        writer = csv.DictWriter(sheet, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_the_guide_shows_the_state_of_english_and_swahili_as_it_is() -> None:
    lines = CliRunner().invoke(cli.command, ["status"]).output.splitlines()
    assert [" ".join(line.split()) for line in lines[:2]] == [" ".join(line.split()) for line in STATUS]
