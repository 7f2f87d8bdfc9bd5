"""Loading a pack: what a clerk may write, and how mistakes are told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import packs
from packs.model import Emergency, Route, Sla
from tests.packs.conftest import TINY, write_tiny


def faults(folder: Path) -> list[str]:
    with pytest.raises(packs.PackFaults) as told:
        packs.load(folder)
    return [str(fault).removeprefix(f"{folder}/") for fault in told.value.faults]


def faults_after(folder: Path, file: str, old: str, new: str) -> list[str]:
    """What is told of the tiny pack with one text changed in one file."""
    assert old in TINY[file]
    return faults(write_tiny(folder, **{file.replace(".", "__"): TINY[file].replace(old, new, 1)}))


def test_a_sound_pack_says_what_its_files_say(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path))
    assert (pack.code, pack.service, pack.zone, pack.holiday_years) == ("xx", "Mlango", "Africa/Nairobi", (2026, 2027))
    assert pack.emergency == (Emergency("police", "999", {"en": "Police", "sw": "Polisi"}),)
    assert pack.routes[0] == Route("water", "*", "*", "COUNTY")
    assert [route.line for route in pack.routes] == [2, 3, 4]
    assert pack.places["kibera"].also == ("Kibra", "Kibira")
    assert pack.unsure == "water.bill"
    assert pack.categories["id"].hidden


def test_times_are_working_minutes_of_the_sub_categorys_calendar(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path))
    assert pack.slas["water.none"] == Sla(30, 240, 1440)
    assert pack.slas["water.bill"] == Sla(60, 480, 1440)  # a day of the office is eight hours


def test_hours_and_corrected_holidays_make_a_calendar(tmp_path: Path) -> None:
    calendars = packs.load(write_tiny(tmp_path)).calendars
    office = calendars["office"]
    assert office.hours == {0: ((480, 780), (840, 1020)), 1: ((480, 720),)}
    assert {date(2026, 12, 25), date(2026, 12, 31)} <= office.holidays
    assert date(2026, 12, 12) not in office.holidays
    assert calendars["24x7"].hours == {6: ((0, 1440),)}
    assert not calendars["24x7"].holidays


def test_a_place_with_a_ward_gets_the_wards_constituency(tmp_path: Path) -> None:
    silanga = packs.load(write_tiny(tmp_path)).places["silanga"]
    assert (silanga.ward, silanga.constituency, silanga.county) == ("1387", "047278", "047")


def excel(content: str, separator: str) -> bytes:
    """The file as Excel saves it: BOM, CRLF, empty cells to the right, an empty row, leading zeros gone."""
    lines = [line.replace(",", separator) + separator * 2 for line in content.strip().split("\n")]
    return ("\ufeff" + "\r\n".join([*lines, separator * 5, ""])).replace("001001", "1001").encode()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_files_saved_by_excel_make_the_same_pack(tmp_path: Path, separator: str) -> None:
    before = packs.load(write_tiny(tmp_path))
    for file, content in TINY.items():
        if file.endswith(".csv"):
            (tmp_path / file).write_bytes(excel(content, separator))
        else:
            (tmp_path / file).write_bytes(("\ufeff" + content.replace("\n", "\r\n")).encode())
    assert packs.load(tmp_path) == before


def test_the_version_tells_packs_apart_and_ignores_the_order_of_lines(tmp_path: Path) -> None:
    version = packs.load(write_tiny(tmp_path)).version
    lines = TINY["agencies.csv"].strip().split("\n")
    turned = "\n".join([lines[0], *reversed(lines[1:])])
    assert packs.load(write_tiny(tmp_path, agencies__csv=turned)).version == version
    renamed = TINY["agencies.csv"].replace("Uhamiaji", "Idara ya Uhamiaji")
    assert packs.load(write_tiny(tmp_path, agencies__csv=renamed)).version != version


def test_further_languages_may_have_columns_of_their_own(tmp_path: Path) -> None:
    agencies = "\n".join(
        line + ("," if n else ",name_ki") for n, line in enumerate(TINY["agencies.csv"].strip().split("\n"))
    ).replace("Uhamiaji,,", "Uhamiaji,,Ũhamĩri")
    name = packs.load(write_tiny(tmp_path, agencies__csv=agencies)).agencies["IMMIGRATION"].name
    assert name == {"en": "Immigration", "sw": "Uhamiaji", "ki": "Ũhamĩri"}


MISTAKES = [
    # file, what stands there, what a clerk made of it, the line and column that are told, words of the sentence
    ("pack.toml", '"Africa/Nairobi"', '"Nairobi"', ":3 zone", "“Nairobi” is no time zone"),
    ("pack.toml", '"Mlango"', '"Mlango wa Serikali"', " service", "“Mlango wa Serikali” is wider than 8 septets."),
    ("pack.toml", '["en", "sw"]', '["en"]', " languages", "the language sw must be among them."),
    ("pack.toml", 'sw = "Mengine"', 'sw = ""', ":8 menu.more", "the words in sw are missing."),
    ("pack.toml", 'code = "xx"', "code = xx", "", "this is not TOML: Invalid value (at line 1, column 8)."),
    ("pack.toml", '"999"', '"nine"', ":11 emergency.0.number", "String should match pattern"),
    ("pack.toml", '"Polisi"', f'"{"Polisi " * 6}"', " name", "is 42 septets wide; 40 fit."),
    (
        "pack.toml",
        "[[emergency]]",
        '[[unblock]]\nnetwork = "Safaricom"\ndial = "456"\n\n[[emergency]]',
        ":11 unblock.0.dial",
        "String should match pattern",
    ),
    ("pack.toml", "[menu]", "colour = 1\n[menu]", ":6 colour", "Extra inputs are not permitted."),
    ("calendars.toml", "14:00-17:00", "12:00-17:00", ":7 calendar.office.mon", "begins before the interval ahead"),
    ("calendars.toml", "08:00-12:00", "8-12", ":8 calendar.office.tue", "“8-12” should look like 08:00-13:00."),
    ("calendars.toml", "00:00-24:00", "24:00-00:00", ":11 calendar.24x7.sun", "does not end after it starts"),
    ("calendars.toml", '"00:00-24:00"', '""', " calendar.24x7", "it has no opening hours on any day."),
    ("calendars.toml", '"KE"', '"XX"', " holidays", "the library of holidays says"),
    ("calendars.toml", "2026, 2027", "2027, 2026", " holidays.years", "2027 to 2026 is no span of years."),
    ("holidays.csv", "31/12/2026", "31/11/2026", ":3 date (A)", "“31/11/2026” is no date."),
    ("holidays.csv", "31/12/2026", "soon", ":3 date (A)", "“soon” is no date."),
    ("holidays.csv", "31/12/2026", "31/12/2036", ":3 date (A)", "2036-12-31 is outside the years 2026 to 2027"),
    ("holidays.csv", "2026-12-12", "2026-12-13", ":2 date (A)", "2026-12-13 is no holiday"),
    ("holidays.csv", "remove", "delete", ":2 action (B)", "“delete” is none of: add, remove."),
    ("places.csv", "Changamwe,0001", "Changamwe,1387", ":3 ward_code (E)", "“1387” stands in line 2 already."),
    ("places.csv", "Kibra,1388", "Kibera,1388", ":4 constituency (D)", "is called “Kibra” further up, “Kibera” here."),
    ("places.csv", "Mombasa,001001", "Mombasa,002001", ":2 constituency_code (C)", "does not begin with its county"),
    ("places.csv", "1388", "13A8", ":4 ward_code (E)", "“13A8” should be 4 digits."),
    ("places.csv", ",Makina", ",", ":4 ward (F)", "this cell is empty."),
    ("places_alias.csv", "kibera,", "Kibera,", ":2 code (A)", "“Kibera” does not look like githurai-44"),
    ("places_alias.csv", "silanga,", "kibera,", ":3 code (A)", "another place has the code “kibera” already."),
    ("places_alias.csv", "Silanga,estate,,047,,1387", "KIBERA,estate,,047,,1387", ":3 name (B)", "stands in line 2"),
    ("places_alias.csv", "estate", "slum", ":2 kind (C)", "“slum” is none of: town, estate."),
    ("places_alias.csv", "047278", "047279", ":2 constituency_code (F)", "there is no constituency “047279”."),
    ("places_alias.csv", "047278", "001001", ":2 constituency_code (F)", "Changamwe is not in county 047 Nairobi."),
    ("places_alias.csv", ",1387", ",0001", ":3 ward_code (G)", "ward 0001 Port Reitz is not in county 047 Nairobi."),
    ("places_alias.csv", "047,047278,", "001,001001,1387", ":2 ward_code (G)", "is not in constituency 001001"),
    ("places_alias.csv", "yes", "perhaps", ":2 known (H)", "“perhaps” should be yes or no."),
    ("places_alias.csv", "Silanga", "Silanga kwa Mama Njeri", ":3 name (B)", "is 22 septets wide; 20 fit."),
    ("places_alias.csv", "Silanga", "Sĩlanga", ":3 name (B)", "“ĩ” is not a letter of GSM-7"),
    ("offices.csv", "IMMIGRATION", "NYAYO", ":2 agencies (D)", "there is no agency “NYAYO”."),
    ("agencies.csv", "Uhamiaji", "", ":2 name_sw (D)", "this cell is empty."),
    ("agencies.csv", "Uhamiaji", "Idara ya Uhamiaji yetu", ":2 name_sw (D)", "is 22 septets wide; 20 fit."),
    ("agencies.csv", "IMMIGRATION,", "immigration,", ":2 code (A)", "“immigration” does not look like KENHA"),
    ("agencies.csv", "COUNTY-001", "MOMBASA", ":3 code (A)", "the government of county 001 must have the code"),
    ("agencies.csv", "COUNTY-001", "MOMBASA", " code (A)", "the government of Mombasa is missing: COUNTY-001."),
    ("agencies.csv", "COUNTY-001", "COUNTY-047", ":4 code (A)", "“COUNTY-047” stands in line 3 already."),
    ("agencies.csv", "Mombasa,001", "Mombasa,", ":3 county_code (E)", "a county needs its county's code."),
    ("agencies.csv", "Uhamiaji,", "Uhamiaji,,x", ":2 (F)", "“x” stands right of the last column."),
    ("agencies.csv", "desk", "national", " kind (B)", "exactly one agency must be the desk"),
    ("agencies.csv", "national", "desk", " kind (B)", "exactly one agency must be the desk"),
    ("categories.csv", "9.1", "1", ":3 key (B)", "“1” stands in line 2 already."),
    ("categories.csv", "9.1", "9", ":3 key (B)", "“9” does not look like 3 or 9.3"),
    ("categories.csv", "water,1", "Water,1", ":2 code (A)", "“Water” does not look like cash_transfer"),
    ("categories.csv", ",ID: what is", f",{'ID ' * 9}: what is", ":3 title_en (E)", "septets wide; 34 fit."),
    ("categories.csv", "title_sw", "titel_sw", ":1 title_sw", "this column is missing."),
    ("categories.csv", "title_sw", "titel_sw", ":1 titel_sw (F)", "no such column is known here."),
    ("categories.csv", "hidden", "code", ":1 code (A)", "there are two columns of this name."),
    ("subcategories.csv", "bill,water,2", "bill,water,1", ":3 key (C)", "key 1 of water is used in line 2 already."),
    ("subcategories.csv", "passport,id", "passport,it", ":4 category (B)", "there is no category “it”."),
    ("subcategories.csv", "passport,id", "passport,water", ":4 code (A)", "the code should begin with “water.”"),
    ("subcategories.csv", "passport,id", "passport,water", " category (B)", "category id has no line here."),
    ("subcategories.csv", "24x7", "always", ":2 calendar (G)", "there is no calendar “always”."),
    ("subcategories.csv", "place", "Place", ":2 where (F)", "“Place” is none of: place, office, none."),
    ("subcategories.csv", "No water", "No water for many days", ":2 name_en (D)", "is 22 septets wide; 20 fit."),
    ("subcategories.csv", "yes", "", " words_first (H)", "exactly one sub-category must ask for words first"),
    ("sla.csv", "30m", "half", ":3 acknowledge (C)", "“half” is no duration. Write 45m, 4h or 3d"),
    ("sla.csv", "4h,24h", "24h,4h", ":3 resolve (E)", "water.none would be due for a later step before an earlier"),
    ("sla.csv", "*,*", "water,*", " sub (B)", "no line says by when id.passport is answered."),
    ("sla.csv", "water,water.none", "*,*", ":3 sub (B)", "line 2 says the same of “*, *” already."),
    ("sla.csv", "water,water.none", "id,water.none", ":3 sub (B)", "water.none is not in category “id”."),
    ("routes.csv", "IMMIGRATION", "KRA", ":3 agency (D)", "there is no agency “KRA”."),
    ("routes.csv", "passport,047", "passport,048", ":3 county_code (C)", "there is no county “048”."),
    ("routes.csv", "*,*,*,IMMIGRATION", "*,*,*,COUNTY", " agency (D)", "a line *,*,* must name the agency"),
    ("routes.csv", "id,id.passport,047", "water,*,*", ":3 agency (D)", "sends “water, *, *” to COUNTY already."),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "where", "words"), MISTAKES)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, file: str, old: str, new: str, where: str, words: str
) -> None:
    found = faults_after(tmp_path, file, old, new)
    assert any(fault.startswith(f"{file}{where}: ") and words in fault for fault in found), found


SUBJECTS = """code,key,name_en,name_sw,about
desk,1,Desk,Dawati,DESK
county,2,County office,Ofisi ya kaunti,COUNTY
other,3,Other,Mwingine,
"""


def with_column(file: str, name: str, **cells: str) -> str:
    """A file of the tiny pack with one more column; `cells` by the first cell of a line, with `__` for the dot."""
    head, *lines = TINY[file].strip().split("\n")
    told = {code.replace("__", "."): cell for code, cell in cells.items()}
    return "\n".join([f"{head},{name}", *(f"{line},{told.get(line.split(',')[0], '')}" for line in lines)])


def test_whom_a_secret_report_is_about_stands_in_the_order_of_keys(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path, subjects__csv=SUBJECTS.replace("desk,1", "water,4")))
    assert [subject.code for subject in pack.subjects] == ["county", "other", "water"]
    assert [subject.about for subject in pack.subjects] == ["COUNTY", "", "DESK"]
    preset = pack.subject_of("water.none")
    assert preset is not None
    assert preset.code == "water"
    assert pack.subject_of("id.passport") is None


def test_what_is_dangerous_and_what_is_asked_stands_with_the_sub_category(tmp_path: Path) -> None:
    danger = with_column("subcategories.csv", "danger", water__none="yes")
    subs = packs.load(write_tiny(tmp_path, subcategories__csv=danger)).subs
    assert [code for code, sub in subs.items() if sub.danger] == ["water.none"]
    asks = with_column("subcategories.csv", "ask_en,ask_sw", id__passport="Number,Nambari", water__bill=",")
    subs = packs.load(write_tiny(tmp_path, subcategories__csv=asks)).subs
    assert subs["id.passport"].ask == {"en": "Number", "sw": "Nambari"}
    assert subs["water.bill"].ask == {}


def test_offices_under_one_head_are_kin(tmp_path: Path) -> None:
    lines = "WATER,utility,Water,Maji,047\nHEALTH,department,Health,Afya,047\nVISA,national,Visa,Viza,\n"
    agencies = with_column("agencies.csv", "under") + "\n"
    agencies += lines.replace("\n", ",\n").replace("Viza,,", "Viza,,IMMIGRATION")
    pack = packs.load(write_tiny(tmp_path, agencies__csv=agencies))
    assert pack.kin("HEALTH") == pack.kin("COUNTY-047") == {"HEALTH", "COUNTY-047"}
    assert pack.kin("VISA") == pack.kin("IMMIGRATION") == {"VISA", "IMMIGRATION"}
    assert pack.kin("WATER") == {"WATER"}  # a county owns the company; it is no part of its government
    assert pack.kin("GONE") == {"GONE"}


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("agencies.csv", with_column("agencies.csv", "under", DESK="KRA"), ":5 under (F): there is no agency “KRA”."),
        (
            "agencies.csv",
            with_column("agencies.csv", "under", DESK="DESK"),
            ":5 under (F): DESK would be under itself: DESK under DESK.",
        ),
        (
            "agencies.csv",
            with_column("agencies.csv", "under", **{"DESK": "IMMIGRATION", "IMMIGRATION": "DESK"}),
            ":5 under (F): DESK would be under itself: DESK under IMMIGRATION under DESK.",
        ),
        *(
            (
                "agencies.csv",
                with_column("agencies.csv", "under", **{low: high}),
                "under (F): the desk is under nobody, and nobody is under the desk.",
            )
            for low, high in (("DESK", "IMMIGRATION"), ("IMMIGRATION", "DESK"))
        ),
        (
            "subcategories.csv",
            with_column("subcategories.csv", "danger", water__none="fire"),
            ":2 danger (I): “fire” should be yes or no.",
        ),
        (
            "subcategories.csv",
            with_column("subcategories.csv", "ask_en,ask_sw", water__none="Number,"),
            ":2 ask_sw (J): this cell is empty.",
        ),
        (
            "subcategories.csv",
            with_column("subcategories.csv", "ask_en,ask_sw", water__none=f"{'x' * 41},Nambari"),
            "septets wide; 40 fit.",
        ),
        ("routes.csv", with_column("routes.csv", "about", id="KRA"), ":3 about (E): there is no agency “KRA”."),
        (
            "routes.csv",
            with_column("routes.csv", "about", id="IMMIGRATION"),
            ":3 about (E): IMMIGRATION must not get what is reported about it.",
        ),
        ("subjects.csv", SUBJECTS.replace("desk,1", "desk,2"), ":3 key (B): “2” stands in line 2 already."),
        ("subjects.csv", SUBJECTS.replace("desk,1", "desk,9"), ":2 key (B): “9” does not look like a key from 1 to 8."),
        ("subjects.csv", SUBJECTS.replace("other,3", "desk,3"), ":4 code (A): “desk” stands in line 2 already."),
        ("subjects.csv", SUBJECTS.replace("desk,1", "Desk,1"), ":2 code (A): “Desk” does not look like land_office"),
        ("subjects.csv", SUBJECTS.replace("Dawati,DESK", "Dawati,KRA"), ":2 about (E): there is no agency “KRA”."),
        ("subjects.csv", SUBJECTS.replace("Mwingine", ""), ":4 name_sw (D): this cell is empty."),
        ("subjects.csv", SUBJECTS.replace("Mwingine", "m" * 27), "septets wide; 26 fit."),
    ],
)
def test_a_mistake_in_what_secret_reports_need_is_told(tmp_path: Path, file: str, content: str, told: str) -> None:
    found = faults(write_tiny(tmp_path, **{file.replace(".", "__"): content}))
    assert any(fault.startswith(file) and told in fault for fault in found), found


def test_all_mistakes_are_told_at_once_one_a_line(tmp_path: Path) -> None:
    agencies = TINY["agencies.csv"].replace("Uhamiaji", "").replace("national", "nation")
    sla = TINY["sla.csv"].replace("30m", "0m")
    with pytest.raises(packs.PackFaults) as told:
        packs.load(write_tiny(tmp_path, agencies__csv=agencies, sla__csv=sla))
    assert [(fault.line, fault.column) for fault in told.value.faults] == [
        (2, "kind (B)"),
        (2, "name_sw (D)"),
        (3, "acknowledge (C)"),
    ]
    assert len(str(told.value).splitlines()) == 3


@pytest.mark.parametrize("file", sorted(TINY))
def test_a_missing_file_is_one_fault(tmp_path: Path, file: str) -> None:
    (write_tiny(tmp_path) / file).unlink()
    assert faults(tmp_path) == [f"{file}: the file is missing."]


def test_promises_that_are_all_missing_are_one_fault(tmp_path: Path) -> None:
    header = TINY["sla.csv"].strip().splitlines()[0]
    assert [
        told.endswith("no line says by when anything is answered.")
        for told in faults(write_tiny(tmp_path, sla__csv=f"{header}\n"))
    ] == [True]


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    (tmp_path / "offices.csv").write_bytes(b"code,name,also,agencies,county_code\nx1,Caf\xe9,,*,047\n")
    assert faults(tmp_path) == ["offices.csv:2: this line is not UTF-8. In Excel save as “CSV UTF-8”."]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    offices = TINY["offices.csv"].replace("Nyayo House", '"Nyayo\nHouse"').replace("huduma-gpo", "Huduma")
    found = faults(write_tiny(tmp_path, offices__csv=offices))
    assert "offices.csv:4 code (A): “Huduma” does not look like githurai-44 (small letters, digits, dashes)." in found


def test_a_quote_that_never_ends_is_told_where_it_begins(tmp_path: Path) -> None:
    offices = TINY["offices.csv"].replace("Huduma GPO", '"Huduma GPO')
    found = faults(write_tiny(tmp_path, offices__csv=offices))
    assert found == ["offices.csv:3: the quotes of a cell that starts here are wrong; nothing after it was read."]
