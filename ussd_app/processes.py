"""Child processes: started in a group of their own, started again when they die, ended with everything they started.

A child's output goes to a log file of bounded size. Children end when their parent does (Linux); whatever a killed
parent still left behind is found by the mark in its environment, never by a name or a number that may be another's.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

State = Literal["starting", "running", "ended"]

MARK: Final = "MLANGO_UP_HOME"
_LOG_BYTES: Final = 8 * 1024 * 1024
_SLOWEST_RESTART: Final = 30.0
_STEADY_AFTER: Final = 30.0
_STARTING_S: Final = 6.0
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: its name for people, its command, and the seconds it may take to end when asked."""

    name: str
    argv: tuple[str, ...]
    grace: float = 3.0


class Child:
    """One program that is kept running."""

    def __init__(self, program: Program, folder: Path, environ: Mapping[str, str], log: Path) -> None:
        self.name = program.name
        self.log = log
        self._program, self._folder, self._environ = program, folder, environ
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0
        self._started = 0.0
        self._due: float | None = None
        self._failures = 0

    @property
    def state(self) -> State:
        """ "starting" for its first seconds, then "running"; "ended" until it is started (again)."""
        if self._process is None:
            return "ended"
        return "starting" if time.monotonic() - self._started < _STARTING_S else "running"

    def start(self) -> None:
        """Start it. Raises OSError when its program or its log is not there."""
        with self.log.open("ab") as out:
            self._log_from = out.tell()
            self._process = subprocess.Popen(  # noqa: S603
                self._program.argv,
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=end_with_the_parent,  # noqa: PLW1509 - the supervisor has one thread
            )
        self._started, self._due = time.monotonic(), None

    def tend(self) -> str | None:
        """Notice its end and start it again in good time. Returns a sentence when something happened."""
        if self._process is not None and _has_ended(self._process):
            return self._try_later(_words(self._finish(self._process)))
        if self._due is not None and time.monotonic() >= self._due:
            try:
                self.start()
            except OSError as error:
                return self._try_later(f"{error.filename}: {error.strerror}")
            return f"{self.name} started again"
        return None

    def _try_later(self, why: str) -> str:
        now = time.monotonic()
        self._failures = 1 if now - self._started > _STEADY_AFTER else self._failures + 1
        wait = min(0.25 * 2**self._failures, _SLOWEST_RESTART)
        self._due = now + wait
        return f"{self.name} ended ({why}); starting it again in {wait:g} s. Its log: {self.log}"

    def stop(self) -> None:
        """Ask it to end; kill its whole group when it does not within its grace. Nothing of it is left after this."""
        self._due = None
        if self._process is None:
            return
        _signal_group(self._process, signal.SIGTERM)
        deadline = time.monotonic() + self._program.grace
        while not _has_ended(self._process) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._finish(self._process)

    def last_words(self, lines: int = 12) -> str:
        """The last lines that it wrote since it was started."""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(self._log_from)
            return "\n".join(file.read(_LOG_BYTES).decode(errors="replace").splitlines()[-lines:])
        return ""

    def keep_log_short(self) -> None:
        """Move a log that grew too long to `<name>.log.1`; its writers, which append, go on at the start."""
        with contextlib.suppress(OSError):  # removed by hand, or the disk is full: the service goes on
            if self.log.stat().st_size > _LOG_BYTES:
                shutil.copyfile(self.log, self.log.with_name(f"{self.log.name}.1"))
                os.truncate(self.log, 0)
                self._log_from = 0

    def _finish(self, process: subprocess.Popen[bytes]) -> int:
        """Kill what is left of its group, and reap it: in this order, while its number cannot be another's."""
        _signal_group(process, signal.SIGKILL)
        self._process = None
        return process.wait()


def end_with_the_parent() -> None:
    """In a fresh child: be asked to end when the parent dies, however it dies. (Linux only; elsewhere nothing.)"""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_orphans(home: Path, grace: float = 4.0) -> int:
    """End every process that an earlier parent, since killed, started for `home`; returns how many there were.

    The caller holds the lock on `home`, so that nobody else has children there.
    """
    orphans = list(_marked(home))
    try:
        for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, grace)):
            deadline = time.monotonic() + wait
            alive = [orphan for orphan in orphans if not _gone(orphan, 0)]
            for orphan in alive:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(orphan, number)
            for orphan in alive:
                _gone(orphan, max(0.0, deadline - time.monotonic()))
    finally:
        for orphan in orphans:
            os.close(orphan)
    return len(orphans)


def _marked(home: Path) -> Iterable[int]:
    """A pidfd for each process of ours whose environment carries the mark of `home`."""
    mark = os.fsencode(f"{MARK}={home}")
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended, or it is another user's
            pidfd = os.pidfd_open(int(entry.name))  # first the handle, then the look: the number may be reused
            with contextlib.ExitStack() as stack:
                stack.callback(os.close, pidfd)
                if mark in (entry / "environ").read_bytes().split(b"\0") and int(entry.name) != os.getpid():
                    stack.pop_all()
                    yield pidfd


def _gone(pidfd: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; leaves it unreaped, so that its number stays its own."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _words(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
