"""What a pack says about one country: who serves, what goes wrong, by when it is answered, and where. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from functools import cached_property
from typing import Final, Literal, NamedTuple

from locales import fallbacks

Text = Mapping[str, str]  # language code → words
PlaceKind = Literal["county", "town", "constituency", "estate", "ward", "office"]
Where = Literal["place", "office", "none"]
Carrier = Literal["folder", "sftp", "https", "mail", "open311"]

ANY: Final = "*"  # in a route: whatever it is
COUNTY_GOVERNMENT: Final = "COUNTY"  # in a route or for a subject: the county government of the place
# In a lexicon, beside categories: cannot wait; to be handled by a person alone; no complaint; just of its language.
URGENT, SENSITIVE, NOTHING, LANGUAGE = SIGNS = ("urgent", "sensitive", "nothing", "language")
ANY_LANGUAGE: Final = "any"


def text(words: Text, lang: str) -> str:
    """The words in `lang`, else in the languages it falls back to, else in English, which every text of a pack has."""
    return words.get(lang) or next((words[code] for code in fallbacks(lang) if words.get(code)), words["en"])


@dataclass(frozen=True, slots=True)
class Agency:
    """An office that answers for complaints. `county` is set for county governments and their departments."""

    code: str
    kind: str
    name: Text  # at most 20 septets
    county: str | None = None
    retired: bool = False
    under: str | None = None  # the agency that is over it; a department needs none, its county says it

    @property
    def parent(self) -> str | None:
        """The agency that is over it."""
        if self.kind == "department" and not self.under:
            return f"{COUNTY_GOVERNMENT}-{self.county}"
        return self.under


@dataclass(frozen=True, slots=True)
class Category:
    """The first thing a citizen picks. `key` "3" stands on the first page, "9.3" behind its "9. More"."""

    code: str
    key: str
    name: Text  # the menu's label
    title: Text  # the title line of its sub-categories' screen
    hidden: bool = False
    sensitive: bool = False
    retired: bool = False

    @property
    def parent(self) -> str:
        """The key of the page it stands on: "" for the first, "9" for the one behind it."""
        return self.key.rpartition(".")[0]

    @property
    def digit(self) -> str:
        """What the citizen presses on that page."""
        return self.key.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class SubCategory:
    """What exactly is wrong. `code` starts with its category's, as in "water.none"."""

    code: str
    category: str
    key: str
    name: Text  # at most 20 septets
    where: Where  # what is asked about the place: where it is, where one applied, nothing
    calendar: str
    words_first: bool = False
    hidden: bool = False
    sensitive: bool = False
    retired: bool = False
    danger: bool = False  # somebody may be hurt: the emergency numbers are shown first
    ask: Text = field(default_factory=dict)  # one more question ("Application number"), at most 40 septets; or empty


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a secret report is about. A sub-category of the category called like it needs not ask ("police")."""

    code: str
    key: str  # "1" to "8"
    name: Text
    about: str = ""  # the agency that must not see it; "COUNTY": the county government of the place; "": none


@dataclass(frozen=True, slots=True)
class Faq:
    """A question that people often ask, and its answer: plain text of any length, shown by pages."""

    code: str
    category: str | None  # None: of general use
    question: Text  # at most 28 septets
    answer: Text  # at most 480 septets


@dataclass(frozen=True, slots=True)
class Sla:
    """Promised times, in working minutes on the sub-category's calendar."""

    acknowledge: int
    respond: int
    resolve: int


@dataclass(frozen=True, slots=True)
class Place:
    """A ward, constituency or county; a town or estate by the name people use; or an office one applies at.

    `ward`, `constituency`, `county` are codes: of itself, and of what it lies in as far as that is certain.
    """

    code: str
    kind: PlaceKind
    name: str
    ward: str | None = None
    constituency: str | None = None
    county: str | None = None
    also: tuple[str, ...] = ()  # other spellings and names
    known: bool = False  # known all over the country: shown before its namesakes
    serves: tuple[str, ...] = ()  # for an office: the agencies one meets there, or ("*",)
    retired: bool = False


class Point(NamedTuple):
    """A spot on the map: degrees north and east of WGS84."""

    lat: float
    long: float


@dataclass(frozen=True, slots=True)
class Calendar:
    """When an office works: `hours` by weekday (Monday 0), as minutes of the local day from–to."""

    code: str
    zone: str
    hours: Mapping[int, tuple[tuple[int, int], ...]]
    holidays: frozenset[date] = frozenset()

    @property
    def working_day(self) -> int:
        """The minutes of its longest working day."""
        return max((sum(end - start for start, end in day) for day in self.hours.values()), default=0)


@dataclass(frozen=True, slots=True)
class Route:
    """Who gets what: `sub` and `county` may be "*"; `agency` may be "COUNTY", the county government of the place.

    A rule with `about` is only for reports about that agency, or one of its kin, and outweighs all without.
    """

    category: str
    sub: str
    county: str
    agency: str
    line: int = field(default=0, compare=False)  # of routes.csv, to find it again; 0 in packs of before
    about: str = ""  # an agency, or "COUNTY"


@dataclass(frozen=True, slots=True)
class Term:
    """What people write, and what it tells: one line of lexicon.csv.

    Every part must be there, near the others, in any order; each by one of its spellings: folded words
    (packs.places.fold), "*" at the end of one standing for any ending, "#" for a word with a digit in it.
    """

    parts: tuple[tuple[str, ...], ...]
    language: str  # ANY_LANGUAGE where it tells none
    means: tuple[str, ...]  # categories, sub-categories, and SIGNS
    weight: int  # 0 to 9; how much it says for the categories among them


@dataclass(frozen=True, slots=True)
class Exchange:
    """How files go to an office and come back; see docs/offices.md. Secrets are not in a pack but in settings."""

    agency: str
    transport: Carrier = "folder"
    address: str = ""  # a path, sftp://user@host:22/path, https://host/path/, an e-mail address; "": fetched by hand
    at: str = "06:00"  # when the daily files are made, on the clock of the pack
    files: tuple[str, ...] = ("events", "work")
    contact: bool = False  # whether the event file may tell the citizen's number
    contact_on_worklist: bool = False  # the same for the clerk's sheet, which lies open on shared computers
    language: str = "en"  # of sheets and of what is wrong with a row
    host_key: str = ""  # sftp: the public key of the server
    senders: tuple[str, ...] = ()  # mail: from whom updates are taken
    jurisdiction: str = ""  # open311
    calendar: str = ""  # whose working days have a file; "": the calendar of the service desk

    @property
    def local_time(self) -> time:
        """`at` as a time of day."""
        return time.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class Emergency:
    """A number to call in danger; `use` names it, so that texts can ask for the one they mean."""

    use: str
    number: str
    name: Text


@dataclass(frozen=True)
class Pack:
    """Everything the house knows about one country. `version` is the fingerprint of all the rest."""

    code: str
    version: str
    service: str  # the name citizens know
    zone: str
    languages: tuple[str, ...]
    menu_title: Text
    more: Text  # label of key 9 on the first page of categories
    agencies: Mapping[str, Agency]
    categories: Mapping[str, Category]
    subs: Mapping[str, SubCategory]
    slas: Mapping[str, Sla]  # by sub-category
    routes: tuple[Route, ...]
    places: Mapping[str, Place]
    places_source: str  # which delimitation the codes of wards and constituencies come from
    calendars: Mapping[str, Calendar]
    holiday_years: tuple[int, int]  # first and last year that `calendars` know the holidays of
    emergency: tuple[Emergency, ...]
    members: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # agency → codes of its officers who take cases
    lexicon: tuple[Term, ...] = ()
    messages: Mapping[str, Mapping[str, Text]] = field(default_factory=dict)  # SMS → scope → the pack's own words
    subjects: tuple[Subject, ...] = ()  # in the order of their keys
    faqs: tuple[Faq, ...] = ()  # in the order in which they are listed
    unblock: Mapping[str, str] = field(default_factory=dict)  # network → what to dial so that it lets our SMS through
    exchanges: Mapping[str, Exchange] = field(default_factory=dict)  # agency → how files go there: daily, by themselves
    centroids: Mapping[str, Point] = field(default_factory=dict)  # ward → its middle

    def __hash__(self) -> int:
        return hash(self.version)

    def menu(self, parent: str = "") -> tuple[Category, ...]:
        """The categories offered on the first page, or behind the key `parent` ("9"), in the order of their keys."""
        return self._menus.get(parent, ())

    def subs_of(self, category: str) -> tuple[SubCategory, ...]:
        """The sub-categories offered in a category, in the order of their keys."""
        return self._subs.get(category, ())

    def sla(self, sub: str) -> Sla:
        return self.slas[sub]

    def calendar(self, sub: str) -> Calendar:
        return self.calendars[self.subs[sub].calendar]

    def parts(self, place: Place) -> tuple[Place, ...]:
        """The wards a place may mean: those of its constituency when its ward is not known, else none."""
        return () if place.ward or not place.constituency else self._wards.get(place.constituency, ())

    @cached_property
    def desk(self) -> str:
        """The agency whose supervisors get what no rule sends anywhere: the service desk."""
        return next(agency.code for agency in self.agencies.values() if agency.kind == "desk" and not agency.retired)

    @cached_property
    def unsure(self) -> str:
        """The sub-category of what nobody has named yet ("Other, not sure"); its clock runs until somebody does."""
        return next(sub.code for sub in self.subs.values() if sub.words_first and not sub.retired)

    def county_government(self, county: str) -> Agency:
        return self.agencies[f"{COUNTY_GOVERNMENT}-{county}"]

    def kin(self, agency: str) -> frozenset[str]:
        """The agencies that answer to the same head as this one, itself among them: who must not be asked to judge it.

        A county government and its departments are kin, the police and its detectives; companies a county owns are not.
        """
        return self._kin.get(self._head(agency), frozenset((agency,)))

    def exchange(self, agency: str) -> Exchange:
        """How files go to an agency; one that nothing is said about fetches them by hand."""
        return self.exchanges.get(agency) or Exchange(agency)

    def exchange_days(self, exchange: Exchange) -> Calendar:
        """On whose working days files go to an office."""
        return self.calendars[exchange.calendar or self.subs[self.unsure].calendar]

    def subject_of(self, sub: str) -> Subject | None:
        """Whom a secret report of this sub-category is about where that goes without asking."""
        return next((subject for subject in self.subjects if subject.code == self.subs[sub].category), None)

    def faqs_of(self, category: str | None) -> tuple[Faq, ...]:
        """The questions of a category, or those of general use, in the order in which they are listed."""
        return tuple(faq for faq in self.faqs if faq.category == category)

    def emergency_number(self, use: str) -> str:
        """The number to call for `use` ("police", "violence", "child" …)."""
        return self._emergency[use]

    def _head(self, agency: str) -> str:
        """The agency over all that are over `agency`."""
        known = self.agencies.get(agency)
        return self._head(known.parent) if known and known.parent else agency

    @cached_property
    def _kin(self) -> Mapping[str, frozenset[str]]:
        kin: dict[str, set[str]] = {}
        for agency in self.agencies:
            kin.setdefault(self._head(agency), set()).add(agency)
        return {head: frozenset(agencies) for head, agencies in kin.items()}

    @cached_property
    def _menus(self) -> Mapping[str, tuple[Category, ...]]:
        offered = sorted((c for c in self.categories.values() if not (c.hidden or c.retired)), key=lambda c: c.key)
        return {page: tuple(c for c in offered if c.parent == page) for page in {c.parent for c in offered}}

    @cached_property
    def _subs(self) -> Mapping[str, tuple[SubCategory, ...]]:
        offered = sorted((s for s in self.subs.values() if not (s.hidden or s.retired)), key=lambda s: s.key)
        return {code: tuple(s for s in offered if s.category == code) for code in self.categories}

    @cached_property
    def _wards(self) -> Mapping[str, tuple[Place, ...]]:
        wards: dict[str, list[Place]] = {}
        for place in self.places.values():
            if place.kind == "ward" and place.constituency and not place.retired:
                wards.setdefault(place.constituency, []).append(place)
        return {code: tuple(sorted(inside, key=lambda ward: ward.name)) for code, inside in wards.items()}

    @cached_property
    def _emergency(self) -> Mapping[str, str]:
        return {entry.use: entry.number for entry in self.emergency}
