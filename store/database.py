"""Which database the models speak to: SQLite files on one box, PostgreSQL for a nation.

Two handles: `main` holds everything that a citizen was told is saved; `sessions` holds USSD sessions.
On SQLite they are two files, so that a hop never waits behind a case write or its fsync. On PostgreSQL
they are the same database. Connections are opened on first use, one per thread, and stay open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from peewee import (
    Database,
    DatabaseError,
    DatabaseProxy,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PostgresqlDatabase,
    SqliteDatabase,
)

Answer = TypeVar("Answer")

main: Final = DatabaseProxy()
sessions: Final = DatabaseProxy()

# A network gives up on a USSD answer after 10 s; wait for a lock half as long, then say so.
LOCK_TIMEOUT_S: Final = 5
_DEADLOCK: Final = "40P01"  # PostgreSQL's code
_BROKEN: Final = (OperationalError, InterfaceError)


def bind(url: str) -> None:
    """Point both handles at `url`: `sqlite:////path/to/mlango.sqlite3` or `postgresql://…`. Opens nothing yet."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        main.initialize(_sqlite(path, synchronous="full"))
        sessions.initialize(_sqlite(sessions_file(path), synchronous="normal"))
        return
    postgres = PostgresqlDatabase(
        url, prefer_psycopg3=True, connect_timeout=LOCK_TIMEOUT_S, options="-c lock_timeout=5s -c timezone=UTC"
    )
    main.initialize(postgres)
    sessions.initialize(postgres)


def sessions_file(main_file: Path) -> Path:
    """The file of the USSD sessions that belongs to a main SQLite file."""
    return main_file.with_name(f"{main_file.stem}-sessions{main_file.suffix}")


def is_postgres() -> bool:
    return isinstance(main.obj, PostgresqlDatabase)


@contextmanager
def transaction(database: DatabaseProxy = main) -> Iterator[None]:
    """One write transaction. On SQLite it is IMMEDIATE: a read that becomes a write never meets "locked"."""
    with database.atomic():
        yield


def rows(database: DatabaseProxy, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run ready SQL, written with `?`, and return all its rows. For hot paths; each has a test against its model."""
    found: list[tuple[Any, ...]] = run(database, sql, *values).fetchall()
    return found


def run(database: DatabaseProxy, sql: str, *values: Any) -> Any:
    """Run ready SQL, written with `?`, and return the cursor (its `rowcount` tells how many rows changed)."""
    bound = database.obj
    return bound.execute_sql(sql if bound.param == "?" else sql.replace("?", bound.param), values)


def steady(work: Callable[[], Answer]) -> Answer:
    """Do `work`, once more if the server had closed our connection. `work` must be safe to repeat."""
    try:
        return work()
    except _BROKEN:
        if main.in_transaction() or not _was_closed():  # who waited for a lock in vain has waited long enough
            raise
        close()
        return work()


def may_be_repeated(fault: DatabaseError) -> bool:
    """Whether a transaction failed only because of another one at the same time: both wanted to write the same, or each
    waited for the other and the server undid this one."""
    return isinstance(fault, IntegrityError) or getattr(fault.__context__, "sqlstate", None) == _DEADLOCK


def _was_closed() -> bool:
    """Whether the server ended this thread's connection."""
    return is_postgres() and not main.is_closed() and bool(main.connection().closed)


def close() -> None:
    """Close this thread's connections; the next query opens new ones."""
    for handle in (main, sessions):
        if handle.obj is not None and not handle.is_closed():
            handle.close()


def _sqlite(path: Path, synchronous: str) -> Database:
    return SqliteDatabase(
        str(path),
        lock_type="IMMEDIATE",
        timeout=LOCK_TIMEOUT_S,
        pragmas={
            "journal_mode": "wal",
            "synchronous": synchronous,
            "foreign_keys": 1,
            "cache_size": -16_000,
            "secure_delete": 1,  # what is erased is overwritten, not only given free
        },
    )
