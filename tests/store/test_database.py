"""The store on both databases."""

from __future__ import annotations

import threading
from contextlib import suppress

import peewee
import psycopg
import pytest

from store import database
from tests.together import at_once

COUNTER = "INSERT INTO tick (id, node, count, beaten_at) VALUES ('test', 'test', 0, 0)"


def _count() -> int:
    return int(database.rows(database.main, "SELECT count FROM tick WHERE id = 'test'")[0][0])


def test_ready_sql_is_written_with_question_marks_for_both_databases(bound: str) -> None:
    assert database.rows(database.main, "SELECT ?, ?", 1, "a")[0] == (1, "a")


def test_running_ready_sql_tells_how_many_rows_changed(bound: str) -> None:
    database.run(database.main, COUNTER)
    assert database.run(database.main, "UPDATE tick SET count = 1 WHERE id = ?", "test").rowcount == 1
    assert database.run(database.main, "UPDATE tick SET count = 1 WHERE id = ?", "absent").rowcount == 0


def test_a_transaction_that_fails_leaves_nothing(bound: str) -> None:
    with suppress(ZeroDivisionError), database.transaction():
        database.run(database.main, COUNTER)
        raise ZeroDivisionError
    assert database.rows(database.main, "SELECT * FROM tick WHERE id = 'test'") == []


def test_eight_writers_that_read_first_never_meet_a_locked_database(bound: str) -> None:
    database.run(database.main, COUNTER)
    lock = " FOR UPDATE" if database.is_postgres() else ""

    def read_then_write() -> None:
        for _ in range(10):
            with database.transaction():
                found = database.rows(database.main, f"SELECT count FROM tick WHERE id = 'test'{lock}")
                database.run(database.main, "UPDATE tick SET count = ? WHERE id = 'test'", found[0][0] + 1)

    at_once(*[read_then_write] * 8)
    assert _count() == 80


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_session_is_saved_while_the_main_file_is_being_written(bound: str) -> None:
    written = threading.Event()

    def write_slowly() -> None:
        with database.transaction():
            database.run(database.main, COUNTER)
            assert written.wait(5)

    def save_a_session() -> None:
        with database.transaction(database.sessions):
            database.run(database.sessions, "DELETE FROM ussd_session")
        written.set()

    at_once(write_slowly, save_a_session)
    assert _count() == 0


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_a_citizen_was_told_is_on_the_disk_and_a_session_may_wait(bound: str) -> None:
    full, normal = 2, 1
    assert database.rows(database.main, "PRAGMA synchronous") == [(full,)]
    assert database.rows(database.sessions, "PRAGMA synchronous") == [(normal,)]
    for handle in (database.main, database.sessions):
        assert database.rows(handle, "PRAGMA journal_mode") == [("wal",)]
        assert database.rows(handle, "PRAGMA foreign_keys") == [(1,)]


def test_each_thread_has_a_connection_of_its_own(bound: str) -> None:
    assert len({id(connection) for connection in at_once(*[database.main.connection] * 3)}) == 3


def test_closing_twice_is_harmless(bound: str) -> None:
    _ = database.rows(database.main, "SELECT 1")
    database.close()
    database.close()
    assert database.rows(database.main, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
class TestSteady:
    def test_a_connection_that_the_server_ended_is_opened_again(self, bound: str) -> None:
        _terminate_our_backend(bound)
        assert database.steady(lambda: database.rows(database.main, "SELECT 1")) == [(1,)]

    def test_a_transaction_that_the_server_ended_is_done_again_from_its_beginning(self, bound: str) -> None:
        database.run(database.main, COUNTER)
        tries = []

        def work() -> None:
            with database.transaction():
                tries.append("try")
                database.run(database.main, "UPDATE tick SET count = count + 1 WHERE id = 'test'")
                if len(tries) == 1:
                    _terminate_our_backend(bound)
                database.run(database.main, "UPDATE tick SET count = count + 1 WHERE id = 'test'")

        database.steady(work)
        assert (len(tries), _count()) == (2, 2)

    def test_a_part_of_a_transaction_is_never_done_again(self, bound: str) -> None:
        tries = []

        def work() -> None:
            tries.append("try")
            _terminate_our_backend(bound)
            database.rows(database.main, "SELECT 1")

        with pytest.raises(peewee.OperationalError), database.transaction():
            database.steady(work)
        assert len(tries) == 1

    def test_who_waited_for_a_lock_in_vain_does_not_wait_again(self, bound: str) -> None:
        database.run(database.main, COUNTER)
        database.run(database.main, "SET lock_timeout = '50ms'")
        tries = []

        def work() -> None:
            tries.append("try")
            database.run(database.main, "UPDATE tick SET count = 1 WHERE id = 'test'")

        with psycopg.connect(bound) as other:
            other.execute("SELECT * FROM tick FOR UPDATE")
            with pytest.raises(peewee.OperationalError, match="lock timeout"):
                database.steady(work)
        assert len(tries) == 1


def _terminate_our_backend(url: str) -> None:
    ((pid,),) = database.rows(database.main, "SELECT pg_backend_pid()")
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
