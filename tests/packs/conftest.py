"""A tiny pack that tests may break; the index of Kenya's places."""

from __future__ import annotations

from pathlib import Path

import pytest

import packs
from packs.places import PlaceIndex

TINY = {
    "pack.toml": """
code = "xx"
service = "Mlango"
zone = "Africa/Nairobi"
languages = ["en", "sw"]
places_source = "made up"
[menu]
title = { en = "What is it about?", sw = "Linahusu nini?" }
more = { en = "More", sw = "Mengine" }
[[emergency]]
use = "police"
number = "999"
name = { en = "Police", sw = "Polisi" }
""",
    "calendars.toml": """
[holidays]
country = "KE"
years = [2026, 2027]
categories = ["public"]
[calendar.office]
holidays = true
mon = "08:00-13:00 14:00-17:00"
tue = "08:00-12:00"
[calendar.24x7]
holidays = false
sun = "00:00-24:00"
""",
    "holidays.csv": """
date,action,name,source
2026-12-12,remove,Jamhuri Day,a test
31/12/2026,add,Old year,a test
""",
    "places.csv": """
county_code,county,constituency_code,constituency,ward_code,ward
001,Mombasa,001001,Changamwe,0001,Port Reitz
047,Nairobi,047278,Kibra,1387,Lindi
047,Nairobi,047278,Kibra,1388,Makina
""",
    "places_alias.csv": """
code,name,kind,also,county_code,constituency_code,ward_code,known
kibera,Kibera,estate,Kibra|Kibira,047,047278,,yes
silanga,Silanga,estate,,047,,1387,
""",
    "offices.csv": """
code,name,also,agencies,county_code
nyayo-house,Nyayo House,,IMMIGRATION,047
huduma-gpo,Huduma GPO,,*,047
""",
    "agencies.csv": """
code,kind,name_en,name_sw,county_code
IMMIGRATION,national,Immigration,Uhamiaji,
COUNTY-001,county,Mombasa County,Kaunti ya Mombasa,001
COUNTY-047,county,Nairobi County,Kaunti ya Nairobi,047
DESK,desk,Service desk,Dawati,
""",
    "categories.csv": """
code,key,name_en,name_sw,title_en,title_sw,hidden
water,1,Water,Maji,Water: what is wrong?,Maji: kuna tatizo gani?,
id,9.1,ID,Kitambulisho,ID: what is wrong?,Kitambulisho:,yes
""",
    "subcategories.csv": """
code,category,key,name_en,name_sw,where,calendar,words_first
water.none,water,1,No water,Hakuna maji,place,24x7,
water.bill,water,2,Wrong bill,Bili si sahihi,place,office,yes
id.passport,id,1,Passport delayed,Pasipoti imechelewa,office,office,
""",
    "sla.csv": """
category,sub,acknowledge,respond,resolve
*,*,1h,1d,3d
water,water.none,30m,4h,24h
""",
    "routes.csv": """
category,sub,county_code,agency
water,*,*,COUNTY
id,id.passport,047,IMMIGRATION
*,*,*,IMMIGRATION
""",
}


def write_tiny(folder: Path, **changed: str) -> Path:
    """Write the tiny pack into `folder`; `changed` has other contents by file name, with `__` for the dot."""
    for file, content in (TINY | {name.replace("__", "."): text for name, text in changed.items()}).items():
        (folder / file).write_text(content.lstrip("\n"), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def index(ke: packs.Pack) -> PlaceIndex:
    return PlaceIndex(ke)
