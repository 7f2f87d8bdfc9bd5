"""Processor time is read as the kernel writes it, and no server outlives its block."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

import pytest

from bench import machine
from ussd_app.refusal import Refusal

TICK = 1 / os.sysconf("SC_CLK_TCK")


def test_processor_time_is_that_of_the_user_and_the_system() -> None:
    stat = "4711 (granian) S 1 4711 4711 0 -1 4194560 900 0 0 0 250 50 7 7 20 0 3 0 12345 99 88"
    assert machine.parse_cpu_seconds(stat) == pytest.approx(300 * TICK)


def test_a_process_may_have_any_name() -> None:
    stat = "4711 (a) b (c 1 2) R 1 4711 4711 0 -1 4194560 900 0 0 0 3 4 7 7 20 0 3 0 12345 99 88"
    assert machine.parse_cpu_seconds(stat) == pytest.approx(7 * TICK)


def test_our_own_processor_time_only_grows() -> None:
    before = machine.cpu_seconds(os.getpid())
    assert machine.cpu_seconds(os.getpid()) >= before > 0


def test_one_core_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5})
    with pytest.raises(Refusal, match="two cores"):
        machine.two_cores()


def test_server_and_load_get_different_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7, 5, 6})
    assert machine.two_cores() == (5, 6)


def test_a_server_answers_in_its_block_and_is_gone_after_it(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    with machine.granian("bench.floors:flask", core, {}, tmp_path / "log") as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", data=b"text=", timeout=5) as answer:
            assert answer.read().startswith(b"CON ")
        assert os.sched_getaffinity(server.worker) == {core}
    assert not Path(f"/proc/{server.worker}").exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    with (
        pytest.raises(Refusal, match=r"(?s)did not start.*nowhere"),
        machine.granian("bench.nowhere:app", core, {}, tmp_path / "log"),
    ):
        pass
