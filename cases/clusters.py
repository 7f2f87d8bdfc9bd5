"""Open cases that may be about one and the same thing: suggested to staff, who alone join cases.

Words are sealed with a key per citizen, so cases can't be compared by reading them. At lodging, the words of a public
case leave a sketch: 64 minima (MinHash) of keyed hashes of their letter triples, of which four bits each are kept. Two
sketches tell how much two texts have in common, to about 6 % either way, and nothing else: four bits are shared by one
triple in sixteen, the order is gone, numbers and short words never went in, and without the secret of the box a triple
can't even be tried. Still they are made of words: they are thrown away when the window is over or the citizen erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import shake_128
from itertools import combinations
from struct import unpack
from typing import Any, Final, NamedTuple

from peewee import BlobField, ForeignKeyField

from cases.casework import WORKLIST, Happened
from cases.lifecycle import Action
from cases.models import Case
from packs.model import LANGUAGE, Pack, Place
from packs.places import fold
from store import database
from store.model import Insert, Model, UtcField, from_micros, to_micros

WINDOW: Final = timedelta(days=7)
ALIKE: Final = 0.3  # similarity of words from which two cases of one kind may be one
SAME_SPOT: Final = 0.25  # what the same kind and place say, where there are no words to compare
MOST_COMPARED: Final = 300  # newest cases of one kind and spot
_SLOTS: Final = 64
_LETTERS: Final = 3
_FEWEST: Final = 4  # triples; of less nothing can be said
_LOW_BITS: Final = int("1" * _SLOTS, 16)
_BY_CHANCE: Final = 1 / 16


class CaseSketch(Model):
    """What remains of a case's words for comparing; see above."""

    case = ForeignKeyField(Case, on_delete="RESTRICT", unique=True)
    sketch = BlobField()
    made_at = UtcField(index=True)

    class Meta:
        table_name = "case_sketch"


TABLES: Final = (CaseSketch,)


def sketch(words: str, secret: bytes, passed_over: frozenset[str] = frozenset()) -> bytes | None:
    """32 bytes to compare `words` by; None if there is too little in them. Words in `passed_over` say nothing."""
    said = [word for word in fold(words).split() if word.isalpha() and word not in passed_over]
    triples = {word[at : at + _LETTERS] for word in said for at in range(len(word) - _LETTERS + 1)}
    if len(triples) < _FEWEST:
        return None
    hashes = (unpack(f"{_SLOTS}I", shake_128(secret + triple.encode()).digest(4 * _SLOTS)) for triple in triples)
    return int("".join(f"{min(slot) & 15:x}" for slot in zip(*hashes, strict=True)), 16).to_bytes(_SLOTS // 2)


def similarity(one: bytes, other: bytes) -> float:
    """How much the words of two sketches have in common: 0 nothing, 1 all of it."""
    differing = int.from_bytes(one) ^ int.from_bytes(other)
    differing |= differing >> 1
    differing |= differing >> 2
    equal = 1 - (differing & _LOW_BITS).bit_count() / _SLOTS
    return max(0.0, (equal - _BY_CHANCE) / (1 - _BY_CHANCE))


class Sketching:
    """A listener of Casework: keeps a sketch of the words that a public case is lodged with.

    `secret` must stay the same and out of the database. Faults are reported and stop nothing, as in Suggesting.
    """

    def __init__(self, pack: Callable[[], Pack], secret: bytes, report: Callable[..., object]) -> None:
        self._pack, self._secret, self._report = pack, secret, report
        self._insert = Insert(CaseSketch)

    def __call__(self, happened: Sequence[Happened], now: datetime) -> None:
        made = [
            {"case": one.case.id, "sketch": drawn, "made_at": now}
            for one in happened
            if one.kind is Action.LODGE and one.case.visibility == "public" and (drawn := self._drawn(one))
        ]
        self._insert(made)

    def _drawn(self, one: Happened) -> bytes | None:
        try:
            return sketch(one.change.words or "", self._secret, _filling(self._pack()))
        except Exception as error:
            self._report("sketch_failed", case=one.case.id, error=type(error).__name__)
            return None


@lru_cache(maxsize=2)
def _filling(pack: Pack) -> frozenset[str]:
    """The words that only make sentences, as the lexicon has them."""
    return frozenset(way for term in pack.lexicon if LANGUAGE in term.means for part in term.parts for way in part)


def forget(citizen_id: str) -> int:
    """Throw away the sketches of a citizen's cases; how many."""
    gone = "DELETE FROM case_sketch WHERE case_id IN (SELECT id FROM cases WHERE citizen_id = ?)"
    return int(database.run(database.main, gone, citizen_id).rowcount)


def prune(now: datetime, most: int = 1_000) -> int:
    """Throw away up to `most` sketches that are older than the window; how many."""
    gone = "DELETE FROM case_sketch WHERE id IN (SELECT id FROM case_sketch WHERE made_at < ? LIMIT ?)"
    return int(database.run(database.main, gone, to_micros(now - WINDOW), most).rowcount)


class Near(NamedTuple):
    """An open public case of the window, as far as it is compared."""

    id: str
    ref: str
    category: str
    sub: str
    place: str | None
    received_at: datetime
    followers: int
    sketch: bytes | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Cases that may be one thing, oldest first. `similarity` is the mean of those that hold it together."""

    cases: tuple[Near, ...]
    similarity: float

    @property
    def since(self) -> datetime:
        return self.cases[0].received_at

    @property
    def master(self) -> Near:
        """The one to join the others to: that which most follow already, else the oldest."""
        return max(self.cases, key=lambda case: case.followers)


class Spot(NamedTuple):
    """A category and a ward, or where no ward is known the place that people named; and how many cases are there."""

    category: str
    ward: str | None
    place: str | None
    cases: int


def busiest(now: datetime, *, category: str | None = None, limit: int = 50) -> list[Spot]:
    """Where several open cases of one category came up within the window, most first."""
    where, values = ("AND category = ? ", [category]) if category else ("AND category IS NOT NULL ", [])
    found = database.rows(
        database.main,
        "SELECT category, ward, CASE WHEN ward IS NULL THEN place END AS spot, COUNT(*) AS amount FROM cases "
        f"WHERE {_CANDIDATES} {where}AND (ward IS NOT NULL OR place IS NOT NULL) "
        "GROUP BY category, ward, spot HAVING COUNT(*) > 1 ORDER BY amount DESC, category, ward, spot LIMIT ?",
        *(to_micros(now - WINDOW), *values, limit),
    )
    return [Spot(*row) for row in found]


def suggested(pack: Pack, category: str, where: Place, now: datetime) -> list[Cluster]:
    """The clusters of a category in a ward, or around a place whose ward nobody knows; the largest first."""
    cases = _nearby(category, where.ward, where.code, now)
    links = {
        (one.id, other.id): score for one, other in combinations(cases, 2) if (score := likeness(pack, one, other))
    }
    clusters = [_cluster(together, links) for together in _joined(cases, links)]
    return sorted(clusters, key=lambda cluster: (-len(cluster.cases), cluster.since))


def similar_to(pack: Pack, case_id: str, now: datetime) -> list[tuple[Near, float]]:
    """The open cases that may be about the same as this one, the likeliest first, each with its likeness."""
    case = Case.get_or_none(Case.id == case_id)
    if case is None or case.category is None or not (case.ward or case.place):
        return []
    cases = _nearby(case.category, case.ward, case.place, now)
    own = next((one for one in cases if one.id == case_id), None)
    likely = [(one, likeness(pack, own, one)) for one in cases if own and one.id != case_id]
    return sorted(((one, score) for one, score in likely if score), key=lambda found: -found[1])


def likeness(pack: Pack, one: Near, other: Near) -> float:
    """How likely two cases of one category and spot are one thing; 0 where nothing speaks for it.

    Cases of the category's last kind, "Other", may be any: texting citizens name no more than the category.
    """
    unspecific = _other(pack, one.category)
    if one.sub != other.sub and unspecific not in (one.sub, other.sub):
        return 0.0
    if one.sketch and other.sketch:
        score = similarity(one.sketch, other.sketch)
        return score if score >= ALIKE else 0.0
    same = one.sub == other.sub != unspecific and one.place is not None and one.place == other.place
    return SAME_SPOT if same else 0.0


def _other(pack: Pack, category: str) -> str:
    return max((sub for sub in pack.subs.values() if sub.category == category), key=lambda sub: sub.key).code


_CANDIDATES: Final = f"{WORKLIST} AND visibility = 'public' AND received_at >= ?"
_COLUMNS: Final = "c.id, c.ref, c.category, c.sub, c.place, c.received_at, c.followers, s.sketch"


def _nearby(category: str, ward: str | None, place: str | None, now: datetime) -> list[Near]:
    """The newest candidates of a category at a spot, oldest first."""
    spot, code = ("ward = ?", ward) if ward else ("ward IS NULL AND place = ?", place)
    found = database.rows(
        database.main,
        f"SELECT {_COLUMNS} FROM (SELECT * FROM cases WHERE {_CANDIDATES} AND {spot} AND category = ? "
        "ORDER BY received_at DESC LIMIT ?) AS c LEFT JOIN case_sketch AS s ON s.case_id = c.id "
        "ORDER BY c.received_at, c.id",
        *(to_micros(now - WINDOW), code, category, MOST_COMPARED),
    )
    return [_near(*row) for row in found]


def _near(id: str, ref: str, category: str, sub: str, place: str, at: int, followers: int, drawn: Any) -> Near:
    return Near(id, ref, category, sub, place, from_micros(at), followers, bytes(drawn) if drawn else None)


def _joined(cases: Sequence[Near], links: Iterable[tuple[str, str]]) -> list[list[Near]]:
    """The cases that links hold together, directly or through others."""
    head = {case.id: case.id for case in cases}

    def of(case_id: str) -> str:
        while head[case_id] != case_id:
            case_id = head[case_id]
        return case_id

    for one, other in links:
        head[of(other)] = of(one)
    groups: dict[str, list[Near]] = {}
    for case in cases:
        groups.setdefault(of(case.id), []).append(case)
    return [group for group in groups.values() if len(group) > 1]


def _cluster(cases: Sequence[Near], links: dict[tuple[str, str], float]) -> Cluster:
    inside = {case.id for case in cases}
    scores = [score for (one, _), score in links.items() if one in inside]
    return Cluster(tuple(cases), round(sum(scores) / len(scores), 2))
