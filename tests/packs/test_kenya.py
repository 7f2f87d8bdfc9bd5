"""The pack of Kenya: its files are sound and whole."""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import product

import pytest

from locales.gsm7 import septets
from packs import Agency, Pack, SubCategory
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

RED_CROSS = "1199"
SCREEN = 160 - len("CON ")  # septets


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
    assert [category.digit for category in ke.menu()] == list("12345678")
    assert [category.digit for category in ke.menu("9")] == list("123456")
    assert [sub.key for sub in ke.subs_of("police")] == list("123456")


def test_bribery_and_police_abuse_are_reported_in_secret(ke: Pack) -> None:
    assert [category.code for category in ke.categories.values() if category.sensitive] == ["bribery"]
    secret = {sub.code for sub in ke.subs.values() if sub.sensitive}
    assert secret == {"police.abuse", *(f"bribery.{name}" for name in SUB_KEYS["bribery"].split())}
    assert secret <= {sub.code for category in ke.categories for sub in ke.subs_of(category)}


def test_danger_shows_the_emergency_numbers_first(ke: Pack) -> None:
    assert {sub.code for sub in ke.subs.values() if sub.danger} == {
        "power.fallen_line",
        "roads.drains",
        "health.turned_away",
        "police.insecurity",
        "bribery.threats",
    }


def test_a_number_is_asked_where_an_office_cannot_find_the_matter_without(ke: Pack) -> None:
    asked = {sub.code for sub in ke.subs.values() if sub.ask}
    assert {"id.passport", "id.card", "health.sha_claim", "land.title", "permit.business"} <= asked
    assert not [code for code in asked if ke.subs[code].sensitive]


def test_secret_reports_name_whom_they_are_about(ke: Pack) -> None:
    assert {subject.key: (subject.code, subject.about) for subject in ke.subjects} == {
        "1": ("chief", "NGAO"),
        "2": ("police", "NPS"),
        "3": ("county", "COUNTY"),
        "4": ("hospital", "COUNTY"),
        "5": ("school", "MOE"),
        "6": ("land_office", "LANDS"),
        "7": ("court", "JUDICIARY"),
        "8": ("other", ""),
    }
    about_police = ke.subject_of("police.abuse")
    assert about_police is not None
    assert about_police.about == "NPS"
    assert ke.subject_of("bribery.asked") is None


def test_detectives_are_kin_of_the_police_who_watch_them_are_not(ke: Pack) -> None:
    assert ke.kin("NPS") == ke.kin("DCI") == {"NPS", "DCI"}
    assert ke.kin("IPOA") == {"IPOA"}


def test_a_county_government_and_its_departments_are_kin_its_companies_are_not(ke: Pack) -> None:
    assert ke.kin("COUNTY-047") == {code for code in ke.agencies if code.startswith("COUNTY-047")}
    assert ke.kin("COUNTY-047-ENV") == ke.kin("COUNTY-047-LAND")
    assert ke.kin("NCWSC") == {"NCWSC"}


@pytest.mark.parametrize("lang", ["en", "sw"])
def test_every_menu_fits_one_screen(ke: Pack, lang: str) -> None:
    first = [ke.menu_title, *(one.name for one in ke.menu()), ke.more]
    more = [ke.menu_title, *(one.name for one in ke.menu("9"))]
    problems = [[one.title, *(sub.name for sub in ke.subs_of(one.code))] for one in ke.categories.values()]
    for menu in (first, more, *problems):
        title, *labels = (words[lang] for words in menu)
        screen = "\n".join([title, *(f"1. {label}" for label in labels), "0. Back"])
        assert (septets(screen) or 999) <= SCREEN, screen


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


def owner_of(pack: Pack, sub: SubCategory, county: str, about: str = "") -> Agency:
    """Who gets it by the rules: those about the reported office first, then from the most exact to the least."""
    rules = {(route.category, route.sub, route.county, route.about): route.agency for route in pack.routes}
    scopes = [(sub.category, *scope) for scope in product((sub.code, ANY), (county, ANY))] + [(ANY, ANY, ANY)]
    found = [rules[*scope, whom] for whom in dict.fromkeys((about, "")) for scope in scopes if (*scope, whom) in rules]
    return pack.county_government(county) if found[0] == COUNTY_GOVERNMENT else pack.agencies[found[0]]


def test_every_problem_in_every_county_has_an_agency(ke: Pack) -> None:
    counties = [place.code for place in ke.places.values() if place.kind == "county"]
    for sub, county in product(ke.subs.values(), counties):
        owner = owner_of(ke, sub, county)
        assert owner.county in (None, county), (sub.code, county, owner.code)


def test_no_secret_report_reaches_the_office_it_is_about_or_its_kin(ke: Pack) -> None:
    counties = [place.code for place in ke.places.values() if place.kind == "county"]
    secret = [sub for sub in ke.subs.values() if sub.sensitive]
    for subject, sub, county in product(ke.subjects, secret, counties):
        reported = ke.county_government(county).code if subject.about == COUNTY_GOVERNMENT else subject.about
        owner = owner_of(ke, sub, county, subject.about)
        assert owner.code not in ke.kin(reported), (subject.code, sub.code, county)
        assert owner.code != ke.desk


@pytest.mark.parametrize(
    ("about", "owner"), [("NPS", "IPOA"), ("JUDICIARY", "CAJ"), ("NGAO", "EACC"), ("COUNTY", "EACC"), ("", "EACC")]
)
def test_bribery_goes_to_those_who_watch_the_office(ke: Pack, about: str, owner: str) -> None:
    assert owner_of(ke, ke.subs["bribery.asked"], "047", about).code == owner


def test_there_is_advice_on_every_category_and_of_general_use(ke: Pack) -> None:
    for category in ke.categories.values():
        assert category.code == "other" or 3 <= len(ke.faqs_of(category.code)) <= 4, category.code
    assert len(ke.faqs_of(None)) >= 5


def test_emergency_numbers_in_advice_are_those_of_the_pack(ke: Pack) -> None:
    known = {entry.number for entry in ke.emergency}
    for faq in ke.faqs:
        for words in faq.answer.values():
            assert set(re.findall(r"(?<!\*)\b(?:9\d\d|11\d|119\d)\b", words)) <= known | {RED_CROSS}, faq.code


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


def test_safaricom_lets_our_sms_through_again_by_a_code(ke: Pack) -> None:
    assert ke.unblock == {"Safaricom": "*456*9*5#"}


def test_emergency_numbers_are_found_by_their_use(ke: Pack) -> None:
    uses = ("police", "emergency", "violence", "child")
    assert [ke.emergency_number(use) for use in uses] == ["999", "112", "1195", "116"]


@pytest.mark.parametrize("file", sorted(str(path.relative_to(PACK_FOLDER)) for path in PACK_FOLDER.rglob("*.csv")))
def test_files_open_alike_in_every_spreadsheet(file: str) -> None:
    """UTF-8, plain newlines, no cell that a spreadsheet would take for a formula."""
    content = (PACK_FOLDER / file).read_bytes()
    assert b"\r" not in content
    assert not [
        cell
        for row in csv.reader(content.decode().splitlines())
        for cell in row
        if cell.startswith(("=", "+", "-", "@")) and not re.fullmatch(r"-\d+\.\d+", cell)  # degrees south are numbers
    ]
