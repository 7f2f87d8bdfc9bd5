from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.models import Case, Citizen
from menus.sessions import UssdSession
from sms_gateway.message import Message
from store import database
from store.clock import utcnow
from store.model import Insert, Model, Select, Update, UtcField, from_micros, new_id, to_micros
from tests.conftest import NOW

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SPANS = st.timedeltas(timedelta(days=-100 * 365), timedelta(days=200 * 365))
MOMENTS = st.builds(lambda span, zone: (NOW + span).astimezone(zone), SPANS, ZONES)

CITIZEN: Mapping[str, Any] = {"id": "c" * 32, "msisdn_index": "i" * 32, "msisdn": b"\x00\xff", "created_at": NOW}
CASE: Mapping[str, Any] = {
    "id": "d" * 32,
    "ref": "200000005",
    "source_key": "test:1",
    "citizen": "c" * 32,
    "channel": "ussd",
    "language": "sw",
    "visibility": "public",
    "agency": "NCWSC",
    "state": "received",
    "state_since": NOW,
    "pack_version": "v",
    "received_at": NOW,
    "calendar": "24x7",
    "resolve_minutes": 60,
    "clock_start": NOW,
    "acknowledge_by": NOW,
    "respond_by": NOW,
    "due_at": NOW,
}
MESSAGE: Mapping[str, Any] = {
    "id": "e" * 32,
    "direction": "mt",
    "state": "queued",
    "citizen": "c" * 32,
    "case": "d" * 32,
    "body": b"\x01",
    "created_at": NOW,
    "lane": 2,
    "expires_at": NOW,
}
SESSION: Mapping[str, Any] = {
    "id": "f" * 32,
    "session": "at:1",
    "ordinal": 1,
    "citizen_id": "c" * 32,
    "turn": 3,
    "sealed": b"\xfe",
    "resumable": 1,
    "updated_at": NOW,
}


def test_an_id_is_a_uuid_of_version_7_in_hexadecimal() -> None:
    made = uuid.UUID(new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert len(new_id()) == 32


def test_an_id_begins_with_the_millisecond_it_was_made_in() -> None:
    before, made, after = utcnow(), new_id(), utcnow()
    assert to_micros(before) // 1000 <= int(made[:12], 16) <= to_micros(after) // 1000


def test_ids_rise_strictly_also_within_a_millisecond() -> None:
    ids = [new_id() for _ in range(5_000)]
    assert all(earlier < later for earlier, later in pairwise(ids))


@given(moment=MOMENTS)
def test_a_moment_survives_the_database_to_the_microsecond(moment: datetime) -> None:
    field = UtcField()
    stored = field.db_value(moment)
    assert isinstance(stored, int)
    assert field.python_value(stored) == moment
    assert field.python_value(stored).tzinfo is UTC  # type: ignore[union-attr]


@given(first=MOMENTS, second=MOMENTS)
def test_moments_sort_in_the_database_as_they_do_in_life(first: datetime, second: datetime) -> None:
    assert (to_micros(first) < to_micros(second)) == (first < second)


def test_no_moment_is_no_moment() -> None:
    assert UtcField().db_value(None) is None
    assert UtcField().python_value(None) is None


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        to_micros(datetime(2026, 11, 23, 6, 15))  # noqa: DTZ001  that is the point


def test_times_are_kept_and_compared_by_both_databases(bound: str) -> None:
    moment = NOW + timedelta(microseconds=1)
    Citizen.create(**{**CITIZEN, "created_at": moment})
    assert Citizen.get_by_id("c" * 32).created_at == moment
    assert Citizen.select().where(Citizen.created_at > NOW).count() == 1
    assert from_micros(database.rows(database.main, "SELECT created_at FROM citizen")[0][0]) == moment


@pytest.mark.parametrize(
    ("model", "row", "first"),
    [
        (Citizen, CITIZEN, ()),
        (Case, CASE, ((Citizen, CITIZEN),)),
        (Message, MESSAGE, ((Citizen, CITIZEN), (Case, CASE))),
        (UssdSession, SESSION, ()),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_insert_writes_exactly_what_create_writes(
    bound: str, model: type[Model], row: Mapping[str, Any], first: tuple[tuple[type[Model], Mapping[str, Any]], ...]
) -> None:
    for needed, values in first:
        needed.create(**values)
    model.create(**row)
    created = _raw(model, row["id"])
    model.delete().where(model.id == row["id"]).execute()
    Insert(model)([row])
    assert _raw(model, row["id"]) == created


@pytest.mark.parametrize(
    ("model", "row", "first"),
    [(Citizen, CITIZEN, ()), (Case, CASE, ((Citizen, CITIZEN),)), (UssdSession, SESSION, ())],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_select_reads_exactly_what_the_query_builder_reads(
    bound: str, model: type[Model], row: Mapping[str, Any], first: tuple[tuple[type[Model], Mapping[str, Any]], ...]
) -> None:
    for needed, values in (*first, (model, row)):
        needed.create(**values)
    (read,) = Select(model)("WHERE id = ?", row["id"])
    assert read.__data__ == model.get_by_id(row["id"]).__data__
    assert not read.is_dirty()
    assert Select(model)("WHERE id = ?", "absent") == []


def test_insert_writes_many_rows_with_an_id_and_the_node_each(bound: str) -> None:
    Insert(Citizen)([{**CITIZEN, "id": new_id(), "msisdn_index": str(number)} for number in range(100)])
    without_id = {name: value for name, value in CITIZEN.items() if name != "id"}
    Insert(Citizen)([{**without_id, "msisdn_index": "without"}])
    assert Citizen.select().where(Citizen.node == "test").count() == 101


def test_insert_of_nothing_does_nothing(bound: str) -> None:
    Insert(Citizen)([])
    assert Citizen.select().count() == 0


def _raw(model: type[Model], row_id: str) -> list[Any]:
    meta = model._meta
    columns = ", ".join(f'"{field.column_name}"' for field in meta.sorted_fields)
    sql = f'SELECT {columns} FROM "{meta.table_name}" WHERE id = ?'
    (found,) = database.rows(meta.database, sql, row_id)
    return [bytes(value) if isinstance(value, memoryview) else value for value in found]


def test_update_writes_what_save_writes_and_nothing_else(bound: str) -> None:
    Citizen.create(**CITIZEN)
    for case_id, ref in (("d" * 32, "200000005"), ("e" * 32, "482915633")):
        Case.create(**{**CASE, "id": case_id, "ref": ref, "source_key": ref})
    case = Case.get_by_id("d" * 32)
    case.state, case.due_at, case.owner, case.agency = "closed", NOW + timedelta(days=1), "ncwsc-1", "KPLC"
    Update(Case)(case, frozenset({"state", "due_at", "owner"}))
    one, other = Case.get_by_id("d" * 32), Case.get_by_id("e" * 32)
    assert (one.state, one.due_at, one.owner, one.agency) == ("closed", NOW + timedelta(days=1), "ncwsc-1", "NCWSC")
    assert (other.state, other.owner) == ("received", None)
