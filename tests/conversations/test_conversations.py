"""Each file of this folder is a dialogue; the service still says what it says there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from store.sealing import Keyring
from tests.conftest import NOW
from tests.conversations.script import DIRECTIVES, Script
from tests.menus.stage import Stage

FOLDER: Final = Path(__file__).parent
FILES: Final = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_service_says_what_the_file_says(
    file: Path, bound: str, keyring: Keyring, request: pytest.FixtureRequest
) -> None:
    written = file.read_text(encoding="utf-8")
    spoken = Script(Stage(keyring, NOW)).play(written)
    if request.config.getoption("--update-conversations", default=False):
        file.write_text(spoken, encoding="utf-8")
    else:
        assert spoken == written


def test_the_readme_writes_what_the_script_understands() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    example = readme.split("```")[1].split("\n")[1:]
    table = re.findall(r"^\| (`.*?`) \|", readme, re.MULTILINE)
    written = [line for line in (*example, *re.findall(r"`([^`]+)`", " ".join(table))) if line and line[0] != "#"]
    assert len(written) > 20
    for line in written:
        assert any(re.fullmatch(pattern, line) for pattern in DIRECTIVES), line
