from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

import psycopg
import pytest
from playhouse.migrations import Runner

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


ALL: Final = [
    f"{folder.name}/{file.stem}"
    for folder in (migrate.FOLDER / "main", migrate.FOLDER / "sessions")
    for file in sorted(folder.glob("[0-9]*.py"))
]


def test_a_fresh_database_is_migrated_once(fresh: str) -> None:
    database.bind(fresh)
    applied = migrate.run()
    assert applied == ALL
    assert migrate.pending() == []
    assert migrate.run() == []


def test_what_is_pending_is_named(fresh: str) -> None:
    database.bind(fresh)
    assert migrate.pending() == ALL


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
    assert sorted(done) == [[], ALL]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_process_waits_for_a_migration_however_long_it_takes(fresh: str) -> None:
    database.bind(fresh)
    database.run(database.main, "SET lock_timeout = '50ms'")
    other = psycopg.connect(fresh, autocommit=True)
    other.execute("SELECT pg_advisory_lock(%s)", (migrate._ADVISORY_LOCK,))
    long_migration = threading.Timer(0.3, other.close)
    long_migration.start()
    assert migrate.run() == ALL
    long_migration.join()
    assert database.rows(database.main, "SHOW lock_timeout") == [("5s",)]


def _migrate(url: str, together: Barrier, applied: Queue[list[str]]) -> None:
    """One of two processes that start at once."""
    database.bind(url)
    together.wait(30)
    applied.put(migrate.run())
    database.close()


def test_cases_of_the_first_version_keep_their_promise_and_get_a_timer(fresh: str) -> None:
    database.bind(fresh)
    Runner(database.main.obj, str(migrate.FOLDER / "main"), table_name="migration_main").up("0001_initial")
    database.run(
        database.main,
        "INSERT INTO citizen (id, node, msisdn_index, msisdn, created_at) VALUES (?, ?, ?, ?, ?)",
        "c",
        "box",
        "i",
        b"x",
        0,
    )
    hour = 3_600_000_000
    row = {
        "node": "box",
        "citizen_id": "c",
        "channel": "ussd",
        "language": "sw",
        "visibility": "public",
        "agency": "NCWSC",
        "state_since": hour,
        "cycle": 1,
        "version": 1,
        "events": 0,
        "chain": "",
        "pack_version": "v",
        "received_at": hour,
        "due_at": 73 * hour,
    }
    for ref, state in (("200000005", "assigned"), ("482915633", "received")):
        case = row | {"id": ref, "ref": ref, "source_key": ref, "state": state}
        marks = ", ".join("?" * len(case))
        database.run(database.main, f"INSERT INTO cases ({', '.join(case)}) VALUES ({marks})", *case.values())
    migrate.run()
    asked = "SELECT resolve_minutes, clock_start, due_at, next_at, next_step, cycle FROM cases"
    assert database.rows(database.main, asked) == [(72 * 60, hour, 73 * hour, 73 * hour, "escalate", 1)] * 2


def test_each_migration_can_be_taken_back_and_made_again(fresh: str) -> None:
    database.bind(fresh)
    migrate.run()
    for name, handle in (("main", database.main), ("sessions", database.sessions)):
        runner = Runner(handle.obj, str(migrate.FOLDER / name), table_name=f"migration_{name}")
        for done in sorted((file.stem for file in (migrate.FOLDER / name).glob("[0-9]*.py")), reverse=True):
            runner.down(done)
    assert migrate.run() == ALL
