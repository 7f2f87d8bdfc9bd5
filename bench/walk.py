"""The load: wrk walks whole USSD sessions over the numbers that were seeded for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.machine import Server, cpu_seconds
from ussd_app.processes import end_with_the_parent
from ussd_app.refusal import Refusal

CONNECTIONS: Final = 8  # wrk gets as many threads: a session's requests follow one another on one connection
NUMBERS_EACH: Final = 200
_SCRIPT: Final = Path(__file__).with_name("ussd_walk.lua")
_FIRST_NUMBER: Final = 254_700_000_000


@dataclass(frozen=True, slots=True)
class Walk:
    """Where to send sessions, what is typed in them (all of it so far, each time) and what must be answered."""

    path: str
    texts: Sequence[str]
    expects: Sequence[str]  # Lua patterns


@dataclass(frozen=True, slots=True)
class Round:
    """What was counted while one server was walked."""

    seconds: float
    requests: int
    sessions: int
    p50_us: int
    p99_us: int
    bad: int  # answers that were not as expected
    errors: int  # of the connection
    cpu_s: float  # of the server's worker

    @property
    def sessions_per_s(self) -> float:
        return self.sessions / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time for one request."""
        return self.cpu_s * 1e6 / max(self.requests, 1)


def program() -> str:
    """The path of wrk. Raises Refusal."""
    found = shutil.which("wrk")
    if not found:
        raise Refusal("This benchmark needs wrk, which is not installed; on Debian or Ubuntu: apt install wrk")
    return found


def msisdns(walks: int) -> list[str]:
    """The numbers that call in so many walks, in E.164. Each walk has its own: sessions that the end of another one cut
    off would be offered for resuming."""
    return [f"+{_FIRST_NUMBER + number}" for number in range(walks * CONNECTIONS * NUMBERS_EACH)]


def walk(what: Walk, server: Server, core: int, seconds: int, number: int) -> Round:
    """Walk sessions for `seconds`. `number`, from 0, tells this walk's callers and sessions from those of others."""
    environ = {
        "WALK_PATH": what.path,
        "WALK_TEXTS": "|".join(what.texts),
        "WALK_EXPECTS": "|".join(what.expects),
        "WALK_NAME": f"walk-{number}",
        "WALK_FIRST": str(_FIRST_NUMBER + number * CONNECTIONS * NUMBERS_EACH),
        "WALK_NUMBERS": str(NUMBERS_EACH),
    }

    def on_its_core() -> None:
        end_with_the_parent()
        os.sched_setaffinity(0, {core})

    count = str(CONNECTIONS)
    address = f"http://127.0.0.1:{server.port}"
    before = cpu_seconds(server.worker)
    done = subprocess.run(
        [program(), "-t", count, "-c", count, "-d", f"{seconds}s", "-s", str(_SCRIPT), address],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
        preexec_fn=on_its_core,
    )
    return parse(done.stdout + done.stderr, cpu_seconds(server.worker) - before)


def parse(said: str, cpu_s: float) -> Round:
    """The round in what wrk and its script printed. Raises Refusal if the walk failed, with what went wrong first."""
    result = re.search(r"^RESULT (.*)$", said, re.MULTILINE)
    if not result:
        raise Refusal(f"wrk failed:\n{said[-2000:]}")
    counted = dict(pair.split("=") for pair in result[1].split())
    seconds = float(counted.pop("seconds"))
    round_ = Round(seconds=seconds, cpu_s=cpu_s, **{name: int(value) for name, value in counted.items()})
    if round_.bad:
        first = re.search(r"^BAD (.*)$", said, re.MULTILINE)
        raise Refusal(f"{round_.bad} answers were not as expected. The first: {first[1] if first else '?'}")
    return round_
