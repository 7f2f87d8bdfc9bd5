"""How long things took, in few numbers: buckets that grow with the time, the same ones for ever. Pure.

A median cannot be added up over days and places, but counts in buckets can. The bounds grow by a quarter to a factor
of two, so that what is read from the buckets is as exact as people say it: "within 3 h", "within 10 days".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR

BEYOND: Final = 2**31 - 1  # the bound of what took longer than the last named one
# upper bound in minutes, itself included → its name
BOUNDS: Final[Mapping[int, str]] = {
    **{minutes: f"{minutes} min" for minutes in (5, 10, 15, 20, 30, 45)},
    **{hours * _HOUR: f"{hours} h" for hours in (1, 2, 3, 4, 6, 8, 12, 18, 24, 36)},
    **{days * _DAY: f"{days} days" for days in (2, 3, 4, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365)},
    BEYOND: "> 1 year",
}
_EDGES: Final = tuple(BOUNDS)

MEDIAN: Final = Fraction(1, 2)
NINE_OF_TEN: Final = Fraction(9, 10)


def bucket(minutes: int) -> int:
    """The bound of the bucket that a time falls into, in minutes."""
    return _EDGES[bisect_left(_EDGES, minutes)]


def within(counts: Mapping[int, int], share: Fraction) -> int | None:
    """The bound within which at least `share` of all times lie (`counts` by bound); None when there are none."""
    needed, seen = share * sum(counts.values()), 0
    for bound in sorted(counts):
        seen += counts[bound]
        if seen >= needed and seen > 0:
            return bound
    return None
