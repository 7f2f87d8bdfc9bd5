"""Where places are on the map, and which ward a spot is in."""

from __future__ import annotations

from pathlib import Path

import pytest

import packs
from packs import Pack, snapshot
from packs.centroids import FARTHEST_KM, middle, nearest
from packs.model import Point
from tests.packs.conftest import write_tiny
from tests.packs.test_loader import faults

HEAD = "ward_code,lat,long\n"
LINDI, MAKINA = "1387,-1.315,36.792\n", "1388,-1.310,36.784\n"


@pytest.fixture
def mapped(tmp_path: Path) -> Pack:
    return packs.load(write_tiny(tmp_path, centroids__csv=HEAD + LINDI + MAKINA))


def test_a_pack_may_do_without_a_map(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path))
    assert middle(pack, pack.places["1387"]) is None
    assert nearest(pack, Point(-1.3, 36.8)) is None


def test_a_place_lies_amid_the_smallest_area_that_is_known_to_hold_it(mapped: Pack) -> None:
    places = mapped.places
    assert middle(mapped, places["1387"]) == middle(mapped, places["silanga"]) == Point(-1.315, 36.792)
    assert middle(mapped, places["kibera"]) == middle(mapped, places["nyayo-house"]) == Point(-1.3125, 36.788)
    assert middle(mapped, places["0001"]) is None


def test_a_spot_is_in_the_ward_whose_middle_is_nearest(mapped: Pack) -> None:
    found = nearest(mapped, Point(-1.316, 36.793))
    assert found
    assert found.ward.code == "1387"
    assert found.km == pytest.approx(0.157, abs=0.002)


def test_a_spot_abroad_is_in_no_ward(ke: Pack) -> None:
    for name, spot in {"Kampala": (0.35, 32.58), "the sea": (-5.5, 42.5), "London": (51.5, -0.1)}.items():
        assert nearest(ke, Point(*spot)) is None, name


def test_the_spots_of_towns_are_found_where_people_know_them(ke: Pack) -> None:
    spots = {"Nairobi": (-1.2864, 36.8172), "Kisumu": (-0.1022, 34.7617), "Lodwar": (3.1191, 35.5973)}
    found = {town: nearest(ke, Point(*spot)) for town, spot in spots.items()}
    counties = {town: ke.places[near.ward.county or ""].name for town, near in found.items() if near}
    assert counties == {"Nairobi": "Nairobi", "Kisumu": "Kisumu", "Lodwar": "Turkana"}


def test_every_ward_of_kenya_has_a_middle_within_the_country(ke: Pack) -> None:
    wards = [place for place in ke.places.values() if place.kind == "ward"]
    assert len(wards) == 1450
    for ward in wards:
        spot = middle(ke, ward)
        assert spot, ward.name
        assert -4.7 < spot.lat < 5.1, ward.name
        assert 33.9 < spot.long < 41.9, ward.name
    for ward in wards[::50]:
        spot = middle(ke, ward)
        found = nearest(ke, spot) if spot else None
        assert found, ward.name
        assert found.km < FARTHEST_KM / 5, ward.name


def test_a_pack_with_a_map_is_the_same_after_a_snapshot(mapped: Pack) -> None:
    assert snapshot.restore(snapshot.dump(mapped)) == mapped


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1388", "4711", "ward_code (A): there is no ward “4711”."),
        ("1388", "1387", "ward_code (A): “1387” stands in line 2 already."),
        ("-1.310", "-1,310", "lat (B): “-1,310” does not look like -1.315 (degrees, with a point)."),
        ("-1.310", "-131", "lat (B): “-131” is beyond 90 degrees."),
        ("36.784", "", "long (C): this cell is empty."),
    ],
)
def test_a_mistake_is_told_with_its_cell(tmp_path: Path, old: str, new: str, told: str) -> None:
    line = MAKINA.replace(old, f'"{new}"', 1)
    (fault,) = faults(write_tiny(tmp_path, centroids__csv=HEAD + LINDI + line))
    assert fault.startswith("centroids.csv:3 ")
    assert told in fault
