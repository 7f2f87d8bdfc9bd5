"""Reads the folder of a pack into one Pack, or says everything that is wrong with it at once.

The files are for clerks: CSV (packs.sheet says how lenient) and two short TOML files. A thing that is itself faulty
still counts as known where others refer to it, so that one mistake is reported once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, get_args

from pydantic import AfterValidator, Field

from locales.gsm7 import septets
from packs.calendars import known_zone, read_calendars
from packs.centroids import read_centroids
from packs.exchanges import read_exchanges
from packs.faqs import read_faqs
from packs.faults import PackFaults
from packs.model import (
    ANY,
    COUNTY_GOVERNMENT,
    SIGNS,
    Agency,
    Calendar,
    Category,
    Emergency,
    Pack,
    Place,
    PlaceKind,
    Route,
    Sla,
    SubCategory,
    Subject,
    Term,
    Where,
)
from packs.places import fold
from packs.reading import (
    ALWAYS,
    Duration,
    Reading,
    Table,
    Words,
    check_width,
    digits,
    duration,
    flag,
    matching,
    one_of,
    reference,
    required,
    some_text,
    text,
    too_wide,
    unique,
)
from packs.sheet import Columns, Row
from packs.snapshot import fingerprint
from packs.texts import read_texts
from packs.wording import ASK, HELP, LABEL, NAME, TITLE, with_further_languages

SERVICE: Final = 8  # septets of the service's name: it opens every SMS
SCREEN: Final = 160 - len("CON ")  # septets of a USSD screen
POPULAR_KINDS: Final[tuple[PlaceKind, ...]] = ("town", "estate")
WHERE: Final[tuple[Where, ...]] = get_args(Where)
PROMISES: Final = ("acknowledge", "respond", "resolve")
AGENCY_KINDS: Final = ("national", "county", "department", "utility", "oversight", "desk")

_AGENCY: Final = re.compile(r"[A-Z][A-Z0-9-]{1,23}")
_CATEGORY: Final = re.compile(r"[a-z][a-z_]{1,29}")
_SUB: Final = re.compile(r"[a-z][a-z_]{1,29}\.[a-z][a-z_]{1,28}")
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{1,39}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_WEIGHT: Final = re.compile(r"[0-9]")
_PAGE_KEY: Final = re.compile(r"[1-8]|9\.[1-8]")  # 9 opens the second page, 0 goes back
_SUB_KEY: Final = re.compile(r"[1-8]")


class EmergencyTable(Table):
    use: str
    number: str = Field(pattern=r"^\d{3,10}$")
    name: Words


class UnblockTable(Table):
    network: str  # as the gateway names it
    dial: str = Field(pattern=r"^[*#][\d*#]{2,12}#$")


class MenuTable(Table):
    title: Words
    more: Words


class PackTable(Table):
    """pack.toml."""

    code: str = Field(pattern=r"^[a-z]{2,8}$")
    service: str
    zone: Annotated[str, AfterValidator(known_zone)]
    languages: tuple[str, ...]
    places_source: str
    menu: MenuTable
    emergency: tuple[EmergencyTable, ...]
    unblock: tuple[UnblockTable, ...] = ()


def load(folder: Path) -> Pack:
    """The pack in `folder`. Raises PackFaults with everything that is wrong, in the order of files and lines."""
    reading = Reading(folder)
    head = reading.toml("pack.toml", PackTable)
    if head:
        _check_head(reading, head)
    calendars, years = read_calendars(reading, head.zone if head else "UTC")
    areas = _areas(reading)
    agencies = _agencies(reading, areas)
    places = dict(areas)
    _popular(reading, areas, places)
    _offices(reading, areas, places, agencies)
    categories = _categories(reading)
    subs = _subs(reading, categories, calendars)
    slas = _slas(reading, categories, subs, calendars)
    routes = _routes(reading, categories, subs, agencies, areas)
    subjects = _subjects(reading, agencies)
    messages = read_texts(reading, categories, subs)
    faqs = read_faqs(reading, categories)
    members = _members(reading, agencies)
    lexicon = _lexicon(reading, categories, subs)
    exchanges = read_exchanges(reading, agencies, calendars)
    centroids = read_centroids(reading, areas)
    if head is None:
        raise _told(reading)
    pack = Pack(
        code=head.code,
        version="",
        service=head.service,
        zone=head.zone,
        languages=head.languages,
        places_source=head.places_source,
        menu_title=head.menu.title,
        more=head.menu.more,
        agencies=agencies,
        categories=categories,
        subs=subs,
        slas=slas,
        routes=routes,
        places=places,
        calendars=calendars,
        holiday_years=years,
        emergency=tuple(Emergency(one.use, one.number, one.name) for one in head.emergency),
        unblock={one.network: one.dial for one in head.unblock},
        messages=messages,
        members=members,
        lexicon=lexicon,
        subjects=subjects,
        faqs=faqs,
        exchanges=exchanges,
        centroids=centroids,
    )
    pack = with_further_languages(reading, pack)
    if reading.faults:
        raise _told(reading)
    return replace(pack, version=fingerprint(pack))


def _told(reading: Reading) -> PackFaults:
    return PackFaults(sorted(reading.faults, key=lambda fault: (fault.file, fault.line)))


def _check_head(reading: Reading, head: PackTable) -> None:
    if (septets(head.service) or NAME) > SERVICE:
        reading.fault("pack.toml", f"“{head.service}” is wider than {SERVICE} septets.", key="service")
    for entry in head.emergency:
        for words in entry.name.values():
            if wrong := too_wide(words, HELP):
                reading.fault("pack.toml", wrong, key="name")
    for lang in ALWAYS:
        if lang not in head.languages:
            reading.fault("pack.toml", f"the language {lang} must be among them.", key="languages")


def _areas(reading: Reading) -> dict[str, Place]:
    """Counties, constituencies and wards: one line a ward."""
    places: dict[str, Place] = {}
    columns = Columns(("county_code", "county", "constituency_code", "constituency", "ward_code", "ward"))
    wards: dict[str, int] = {}
    for row in reading.sheet("places.csv", columns):
        for column in columns.required:
            required(row, column)
        county, seat, ward = _area_codes(row)
        if not seat.startswith(county):
            row.fault("constituency_code", f"constituency {seat} does not begin with its county's code {county}.")
        _area(row, places, Place(county, "county", row["county"], county=county))
        _area(row, places, Place(seat, "constituency", row["constituency"], constituency=seat, county=county))
        if unique(row, "ward_code", ward, wards):
            check_width(row, "ward", row["ward"], SCREEN)
            places[ward] = Place(ward, "ward", row["ward"], ward, seat, county)
    return places


def _area(row: Row, places: dict[str, Place], area: Place) -> None:
    known = places.setdefault(area.code, area)
    if known.name != area.name:
        row.fault(area.kind, f"{area.kind} {area.code} is called “{known.name}” further up, “{area.name}” here.")
    check_width(row, area.kind, area.name, LABEL)


def _area_codes(row: Row) -> tuple[str, str, str]:
    """County, constituency and ward."""
    return digits(row, "county_code", 3), digits(row, "constituency_code", 6), digits(row, "ward_code", 4)


def _popular(reading: Reading, areas: Mapping[str, Place], places: dict[str, Place]) -> None:
    """Add the towns and estates as people call them."""
    columns = Columns(("code", "name", "kind", "also", "county_code", "constituency_code", "ward_code"), ("known",))
    spots: dict[tuple[str | None, ...], int] = {}
    for row in reading.sheet("places_alias.csv", columns):
        place = _located(row, areas, places, one_of(row, "kind", POPULAR_KINDS))
        spot = fold(place.name), place.county, place.constituency
        if spots.setdefault(spot, row.line) != row.line:
            row.fault("name", f"“{place.name}” stands in line {spots[spot]} already, at the same spot.")
        places.setdefault(place.code, place)


def _offices(
    reading: Reading, areas: Mapping[str, Place], places: dict[str, Place], agencies: Mapping[str, Agency]
) -> None:
    """Add the offices where people apply."""
    columns = Columns(("code", "name", "also", "agencies", "county_code"), ("constituency_code", "ward_code", "known"))
    for row in reading.sheet("offices.csv", columns):
        office = _located(row, areas, places, "office")
        required(row, "agencies")
        serves = row.list("agencies")
        for agency in serves:
            if agency != ANY:
                reference(row, "agencies", agencies, "agency", agency)
        places.setdefault(office.code, replace(office, serves=serves))


def _located(row: Row, areas: Mapping[str, Place], places: Mapping[str, Place], kind: PlaceKind) -> Place:
    """A place that is no area itself, with the areas it lies in as far as they are given."""
    code = matching(row, "code", _SLUG, "githurai-44 (small letters, digits, dashes)")
    if code in places:
        row.fault("code", f"another place has the code “{code}” already.")
    required(row, "county_code")
    county, seat, ward = _area_codes(row)
    reference(row, "county_code", areas, "county", county)
    reference(row, "constituency_code", areas, "constituency", seat)
    reference(row, "ward_code", areas, "ward", ward)
    _check_nesting(row, "constituency_code", areas.get(seat), areas.get(county))
    _check_nesting(row, "ward_code", areas.get(ward), areas.get(seat) or areas.get(county))
    if ward in areas:
        seat = areas[ward].constituency or ""
    check_width(row, "name", required(row, "name"), NAME)
    known = flag(row, "known")
    return Place(code, kind, row["name"], ward or None, seat or None, county or None, row.list("also"), known)


def _check_nesting(row: Row, column: str, area: Place | None, around: Place | None) -> None:
    if area and around and around.code not in (area.constituency, area.county):
        row.fault(column, f"{area.kind} {area.code} {area.name} is not in {around.kind} {around.code} {around.name}.")


def _agencies(reading: Reading, areas: Mapping[str, Place]) -> dict[str, Agency]:
    agencies: dict[str, Agency] = {}
    lines: dict[str, int] = {}
    rows: list[Row] = []
    columns = Columns(("code", "kind", "name_en", "name_sw", "county_code"), ("under", "name_*"))
    sheet = reading.sheet("agencies.csv", columns)
    for row in sheet:
        code = matching(row, "code", _AGENCY, "KENHA or COUNTY-047 (capitals, digits, dashes)")
        kind = one_of(row, "kind", AGENCY_KINDS)
        county = reference(row, "county_code", areas, "county", digits(row, "county_code", 3))
        if kind in ("county", "department") and not county:
            row.fault("county_code", f"a {kind} needs its county's code.")
        if kind == "county" and code != f"{COUNTY_GOVERNMENT}-{county}":
            row.fault("code", f"the government of county {county} must have the code {COUNTY_GOVERNMENT}-{county}.")
        if unique(row, "code", code, lines):
            name, under = text(row, "name", NAME), row["under"] or None
            agencies[code] = Agency(code, kind, name, county or None, under=under)
            rows.append(row)
    for row in rows:
        _check_heads(row, agencies)
    if sum(agency.kind == "desk" for agency in agencies.values()) != 1:
        sheet.missing("kind", "exactly one agency must be the desk, which gets what no rule sends elsewhere.")
    for place in areas.values():
        if place.kind == "county" and f"{COUNTY_GOVERNMENT}-{place.code}" not in agencies:
            sheet.missing("code", f"the government of {place.name} is missing: {COUNTY_GOVERNMENT}-{place.code}.")
    return agencies


def _check_heads(row: Row, agencies: Mapping[str, Agency]) -> None:
    """What is over an agency must be known, and something must be over nothing. The desk stands by itself: it hands
    out what is reported about anybody, so nobody may be its kin."""
    reference(row, "under", agencies, "agency")
    over_it = agencies.get(row["under"])
    if row["under"] and "desk" in (row["kind"], over_it and over_it.kind):
        row.fault("under", "the desk is under nobody, and nobody is under the desk.")
    over, known = [row["code"]], agencies.get(row["under"])
    while known and known.code not in over:
        over.append(known.code)
        known = agencies.get(known.parent or "")
    if known and known.code == row["code"]:
        row.fault("under", f"{row['code']} would be under itself: {' under '.join([*over, known.code])}.")


def _categories(reading: Reading) -> dict[str, Category]:
    columns = Columns(
        ("code", "key", "name_en", "name_sw", "title_en", "title_sw"), ("hidden", "sensitive", "name_*", "title_*")
    )
    categories: dict[str, Category] = {}
    codes: dict[str, int] = {}
    keys: dict[str, int] = {}
    for row in reading.sheet("categories.csv", columns):
        code = matching(row, "code", _CATEGORY, "cash_transfer (small letters)")
        key = matching(row, "key", _PAGE_KEY, "3 or 9.3 (9 opens the second page, 0 goes back)")
        unique(row, "key", key, keys)
        name, title = text(row, "name", LABEL), text(row, "title", TITLE)
        if unique(row, "code", code, codes):
            categories[code] = Category(code, key, name, title, flag(row, "hidden"), flag(row, "sensitive"))
    return categories


def _subs(
    reading: Reading, categories: Mapping[str, Category], calendars: Mapping[str, Calendar]
) -> dict[str, SubCategory]:
    columns = Columns(
        ("code", "category", "key", "name_en", "name_sw", "where", "calendar"),
        ("words_first", "hidden", "sensitive", "danger", "name_*", "ask_*"),
    )
    subs: dict[str, SubCategory] = {}
    codes: dict[str, int] = {}
    keys: dict[str, int] = {}
    sheet = reading.sheet("subcategories.csv", columns)
    for row in sheet:
        code = matching(row, "code", _SUB, "water.none (its category, a dot, small letters)")
        category = reference(row, "category", categories, "category", required(row, "category"))
        if category and not code.startswith(f"{category}."):
            row.fault("code", f"the code should begin with “{category}.”")
        key = matching(row, "key", _SUB_KEY, "a key from 1 to 8")
        if key and f"{category} {key}" in keys:
            row.fault("key", f"key {key} of {category} is used in line {keys[f'{category} {key}']} already.")
        keys.setdefault(f"{category} {key}", row.line)
        where = one_of(row, "where", WHERE)
        calendar = reference(row, "calendar", calendars, "calendar", required(row, "calendar"))
        name = text(row, "name", NAME)
        if unique(row, "code", code, codes):
            flags = (flag(row, "words_first"), flag(row, "hidden"), flag(row, "sensitive"))
            danger, ask = flag(row, "danger"), some_text(row, "ask", ASK)
            subs[code] = SubCategory(code, category, key, name, where, calendar, *flags, danger=danger, ask=ask)
    if sum(sub.words_first for sub in subs.values()) != 1:
        sheet.missing("words_first", "exactly one sub-category must ask for words first: what nobody is sure about.")
    filled = {sub.category for sub in subs.values()}
    for code in categories:
        if code not in filled:
            sheet.missing("category", f"category {code} has no line here.")
    return subs


def _slas(
    reading: Reading,
    categories: Mapping[str, Category],
    subs: Mapping[str, SubCategory],
    calendars: Mapping[str, Calendar],
) -> dict[str, Sla]:
    """The SLA of every sub-category: from the line that names it, else its category's `*`, else `*,*`."""
    sheet = reading.sheet("sla.csv", Columns(("category", "sub", *PROMISES)))
    rules: dict[tuple[str, str], tuple[Row, tuple[Duration, ...]]] = {}
    for row in sheet:
        scope = _scope(row, categories, subs)
        promised = row, tuple(duration(row, column) for column in PROMISES)
        if rules.setdefault(scope, promised) is not promised:
            row.fault("sub", f"line {rules[scope][0].line} says the same of “{scope[0]}, {scope[1]}” already.")
    if not rules:  # one sentence, not one for each of a hundred sub-categories
        sheet.missing("sub", "no line says by when anything is answered.")
        return {}
    slas: dict[str, Sla] = {}
    for sub in subs.values():
        scopes = ((sub.category, sub.code), (sub.category, ANY), (ANY, ANY))
        rule = next((rules[scope] for scope in scopes if scope in rules), None)
        if rule is None:
            sheet.missing("sub", f"no line says by when {sub.code} is answered.")
        elif sub.calendar in calendars:
            row, promises = rule
            minutes = [promise.minutes(calendars[sub.calendar].working_day) for promise in promises]
            if minutes != sorted(minutes):
                row.fault(PROMISES[-1], f"{sub.code} would be due for a later step before an earlier one.")
            slas[sub.code] = Sla(*minutes)
    return slas


def _scope(row: Row, categories: Mapping[str, Category], subs: Mapping[str, SubCategory]) -> tuple[str, str]:
    """What a line is about: a category or `*`, and one of its sub-categories or `*`."""
    category, sub = required(row, "category"), required(row, "sub")
    if category != ANY:
        reference(row, "category", categories, "category")
    if sub != ANY:
        reference(row, "sub", subs, "sub-category")
        if sub in subs and subs[sub].category != category:
            row.fault("sub", f"{sub} is not in category “{category}”.")
    return category, sub


def _routes(
    reading: Reading,
    categories: Mapping[str, Category],
    subs: Mapping[str, SubCategory],
    agencies: Mapping[str, Agency],
    areas: Mapping[str, Place],
) -> tuple[Route, ...]:
    sheet = reading.sheet("routes.csv", Columns(("category", "sub", "county_code", "agency"), ("about",)))
    routes: dict[tuple[str, str, str, str], Route] = {}
    for row in sheet:
        category, sub = _scope(row, categories, subs)
        county = ANY
        if required(row, "county_code") != ANY:
            county = reference(row, "county_code", areas, "county", digits(row, "county_code", 3))
        required(row, "agency")
        agency, about = _office(row, "agency", agencies), _office(row, "about", agencies)
        if about and agency == about:
            row.fault("about", f"{agency} must not get what is reported about it.")
        rule = (category, sub, county, about)
        if rule in routes:
            of = ", ".join(filter(None, rule))
            row.fault("agency", f"another line sends “{of}” to {routes[rule].agency} already.")
        routes.setdefault(rule, Route(category, sub, county, agency, row.line, about))
    last = routes.get((ANY, ANY, ANY, ""))
    if last is None or last.agency == COUNTY_GOVERNMENT:
        sheet.missing("agency", "a line *,*,* must name the agency that gets what no other line covers.")
    return tuple(routes.values())


def _office(row: Row, column: str, agencies: Mapping[str, Agency]) -> str:
    """The code of an agency, or what stands for the county government of the place; may be empty."""
    return row[column] if row[column] == COUNTY_GOVERNMENT else reference(row, column, agencies, "agency")


def _subjects(reading: Reading, agencies: Mapping[str, Agency]) -> tuple[Subject, ...]:
    """Whom a secret report may be about; a pack without that file does not ask."""
    if not reading.has("subjects.csv"):
        return ()
    subjects: dict[str, Subject] = {}
    codes: dict[str, int] = {}
    keys: dict[str, int] = {}
    for row in reading.sheet("subjects.csv", Columns(("code", "key", "name_en", "name_sw", "about"), ("name_*",))):
        code = matching(row, "code", _CATEGORY, "land_office (small letters)")
        key = matching(row, "key", _SUB_KEY, "a key from 1 to 8")
        unique(row, "key", key, keys)
        about = _office(row, "about", agencies)
        if unique(row, "code", code, codes):
            subjects[code] = Subject(code, key, text(row, "name", LABEL), about)
    return tuple(sorted(subjects.values(), key=lambda subject: subject.key))


def _members(reading: Reading, agencies: Mapping[str, Agency]) -> dict[str, tuple[str, ...]]:
    """The officers of each agency who take its cases in turn; an agency without any shares one worklist."""
    members: dict[str, tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    if reading.has("members.csv"):
        for row in reading.sheet("members.csv", Columns(("agency", "member"))):
            agency = reference(row, "agency", agencies, "agency", required(row, "agency"))
            member = matching(row, "member", _SLUG, "ncwsc-1 (small letters, digits, dashes)")
            if unique(row, "member", member, lines):
                members[agency] = (*members.get(agency, ()), member)
    return members


def _lexicon(reading: Reading, categories: Mapping[str, Category], subs: Mapping[str, SubCategory]) -> tuple[Term, ...]:
    """The words by which free text is understood."""
    if not reading.has("lexicon.csv"):
        return ()
    known = {*categories, *subs, *SIGNS} if categories and subs else set()
    lines: dict[str, int] = {}
    rows = reading.sheet("lexicon.csv", Columns(("words", "language", "means", "weight")))
    return tuple(_term(row, known, lines) for row in rows)


def _term(row: Row, known: Collection[str], lines: dict[str, int]) -> Term:
    """One line of the lexicon. No spelling may stand alone in two of them: `lines` has where each does."""
    parts = tuple(_spellings(part) for part in required(row, "words").split("+"))
    if row["words"] and not all(parts):
        row.fault("words", f"“{row['words']}” has a part without letters or digits.")
    for spelling in parts[0] if len(parts) == 1 else (" + ".join(map("|".join, parts)),):
        unique(row, "words", spelling, lines)
    required(row, "means")
    for meaning in row.list("means"):
        reference(row, "means", known, "category, sub-category or sign", meaning)
    language = matching(row, "language", _LANGUAGE, "sw (or any)")
    weight = matching(row, "weight", _WEIGHT, "a weight from 0 to 9")
    return Term(parts, language, row.list("means"), int(weight) if _WEIGHT.fullmatch(weight) else 0)


def _spellings(part: str) -> tuple[str, ...]:
    """The ways to write one part of a term, folded word by word; "*" and "#" stay."""
    ways = (" ".join(map(_folded, way.split())) for way in part.split("|"))
    return tuple(way for way in ways if way.strip("* "))


def _folded(word: str) -> str:
    return word if word == "#" else fold(word) + "*" * word.endswith("*")
