"""What free text is about, as far as the pack's lexicon tells: a suggestion for people, never a decision. Pure.

The words are cut into known pieces, the longest first: terms of the lexicon and whole names of places. "maji taka" is
then a sewer and nothing of it water; "chai ya asubuhi" is tea and no bribe. What a piece says for a category adds up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from packs.model import ANY_LANGUAGE, NOTHING, SENSITIVE, URGENT, Pack, Place, SubCategory, Term
from packs.places import EVERYWHERE, OFFICES, PlaceIndex, fold

ENOUGH: Final = 0.5  # above this score a category is suggested
_DOUBT: Final = 1  # weight held against every suggestion, so that one weak word does not score high
_NEAR: Final = 6  # words within which the parts of a term stand
_LONGEST_NAME: Final = 4  # words of a place
_ANYWHERE: Final = EVERYWHERE | OFFICES
_LEVELS: Final = ("ward", "constituency", "county")
_SENSITIVE_WEIGHT: Final = 2  # what must be said for a sensitive kind before a person has to decide
_FEWEST_WORDS: Final = 2  # that tell a language
_REPEATED: Final = re.compile(r"(.)\1{2,}")  # "hakunaaaa"
_NUMBER: Final = re.compile(r"\d")

# "barabara ya kwenda Rongai", "the road to Rongai", "Jogoo Road": a road is called after where it leads
_BOUND_FOR: Final = frozenset({
    "kwenda", "kuenda", "kuelekea", "inayoelekea", "inaelekea", "inayoenda", "inaenda", "towards", "toward", "leading",
})  # fmt: skip
_ROADS: Final = frozenset({
    "road", "roads", "rd", "highway", "bypass", "street", "avenue", "ave", "route", "way", "barabara", "njia", "rodi",
})  # fmt: skip
_LINKS: Final = frozenset({"to", "ya", "za", "kwa", "of"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the words seem to be about; None where they do not tell.

    `score` says how sure the category is: 0 (nothing, or two that are as likely) to 1. `because` holds the lexicon's
    own spellings of what was found, never the citizen's words. `sensitive`: nobody but a person may decide.

    `place` is the best guess. `certain` is a place that may be said aloud: one name, of one place, not on the way to
    another, and not at odds with where `near` is. Where the one name is that of several places, `namesakes` has them.
    """

    category: str | None = None
    sub: str | None = None
    place: str | None = None
    urgent: bool = False
    language: str | None = None
    score: float = 0.0
    because: tuple[str, ...] = ()
    sensitive: bool = False
    certain: str | None = None
    namesakes: tuple[str, ...] = ()


@lru_cache(maxsize=4)  # while a text is handled, several rooms ask what it tells
def suggest(pack: Pack, places: PlaceIndex, words: str, near: Place | None = None) -> Suggestion:
    """Read `words`. `near`, a place of the citizen's, tells which of several places of one name they mean."""
    said = fold(_REPEATED.sub(r"\1", words)).split()
    pieces = list(_pieces(said, _lexicon(pack), places))
    terms = _terms(pieces)
    kinds = _Kinds(pack, terms)
    category, score = kinds.best()
    sub = kinds.sub_of(category) if category else None
    urgent = [term for term in terms if URGENT in term.means]
    told = [term for term in terms if kinds.speaks_for(term, category)] if category else []
    certain, namesakes = _certain(said, pieces, pack.subs[sub] if sub else None, near)
    return Suggestion(
        category=category,
        sub=sub,
        place=_place([piece.places for piece in pieces if piece.places], pack.subs[sub] if sub else None, near),
        urgent=bool(urgent),
        language=_language(pieces, terms),
        score=score,
        because=tuple(dict.fromkeys(terms[term] for term in (*told, *urgent))),
        sensitive=kinds.sensitive(),
        certain=certain,
        namesakes=namesakes,
    )


def is_delicate(told: Suggestion, pack: Pack) -> bool:
    """Whether our SMS must say nothing of the matter: suspected bribes and violence, and whatever else may be meant
    where a kind has secret sub-categories and the words do not tell which it is, or tell of danger."""
    secret = told.category is not None and any(sub.sensitive for sub in pack.subs_of(told.category))
    return told.sensitive or (secret and (told.sub is None or told.urgent))


class _Piece(NamedTuple):
    """Some of the words: where they begin, how many, and all that they are known as."""

    start: int
    length: int
    spellings: tuple[_Spelling, ...]
    places: tuple[Place, ...]


class _Spelling(NamedTuple):
    """One way to write one part of a term."""

    words: tuple[str, ...]
    term: Term
    part: int

    def fits(self, said: Sequence[str], start: int) -> bool:
        return len(said) - start >= len(self.words) and all(
            _is_written(pattern, word) for pattern, word in zip(self.words, said[start:], strict=False)
        )

    def __str__(self) -> str:
        return " ".join(self.words)


def _is_written(pattern: str, word: str) -> bool:
    if pattern == "#":
        return _NUMBER.search(word) is not None
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern


class _Lexicon:
    """The spellings of a pack's terms by what their first word begins with."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self._by_word: dict[str, list[_Spelling]] = {}
        for term in terms:
            for number, part in enumerate(term.parts):
                for way in part:
                    spelling = _Spelling(tuple(way.split()), term, number)
                    self._by_word.setdefault(spelling.words[0], []).append(spelling)
        self._stems = sorted({len(word) - 1 for word in self._by_word if word.endswith("*")})

    def at(self, said: Sequence[str], start: int) -> tuple[_Spelling, ...]:
        """The longest spellings that the words from `start` on are written in."""
        word = said[start]
        keys = [word, *(f"{word[:length]}*" for length in self._stems if length <= len(word))]
        if _NUMBER.search(word):
            keys.append("#")
        fitting = [one for key in keys for one in self._by_word.get(key, ()) if one.fits(said, start)]
        longest = max((len(one.words) for one in fitting), default=0)
        return tuple(one for one in fitting if len(one.words) == longest)


@lru_cache(maxsize=2)
def _lexicon(pack: Pack) -> _Lexicon:
    return _Lexicon(pack.lexicon)


def _pieces(said: Sequence[str], lexicon: _Lexicon, places: PlaceIndex) -> Iterator[_Piece]:
    start = 0
    while start < len(said):
        spellings = lexicon.at(said, start)
        known = len(spellings[0].words) if spellings else 0
        wide, called = _called(said, start, places)
        length = max(known, wide, 1)
        # "town", "salama": one word that the lexicon knows is no place, though places are called so
        is_place = wide == length and (wide > known or wide > 1)
        yield _Piece(start, length, spellings if known == length else (), called if is_place else ())
        start += length


def _called(said: Sequence[str], start: int, places: PlaceIndex) -> tuple[int, tuple[Place, ...]]:
    """The words of the longest name of a place that stands there, and the places so called; 0 if none does."""
    for length in range(min(_LONGEST_NAME, len(said) - start), 0, -1):
        found = places.named(" ".join(said[start : start + length]), _ANYWHERE)
        if found:
            return length, tuple(found)
    return 0, ()


def _terms(pieces: Sequence[_Piece]) -> dict[Term, str]:
    """The terms that are there with all their parts, in the order they begin, as the lexicon spells them."""
    at: dict[Term, dict[int, list[tuple[int, str]]]] = {}
    for piece in pieces:
        for spelling in piece.spellings:
            at.setdefault(spelling.term, {}).setdefault(spelling.part, []).append((piece.start, str(spelling)))
    return {term: found for term, parts in at.items() if (found := _together(term, parts))}


def _together(term: Term, parts: Mapping[int, Sequence[tuple[int, str]]]) -> str | None:
    """The spellings of the parts, where all are there and near the first."""
    for start, first in parts.get(0, ()):
        others = [
            next((way for at, way in parts.get(part, ()) if abs(at - start) <= _NEAR), None)
            for part in range(1, len(term.parts))
        ]
        if None not in others:
            return " + ".join([first, *map(str, others)])
    return None


class _Kinds:
    """What all terms together say for each category and sub-category."""

    def __init__(self, pack: Pack, terms: Iterable[Term]) -> None:
        self._pack = pack
        self._subs: Counter[str] = Counter()
        self._categories: Counter[str] = Counter()
        for term in terms:
            for meaning in term.means:
                if meaning in pack.subs:
                    self._subs[meaning] += term.weight
                category = self._category(meaning)
                if category:
                    self._categories[category] += term.weight
        self._flagged = any(SENSITIVE in term.means for term in terms)

    def _category(self, meaning: str) -> str | None:
        if meaning in self._pack.subs:
            return self._pack.subs[meaning].category
        return meaning if meaning in self._pack.categories or meaning == NOTHING else None

    def best(self) -> tuple[str | None, float]:
        """The category that most is said for, and how sure that is; None where it is too little or no complaint."""
        (first, most), (_, second) = [*self._categories.most_common(2), ("", 0), ("", 0)][:2]
        score = (most - second) / (most + _DOUBT)
        return (None, 0.0) if first in ("", NOTHING) or score <= ENOUGH else (first, round(score, 2))

    def sub_of(self, category: str) -> str | None:
        """The sub-category of `category` that most is said for; None where two are as likely."""
        inside = Counter({sub: said for sub, said in self._subs.items() if self._category(sub) == category and said})
        (first, most), (_, second) = [*inside.most_common(2), ("", 0), ("", 0)][:2]
        return first if most > second else None

    def speaks_for(self, term: Term, category: str) -> bool:
        return any(self._category(meaning) == category for meaning in term.means)

    def sensitive(self) -> bool:
        """Whether anything that is sensitive may be meant, be it the best guess or not."""
        subs, categories = self._pack.subs, self._pack.categories
        said = [
            *(weight for sub, weight in self._subs.items() if subs[sub].sensitive),
            *(weight for code, weight in self._categories.items() if code != NOTHING and categories[code].sensitive),
        ]
        return self._flagged or max(said, default=0) >= _SENSITIVE_WEIGHT


def _language(pieces: Sequence[_Piece], terms: Container[Term]) -> str | None:
    """The language that most of the words are known in, if it is ahead of any other."""
    spoken: Counter[str] = Counter()
    for piece in pieces:
        for language in {one.term.language for one in piece.spellings if one.term in terms} - {ANY_LANGUAGE}:
            spoken[language] += piece.length
    (first, most), (_, second) = [*spoken.most_common(2), ("", 0), ("", 0)][:2]
    return first if most >= _FEWEST_WORDS and most > second else None


def _place(named: Sequence[Sequence[Place]], sub: SubCategory | None, near: Place | None) -> str | None:
    """The most exact of the places named, or the area that several lie in; None where that is not sure."""
    options = [_meant(places, at_an_office=sub is not None and sub.where == "office") for places in named]
    sure = [places[0] for places in options if len(places) == 1]
    around: set[str | None] = {place.code for place in sure} or ({near.county} if near else set())
    sure += [place for places in options if len(places) > 1 and (place := _one_of(places, around))]
    inner = {place.code: place for place in sure if not any(place.code in _areas(other) for other in sure)}
    if len(inner) == 1:
        return next(iter(inner))
    for level in _LEVELS:
        shared: set[str | None] = {getattr(place, level) for place in inner.values()}
        if len(shared) == 1 and None not in shared:
            return shared.pop()
    return None


def _certain(
    said: Sequence[str], pieces: Sequence[_Piece], sub: SubCategory | None, near: Place | None
) -> tuple[str | None, tuple[str, ...]]:
    """The one place that can be meant, or the namesakes among which only the citizen can choose; else neither."""
    at_an_office = sub is not None and sub.where == "office"
    named = [piece.places for piece in pieces if piece.places and not _names_a_road(said, piece)]
    options = [_meant(places, at_an_office=at_an_office) for places in named]
    areas = {places[0].code for places in options if len(places) == 1}
    options = [_inside(places, areas) for places in options]
    sure = {places[0].code: places[0] for places in options if len(places) == 1}
    open_ = {tuple(place.code for place in places): places for places in options if len(places) > 1}
    inner = [place for place in sure.values() if not any(place.code in _areas(other) for other in sure.values())]
    if len(inner) == 1 and not open_:
        (place,) = inner
        stated = len(sure) > 1  # with its area: "Kayole Nairobi"
        return (place.code if stated or _agrees(place, near) else None), ()
    if len(open_) != 1 or any(place.code not in _shared(*open_.values()) for place in inner):
        return None, ()
    (same,) = open_.values()
    nearby = [place for place in same if near and _agrees(place, near)]
    return (nearby[0].code, ()) if len(nearby) == 1 else (None, tuple(place.code for place in nearby or same))


def _names_a_road(said: Sequence[str], piece: _Piece) -> bool:
    """Whether the name stands where a road is called after the place that it leads to."""
    before, after = said[max(piece.start - 3, 0) : piece.start], said[piece.start + piece.length :][:1]
    link = before[-1:]
    return (
        not _BOUND_FOR.isdisjoint(before[-2:])
        or (not _LINKS.isdisjoint(link) and not _ROADS.isdisjoint(before))
        or not _ROADS.isdisjoint(after)
    )


def _inside(places: Sequence[Place], areas: Set[str]) -> Sequence[Place]:
    """Those of the places that lie in an area that the text names too, if any does."""
    return [place for place in places if not areas.isdisjoint(_areas(place))] or places


def _shared(places: Sequence[Place]) -> set[str | None]:
    """What all these places lie in."""
    return set.intersection(*(_areas(place) for place in places))


def _agrees(place: Place, near: Place | None) -> bool:
    return near is None or place.county == near.county or place.county is None


def _meant(places: Sequence[Place], *, at_an_office: bool) -> Sequence[Place]:
    """Offices where one applied at one, else anything but offices. A county stands for what is called so inside it."""
    offices = [place for place in places if place.kind == "office"]
    others = [place for place in places if place.kind != "office"]
    county = next((place for place in others if place.kind == "county"), None)
    if at_an_office and offices:
        return offices
    return [county] if county and all(place.county == county.code for place in others) else others


def _one_of(places: Sequence[Place], around: Set[str | None]) -> Place | None:
    """The only one in the areas that are known, else the only one that is known all over the country."""
    inside = [place for place in places if not around.isdisjoint(_areas(place))]
    known = [place for place in places if place.known]
    return next((found[0] for found in (inside, known) if len(found) == 1), None)


def _areas(place: Place) -> set[str | None]:
    """What it lies in."""
    return {place.ward, place.constituency, place.county} - {place.code, None}
