"""Documents are true: what they show is what the program does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs import pictures, readme

DECISIONS = sorted((readme.ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def test_the_examples_and_settings_of_the_readme_are_what_the_program_prints() -> None:
    written = readme.README.read_text(encoding="utf-8")
    assert readme.settled(readme.renewed(written)) == readme.settled(written), (
        "README.md shows something else than the program. Run: .venv/bin/python -m docs.readme"
    )


def test_the_picture_of_a_conversation_is_what_the_service_shows(tmp_path: Path) -> None:
    drawn = tmp_path / "conversation.svg"
    subprocess.run([sys.executable, "-m", "docs.pictures", drawn], cwd=readme.ROOT, check=True, capture_output=True)
    assert drawn.read_text() == pictures.PICTURE.read_text(), "Draw it again: .venv/bin/python -m docs.pictures"


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_short_and_numbered_like_its_file(decision: Path) -> None:
    title, *rest = decision.read_text(encoding="utf-8").splitlines()
    assert title.startswith(f"# {int(decision.stem[:4])}. ")
    assert len(rest) <= 12, "a decision takes ten lines"
