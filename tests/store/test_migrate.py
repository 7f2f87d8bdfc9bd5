from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg
import pytest

from store import database, migrate
from tests.together import PROCESSES


@pytest.fixture
def fresh(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database in which there is nothing yet."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/mlango.sqlite3"
        database.close()
        return
    server: str = request.getfixturevalue("postgres")
    name = f"fresh_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}".encode())
        yield f"{server}/{name}"
        database.close()
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_fresh_database_is_migrated_once(fresh: str) -> None:
    database.bind(fresh)
    applied = migrate.run()
    assert applied == ["main/0001_initial", "sessions/0001_initial"]
    assert migrate.pending() == []
    assert migrate.run() == []


def test_what_is_pending_is_named(fresh: str) -> None:
    database.bind(fresh)
    assert migrate.pending() == ["main/0001_initial", "sessions/0001_initial"]


def test_two_processes_migrate_a_fresh_database_once(fresh: str) -> None:
    applied: Queue[list[str]] = PROCESSES.Queue()
    together = PROCESSES.Barrier(2)
    processes = [PROCESSES.Process(target=_migrate, args=(fresh, together, applied)) for _ in range(2)]
    for process in processes:
        process.start()
    done = [applied.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert sorted(done) == [[], ["main/0001_initial", "sessions/0001_initial"]]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_process_waits_for_a_migration_however_long_it_takes(fresh: str) -> None:
    database.bind(fresh)
    database.run(database.main, "SET lock_timeout = '50ms'")
    other = psycopg.connect(fresh, autocommit=True)
    other.execute("SELECT pg_advisory_lock(%s)", (migrate._ADVISORY_LOCK,))
    long_migration = threading.Timer(0.3, other.close)
    long_migration.start()
    assert len(migrate.run()) == 2
    long_migration.join()
    assert database.rows(database.main, "SHOW lock_timeout") == [("5s",)]


def _migrate(url: str, together: Barrier, applied: Queue[list[str]]) -> None:
    """One of two processes that start at once."""
    database.bind(url)
    together.wait(30)
    applied.put(migrate.run())
    database.close()
