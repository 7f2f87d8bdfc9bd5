"""What the migrations make is what the models expect: no table, column or index more or less, on either database."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import peewee
import pytest
from playhouse.schema_diff import diff_models

from store import database
from store.model import Model, SessionModel

ROOMS: Final = ("packs", "cases", "sms_gateway", "menus", "sync", "desk")
BOOKKEEPING: Final = {"migration_main", "migration_sessions"}

# Indexes over some rows only, or for one query, stand as SQL in the migrations alone.
IN_SQL_ONLY: Final = {
    "callback_open",
    "callback_waiting",
    "case_event_told",
    "cases_due",
    "cases_known",
    "cases_nearby",
    "cases_nearby_place",
    "cases_published",
    "cases_published_open",
    "cases_published_sub",
    "cases_queue",
    "cases_worklist",
    "delivery_report_message",
    "delivery_report_unmatched",
    "exchange_file_kept",
    "exchange_file_seq",
    "exchange_file_undelivered",
    "exchange_slot_open",
    "feed_file",
    "feed_waiting",
    "figure_nothing",
    "message_awaited",
    "message_case",
    "message_citizen",
    "message_dead",
    "message_held",
    "message_kept",
    "message_leased",
    "message_mo",
    "message_mt",
    "message_ready",
    "message_unhandled",
    "sms_ban_citizen",
    "sms_ban_until",
    "update_row_case",
    "update_row_review",
    "update_row_waiting",
    "ussd_session_age",
    "ussd_session_citizen",
    "ussd_session_resumable",
}


def _models() -> list[type[Model]]:
    """Every table of every room."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(import_module(room).__path__, f"{room}."):
            import_module(module.name)
    return sorted(_below(Model), key=lambda model: model._meta.table_name)


def _below(model: type[Model]) -> Iterator[type[Model]]:
    for one in model.__subclasses__():
        if one is not SessionModel and not one.__module__.startswith("tests."):
            yield one
        yield from _below(one)


MODELS: Final = _models()


def _in(handle: peewee.DatabaseProxy) -> list[type[Model]]:
    return [model for model in MODELS if model._meta.database is handle]


@pytest.fixture(params=["main", "sessions"])
def handle(request: pytest.FixtureRequest, bound: str) -> peewee.DatabaseProxy:
    return {"main": database.main, "sessions": database.sessions}[request.param]


def test_models_and_migrations_name_the_same_tables_columns_and_indexes(handle: peewee.DatabaseProxy) -> None:
    diff = diff_models(handle.obj, _in(handle))
    dropped = {index.name for index in diff.drop_indexes}
    assert dropped <= IN_SQL_ONLY, f"only the migrations know the indexes {sorted(dropped - IN_SQL_ONLY)}"
    missing = str(diff._replace(drop_indexes=[]))
    assert not missing, f"the migrations lack what the models expect; add a migration:\n{missing}"


def test_the_indexes_that_stand_in_sql_only_are_there(bound: str) -> None:
    made = {
        index.name
        for handle in (database.main, database.sessions)
        for model in _in(handle)
        for index in handle.get_indexes(model._meta.table_name)
    }
    assert made >= IN_SQL_ONLY


def test_the_migrations_make_the_very_columns_that_the_models_would(
    handle: peewee.DatabaseProxy, tmp_path: Path
) -> None:
    models = _in(handle)
    migrated = _columns(handle, models)
    _go_where_nothing_is(tmp_path)
    handle.create_tables(MODELS if database.is_postgres() else models)
    assert migrated == _columns(handle, models)


def test_every_table_belongs_to_a_model(bound: str) -> None:
    tables = {*database.main.get_tables(), *database.sessions.get_tables()} - BOOKKEEPING
    assert tables == {model._meta.table_name for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_table_says_which_box_made_a_row(model: type[Model]) -> None:
    column = model._meta.fields.get("node")
    assert column is not None
    assert not column.null


def _columns(handle: peewee.DatabaseProxy, models: list[type[Model]]) -> dict[str, tuple[Any, Any]]:
    """By table: its columns with type, length and whether they may be null; and what they refer to."""
    return {
        (table := model._meta.table_name): (
            # a column that was added later gave existing rows a value by a default; nothing relies on it since
            sorted((column._replace(default=None) for column in handle.get_columns(table)), key=lambda one: one.name),
            sorted((key.column, key.dest_table, key.dest_column) for key in handle.get_foreign_keys(table)),
        )
        for model in models
    }


def _go_where_nothing_is(tmp_path: Path) -> None:
    if database.is_postgres():
        database.run(database.main, "CREATE SCHEMA twin")
        database.run(database.main, "SET search_path TO twin")
        return
    database.close()
    database.bind(f"sqlite:///{tmp_path}/twin.sqlite3")
