"""`./mlango menus funnel`, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import packs
from menus.insight import Insight
from store import database
from store.clock import utcnow
from tests import box
from ussd_app.cli.funnel import LONGEST_BAR, command
from ussd_app.refusal import Refusal


@pytest.fixture(autouse=True)
def _box(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in box.environ(tmp_path / "home", database_url).items():
        monkeypatch.setenv(name, value)
    database.bind(database_url)
    yield
    database.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def happen(screen: str, language: str = "en", *, answered: int = 0, dropped: int = 0, ended: int = 0) -> None:
    """Some citizens saw a screen a day ago; who answered needed 10 seconds."""
    counting = Insight(packs.current, lambda *_, **__: None)
    for number in range(answered + dropped + ended):
        counting.shown(screen, language, utcnow() - timedelta(days=1), end=number < ended)
    for _ in range(answered):
        counting.answered(screen, language, 10.0)
    for _ in range(dropped):
        counting.dropped(screen, language, utcnow())
    counting.flush()


def test_the_screens_that_most_sessions_were_left_at_come_first() -> None:
    happen("home", answered=90, dropped=10)
    happen("place", answered=50, dropped=40)
    happen("done", ended=50)
    title, sessions, _, head, *rows = run().output.splitlines()
    assert title.startswith("Where citizens give up: ")
    assert sessions == "100 sessions: 50 % came to a last screen, 50 were left."
    assert head.split() == ["screen", "left", "of", "share", "answer"]
    assert [row.split() for row in rows] == [
        ["place", "40", "█" * LONGEST_BAR, "90", "44", "%", "10", "s"],
        ["home", "10", "█" * (LONGEST_BAR // 4), "100", "10", "%", "10", "s"],
    ]
    assert max(map(len, run().output.splitlines())) <= 80


def test_one_language_and_some_days_alone_may_be_looked_at() -> None:
    happen("home", "en", dropped=1)
    happen("place", "sw", dropped=2)
    assert "Kiswahili\n2 sessions: 0 % came to a last screen, 2 were left." in run("--language", "sw").output
    assert "place" not in run("--language", "en").output
    assert "No session has ended in these days." in run("--days", "1").output


def test_without_sessions_it_says_so() -> None:
    assert "No session has ended in these days." in run().output


def test_an_unknown_language_is_refused() -> None:
    result = run("--language", "xx")
    assert isinstance(result.exception, Refusal)
    assert "There is no language with the code xx." in result.exception.faults[0]
