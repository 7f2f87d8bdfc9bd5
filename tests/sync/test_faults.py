from __future__ import annotations

import re

import pytest

from cases.lifecycle import State
from sync.faults import FAULTS, FILE_FAULTS, STATES, RowFault, Unreadable

# The words that were agreed with two readers
AGREED = {
    "E_REF_CHECK": (
        "Row {row}: case number {value} has a typing mistake. Copy it again from our list.",
        "Mstari {row}: nambari {value} ina kosa. Inakili tena kutoka orodha yetu.",
    ),
    "E_REF_SCI": (
        "Row {row}: Excel changed the case number to {value}. Type the 9 digits again.",
        "Mstari {row}: Excel imebadilisha nambari kuwa {value}. Andika tena tarakimu 9.",
    ),
    "E_NOT_OWNER": (
        "Row {row}: {value} is not with your office now. Delete the row, or phone the helpdesk.",
        "Mstari {row}: {value} haliko kwa ofisi yenu sasa. Futa mstari huu, au pigia kituo cha usaidizi.",
    ),
    "E_TRANSITION": (
        "Row {row}: a case that is '{state}' cannot become '{value}'. Allowed now: {allowed}.",
        "Mstari {row}: lalamiko lililo '{state}' haliwezi kuwa '{value}'. Inaruhusiwa sasa: {allowed}.",
    ),
    "E_NOTE_REQUIRED": (
        "Row {row}: write what was done, for the citizen to read, at least 20 letters. Now: '{value}'.",
        "Mstari {row}: andika kilichofanywa ili mwananchi asome, angalau herufi 20. Sasa: '{value}'.",
    ),
    "E_TIME_FUTURE": (
        "Row {row}: the date {value} has not come yet. Write it day/month/year, or leave it empty for today.",
        "Mstari {row}: tarehe {value} haijafika. Andika siku/mwezi/mwaka, au acha wazi kwa leo.",
    ),
    "E_KEY_REUSED": (
        "Row {row}: this row was sent before with other words ('{old}'). Take a fresh worklist.",
        "Mstari {row}: mstari huu ulitumwa awali ukiwa na maneno mengine ('{old}'). Tumia orodha mpya.",
    ),
    "E_STALE": (
        "Row {row}: the citizen reopened {value} after your list was made. Your note is kept; take a fresh worklist.",
        "Mstari {row}: mwananchi alifungua tena {value} baada ya orodha yenu. Maelezo yamehifadhiwa; tumia orodha "
        "mpya.",
    ),
}
GIVEN = {"state": "closed", "allowed": "in_progress,resolved", "old": "3", "length": "1,200", "most": "1,000"}


def test_agreed_sentences_stand_to_the_letter() -> None:
    assert {code: (FAULTS[code]["en"], FAULTS[code]["sw"]) for code in AGREED} == AGREED


@pytest.mark.parametrize("language", ["en", "sw"])
@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_names_its_row_and_fills_every_gap(code: str, language: str) -> None:
    told = RowFault(17, code, "note", "3 dnoe", {}, GIVEN).sentence(language)
    assert "17" in told
    assert not re.search(r"[{}]", told)


@pytest.mark.parametrize("code", FILE_FAULTS)
def test_a_refused_file_is_told_why_in_two_languages(code: str) -> None:
    fault = Unreadable(code, columns="status, note", what="pdf")
    assert str(fault) == fault.sentence("en") != fault.sentence("sw")


@pytest.mark.parametrize("words", [*FAULTS.values(), *FILE_FAULTS.values()])
def test_both_languages_name_the_same_facts(words: dict[str, str]) -> None:
    facts = [set(re.findall(r"{(\w+)}", words[language])) for language in ("en", "sw")]
    assert facts[0] == facts[1]


def test_states_are_told_in_words() -> None:
    fault = RowFault(4, "E_TRANSITION", "status", "resolved", {}, {"state": "withdrawn", "allowed": "in_progress"})
    assert fault.sentence("en") == (
        "Row 4: a case that is 'withdrawn by the citizen' cannot become 'done'. Allowed now: in progress."
    )
    assert fault.sentence("sw") == (
        "Mstari 4: lalamiko lililo 'limeondolewa na mwananchi' haliwezi kuwa 'limekamilika'. "
        "Inaruhusiwa sasa: linashughulikiwa."
    )


def test_where_nothing_is_allowed_any_more_it_says_so() -> None:
    fault = RowFault(4, "E_TRANSITION", "status", "resolved", {}, {"state": "closed", "allowed": ""})
    assert fault.sentence("en").endswith("Allowed now: nothing.")
    assert fault.sentence("sw").endswith("Inaruhusiwa sasa: hakuna.")


def test_every_state_has_words() -> None:
    assert set(STATES) == set(State)


def test_a_sentence_shows_the_column_as_the_sheet_heads_it() -> None:
    fault = RowFault(9, "E_CELL", "note", "x" * 1200, {}, {"length": "1,200", "most": "1,000"})
    assert fault.sentence("en") == "Row 9: the text in note has 1,200 letters. Shorten it to 1,000."
    assert fault.sentence("sw") == "Mstari 9: maandishi katika maelezo yana herufi 1,200. Yafupishe hadi 1,000."


def test_a_long_cell_with_line_breaks_is_quoted_in_one_short_line() -> None:
    told = RowFault(2, "E_STATUS", "status", "we\nwent {there} " + "on " * 500, {}).sentence("en")
    assert told.startswith("Row 2: 'we went {there} on on")
    assert "\n" not in told
    assert len(told) < 160


def test_other_languages_read_swahili_or_english() -> None:
    fault = RowFault(2, "E_KEY_MISSING", "update_key", "", {})
    assert fault.sentence("ki") == fault.sentence("sw")
    assert fault.sentence("am") == fault.sentence("en")
