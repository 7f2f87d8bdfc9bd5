"""What wrk prints becomes a round; what goes wrong becomes a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import walk
from bench.walk import Round
from ussd_app.refusal import Refusal

SAID = """Running 2s test @ http://127.0.0.1:8123
  8 threads and 8 connections
RESULT seconds=2.010000 requests=1005 sessions=200 p50_us=1500 p99_us=9000 bad=0 errors=1
"""


def test_the_line_of_the_script_is_read() -> None:
    assert walk.parse(SAID, cpu_s=0.5) == Round(2.01, 1005, 200, 1500, 9000, bad=0, errors=1, cpu_s=0.5)


def test_an_answer_that_was_not_expected_spoils_the_benchmark() -> None:
    said = "BAD 200 to '1*1': END Samahani\n" + SAID.replace("bad=0", "bad=7")
    with pytest.raises(Refusal, match=r"7 answers were not as expected\. The first: 200 to '1\*1': END Samahani"):
        walk.parse(said, cpu_s=0.5)


def test_when_wrk_fails_its_own_words_are_shown() -> None:
    with pytest.raises(Refusal, match="unable to connect"):
        walk.parse("unable to connect to 127.0.0.1:1 Connection refused", cpu_s=0)


def test_a_machine_without_wrk_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal, match="apt install wrk"):
        walk.program()


def test_every_walk_has_callers_of_its_own() -> None:
    numbers = walk.msisdns(3)
    assert len(set(numbers)) == len(numbers) == 3 * walk.CONNECTIONS * walk.NUMBERS_EACH
    assert {len(number) for number in numbers} == {len("+254700000000")}
