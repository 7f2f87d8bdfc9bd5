from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cases import lookup
from cases.citizens import Caller
from cases.lifecycle import OPEN, State
from cases.models import Case
from tests.cases.conftest import Lodge


@pytest.fixture
def hers(lodge: Lodge) -> Case:
    """Amina's case."""
    case = lodge("test:hers").case
    Case.update(ref="482915633").where(Case.id == case.id).execute()
    return Case.get_by_id(case.id)


@pytest.mark.parametrize("typed", ["482915633", "482-915-633", "#482 915 633", "4829I5633", "5633", "15-633"])
def test_one_finds_ones_own_case_by_its_number_or_its_end(hers: Case, amina: Caller, typed: str) -> None:
    assert lookup.own_case(amina.id, typed) == hers


@pytest.mark.parametrize("typed", ["482915633", "5633"])
def test_anothers_case_looks_like_none(hers: Case, juma: Caller, typed: str) -> None:
    assert lookup.own_case(juma.id, typed) is None


@pytest.mark.parametrize(
    "typed",
    ["572468904", "482915634", "1234", "633", "", "maji", "4829156330", "0482915633", "%%%%", "____", "482915633 OR 1"],
    ids=["absent", "mistyped", "no such end", "too short", "empty", "words", "too long", "zero", "%", "_", "sql"],
)
def test_what_is_not_there_is_none(hers: Case, amina: Caller, typed: str) -> None:
    assert lookup.own_case(amina.id, typed) is None


def test_of_two_cases_with_the_same_end_the_newer_one_is_meant(
    hers: Case, lodge: Lodge, amina: Caller, now: datetime
) -> None:
    newer = lodge("test:newer", at=now + timedelta(days=1)).case
    Case.update(ref="572465633").where(Case.id == newer.id).execute()
    assert lookup.own_case(amina.id, "5633") == newer


@pytest.mark.parametrize("visibility", ["confidential", "anonymous"])
def test_a_secret_case_is_found_by_its_whole_number_and_only_if_it_was_asked_for(
    hers: Case, amina: Caller, juma: Caller, visibility: str
) -> None:
    Case.update(visibility=visibility).execute()
    for typed in ("5633", "482915633"):
        assert lookup.own_case(amina.id, typed) is None
    assert lookup.own_case(amina.id, "482915633", secret=True) == hers
    assert lookup.own_case(amina.id, "5633", secret=True) is None
    assert lookup.own_case(juma.id, "482915633", secret=True) is None
    assert lookup.recent(amina.id, 10) == []
    assert lookup.open_cases(amina.id, 10) == []


def test_a_list_shows_ones_own_newest_cases_first(lodge: Lodge, amina: Caller, juma: Caller, now: datetime) -> None:
    made = [lodge(f"test:{day}", at=now + timedelta(days=day)).case for day in range(4)]
    lodge("test:other", caller=juma)
    assert lookup.recent(amina.id, 3) == made[:0:-1]


@pytest.mark.parametrize("state", State)
def test_only_open_cases_wait_for_an_answer(lodge: Lodge, amina: Caller, state: State) -> None:
    case = lodge().case
    Case.update(state=state).execute()
    assert lookup.open_cases(amina.id, 10) == ([case] if state in OPEN else [])


def test_a_case_chosen_from_a_list_is_found_only_by_its_owner(hers: Case, amina: Caller, juma: Caller) -> None:
    assert lookup.own_by_id(amina.id, hers.id) == hers
    assert lookup.own_by_id(juma.id, hers.id) is None
    assert lookup.own_by_id(amina.id, "f" * 32) is None


def test_the_case_of_a_request_is_found_by_its_key(hers: Case) -> None:
    assert lookup.lodged_by("test:hers") == hers
    assert lookup.lodged_by("test:absent") is None
