"""How far a long run of `./mlango sync` is, on a terminal."""

from __future__ import annotations

import pytest

from ussd_app.cli.sync.shown import Steps

WATER = "NCWSC"


def test_what_takes_a_while_has_a_bar_with_its_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("ussd_app.cli.sync.shown._SOON_S", -1)
    steps = Steps(WATER)
    count = steps("events", 200)
    for _ in range(2):
        count(100)
    steps.end()
    drawn = capsys.readouterr().err
    assert f"{WATER}  events" in drawn
    assert "200/200" in drawn
    assert max(map(len, drawn.replace("\n", "\r").split("\r"))) <= 90  # with the codes of the terminal


def test_what_is_soon_done_has_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    steps = Steps(WATER)
    steps("events", 200)(200)
    steps.end()
    assert capsys.readouterr().err == ""
