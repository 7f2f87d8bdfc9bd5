"""The USSD benchmark, as short as it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import main


@pytest.mark.debian("wrk")
def test_a_short_run_prints_a_table_and_keeps_its_figures(tmp_path: Path) -> None:
    command = ["ussd", "--seconds", "1", "--rounds", "1", "--results", str(tmp_path / "results")]
    outcome = CliRunner().invoke(main, command, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert [line[0] for line in lines[1:]] == ["flask", "dbraw", "mlango"]
    (kept,) = (tmp_path / "results").iterdir()
    ours = json.loads(kept.read_bytes())["contenders"]["mlango"]
    assert ours["rounds"][0]["sessions"] > 0
    assert (ours["rounds"][0]["bad"], ours["rounds"][0]["errors"]) == (0, 0)
    assert 0 < ours["ratios"]["flask"] < 1


def test_without_wrk_the_command_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = CliRunner().invoke(main, ["ussd"])
    assert outcome.exit_code == 1
    assert "apt install wrk" in outcome.stderr


def test_an_unknown_benchmark_is_refused_with_the_names_that_exist() -> None:
    outcome = CliRunner().invoke(main, ["speed"])
    assert outcome.exit_code == 2
    assert "'ussd'" in outcome.stderr
