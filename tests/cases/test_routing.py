from __future__ import annotations

from dataclasses import replace

import pytest

from cases.routing import route
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
