"""The store on both databases."""

from __future__ import annotations

from store import database, migrate


def test_a_fresh_database_is_migrated_once(bound: str) -> None:
    assert migrate.pending() == []
    assert migrate.run() == []


def test_ready_sql_is_written_with_question_marks_for_both_databases(bound: str) -> None:
    assert database.rows(database.main, "SELECT ?, ?", 1, "a")[0] == (1, "a")
