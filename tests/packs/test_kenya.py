"""The pack of Kenya: its files are sound and whole."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import product

import pytest

from locales.gsm7 import septets
from packs import Pack
from packs.model import ANY, COUNTY_GOVERNMENT
from store.clock import utcnow
from tests.conftest import PACK_FOLDER

# Posters and deep dials name these keys: they may be added to, never changed.
CATEGORY_KEYS = {
    "1": "water",
    "2": "power",
    "3": "roads",
    "4": "health",
    "5": "id",
    "6": "police",
    "7": "land",
    "8": "bribery",
    "9.1": "waste",
    "9.2": "permit",
    "9.3": "school",
    "9.4": "tax",
    "9.5": "cash",
    "9.6": "other",
}
SUB_KEYS = {
    "water": "none dirty burst bill meter other",
    "power": "none fallen_line transformer bill meter other",
    "roads": "town village highway lights drains other",
    "health": "sha_claim sha_registration medicine turned_away treatment other",
    "id": "passport card lost birth details other",
    "police": "stolen follow_up abstract abuse insecurity other",
    "land": "title transfer rates boundary compensation other",
    "bribery": "asked took refused threats property other",
    "waste": "garbage dumping sewer toilet pollution other",
    "permit": "business charged driving building other",
    "school": "cdf_bursary county_bursary loan fees teachers exams other",
    "tax": "pin refund county_fees clamping parking payment other",
    "cash": "unpaid left_out nssf pension disability other",
    "other": "other",
}


def test_it_covers_the_whole_country(ke: Pack) -> None:
    kinds = Counter(place.kind for place in ke.places.values())
    assert (kinds["county"], kinds["constituency"], kinds["ward"]) == (47, 290, 1450)
    assert kinds["town"] + kinds["estate"] >= 350
    assert kinds["office"] >= 100


def test_every_county_has_towns_or_estates_and_an_office(ke: Pack) -> None:
    counties = {place.code for place in ke.places.values() if place.kind == "county"}
    assert {place.county for place in ke.places.values() if place.kind in ("town", "estate")} == counties
    assert {place.county for place in ke.places.values() if place.kind == "office"} == counties


def test_it_names_the_national_agencies_and_all_county_governments(ke: Pack) -> None:
    assert {"SHA", "IMMIGRATION", "NRB", "NPS", "IPOA", "KPLC", "KENHA", "KURA", "KERRA", "NTSA", "KRA", "EACC"} <= set(
        ke.agencies
    )
    assert sum(agency.kind == "county" for agency in ke.agencies.values()) == 47
    assert sum(agency.county is None for agency in ke.agencies.values()) >= 30


def test_menu_keys_never_change_their_meaning(ke: Pack) -> None:
    assert {category.key: category.code for category in ke.categories.values()} == CATEGORY_KEYS
    for category, subs in SUB_KEYS.items():
        keys = {sub.key: sub.code for sub in ke.subs.values() if sub.category == category}
        assert keys == {str(n): f"{category}.{name}" for n, name in enumerate(subs.split(), 1)}


def test_the_menu_offers_what_is_open_in_the_order_of_its_keys(ke: Pack) -> None:
    assert [category.digit for category in ke.menu()] == list("1234567")
    assert [category.digit for category in ke.menu("9")] == list("123456")
    assert [sub.key for sub in ke.subs_of("police")] == list("12356")  # 4, police abuse, is kept


def test_what_is_secret_is_hidden_until_secret_reports_are_open(ke: Pack) -> None:
    assert {category.code: category.hidden for category in ke.categories.values() if category.sensitive} == {
        "bribery": True
    }
    secret = {sub.code: sub.hidden for sub in ke.subs.values() if sub.sensitive}
    assert secret == {"police.abuse": True} | {f"bribery.{name}": True for name in SUB_KEYS["bribery"].split()}


def test_every_list_of_problems_ends_with_other(ke: Pack) -> None:
    for category in ke.categories:
        last = max((sub for sub in ke.subs.values() if sub.category == category), key=lambda sub: sub.key)
        assert last.code == f"{category}.other"


def test_only_other_asks_for_words_first(ke: Pack) -> None:
    assert [sub.code for sub in ke.subs.values() if sub.words_first] == ["other.other"]


def test_every_sub_category_has_times_and_a_calendar(ke: Pack) -> None:
    for sub in ke.subs.values():
        sla = ke.sla(sub.code)
        assert 0 < sla.acknowledge <= sla.respond <= sla.resolve
        assert ke.calendar(sub.code).working_day > 0


@pytest.mark.parametrize(
    ("sub", "resolve"),
    [
        ("water.none", 72 * 60),  # 24x7: hours of the clock
        ("water.bill", 2 * 480),  # the office's days
        ("tax.payment", 480),
        ("tax.clamping", 4 * 60),
        ("tax.parking", 2 * 480),
        ("land.rates", 3 * 480),
    ],
)
def test_times_of_nairobi_are_the_countys_own(ke: Pack, sub: str, resolve: int) -> None:
    assert ke.sla(sub).resolve == resolve


@pytest.mark.parametrize("sub", ["water.burst", "power.fallen_line", "police.insecurity"])
def test_danger_is_answered_day_and_night(ke: Pack, sub: str) -> None:
    assert ke.calendar(sub).code == "24x7"
    assert ke.sla(sub).acknowledge <= 60


def test_every_problem_in_every_county_has_an_agency(ke: Pack) -> None:
    rules = {(route.category, route.sub, route.county): route.agency for route in ke.routes}
    counties = [place.code for place in ke.places.values() if place.kind == "county"]
    for sub, county in product(ke.subs.values(), counties):
        scopes = product((sub.code, ANY), (county, ANY))
        agency = next(
            (rules[sub.category, *scope] for scope in scopes if (sub.category, *scope) in rules), rules[ANY, ANY, ANY]
        )
        owner = ke.county_government(county) if agency == COUNTY_GOVERNMENT else ke.agencies[agency]
        assert owner.county in (None, county), (sub.code, county, owner.code)


def test_what_no_rule_covers_goes_to_the_service_desk(ke: Pack) -> None:
    assert ke.agencies[ke.desk].kind == "desk"


def test_what_needs_no_place_never_goes_to_a_county(ke: Pack) -> None:
    nowhere = {sub.code for sub in ke.subs.values() if sub.where == "none"}
    assert nowhere
    assert not [r for r in ke.routes if r.sub in nowhere and (r.agency == COUNTY_GOVERNMENT or r.county != ANY)]


def test_names_fit_the_texts_around_them(ke: Pack) -> None:
    names = [agency.name for agency in ke.agencies.values()] + [sub.name for sub in ke.subs.values()]
    assert all((septets(name[lang]) or 99) <= 20 for name in names for lang in ("en", "sw"))


def test_holidays_are_known_until_the_end_of_next_year(ke: Pack) -> None:
    """If this fails, move the last of `years` on in packs/ke/calendars.toml and publish the pack."""
    assert ke.holiday_years[1] >= utcnow().year + 1


def test_offices_close_on_holidays_of_all_faiths_that_are_gazetted(ke: Pack) -> None:
    closed = {day.isoformat() for day in ke.calendars["office"].holidays}
    assert {"2024-05-10", "2024-11-01", "2025-03-31", "2025-06-06", "2025-10-17", "2026-12-25"} <= closed
    assert "2025-11-19" not in closed  # Diwali is a day off for Hindus only


def test_a_place_without_a_ward_knows_its_parts(ke: Pack) -> None:
    parts = [ward.name for ward in ke.parts(ke.places["kibera"])]
    assert parts == ["Laini Saba", "Lindi", "Makina", "Sarangombe", "Woodley/Kenyatta Golf Course"]
    assert ke.parts(ke.places["1387"]) == ()
    assert ke.parts(ke.places["047"]) == ()


def test_emergency_numbers_are_found_by_their_use(ke: Pack) -> None:
    uses = ("police", "emergency", "violence", "child")
    assert [ke.emergency_number(use) for use in uses] == ["999", "112", "1195", "116"]


@pytest.mark.parametrize("file", sorted(path.name for path in PACK_FOLDER.glob("*.csv")))
def test_files_open_alike_in_every_spreadsheet(file: str) -> None:
    """UTF-8, plain newlines, no cell that a spreadsheet would take for a formula."""
    content = (PACK_FOLDER / file).read_bytes()
    assert b"\r" not in content
    assert not [
        cell
        for row in csv.reader(content.decode().splitlines())
        for cell in row
        if cell.startswith(("=", "+", "-", "@"))
    ]
