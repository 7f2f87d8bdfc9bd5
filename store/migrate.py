"""Brings the databases to the form that this version of the code expects. Safe to run at any time, by any number of
processes: one does the work, the others wait for it and find nothing left to do."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from peewee import DatabaseProxy
from playhouse.migrations import Runner

from store import database

FOLDER: Final = Path(__file__).parent / "migrations"
_ADVISORY_LOCK: Final = 0x6D6C616E676F  # "mlango": any fixed number, the same in every process


def run() -> list[str]:
    """Apply what is pending to both databases; what was applied, in order ("main/0001_initial")."""
    with _one_at_a_time():
        return [f"{which}/{name}" for which, runner in _runners().items() for name in runner.up()]


def pending() -> list[str]:
    """The migrations that were not applied yet."""
    steps = ((which, step) for which, runner in _runners().items() for step in runner.status())
    return [f"{which}/{step.name}" for which, step in steps if not step.applied]


def _runners() -> dict[str, Runner]:
    return {"main": _runner(database.main, "main"), "sessions": _runner(database.sessions, "sessions")}


def _runner(handle: DatabaseProxy, name: str) -> Runner:
    return Runner(handle.obj, str(FOLDER / name), table_name=f"migration_{name}")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if database.is_postgres():
        database.run(database.main, "SET lock_timeout = 0")  # a migration may take longer than a citizen waits
        database.run(database.main, "SELECT pg_advisory_lock(?)", _ADVISORY_LOCK)
        database.run(database.main, "RESET lock_timeout")
        try:
            yield
        finally:
            database.run(database.main, "SELECT pg_advisory_unlock(?)", _ADVISORY_LOCK)
        return
    with Path(f"{database.main.database}.migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the system when the process ends, however it ends
        yield
