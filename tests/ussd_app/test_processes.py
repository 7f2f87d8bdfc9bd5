"""Children are kept running, and end with all that they started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ussd_app import processes
from ussd_app.processes import Child, Program


def soon(true: Callable[[], object], seconds: float = 5.0) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not (now := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(now)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(script: str, grace: float = 3.0) -> Child:
        program = Program("trial", ("/bin/sh", "-c", script), grace)
        made.append(Child(program, tmp_path, dict(os.environ), tmp_path / "trial.log"))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()


def said(child: Child) -> list[int]:
    """The numbers that the child has written to its log, a line each, once the last line is whole."""
    text = child.log.read_text()
    return [int(line) for line in text.split()] if text.endswith("\n") else []


def test_a_child_that_ends_is_started_again_and_says_how_it_ended(child: Callable[..., Child]) -> None:
    trial = child("echo $$; exit 3")
    assert trial.state == "starting"
    assert soon(lambda: "trial ended (exit code 3); starting it again in 0.5 s" in (trial.tend() or ""))
    assert soon(lambda: trial.state == "ended")
    assert soon(lambda: trial.tend() == "trial started again")
    assert soon(lambda: len(said(trial)) == 2)


def test_a_child_that_keeps_ending_is_started_ever_more_slowly(child: Callable[..., Child]) -> None:
    trial = child("exit 1")
    waits: list[str] = []
    while len(waits) < 3:
        waits += re.findall(r"starting it again in (\S+) s", trial.tend() or "")
        time.sleep(0.01)
    assert waits == ["0.5", "1", "2"]


def test_a_child_whose_program_is_gone_for_a_while_is_tried_again(child: Callable[..., Child], tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.symlink_to("/bin/true")
    trial = Child(Program("trial", (str(program),)), tmp_path, dict(os.environ), tmp_path / "trial.log")
    trial.start()
    program.unlink()
    assert soon(lambda: "No such file or directory" in (trial.tend() or ""))
    program.symlink_to("/bin/true")
    assert soon(lambda: trial.tend() == "trial started again")
    trial.stop()


def test_stopping_a_child_ends_what_it_started_as_well(child: Callable[..., Child]) -> None:
    trial = child("sleep 60 & echo $!; echo $$; wait")
    assert soon(lambda: len(said(trial)) == 2)
    trial.stop()
    assert [pid for pid in said(trial) if alive(pid)] == []


def test_a_child_that_does_not_listen_is_killed_after_its_grace(child: Callable[..., Child]) -> None:
    trial = child("trap '' TERM; echo $$; while :; do sleep 1; done", grace=0.2)
    assert soon(lambda: said(trial))
    began = time.monotonic()
    trial.stop()
    assert 0.2 <= time.monotonic() - began < 2
    assert not alive(said(trial)[0])


def test_when_a_child_is_killed_what_it_started_goes_before_it_is_started_again(child: Callable[..., Child]) -> None:
    trial = child("sleep 60 & echo $!; echo $$; wait")
    assert soon(lambda: len(said(trial)) == 2)
    helper, leader = said(trial)
    os.kill(leader, signal.SIGKILL)
    assert soon(lambda: "ended (SIGKILL)" in (trial.tend() or ""))
    assert soon(lambda: not alive(helper))


def test_the_last_words_are_those_of_this_run(child: Callable[..., Child], tmp_path: Path) -> None:
    (tmp_path / "trial.log").write_text("from an earlier run\n")
    trial = child("for line in 1 2 3; do echo $line; done; sleep 60")
    assert soon(lambda: trial.last_words(lines=2) == "2\n3")
    assert "earlier" not in trial.last_words()


def test_a_long_log_moves_aside_and_the_child_writes_on(
    child: Callable[..., Child], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_LOG_BYTES", 100)
    os.mkfifo(tmp_path / "go")
    trial = child("head -c 500 /dev/zero | tr '\\0' x; read line < go; echo after; sleep 60")
    assert soon(lambda: trial.log.stat().st_size == 500)
    trial.keep_log_short()
    (tmp_path / "go").write_text("\n")
    assert soon(lambda: trial.log.read_text() == "after\n")
    assert (tmp_path / "trial.log.1").read_text() == "x" * 500


def test_orphans_are_known_by_their_mark_alone(tmp_path: Path) -> None:
    ours, others = tmp_path / "ours", tmp_path / "others"
    sleepers = [
        subprocess.Popen(["sleep", "60"], env=dict(os.environ) | {processes.MARK: str(home)}) for home in (ours, others)
    ]
    try:
        assert processes.end_orphans(ours) == 1
        assert sleepers[0].wait(5) == -signal.SIGTERM
        assert sleepers[1].poll() is None
        assert processes.end_orphans(ours) == 0
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_an_orphan_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    environ = dict(os.environ) | {processes.MARK: str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", stubborn], env=environ, stdout=subprocess.PIPE) as orphan:
        assert orphan.stdout
        orphan.stdout.readline()
        assert processes.end_orphans(tmp_path, grace=0.2) == 1
        assert orphan.wait(5) == -signal.SIGKILL


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "trial.log"
    parent = (
        "import os, time; from pathlib import Path; from ussd_app.processes import Child, Program; "
        "trial = Program('trial', ('/bin/sh', '-c', 'echo $$; exec sleep 60')); "
        f"Child(trial, Path('/'), dict(os.environ), Path({str(log)!r})).start(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=Path(processes.__file__).parents[1]) as killed:
        assert soon(lambda: log.exists() and log.read_text().endswith("\n"))
        pid = int(log.read_text())
        assert alive(pid)
        killed.kill()
    assert soon(lambda: not alive(pid))
