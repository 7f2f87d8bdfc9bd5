"""Two cores, one for the server and one for the load; and servers that are gone when their block ends."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ussd_app.processes import end_with_the_parent
from ussd_app.refusal import Refusal
from ussd_app.settings import ROOT

_STARTS_WITHIN_S: Final = 30.0
_ENDS_WITHIN_S: Final = 5.0
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


class Cores(NamedTuple):
    server: int
    load: int


class Server(NamedTuple):
    """A granian that answers on `port` of the loopback interface; `worker` is the process that does the work."""

    port: int
    worker: int


def two_cores() -> Cores:
    """Raises Refusal where a process cannot have a core of its own."""
    if not hasattr(os, "sched_getaffinity"):
        raise Refusal("This benchmark pins the server and the load to a core each, which only Linux can do.")
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise Refusal("This benchmark needs two cores: one for the server, one for the load.")
    return Cores(first, others[0])


def describe() -> dict[str, str]:
    """What the figures were taken on."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


@contextlib.contextmanager
def granian(application: str, core: int, environ: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Serve `application` (module:factory) on `core`, by one worker with one thread. Raises Refusal if it fails to."""
    port = _free_port()
    argv = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--http", "1", "--no-ws", "--workers", "1", "--workers-kill-timeout", "2", "--log-level", "warning"),
        *("--blocking-threads", "1", "--blocking-threads-idle-timeout", "600", "--factory", application),
    ]

    def on_its_core() -> None:
        end_with_the_parent()
        os.sched_setaffinity(0, {core})

    with log.open("wb") as out:
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**_bare_environ(), "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=on_its_core,  # noqa: PLW1509 - the benchmark has one thread
        )
    try:
        yield Server(port, _wait_until_it_serves(process, port, log))
    finally:
        _end(process)


def _bare_environ() -> dict[str, str]:
    """Without settings of whoever runs the benchmark: every run measures the same service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLANGO_", "GRANIAN_", "PORT"))}


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used, in all its threads."""
    return parse_cpu_seconds(Path(f"/proc/{pid}/stat").read_text())


def parse_cpu_seconds(stat: str) -> float:
    """The same from the text of /proc/PID/stat (proc(5)). The second field, a name in brackets, may hold anything."""
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS_A_SECOND


def _wait_until_it_serves(process: subprocess.Popen[bytes], port: int, log: Path) -> int:
    """The worker's pid, once the port is open."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline and not _has_ended(process):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return _children(process.pid)[-1]
        time.sleep(0.05)
    raise Refusal(f"A server of the benchmark did not start. It said:\n{log.read_text(errors='replace')[-2000:]}")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask, wait, then kill what is left of its group before it is reaped: until then the number is its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _ENDS_WITHIN_S
    while time.monotonic() < deadline and not _has_ended(process):
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Leaves it unreaped, so that its number stays its own."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
