"""`up`, seen from outside: real processes, a real port, real signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from ussd_app.processes import MARK
from ussd_app.settings import ROOT

PATIENCE_S: Final = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Up:
    """One `./mlango up` in a process of its own."""

    def __init__(self, home: Path, port: int, **environ: str) -> None:
        self.home, self.port = home, port
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MLANGO_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ussd_app", "up"],
            cwd=ROOT,
            env=clean | {"PORT": str(port), "MLANGO_HOME": str(home)} | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> str:
        """The first line that it prints."""
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n") or f"not ready: {self.ended()[1]}"

    def ended(self) -> tuple[int, str]:
        """Its exit code and what it said on standard error, once it has ended."""
        said = self.process.communicate(timeout=PATIENCE_S)[1]
        return self.process.returncode, said

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()[0]

    def answers(self, path: str = "/healthz") -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def degraded(self) -> list[str]:
        """What `/readyz` says does not work."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return list(json.loads(connection.getresponse().read())["degraded"])
        finally:
            connection.close()

    def processes(self) -> dict[int, str]:
        """Every process with this home in its environment, and its command line."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if f"MLANGO_HOME={self.home}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ").strip()
            except OSError:
                continue
        return found

    def has_another(self, words: str, before: int) -> bool:
        """Whether a process with these words took the place of the one before."""
        now = self.processes()
        return before not in now and any(words in command for command in now.values())

    def one(self, words: str) -> int:
        """The oldest process with these words in its command line."""
        return min(pid for pid, command in self.processes().items() if words in command)


def soon(true: Callable[[], object], seconds: float = PATIENCE_S) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not (now := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(now)


@contextmanager
def up(home: Path, port: int | None = None, **environ: str) -> Iterator[Up]:
    running = Up(home, port or free_port(), **environ)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
        running.process.communicate(timeout=PATIENCE_S)


def test_up_serves_and_a_signal_ends_everything(tmp_path: Path) -> None:
    with up(tmp_path / "a home") as running:
        assert running.ready() == f"Ready: http://127.0.0.1:{running.port}"
        assert running.answers()
        assert running.answers("/readyz")
        assert len(running.processes()) == 6  # the parent, Valkey, worker, relay, and granian with its one worker
        assert running.stop(signal.SIGTERM) == 0
        assert running.processes() == {}
        assert not running.answers()


def test_a_signal_during_the_start_ends_everything(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        assert soon(lambda: len(running.processes()) > 1)
        assert running.stop() == 0
        assert running.processes() == {}


def test_a_second_up_on_the_same_home_is_refused_and_the_first_one_serves_on(tmp_path: Path) -> None:
    with up(tmp_path) as first:
        assert first.ready().startswith("Ready")
        with up(tmp_path) as second:
            code, said = second.ended()
        assert (code, said) == (
            1,
            f"mlango: `up` already runs on {tmp_path} (process {first.process.pid}); "
            "stop it, or choose another folder with MLANGO_HOME.\n",
        )
        assert first.answers()


def test_after_the_parent_was_killed_the_next_up_cleans_up_and_serves(tmp_path: Path) -> None:
    port = free_port()
    with up(tmp_path, port) as killed:
        assert killed.ready().startswith("Ready")
        before = killed.processes().keys() - {killed.process.pid}
        killed.process.kill()
    deaf = subprocess.Popen(["sleep", "600"], env={"MLANGO_HOME": str(tmp_path), MARK: str(tmp_path)})
    with up(tmp_path, port) as after:
        assert after.ready() == f"Ready: http://127.0.0.1:{port}"
        assert deaf.wait(5) == -signal.SIGTERM
        assert not before & after.processes().keys()
        assert after.answers()
        assert after.stop() == 0
        assert after.processes() == {}


def test_every_child_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        assert running.ready().startswith("Ready")
        for words in ("granian", "ussd_app worker", "ussd_app relay", "valkey-server"):
            victim = running.one(words)
            os.kill(victim, signal.SIGKILL)
            assert soon(partial(running.has_another, words, victim)), words
        assert soon(running.answers)
        assert running.stop() == 0
        assert running.processes() == {}


def test_a_used_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with up(tmp_path, port) as refused:
            assert refused.ended() == (
                1,
                f"mlango: Port {port} is in use; choose another with PORT={port + 1} ./mlango up\n",
            )


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with up(tmp_path / "file" / "home") as refused:
        code, said = refused.ended()
    assert code == 1
    assert said == (
        f"mlango: The folder {tmp_path}/file/home cannot be written (not a directory); "
        "choose another one with MLANGO_HOME.\n"
    )


def test_bad_settings_are_one_sentence_each(tmp_path: Path) -> None:
    with up(tmp_path, MLANGO_PAYS="nobody", MLANGO_LOG_LEVEL="loud") as refused:
        assert refused.ended() == (
            1,
            "mlango: MLANGO_PAYS must be citizen or county, not 'nobody'.\n"
            "mlango: MLANGO_LOG_LEVEL must be debug, info, warning or error, not 'loud'.\n",
        )


def test_an_address_of_another_machine_is_one_sentence(tmp_path: Path) -> None:
    with up(tmp_path, MLANGO_HOST="192.0.2.1") as refused:
        code, said = refused.ended()
    assert code == 1
    assert said.startswith("mlango: MLANGO_HOST '192.0.2.1' is not an address of this machine")
    assert said.count("\n") == 1


def test_a_database_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with up(tmp_path, MLANGO_DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/none") as refused:
        code, said = refused.ended()
    assert code == 1
    assert said.startswith("mlango: The database cannot be used: ")
    assert "Connection refused" in said
    assert said.endswith("mlango: The database could not be prepared.\n")
    assert "Traceback" not in said
    assert refused.processes() == {}


def test_a_web_server_that_does_not_start_is_heard(tmp_path: Path) -> None:
    with up(tmp_path, GRANIAN_BACKLOG="none") as refused:
        code, said = refused.ended()
    assert code == 1
    assert "mlango: The web server does not start. Its last words:\n" in said
    assert "'none' is not a valid integer" in said
    assert refused.processes() == {}


@pytest.mark.parametrize("name", ["long" * 30, "my documents", "a=b"])
def test_every_part_works_in_a_home_of_any_name_and_ctrl_c_stops_it(tmp_path: Path, name: str) -> None:
    with up(tmp_path / name) as running:
        assert running.ready().startswith("Ready")
        assert soon(lambda: running.degraded() == []), running.degraded()
        assert running.stop(signal.SIGINT) == 0
        assert running.processes() == {}
