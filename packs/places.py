"""Finds a place by the letters a citizen typed, and says its name so that it can't be taken for another. Pure."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from string import ascii_lowercase, digits
from typing import Final, NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from locales.gsm7 import septets
from packs.model import Pack, Place, text

EVERYWHERE: Final = frozenset({"county", "town", "constituency", "estate", "ward"})
OFFICES: Final = frozenset({"office"})
SHORT: Final = 20  # septets
LONG: Final = 26

_KINDS: Final = ("county", "town", "constituency", "estate", "ward", "office")  # better known ones first
# How well the letters fit: they are the whole name, its beginning, the beginning of a later word in it.
_EXACT, _NAME, _WORD = range(3)
_MOST_WORDS: Final = 6  # no name with its constituency and county is longer
_FUZZY_LETTERS: Final = 4
_END: Final = "\U0010ffff"


class _Folding(dict[int, str]):
    """For str.translate: small Latin letters and digits stay, apostrophes go, anything else becomes a space."""

    def __missing__(self, code: int) -> str:
        return " "


_FOLDING: Final = _Folding({ord(c): c for c in ascii_lowercase + digits} | {ord(c): "" for c in "'’‘`ʼ"})


def fold(words: str) -> str:
    """`words` without case, marks and apostrophes; all else that is no letter or digit becomes one space."""
    if not words.isascii():
        words = "".join(c for c in unicodedata.normalize("NFKD", words) if not unicodedata.combining(c))
    return " ".join(words.casefold().translate(_FOLDING).split())


class Namesakes(NamedTuple):
    """How many other places bear a place's name."""

    in_county: int
    in_country: int


class PlaceIndex:
    """All places of a pack that are not retired, ready to be searched. Made once a pack: see `place_index`."""

    def __init__(self, pack: Pack) -> None:
        offered = (pack.places[code] for code in sorted(pack.places) if not pack.places[code].retired)
        # A place's position here is its standing among those that fit the letters equally well.
        self._places = sorted(offered, key=lambda place: (not place.known, _KINDS.index(place.kind), place.name))
        self._position = {place.code: position for position, place in enumerate(self._places)}
        self._names = [_names(place) for place in self._places]
        self._words = self._area_words()
        self._stand_in = _stand_ins(self._places, self._names)
        self._bearers = Counter(self._name_bearers())
        keys = sorted(_keys(self._names))
        self._keys = [key for key, _, _ in keys]
        self._hits = [(position, first) for _, position, first in keys]
        self._whole = ["".join(name.split()) for names in self._names for name in names]
        self._whole_of = [position for position, names in enumerate(self._names) for _ in names]
        self._called: dict[str, list[int]] = {}
        for position, names in enumerate(self._names):
            for name in names:
                self._called.setdefault(name, []).append(position)

    def find(
        self,
        query: str,
        *,
        near: Place | None = None,
        kinds: frozenset[str] = EVERYWHERE,
        serving: str | None = None,
        limit: int = 24,
    ) -> list[Place]:
        """The places whose name, or a word in it, begins with `query`; best first.

        Case, marks, punctuation and spaces don't matter. Several words may also stand in any order and name the
        constituency or county ("lindi kibra"). If nothing begins so, names one or two typing errors away. Among equals
        the county of `near` comes first, then what is better known; offices, if asked for, before anything else.
        A place of the same name and spot is given once. `serving` leaves out offices that do not serve this agency.
        """
        words = fold(query).split()
        if not words:
            return []
        for search in (self._beginning, self._in_any_order, self._misspelt):
            found = {
                position: fit for position, fit in search(words) if self._offers(self._places[position], kinds, serving)
            }
            if found:
                return self._ranked(found, near, kinds)[:limit]
        return []

    def named(self, name: str, kinds: frozenset[str] = EVERYWHERE) -> list[Place]:
        """The places of exactly this name, which must be folded: all of it, not a beginning, not misspelt."""
        called = self._called.get(name)
        if called is None:  # as nearly every word
            return []
        found = [position for position in called if self._places[position].kind in kinds]
        return [self._places[position] for position in found if self._is_shown(position, kinds)]

    def namesakes(self, place: Place) -> Namesakes:
        """How many other places that `find` may give are called like `place`."""
        name = fold(place.name)
        in_county, in_country = self._bearers[place.county, name], self._bearers[None, name]
        return Namesakes(max(in_county - 1, 0), max(in_country - 1, 0))

    def stand_in(self, place: Place) -> Place:
        """The place that is given where `place` would be the same to a reader: mostly `place` itself."""
        position = self._position[place.code]
        return self._places[self._stand_in.get(position, position)]

    def _ranked(self, found: Mapping[int, int], near: Place | None, kinds: frozenset[str]) -> list[Place]:
        county = near.county if near else None

        def standing(position: int) -> tuple[bool, int, bool, int]:
            place = self._places[position]
            return place.kind != "office", found[position], county is not None and place.county != county, position

        return [self._places[position] for position in sorted(found, key=standing) if self._is_shown(position, kinds)]

    def _is_shown(self, position: int, kinds: frozenset[str]) -> bool:
        stand_in = self._stand_in.get(position)
        return stand_in is None or self._places[stand_in].kind not in kinds

    @staticmethod
    def _offers(place: Place, kinds: frozenset[str], serving: str | None) -> bool:
        if place.kind not in kinds:
            return False
        return serving is None or not place.serves or serving in place.serves or "*" in place.serves

    def _area_words(self) -> list[frozenset[str]]:
        """For each place the words of its own names and of those of its constituency and county."""
        own = [frozenset(" ".join(names).split()) for names in self._names]
        by_code = {place.code: words for place, words in zip(self._places, own, strict=True)}
        nowhere: frozenset[str] = frozenset()
        return [
            words | by_code.get(place.constituency or "", nowhere) | by_code.get(place.county or "", nowhere)
            for place, words in zip(self._places, own, strict=True)
        ]

    def _name_bearers(self) -> Iterator[tuple[str | None, str]]:
        for position, place in enumerate(self._places):
            if place.kind != "county" and position not in self._stand_in:
                yield place.county, self._names[position][0]
                yield None, self._names[position][0]

    def _beginning(self, words: list[str]) -> Iterator[tuple[int, int]]:
        """Worst fits first, so that a place's best fit is what remains in a dict."""
        letters = "".join(words)
        start, end = bisect_left(self._keys, letters), bisect_left(self._keys, letters + _END)
        yield from ((position, _WORD) for position, first in self._hits[start:end] if not first)
        yield from ((position, _NAME) for position, first in self._hits[start:end] if first)
        yield from (
            (position, _EXACT)
            for position, first in self._hits[start : bisect_left(self._keys, letters + "\0")]
            if first
        )

    def _in_any_order(self, words: list[str]) -> Iterator[tuple[int, int]]:
        """Every word begins a word of the place's name, or of the area it lies in; at least one is of the name."""
        if not 2 <= len(words) <= _MOST_WORDS:
            return
        for word in words:
            others = tuple(other for other in words if other != word)
            for position, _ in self._beginning([word]):
                if all(any(own.startswith(other) for own in self._words[position]) for other in others):
                    yield position, _WORD

    def _misspelt(self, words: list[str]) -> Iterator[tuple[int, int]]:
        letters = "".join(words)
        if len(letters) < _FUZZY_LETTERS:
            return
        errors = 1 if len(letters) < _FUZZY_LETTERS * 2 else 2
        close = process.extract(letters, self._whole, scorer=OSA.distance, score_cutoff=errors, limit=None)
        for _, distance, at in reversed(close):
            yield self._whole_of[at], int(distance)


@lru_cache(maxsize=2)
def place_index(pack: Pack) -> PlaceIndex:
    """The index of `pack`, made at first use."""
    return PlaceIndex(pack)


def label(place: Place, pack: Pack, lang: str = "en") -> str:
    """A place's name for a list, with what it lies in: "Lindi (Kibra), Nairobi". At most 26 septets.

    A town is known by its county; wards and estates, and whatever has a namesake in its county, by the constituency.
    """
    if place.kind == "county":
        return text(pack.county_government(place.code).name, lang)
    name, namesakes = place.name, place_index(pack).namesakes(place)
    seat = pack.places[place.constituency].name if place.constituency else ""
    inside = f"{name} ({seat})" if fold(seat) not in ("", fold(name)) else name
    if place.kind in ("ward", "estate") and _fits(inside + _beside(inside, place, pack), LONG):
        return inside + _beside(inside, place, pack)
    nearer = namesakes.in_county and inside != name
    tail = inside.removeprefix(name) if nearer else _beside(name, place, pack)
    if _fits(name + tail, LONG):
        return name + tail
    return name if not namesakes.in_country and _fits(name, LONG) else _shortened(name, LONG - len(tail)) + tail


def _beside(words: str, place: Place, pack: Pack) -> str:
    """The county after `words`, unless they name it already."""
    county = pack.places[place.county].name if place.county else ""
    return "" if f" {fold(county)} " in f" {fold(words)} " else f", {county}"


def short_name(place: Place) -> str:
    """The name for the middle of a sentence: at most 20 septets."""
    return _shortened(place.name, SHORT)


def _shortened(name: str, room: int) -> str:
    """Leave out its last parts ("Woodley/Kenyatta Golf Course"), then its last words, then letters, until it fits."""
    for separator in ("/", " ", "-"):
        while not _fits(name, room) and separator in name:
            name = name.rpartition(separator)[0].rstrip()
    return name[:room]


def _fits(words: str, room: int) -> bool:
    return (septets(words) or len(words)) <= room


def _names(place: Place) -> tuple[str, ...]:
    """All names a place is found by, folded. Wards are often two villages: "Mji wa Kale/Makadara"."""
    written = (place.name, *(place.name.split("/") if "/" in place.name else ()), *place.also)
    return tuple(dict.fromkeys(name for name in map(fold, written) if name))


def _keys(names: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, int, bool]]:
    """The beginnings to search by: each name from each of its words on, without spaces; whether it is the first."""
    for position, own in enumerate(names):
        for name in own:
            words = name.split()
            yield from (("".join(words[start:]), position, start == 0) for start in range(len(words)))


def _stand_ins(places: list[Place], names: list[tuple[str, ...]]) -> dict[int, int]:
    """For each place that a reader can't tell from a better known one, that one: the ward Kasarani in the constituency
    Kasarani, the constituency Kibra that people call Kibera."""
    shown: dict[tuple[str | None, str], list[int]] = {}
    stand_ins: dict[int, int] = {}
    for position, place in enumerate(places):
        if place.kind in ("county", "office"):
            continue
        for other in shown.get((place.county, names[position][0]), ()):
            if _may_be_one(place, places[other]) and set(names[position]) <= set(names[other]):
                stand_ins[position] = other
                break
        else:
            for name in names[position]:
                shown.setdefault((place.county, name), []).append(position)
    return stand_ins


def _may_be_one(one: Place, other: Place) -> bool:
    """Whether nothing known says that two places of one name and county lie apart."""
    apart = ((one.constituency, other.constituency), (one.ward, other.ward))
    return all(a is None or b is None or a == b for a, b in apart)
