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
    """Apply what is pending to both databases; the names of what was applied, in order."""
    with _one_at_a_time():
        return [name for runner in _runners() for name in runner.up()]


def pending() -> list[str]:
    """The names of migrations that were not applied yet."""
    return [step.name for runner in _runners() for step in runner.status() if not step.applied]


def _runners() -> list[Runner]:
    return [_runner(database.main, "main"), _runner(database.sessions, "sessions")]


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
