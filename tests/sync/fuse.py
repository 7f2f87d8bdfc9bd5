"""Runs that are killed at every step, one after the other, as the power would do it: nothing is put away first."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import packs
from store import database
from store.model import set_node
from sync import lines, outbound
from tests.conftest import KEYRING
from tests.sync.stage import WATER, Stage


class _Fuse:
    """Burns down by one with every step, and then takes the process along."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def laid_to(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*values: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*values, **named)

        return acting


def kill_at_every_step(url: str, home: Path, now: datetime) -> None:
    """Make files, killed at step 1, 2, 3 … until a run comes to its end before; ends with that number.

    A step is a statement, or a change to the disk. Who goes on after a kill is killed at the same step; the third run
    is left in peace.
    """
    database.bind(url)
    set_node("test")
    packs.current()  # once for all of them
    outbound._TAKEN_AT_ONCE = lines._PAGE = 2  # type: ignore[misc]
    stage, steps, was_killed = Stage(home, KEYRING, now), 0, True
    while was_killed:
        steps += 1
        was_killed = _is_killed(partial(_make, stage, 3, steps))
        _is_killed(partial(_make, stage, 2, steps))
        _is_killed(partial(_make, stage, 1))
    sys.exit(steps)


def _make(stage: Stage, cases: int, steps: int | None = None) -> None:
    stage.lodge_many(cases)
    if steps:
        fuse = _Fuse(steps)
        for module, name in ((database, "run"), (os, "fsync"), (os, "replace")):
            setattr(module, name, fuse.laid_to(getattr(module, name)))
    stage.exporter.make(WATER, stage.now)


def _is_killed(run: Callable[[], None]) -> bool:
    """Whether a run died of its fuse, in a process of its own."""
    database.close()
    child = os.fork()
    if not child:
        run()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        sys.exit("a run failed by itself")
    return status != 0
