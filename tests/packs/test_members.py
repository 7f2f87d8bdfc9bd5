"""The officers of an agency who take its cases in turn."""

from __future__ import annotations

from pathlib import Path

import pytest

import packs
from packs import Pack
from tests.conftest import NOW
from tests.packs.conftest import TINY, write_tiny
from tests.packs.test_loader import faults

MEMBERS = "agency,member,note\nIMMIGRATION,immigration-1,\nDESK,desk-1,\nIMMIGRATION,immigration-2,on leave in May\n"


def test_members_stand_in_the_order_of_their_lines(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path, members__csv=MEMBERS))
    assert pack.members == {"IMMIGRATION": ("immigration-1", "immigration-2"), "DESK": ("desk-1",)}


def test_a_pack_may_do_without_members(tmp_path: Path) -> None:
    assert packs.load(write_tiny(tmp_path)).members == {}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("KRA,kra-1", ":2 agency (A): there is no agency “KRA”."),
        (",kra-1", ":2 agency (A): this cell is empty."),
        ("DESK,", ":2 member (B): this cell is empty."),
        ("DESK,Jane W", ":2 member (B): “Jane W” does not look like ncwsc-1 (small letters, digits, dashes)."),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, line: str, told: str) -> None:
    assert faults(write_tiny(tmp_path, members__csv=f"agency,member\n{line}\n")) == [f"members.csv{told}"]


def test_nobody_is_a_member_twice_not_even_of_two_agencies(tmp_path: Path) -> None:
    twice = MEMBERS.replace("desk-1", "immigration-1")
    assert faults(write_tiny(tmp_path, members__csv=twice)) == [
        "members.csv:3 member (B): “immigration-1” stands in line 2 already."
    ]


def test_the_members_of_an_agency_that_is_gone_get_nothing_more(bound: str, tmp_path: Path) -> None:
    packs.publish(packs.load(write_tiny(tmp_path, members__csv=MEMBERS)), NOW)
    agencies = "\n".join(line for line in TINY["agencies.csv"].split("\n") if not line.startswith("IMMIGRATION"))
    places_and_routes = {
        "offices__csv": TINY["offices.csv"].replace("IMMIGRATION", "*"),
        "routes__csv": TINY["routes.csv"].replace("IMMIGRATION", "DESK"),
    }
    without = write_tiny(
        tmp_path, agencies__csv=agencies, members__csv="agency,member\nDESK,desk-1\n", **places_and_routes
    )
    pack = packs.publish(packs.load(without), NOW).pack
    assert pack.agencies["IMMIGRATION"].retired
    assert pack.members == {"DESK": ("desk-1",)}


def test_in_kenya_a_few_offices_show_how_it_works(ke: Pack) -> None:
    assert ke.members["NCWSC"] == ("ncwsc-1", "ncwsc-2", "ncwsc-3")
    assert len(ke.members) >= 3
