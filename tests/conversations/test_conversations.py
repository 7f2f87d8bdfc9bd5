"""Each file of this folder is a dialogue; the service still says what it says there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from store.sealing import Keyring
from tests.conftest import NOW
from tests.conversations.script import Script
from tests.menus.stage import Stage

FILES: Final = sorted(Path(__file__).parent.glob("*.txt"))


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
