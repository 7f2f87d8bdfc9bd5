from __future__ import annotations

from dataclasses import replace

import pytest

from cases.routing import barred, route
from packs.model import Pack, Route

RULES = (
    Route("*", "*", "*", "KRA"),
    Route("*", "*", "047", "NTSA"),
    Route("water", "*", "*", "COUNTY"),
    Route("water", "*", "047", "NCWSC"),
    Route("water", "water.burst", "*", "KPLC"),
    Route("water", "water.burst", "047", "KENHA"),
)


@pytest.mark.parametrize(
    ("sub", "county", "agency"),
    [
        ("water.burst", "047", "KENHA"),
        ("water.burst", "001", "KPLC"),
        ("water.burst", None, "KPLC"),
        ("water.none", "047", "NCWSC"),
        ("water.none", "001", "COUNTY-001"),
        ("power.none", "047", "NTSA"),
        ("power.none", "001", "KRA"),
        ("power.none", None, "KRA"),
        (None, "047", "NTSA"),
        (None, None, "KRA"),
    ],
)
@pytest.mark.parametrize("rules", [RULES, RULES[::-1]], ids=["in this order", "in the other"])
def test_the_most_specific_rule_wins_wherever_it_stands(
    ke: Pack, rules: tuple[Route, ...], sub: str | None, county: str | None, agency: str
) -> None:
    assert route(replace(ke, routes=rules), sub, ke.places[county] if county else None) == agency


def test_what_no_rule_covers_goes_to_the_service_desk(ke: Pack) -> None:
    assert route(replace(ke, routes=()), "water.none", None) == ke.desk == "MLANGO"


def test_a_rule_for_the_county_does_not_hold_where_the_county_is_not_known(ke: Pack) -> None:
    assert route(replace(ke, routes=RULES[2:3]), "water.none", None) == ke.desk


def test_a_rule_that_names_an_agency_nobody_knows_is_passed_over(ke: Pack) -> None:
    rules = (*RULES, Route("water", "water.none", "047", "NOBODY"))
    assert route(replace(ke, routes=rules), "water.none", ke.places["kibera"]) == "NCWSC"


# In confidence


@pytest.mark.parametrize(
    ("sub", "about", "agency"),
    [
        ("roads.drains", "COUNTY-047-WORKS", "MLANGO"),  # the next rule is the county government's, its kin
        ("roads.drains", "COUNTY-047", "MLANGO"),
        ("roads.drains", "COUNTY-001", "COUNTY-047-WORKS"),
        ("roads.village", "COUNTY-047", "KERRA"),
        ("police.other", "DCI", "MLANGO"),
        ("water.none", "COUNTY-047", "NCWSC"),  # a company is no kin of the county that owns it
    ],
)
def test_neither_the_office_complained_about_nor_its_kin_gets_it(ke: Pack, sub: str, about: str, agency: str) -> None:
    assert route(ke, sub, ke.places["kibera"], about) == agency


ABOUT = (
    Route("*", "*", "*", "CAJ", about="NPS"),
    Route("bribery", "*", "*", "IPOA", about="COUNTY"),
    Route("bribery", "bribery.asked", "047", "EACC"),
)


@pytest.mark.parametrize(
    ("about", "agency"),
    [
        (None, "EACC"),
        ("KPLC", "EACC"),
        ("NPS", "CAJ"),
        ("DCI", "CAJ"),
        ("COUNTY-047", "IPOA"),
        ("COUNTY-047-HEALTH", "IPOA"),
        ("COUNTY-001", "EACC"),  # the county government of another place
    ],
)
@pytest.mark.parametrize("rules", [ABOUT, ABOUT[::-1]], ids=["in this order", "in the other"])
def test_a_rule_for_what_is_about_an_office_or_its_kin_outweighs_all_others(
    ke: Pack, rules: tuple[Route, ...], about: str | None, agency: str
) -> None:
    assert route(replace(ke, routes=rules), "bribery.asked", ke.places["kibera"], about) == agency


def test_an_office_that_the_pack_does_not_know_any_more_bars_only_itself(ke: Pack) -> None:
    assert barred(ke, "GONE") == {"GONE"}
    assert barred(ke, None) == frozenset()


def test_kin_is_mutual_so_that_nobody_sees_what_their_own_kin_must_not(ke: Pack) -> None:
    for agency in ke.agencies:
        assert all(agency in barred(ke, other) for other in barred(ke, agency))


@pytest.mark.parametrize(
    ("sub", "place", "agency"),
    [
        ("water.none", "kibera", "NCWSC"),
        ("water.none", "malindi", "COUNTY-003"),
        ("health.sha_claim", None, "SHA"),
        ("id.passport", "nyayo-house", "IMMIGRATION"),
        ("roads.highway", "kibera", "KENHA"),
    ],
)
def test_kenyas_rules_send_what_people_complain_of_to_its_office(
    ke: Pack, sub: str, place: str | None, agency: str
) -> None:
    assert route(ke, sub, ke.places[place] if place else None) == agency
