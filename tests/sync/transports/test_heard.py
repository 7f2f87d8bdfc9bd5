"""What a server says about our requests, as rows of an update file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.columns import UPDATES
from sync.sheet import Row
from sync.transports import heard
from sync.transports.heard import FROM_US, Ours
from sync.updates import Kind, Update, understand

NOW = datetime(2026, 11, 23, 6, 15, tzinfo=UTC)
NAIROBI = ZoneInfo("Africa/Nairobi")
OURS = Ours("0" * 32, "482915633", "sw", is_decided=False)
DECIDED = Ours("0" * 32, "482915633", "en", is_decided=True)


def told(status: str, words: Any = "", **more: Any) -> dict[str, Any]:
    return {
        "update_id": "77",
        "service_request_id": "R1",
        "status": status,
        "updated_datetime": "2026-11-23T08:00:00+03:00",
        "description": words,
        **more,
    }


def understood(entry: dict[str, Any], ours: Ours = OURS) -> Update | None:
    row = heard.from_update(entry, ours, NOW)
    if row is None:
        return None
    update = understand(Kind.UPDATES, Row(2, row), now=NOW, zone=NAIROBI)
    assert isinstance(update, Update), update
    return update


@pytest.mark.parametrize(
    ("entry", "status", "outcome"),
    [
        (told("closed", "We replaced the pipe this morning."), "resolved", "fixed"),
        (told("FIXED - COUNCIL", "We replaced the pipe this morning."), "resolved", "fixed"),
        (told("no_further_action", "There is no pipe at this place."), "resolved", "explained"),
        (told("IN_PROGRESS"), "in_progress", None),
        (told("open", "A crew comes tomorrow."), None, None),
        (told("open", external_status_code="in_progress"), "in_progress", None),
        (told("investigating", "Which house is it?", external_status_code="pending_citizen"), "pending_citizen", None),
        (told("investigating", external_status_code="pending_citizen"), "in_progress", None),
        (told("a word of their own", "We look into it."), None, None),
    ],
)
def test_their_words_for_a_status_are_ours(entry: dict[str, Any], status: str | None, outcome: str | None) -> None:
    update = understood(entry)
    assert update
    assert (update.status, update.outcome, update.public_note) == (status, outcome, entry["description"])
    assert (update.update_id, update.ref, update.agency_ref) == ("77", "482915633", "R1")
    assert update.occurred_at == datetime(2026, 11, 23, 5, tzinfo=UTC)


@pytest.mark.parametrize("entry", [told("open"), told(""), told("open", FROM_US + "Still no water.")])
def test_what_is_no_news_or_was_ours_is_left_out(entry: dict[str, Any]) -> None:
    assert understood(entry) is None


def test_that_a_decided_case_is_closed_is_no_news() -> None:
    assert understood(told("closed", "We replaced the pipe this morning."), DECIDED) is None


def test_who_closes_without_a_word_owes_one_to_the_citizen() -> None:
    update = understood(told("closed", "ok"))
    assert update
    assert update.public_note == "Ofisi inaarifu kuwa imelifunga lalamiko hili. ok"


def test_a_clock_that_is_ahead_says_now() -> None:
    update = understood(told("in_progress", updated_datetime="2027-01-01T00:00:00Z"))
    assert update
    assert update.occurred_at == NOW


def test_ids_that_we_cannot_keep_become_fingerprints_that_stay_the_same() -> None:
    odd = told("closed", update_id="an id with spaces / and ግዕዝ")
    assert heard.key(odd) == heard.key(dict(odd))
    assert heard.key(odd).startswith("open311-")
    assert heard.key(odd) != heard.key(odd | {"status": "open"})
    assert heard.key({"update_id": "UPD-7:a.b"}) == "UPD-7:a.b"


def test_a_request_as_it_stands_tells_what_became_of_it() -> None:
    request = {"service_request_id": "R1", "status": "closed", "updated_datetime": "2026-11-23T05:00:00Z"}
    row = heard.from_request(request | {"status_notes": "We replaced the pipe this morning."}, OURS, NOW)
    assert row
    assert (row["new_status"], row["public_note"]) == ("resolved", "We replaced the pipe this morning.")
    assert heard.from_request(request, DECIDED, NOW) is None
    assert heard.from_request(request | {"status": "open"}, OURS, NOW) is None


_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)
_names = ["update_id", "service_request_id", "status", "updated_datetime", "description", "external_status_code"]


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(_names), _values))
def test_whatever_a_server_says_becomes_a_row_that_can_be_read_or_none(entry: dict[str, Any]) -> None:
    row = heard.from_update(entry, OURS, NOW)
    if row:
        assert tuple(row) == UPDATES
        understand(Kind.UPDATES, Row(2, row), now=NOW, zone=NAIROBI)
