"""Where places are on the map: `centroids.csv` has the middle of each ward. Larger areas lie amid their wards."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from packs.model import Pack, Place, Point
from packs.reading import Reading, matching, reference, unique
from packs.sheet import Columns, Row

FILE: Final = "centroids.csv"
FARTHEST_KM: Final = 150.0  # from the middle of the largest wards, in the north, to their borders

_EARTH_KM: Final = 6371.0
_DEGREES: Final = re.compile(r"-?\d{1,3}(\.\d+)?")


class Nearest(NamedTuple):
    """A ward, and how far its middle is from the point asked about."""

    ward: Place
    km: float


def read_centroids(reading: Reading, places: Mapping[str, Place]) -> dict[str, Point]:
    """By ward, its middle (WGS84, degrees). A pack may do without the file, and the file without some wards."""
    middles: dict[str, Point] = {}
    lines: dict[str, int] = {}
    for row in reading.sheet(FILE, Columns(("ward_code", "lat", "long"))) if reading.has(FILE) else ():
        ward = reference(row, "ward_code", places, "ward", row["ward_code"].zfill(4))
        point = Point(_degrees(row, "lat", 90), _degrees(row, "long", 180))
        if unique(row, "ward_code", ward, lines):
            middles[ward] = point
    return middles


def middle(pack: Pack, place: Place) -> Point | None:
    """The middle of the smallest area known to hold `place`: its ward, else the wards of its constituency or county."""
    known = _middles(pack)
    areas = (place.ward, place.constituency, place.county)
    return next((known[code] for code in areas if code and code in known), None)


def nearest(pack: Pack, point: Point) -> Nearest | None:
    """The ward whose middle is nearest; None where none is near enough, as abroad and at sea.

    Near a border that may be the neighbour of the right one: whoever shows it says how far it is.
    """
    near = min(pack.centroids.items(), key=lambda known: _km(known[1], point), default=None)
    if near is None or (km := _km(near[1], point)) > FARTHEST_KM:
        return None
    return Nearest(pack.places[near[0]], km)


@lru_cache(maxsize=2)
def _middles(pack: Pack) -> Mapping[str, Point]:
    inside: dict[str, list[Point]] = {code: [point] for code, point in pack.centroids.items()}
    for code, point in pack.centroids.items():
        ward = pack.places[code]
        for area in (ward.constituency, ward.county):
            inside.setdefault(area or "", []).append(point)
    return {
        code: Point(
            round(math.fsum(one.lat for one in points) / len(points), 5),
            round(math.fsum(one.long for one in points) / len(points), 5),
        )
        for code, points in inside.items()
    }


def _km(one: Point, other: Point) -> float:
    """The distance over the ground; at these latitudes a flat map is right to a few in a thousand."""
    north = math.radians(other.lat - one.lat)
    east = math.radians(other.long - one.long) * math.cos(math.radians((one.lat + other.lat) / 2))
    return _EARTH_KM * math.hypot(north, east)


def _degrees(row: Row, column: str, most: int) -> float:
    value = matching(row, column, _DEGREES, "-1.315 (degrees, with a point)")
    number = float(value) if _DEGREES.fullmatch(value) else 0.0
    if abs(number) > most:
        row.fault(column, f"“{value}” is beyond {most} degrees.")
    return number
