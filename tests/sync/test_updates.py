from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.lifecycle import OUTCOMES, State
from sync.columns import PROBLEM, UPDATES, WORKLIST
from sync.faults import RowFault, Unreadable
from sync.sheet import Row
from sync.updates import CHOICES, LONGEST_NOTE, STATUSES, Kind, Update, kind_of, understand, update_key
from tests.conftest import NOW

NAIROBI = ZoneInfo("Africa/Nairobi")
TODAY = date(2026, 11, 23)
REF, OTHER_REF = "482915633", "572468904"
DONE = "Bomba limerekebishwa na maji yamerudi."

SYSTEM = {
    "schema_version": "1",
    "agency_update_id": "NW-2026-000417",
    "case_ref": REF,
    "base_version": "3",
    "agency_ref": "JOB/88",
    "new_status": "resolved",
    "outcome_code": "fixed",
    "public_note": DONE,
    "internal_note": "crew 7",
    "assignee_code": "K.MWANGI",
    "occurred_at": "2026-11-22T10:30:00+03:00",
}
CLERK = {
    "case_ref": REF,
    "status": "3",
    "note": DONE,
    "date": "22/11/2026",
    "update_key": update_key(TODAY, REF, 3),
    "base_version": "3",
}


def system(**cells: str) -> Update | RowFault | None:
    return understand(Kind.UPDATES, Row(7, SYSTEM | cells), now=NOW, zone=NAIROBI)


def clerk(now: datetime = NOW, /, **cells: str) -> Update | RowFault | None:
    return understand(Kind.WORKLIST, Row(7, CLERK | cells), now=now, zone=NAIROBI)


def taken(said: Update | RowFault | None) -> Update:
    assert isinstance(said, Update), said
    return said


def fault(said: Update | RowFault | None) -> tuple[str, str, str]:
    """Code, field and value of a row that was not taken."""
    assert isinstance(said, RowFault), said
    return said.code, said.field, said.value


# Which sheet it is


def test_kinds_are_told_from_the_header() -> None:
    assert kind_of(UPDATES) is Kind.UPDATES
    assert kind_of(WORKLIST) is Kind.WORKLIST
    assert kind_of((PROBLEM, *WORKLIST)) is Kind.WORKLIST


def test_strange_columns_and_the_lack_of_unneeded_ones_do_no_harm() -> None:
    assert kind_of(("", "Remarks", "case_ref", "status", "note", "update_key")) is Kind.WORKLIST


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Unreadable, match="missing: note, update_key"):
        kind_of(("case_ref", "status", "what"))
    with pytest.raises(Unreadable, match="missing: case_ref, occurred_at"):
        kind_of(("agency_update_id", "new_status", "public_note"))


# A row of a system


def test_a_row_of_a_system_says_what_happened() -> None:
    update = taken(system())
    assert replace(update, fingerprint="") == Update(
        row=7,
        update_id="NW-2026-000417",
        ref=REF,
        base_version=3,
        agency_ref="JOB/88",
        status=State.RESOLVED,
        outcome="fixed",
        public_note=DONE,
        internal_note="crew 7",
        assignee="K.MWANGI",
        occurred_at=datetime(2026, 11, 22, 7, 30, tzinfo=UTC),
        fingerprint="",
        cells=SYSTEM,
    )


@pytest.mark.parametrize("state", STATUSES)
def test_a_system_names_the_state(state: State) -> None:
    assert taken(system(new_status=state)).status is state
    assert taken(system(new_status=state.replace("_", " ").title())).status is state


def test_no_status_is_no_change() -> None:
    assert taken(system(new_status="", outcome_code="", public_note="")).status is None


@pytest.mark.parametrize("written", ["closed", "withdrawn", "received", "done", "3"])
def test_a_system_cannot_write_other_states(written: str) -> None:
    said = system(new_status=written)
    assert fault(said) == ("E_NEW_STATUS", "new_status", written)
    assert isinstance(said, RowFault)
    assert said.sentence("en").endswith(
        "Write one of: assigned, in_progress, pending_third_party, resolved, pending_citizen."
    )


def test_what_is_resolved_needs_an_outcome_that_we_know() -> None:
    assert [taken(system(outcome_code=outcome)).outcome for outcome in OUTCOMES] == list(OUTCOMES)
    assert taken(system(outcome_code=" No Fault")).outcome == "no_fault"
    assert fault(system(outcome_code="")) == ("E_OUTCOME", "outcome_code", "")
    assert fault(system(outcome_code="mended")) == ("E_OUTCOME", "outcome_code", "mended")


def test_an_outcome_belongs_to_what_is_resolved_alone() -> None:
    assert taken(system(new_status="in_progress")).outcome is None


@pytest.mark.parametrize("key", ["", " ", "a" * 65, "no spaces", "ü", "a,b", "=1"])
def test_an_update_needs_a_key_that_travels_well(key: str) -> None:
    assert fault(system(agency_update_id=key)) == ("E_KEY", "agency_update_id", key)


@pytest.mark.parametrize("key", ["1", "a" * 64, "NW:2026/11.22-4_7"])
def test_keys_may_have_these_signs(key: str) -> None:
    assert taken(system(agency_update_id=f" {key} ")).update_id == key


@pytest.mark.parametrize("version", ["", "1", "1.0", "1,0"])
def test_a_schema_that_we_know_is_read(version: str) -> None:
    assert taken(system(schema_version=version))


def test_another_schema_is_not_guessed_at() -> None:
    assert fault(system(schema_version="2")) == ("E_SCHEMA", "schema_version", "2")


@pytest.mark.parametrize(("written", "version"), [("3", 3), ("3.0", 3), ("3,0", 3), (" 3 ", 3), ("", None)])
def test_the_version_may_have_become_a_decimal(written: str, version: int | None) -> None:
    assert taken(system(base_version=written)).base_version == version


@pytest.mark.parametrize("written", ["three", "-1", "1.5", "9" * 5000, "٣"])
def test_what_is_no_version_is_a_fault(written: str) -> None:
    assert fault(system(base_version=written))[:2] == ("E_VERSION", "base_version")


@pytest.mark.parametrize(
    "written", ["2026-11-22T10:30:00", "22/11/2026 10:30", "2026-11-22T07:30:00Z", "46348.4375", "11/22/2026 10:30:00"]
)
def test_a_moment_without_offset_is_of_the_offices_zone(written: str) -> None:
    assert taken(system(occurred_at=written)).occurred_at == datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("written", ["", "soon", "31/02/2026 10:30"])
def test_a_system_must_say_when(written: str) -> None:
    assert fault(system(occurred_at=written)) == ("E_MOMENT", "occurred_at", written)


def test_an_offices_clock_may_be_a_little_ahead() -> None:
    assert taken(system(occurred_at=(NOW + timedelta(minutes=5)).isoformat()))
    ahead = (NOW + timedelta(minutes=5, seconds=1)).isoformat()
    assert fault(system(occurred_at=ahead)) == ("E_TIME_FUTURE", "occurred_at", ahead)


def test_an_officers_code_is_short_and_plain() -> None:
    assert taken(system(assignee_code="")).assignee == ""
    assert fault(system(assignee_code="K" * 65))[0] == "E_ASSIGNEE"
    assert fault(system(assignee_code="<b>K</b>"))[0] == "E_ASSIGNEE"
    assert fault(system(agency_ref="J" * 65))[0] == "E_CELL"


# Numbers of cases


@pytest.mark.parametrize(
    "written",
    [REF, "482-915-633", "482 915 633", "#482915633", "482,915,633", "482915633.0", "482915633,00", "4829I5633"],
)
def test_a_case_number_is_read_however_it_is_dressed(written: str) -> None:
    assert taken(system(case_ref=written)).ref == REF


def test_all_nine_digits_in_scientific_dress_are_still_there() -> None:
    assert taken(system(case_ref="4.82915633E+08")).ref == REF


@pytest.mark.parametrize("written", ["4.8E+08", "4,82916E+08", "4.82916e8", "4.82916E+008", "5E+08"])
def test_digits_that_excel_dropped_are_not_guessed(written: str) -> None:
    said = system(case_ref=written)
    assert fault(said) == ("E_REF_SCI", "case_ref", written)
    assert isinstance(said, RowFault)
    assert said.sentence("en") == f"Row 7: Excel changed the case number to {written}. Type the 9 digits again."


@pytest.mark.parametrize(
    "written", ["482915632", "428915633", "48291563", "4829156330", "999", "see above", "182915633"]
)
def test_a_typing_mistake_is_noticed(written: str) -> None:
    assert fault(system(case_ref=written)) == ("E_REF_CHECK", "case_ref", written)


def test_no_case_number_is_another_fault() -> None:
    assert fault(system(case_ref="  "))[0] == "E_REF_MISSING"


# A row of a clerk


def test_two_cells_are_enough() -> None:
    update = taken(clerk(date=""))
    assert (update.update_id, update.ref, update.base_version) == ("W20261123-482915633-3", REF, 3)
    assert (update.status, update.outcome, update.public_note) == (State.RESOLVED, "fixed", DONE)
    assert (update.agency_ref, update.internal_note, update.assignee) == ("", "", "")
    assert update.occurred_at == NOW


@pytest.mark.parametrize("blank", ["", " ", "-", "."])
def test_a_row_without_status_and_note_was_left_blank(blank: str) -> None:
    assert clerk(status=blank, note="", date="22/11/2026") is None


def test_a_blank_row_is_blank_even_without_its_key() -> None:
    assert clerk(status="", note="", update_key="", case_ref="4.8E+08") is None


def test_a_note_alone_changes_no_status() -> None:
    update = taken(clerk(status=""))
    assert (update.status, update.outcome, update.public_note) == (None, None, DONE)


@pytest.mark.parametrize(
    ("written", "state"),
    [
        ("1", State.IN_PROGRESS),
        ("1.0", State.IN_PROGRESS),
        ("2", State.PENDING_THIRD_PARTY),
        ("3,0", State.RESOLVED),
        ("3.", State.RESOLVED),
        ("3 - Done!", State.RESOLVED),
        ("DONE", State.RESOLVED),
        ("fixed", State.RESOLVED),
        ("Working on it", State.IN_PROGRESS),
        ("in-progress", State.IN_PROGRESS),
        ("waiting", State.PENDING_THIRD_PARTY),
        ("ask", State.PENDING_CITIZEN),
        ("Tunashughulikia", State.IN_PROGRESS),
        ("1) tumeanza", State.IN_PROGRESS),
        ("tunasubiri", State.PENDING_THIRD_PARTY),
        ("2 tunasubiri wengine", State.PENDING_THIRD_PARTY),
        ("  limekamilika ", State.RESOLVED),
        ("Tumemaliza", State.RESOLVED),
        ("ULIZA", State.PENDING_CITIZEN),
        ("uliza mwananchi", State.PENDING_CITIZEN),
    ],
)
def test_a_clerk_writes_a_digit_or_words(written: str, state: State) -> None:
    assert taken(clerk(status=written)).status is state


@pytest.mark.parametrize("words", [words for told in CHOICES.values() for words in told.values()])
def test_whatever_the_list_offers_is_understood(words: str) -> None:
    assert taken(clerk(status=words)).status in CHOICES


def test_the_list_fits_into_a_spreadsheets_drop_down() -> None:
    for language in ("en", "sw"):
        assert len(",".join(told[language] for told in CHOICES.values())) <= 255


@pytest.mark.parametrize("written", ["4", "11", "1 done", "3 or 2", "dnoe", "kesho"])
def test_what_can_mean_two_things_or_none_is_asked_again(written: str) -> None:
    said = clerk(status=written)
    assert fault(said) == ("E_STATUS", "status", written)
    assert isinstance(said, RowFault)
    assert said.sentence("sw") == (
        f"Mstari 7: '{written}' si hali. Andika 1 (tunashughulikia), 2 (tunasubiri), 3 (limekamilika) au uliza."
    )


def test_what_is_done_must_be_told_to_the_citizen() -> None:
    assert fault(clerk(note="imekwisha")) == ("E_NOTE_REQUIRED", "note", "imekwisha")
    assert fault(clerk(note="  x" * 6))[0] == "E_NOTE_REQUIRED"
    assert fault(system(public_note=""))[:2] == ("E_NOTE_REQUIRED", "public_note")


def test_a_question_needs_its_words_and_waiting_its_reason() -> None:
    assert fault(clerk(status="ask", note=""))[0] == "E_QUESTION"
    assert fault(clerk(status="2", note=" "))[0] == "E_WAIT"
    assert taken(clerk(status="ask", note="Ni nyumba gani?")).public_note == "Ni nyumba gani?"
    assert taken(clerk(status="1", note="")).status is State.IN_PROGRESS


def test_a_row_without_its_key_needs_a_fresh_list() -> None:
    for key in ("", "W2026-1", "NW-17", "W20261123-482915633-"):
        assert fault(clerk(update_key=key)) == ("E_KEY_MISSING", "update_key", key)


def test_a_list_of_which_a_part_was_sorted_alone_is_noticed() -> None:
    assert fault(clerk(case_ref=OTHER_REF))[:2] == ("E_KEY_MIXED", "update_key")
    assert fault(clerk(base_version="4"))[:2] == ("E_KEY_MIXED", "update_key")


def test_a_lost_version_is_in_the_key() -> None:
    assert taken(clerk(base_version="")).base_version == 3


def test_a_key_fits_into_the_column_of_keys() -> None:
    assert len(update_key(TODAY, REF, 999_999_999)) <= 64


# The day


@pytest.mark.parametrize(
    "written", ["22/11/2026", "2026-11-22", "22-Nov", "46348", "22 Novemba 2026", "jana", "11/22/26"]
)
def test_a_day_counts_as_its_noon(written: str) -> None:
    assert taken(clerk(date=written)).occurred_at == datetime(2026, 11, 22, 12, tzinfo=NAIROBI)


def test_today_counts_as_noon_but_never_later_than_now() -> None:
    evening = datetime(2026, 11, 23, 18, tzinfo=NAIROBI).astimezone(UTC)
    assert taken(clerk(NOW, date="23/11/2026")).occurred_at == NOW  # a quarter past nine
    for written in ("", "23/11/2026", "leo"):
        assert taken(clerk(evening, date=written)).occurred_at == datetime(2026, 11, 23, 12, tzinfo=NAIROBI)


def test_just_after_midnight_it_is_that_day_already() -> None:
    midnight = datetime(2026, 11, 23, 0, 5, tzinfo=NAIROBI).astimezone(UTC)
    assert taken(clerk(midnight, date="23/11/2026")).occurred_at == midnight


def test_tomorrow_has_not_come() -> None:
    assert fault(clerk(date="24/11/2026")) == ("E_TIME_FUTURE", "date", "24/11/2026")


def test_what_is_no_day_is_a_fault() -> None:
    assert fault(clerk(date="next week")) == ("E_DATE", "date", "next week")


# Notes


def test_a_note_becomes_one_line_without_unseen_signs() -> None:
    note = taken(clerk(note=" Bomba\r\nlimerekebishwa\x07,  maji\u200byamerudi \u202eleo\ud83d")).public_note
    assert note == "Bomba limerekebishwa , maji yamerudi leo"


@pytest.mark.parametrize("shown", ["#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "##########", "Err:508"])
def test_what_excel_took_for_a_formula_is_not_told_to_the_citizen(shown: str) -> None:
    """The clerk typed `- mended today` or `=done`."""
    assert fault(clerk(status="1", note=shown)) == ("E_FORMULA", "note", shown)


@pytest.mark.parametrize("note", ["#5 is mended", "#"])
def test_a_note_may_begin_with_such_a_sign(note: str) -> None:
    assert taken(clerk(status="1", note=note)).public_note == note


def test_a_note_has_a_thousand_characters_at_most() -> None:
    assert len(taken(clerk(note="x" * LONGEST_NOTE)).public_note) == LONGEST_NOTE
    said = clerk(note="x" * (LONGEST_NOTE + 200))
    assert isinstance(said, RowFault)
    assert said.sentence("en") == "Row 7: the text in note has 1,200 letters. Shorten it to 1,000."
    assert fault(system(internal_note="x" * 1001))[:2] == ("E_CELL", "internal_note")


# The fingerprint


@pytest.mark.parametrize(
    "again",
    [
        {"case_ref": "482915633.0"},
        {"base_version": "3,0"},
        {"schema_version": "1.0"},
        {"new_status": "Resolved"},
        {"occurred_at": "22/11/2026 10:30"},  # as Excel saves 2026-11-22 10:30:00
        {"occurred_at": "46348.4375"},
        {"public_note": f" {DONE}\r\n"},
    ],
)
def test_saving_again_in_excel_says_the_same(again: Mapping[str, str]) -> None:
    assert taken(system(**again)).fingerprint == taken(system()).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        {"agency_update_id": "NW-2026-000418"},
        {"case_ref": OTHER_REF},
        {"base_version": "4"},
        {"agency_ref": "JOB/89"},
        {"new_status": "in_progress"},
        {"outcome_code": "partly"},
        {"public_note": DONE + " Asante."},
        {"internal_note": ""},
        {"assignee_code": ""},
        {"occurred_at": "2026-11-22T10:31:00+03:00"},
    ],
)
def test_whatever_is_said_differently_differs(other: Mapping[str, str]) -> None:
    assert taken(system(**other)).fingerprint != taken(system()).fingerprint


def test_a_worklist_that_is_sent_again_tomorrow_says_the_same() -> None:
    tomorrow = NOW + timedelta(days=1)
    for written in ("", "22/11/2026"):
        assert taken(clerk(tomorrow, date=written)).fingerprint == taken(clerk(date=written)).fingerprint


@pytest.mark.parametrize("again", [{"status": "limekamilika"}, {"status": "3 done"}, {"date": "46348"}])
def test_a_clerks_other_words_for_it_say_the_same(again: Mapping[str, str]) -> None:
    assert taken(clerk(**again)).fingerprint == taken(clerk()).fingerprint


# Whatever comes


def test_a_row_that_could_not_be_read_is_its_fault() -> None:
    said = understand(Kind.WORKLIST, Row(9, {"note": "x"}, "E_ROW"), now=NOW, zone=NAIROBI)
    assert said == RowFault(9, "E_ROW", "", "", {"note": "x"})


@settings(max_examples=300)
@given(st.data())
def test_no_cells_whatever_raise(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(Kind))
    good = SYSTEM if kind is Kind.UPDATES else CLERK
    changed = st.text(max_size=30) | st.text("0123456789.,eE+-/: W", max_size=20) | st.sampled_from(list(good.values()))
    cells = good | data.draw(st.dictionaries(st.sampled_from(list(good)), changed, max_size=4))
    said = understand(kind, Row(2, cells), now=NOW, zone=NAIROBI)
    if isinstance(said, RowFault):
        assert said.sentence("sw").startswith("Mstari 2")
    elif said:
        assert said.occurred_at <= NOW + timedelta(minutes=5)
        assert said.cells is cells
