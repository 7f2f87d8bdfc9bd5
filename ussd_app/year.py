"""A year of Mlango that never was: citizens, outages and offices drawn from a seed, lived through the real casework.

Nothing is written past the casework. Each case is a story: a generator that yields the next change and when, and is
told what became of it. Stories and timers take turns in the order of their moments, so that routing, clocks,
escalations and chains are those of a service that had been running; only nobody is sent anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from heapq import heappop, heappush
from itertools import accumulate, count
from random import Random
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import packs
from cases import lookup, sla
from cases.casework import MOST_CHANGES, Casework, Change, Done, Happened
from cases.citizens import Caller, Citizens
from cases.lifecycle import OPEN, OUTCOMES, Action, Role, State
from cases.models import Case
from cases.routing import barred, route
from cases.sweep import sweep
from packs.model import COUNTY_GOVERNMENT, Agency, Pack, Place, SubCategory
from store import database
from store.model import from_micros

DAYS: Final = 365
_CITIZENS_PER_CASE: Final = 0.7
TURN: Final = timedelta(hours=1)  # stories and timers take turns: no timer acts later than this
_SAVED: Final = timedelta(days=1)  # lived in one transaction: nobody else waits for this database meanwhile
_KEY: Final = "year"  # begins the source key of every change


@dataclass(frozen=True, slots=True)
class Plan:
    """How many cases, received in the 365 days that end with `end`; all else follows from `seed` and the pack."""

    cases: int
    seed: int
    end: datetime


@dataclass(frozen=True, slots=True)
class Lived:
    """What the database holds of the year."""

    cases: int
    events: int
    states: Mapping[str, int]


def was_lived() -> bool:
    """Whether a year, or the beginning of one, is in the database already."""
    return lookup.lodged_by(f"{_KEY}/1/1") is not None


def live(plan: Plan, citizens: Citizens, progress: Callable[[int], None] = lambda _: None) -> None:
    """Live through the year; `progress` is told how many cases were just lodged. Needs the pack in force."""
    _Year(plan, citizens).live(progress)


def lived() -> Lived:
    """Count what a year has left."""
    counted = "SELECT state, COUNT(*), SUM(events) FROM cases WHERE source_key LIKE ? GROUP BY state"
    found = {state: (cases, int(told)) for state, cases, told in database.rows(database.main, counted, f"{_KEY}/%")}
    return Lived(
        cases=sum(cases for cases, _ in found.values()),
        events=sum(told for _, told in found.values()),
        states={state: found.get(state, (0, 0))[0] for state in State},
    )


# When: the shape of a week, a day and the rains

_BY_WEEKDAY: Final = (1.25, 1.15, 1.05, 1.0, 0.95, 0.7, 0.5)
_BY_HOUR: Final = (2, 1, 1, 1, 2, 6, 14, 26, 40, 46, 46, 42, 38, 36, 38, 40, 38, 34, 32, 32, 30, 24, 14, 6)
_RAINS: Final = frozenset({3, 4, 5, 10, 11, 12})
_FLOOD_BEGINS: Final = (4, 12)
_FLOOD_DAYS: Final = 24


class _Moments:
    """Draws moments of the year as people use their phones: mornings, Mondays, the rains; a little more every month."""

    def __init__(self, plan: Plan, zone: ZoneInfo, random: Random) -> None:
        self._end, self._zone, self._random = plan.end, zone, random
        today = plan.end.astimezone(zone).date()
        self._days = [today - timedelta(days=DAYS - 1 - ago) for ago in range(DAYS)]
        self._weights = list(
            accumulate(
                _BY_WEEKDAY[day.weekday()] * (1.15 if day.month in _RAINS else 0.9) * (0.75 + 0.5 * number / DAYS)
                for number, day in enumerate(self._days)
            )
        )
        self._hours = list(accumulate(_BY_HOUR))

    def any(self) -> datetime:
        (day,) = self._random.choices(self._days, cum_weights=self._weights)
        (hour,) = self._random.choices(range(24), cum_weights=self._hours)
        at = datetime.combine(day, time(hour, self._random.randrange(60), self._random.randrange(60)), self._zone)
        return self._over(at.astimezone(UTC))

    def flood(self) -> datetime:
        """In the three weeks when the long rains do their worst."""
        first = next((number for number, day in enumerate(self._days) if (day.month, day.day) == _FLOOD_BEGINS), 0)
        day = self._days[(first + int(self._random.triangular(0, _FLOOD_DAYS, 9))) % DAYS]
        at = datetime.combine(day, time(self._random.randint(6, 21), self._random.randrange(60)), self._zone)
        return self._over(at.astimezone(UTC))

    def soon_after(self, start: datetime, hours: float) -> datetime:
        at = start + timedelta(hours=self._random.expovariate(1 / hours))
        return at if at <= self._end else start + (self._end - start) * self._random.random()

    def _over(self, at: datetime) -> datetime:
        """What today has not seen yet, yesterday saw."""
        return at if at <= self._end else at - timedelta(days=1)


# What and where


@dataclass(slots=True)
class _Outage:
    """What is broken for many at once: the first case is the one that others follow, while it is open."""

    master: str | None = None
    known: bool = False


class _Problem(NamedTuple):
    """What somebody complains about. `visibility` and `about` as in a case; `outage` if it is not theirs alone."""

    sub: str
    place: str | None
    visibility: str = "public"
    about: str | None = None
    outage: _Outage | None = None


class _Manner(NamedTuple):
    """How an office works: `pace` 1 needs the time that one would wish, 2 twice that; some answer by file only."""

    pace: float
    by_file: bool


_OFTEN: Final[Mapping[str, float]] = {
    "water": 22, "power": 18, "roads": 12, "health": 10, "id": 9, "waste": 7, "police": 6, "land": 5, "school": 4,
    "permit": 3, "cash": 3, "tax": 2, "other": 2,
}  # fmt: skip
_BREAKS: Final = ("water.none", "power.none", "water.burst", "power.transformer", "roads.drains", "waste.sewer")
_FLOODED: Final = ("water", "roads", "waste")
_SECRET: Final = 0.025  # of all complaints
_ORDINARY: Final = 0.4  # of those are of a kind that others complain about openly
_ANONYMOUS: Final = 0.25  # of those, too


class _Country:
    """Draws problems from the pack in force: ordinary ones, secret ones, and what breaks for a whole ward."""

    def __init__(self, pack: Pack, seed: int, random: Random) -> None:
        self.pack, self._seed, self._random = pack, seed, random
        open_subs = [sub for category in pack.categories for sub in pack.subs_of(category) if not self._secret(sub)]
        self._subs = [sub for sub in open_subs if not pack.categories[sub.category].hidden]
        self._often = list(accumulate(_OFTEN.get(sub.category, 1) / (1 + number) for number, sub in self._ranked()))
        self._secret_subs = [sub for sub in pack.subs.values() if self._secret(sub) and not sub.retired]
        self._breaks = [pack.subs[code] for code in _BREAKS if code in pack.subs] or self._subs
        self._flooded = [sub for sub in self._breaks if sub.category in _FLOODED] or self._breaks
        places = [place for place in pack.places.values() if not place.retired]
        self._wards = [place for place in places if place.kind == "ward"] or places
        self._crowded = list(accumulate(self._crowd(ward) for ward in self._wards))
        self._names = _by_county(place for place in places if place.kind in ("town", "estate"))
        self._offices = [place for place in places if place.kind == "office"]
        self._manners: dict[str, _Manner] = {}

    def _ranked(self) -> Iterator[tuple[int, SubCategory]]:
        """The sub-categories with how many of their category come before them: what is asked most stands first."""
        before: Counter[str] = Counter()
        for sub in self._subs:
            yield before[sub.category], sub
            before[sub.category] += 1

    def _secret(self, sub: SubCategory) -> bool:
        return sub.sensitive or self.pack.categories[sub.category].sensitive

    def _crowd(self, ward: Place) -> float:
        """People in towns that have offices of their own use their phones more."""
        return 3.0 if ward.county in self._towns else 1.0

    @cached_property
    def _towns(self) -> frozenset[str | None]:
        return frozenset(agency.county for agency in self.pack.agencies.values() if agency.kind == "department")

    @cached_property
    def _flooded_wards(self) -> Sequence[Place]:
        """Those of two counties."""
        counties = sorted({ward.county for ward in self._wards if ward.county})
        worst = self._random.sample(counties, min(2, len(counties)))
        return [ward for ward in self._wards if ward.county in worst] or self._wards

    def problem(self) -> _Problem:
        if self._random.random() < _SECRET and self._secret_subs:
            return self._secret_problem()
        (sub,) = self._random.choices(self._subs, cum_weights=self._often)
        return _Problem(sub.code, self._place_for(sub, self._ward()))

    def outage(self) -> _Problem:
        """Something that breaks for a whole ward."""
        return _Problem(self._random.choice(self._breaks).code, self._ward().code, outage=_Outage())

    def flood(self) -> _Problem:
        """The same, where the rains are worst."""
        ward = self._random.choice(self._flooded_wards)
        return _Problem(self._random.choice(self._flooded).code, ward.code, outage=_Outage())

    def office_for(self, problem: _Problem) -> str:
        place = self.pack.places[problem.place] if problem.place else None
        return route(self.pack, problem.sub, place, problem.about)

    def manner(self, agency: str) -> _Manner:
        """The same for all cases of an office, whatever else is drawn."""
        if agency not in self._manners:
            own = Random(f"{self._seed}/{agency}")  # noqa: S311  a game of dice
            kind = self.pack.agencies[agency].kind
            by_file = kind in ("national", "utility") and own.random() < 0.45
            self._manners[agency] = _Manner(own.lognormvariate(0, 0.45), by_file)
        return self._manners[agency]

    def neighbour(self, case: Case) -> str:
        """Another office that a case might belong to: one that answers for the same category, else any."""
        wanted = {rule.agency for rule in self.pack.routes if rule.category == case.category}
        if COUNTY_GOVERNMENT in wanted and case.county:
            wanted.add(self.pack.county_government(case.county).code)
        return self._other(case, [agency for code, agency in self.pack.agencies.items() if code in wanted])

    def watchdog(self, case: Case) -> str:
        """Who looks into what nobody else may see."""
        return self._other(case, [agency for agency in self.pack.agencies.values() if agency.kind == "oversight"])

    def _other(self, case: Case, wanted: Sequence[Agency]) -> str:
        unfit = {case.agency, self.pack.desk} | barred(self.pack, case.about)
        for offices in (wanted, list(self.pack.agencies.values())):
            fit = [one.code for one in offices if one.code not in unfit and not one.retired]
            if fit:
                return self._random.choice(fit)
        return self.pack.desk

    def _ward(self) -> Place:
        (ward,) = self._random.choices(self._wards, cum_weights=self._crowded)
        return ward

    def _place_for(self, sub: SubCategory, ward: Place) -> str | None:
        """As people name it: their ward, a town or an estate; the office where they applied; or none."""
        if sub.where == "none":
            return None
        if sub.where == "office":
            agency = route(self.pack, sub.code, None)
            serving = [place for place in self._offices if agency in place.serves or "*" in place.serves]
            return self._random.choice(serving).code if serving else None
        named = self._names.get(ward.county or "", ())
        return self._random.choice(named).code if named and self._random.random() < 0.4 else ward.code

    def _secret_problem(self) -> _Problem:
        """Of a secret kind, or an ordinary one told in confidence, about the office that answers for it."""
        secret, ward = self._random.choice(self._secret_subs), self._ward()
        akin = self._random.choice([sub for sub in self._subs if sub.category == secret.category] or self._subs)
        about = route(self.pack, akin.code, ward)
        sub = akin if self._random.random() < _ORDINARY else secret
        visibility = "anonymous" if self._random.random() < _ANONYMOUS else "confidential"
        return _Problem(sub.code, self._place_for(sub, ward), visibility, None if about == self.pack.desk else about)


def _by_county(places: Iterator[Place]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in places:
        if place.county:
            found.setdefault(place.county, []).append(place)
    return found


# Words: what people write. {place}, {days} and {day} are filled in.

_NOWHERE: Final = {"sw": "kwetu", "en": "our area"}
_WORDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "water": {
        "sw": ("Hatuna maji {place}, siku ya {days} sasa.", "Mifereji ya {place} imekauka, tunanunua maji kwa mtungi."),
        "en": ("No water in {place} for {days} days.", "The taps in {place} are dry; vendors ask 50 bob a jerrican."),
    },
    "power": {
        "sw": ("Stima imepotea {place}, siku ya {days} sasa.", "Transfoma ya {place} ililipuka usiku."),
        "en": ("No power in {place} for {days} days.", "The transformer in {place} blew last night."),
    },
    "roads": {
        "sw": ("Barabara ya {place} ina mashimo makubwa.", "Maji ya mvua yamekata barabara ya {place}."),
        "en": ("The road in {place} is full of potholes.", "Rain water has cut off the road in {place}."),
    },
    "health": {
        "sw": ("Nimelipa SHA lakini hospitali inasema sijalipa.", "Zahanati ya {place} haina dawa, wiki ya pili sasa."),
        "en": ("I pay SHA but the hospital says that I do not.", "The dispensary in {place} has no medicine."),
    },
    "id": {
        "sw": ("Niliomba miezi mitatu iliyopita na bado sijapata.", "Nimeenda mara {days}, wanasema nirudi kesho."),
        "en": ("I applied three months ago and still have nothing.", "I went {days} times; they say come back."),
    },
    "police": {
        "sw": ("Niliibiwa pochi {place}, bado sijapewa OB.", "Kesi yangu haijafuatiliwa, siku ya {days} sasa."),
        "en": ("My wallet was stolen in {place}, no OB number yet.", "Nobody has followed up my case for {days} days."),
    },
    "land": {
        "sw": ("Hati miliki yangu imekawia tangu mwaka jana.", "Jirani amevuka mpaka wa shamba langu {place}."),
        "en": ("My title deed is late since last year.", "A neighbour has moved the boundary of my land in {place}."),
    },
    "bribery": {
        "sw": ("Waliniomba pesa ndipo wanihudumie.", "Afisa alitaka kitu kidogo kwanza."),
        "en": ("They asked me for money before they would serve me.", "The officer wanted something small first."),
    },
    "waste": {
        "sw": ("Taka hazijazolewa {place} kwa siku {days}.", "Maji taka yanafurika {place}, watoto wanapita hapo."),
        "en": ("Garbage not collected in {place} for {days} days.", "The sewer in {place} flows where children walk."),
    },
    "permit": {
        "sw": ("Nimelipia kibali cha biashara na bado sijakipata.", "Nimetozwa zaidi ya ada iliyowekwa."),
        "en": ("I paid for my permit and still do not have it.", "I was charged more than the fee on the list."),
    },
    "school": {
        "sw": ("Basari ya mtoto wangu haijafika shuleni.", "Shule ya {place} haina mwalimu wa hisabati."),
        "en": ("The bursary of my child has not reached the school.", "The school in {place} has no maths teacher."),
    },
    "tax": {
        "sw": ("Nimelipa lakini malipo hayaonekani.", "Nimesubiri marejesho ya kodi kwa miezi {days}."),
        "en": ("I paid but the payment is not shown.", "I have waited {days} months for my refund."),
    },
    "cash": {
        "sw": ("Mama yangu hajapata pesa ya Inua Jamii.", "Sijalipwa kwa miezi {days}."),
        "en": ("My mother has not received her Inua Jamii money.", "I have not been paid for {days} months."),
    },
    "other": {
        "sw": ("Kuna shida {place}, tafadhali mtusaidie.", "Sijui niulize wapi kuhusu jambo hili."),
        "en": ("There is a problem in {place}, please help.", "I do not know which office to ask about this."),
    },
    "fixed": {
        "sw": ("Tatizo lilitatuliwa tarehe {day}. Asante kwa kutuarifu.", "Fundi alikuja {day} na kurekebisha."),
        "en": ("It was repaired on {day}. Thank you for telling us.", "Our team came on {day} and put it right."),
    },
    "partly": {
        "sw": ("Sehemu ya kazi imekamilika; iliyobaki itamalizika wiki ijayo.",),
        "en": ("Part of the work is done; the rest follows next week.",),
    },
    "explained": {
        "sw": ("Ombi lako linashughulikiwa; utapigiwa simu likiwa tayari.",),
        "en": ("Your request is being worked on; we will call you when it is ready.",),
    },
    "paid": {
        "sw": ("Malipo yalitumwa tarehe {day}. Tafadhali angalia akaunti yako.",),
        "en": ("The payment was sent on {day}. Please look at your account.",),
    },
    "no_fault": {
        "sw": ("Tulikagua mahali hapo na hatukupata hitilafu yoyote.",),
        "en": ("We went to see the place and found no fault there.",),
    },
    "not_government": {
        "sw": ("Jambo hili ni la watu binafsi; hakuna ofisi ya serikali inayoliamua.",),
        "en": ("This is between private persons; no public office decides it.",),
    },
    "in_court": {
        "sw": ("Jambo hili liko mahakamani; subiri uamuzi wa mahakama.",),
        "en": ("This is before a court; its decision has to be awaited.",),
    },
    "abuse": {
        "sw": ("Ujumbe wako una matusi; tuma tena bila matusi.",),
        "en": ("Your message is abusive; please write again without insults.",),
    },
    "too_little": {
        "sw": ("Hatukuelewa tatizo ni lipi; tafadhali tuma tena kwa maelezo zaidi.",),
        "en": ("We could not tell what is wrong; please send it again with more details.",),
    },
    "decided_before": {
        "sw": ("Jambo hili liliamuliwa awali; hakuna jipya tangu wakati huo.",),
        "en": ("This was decided before, and nothing is new since then.",),
    },
    Action.ASK: {
        "sw": ("Tafadhali tuma nambari ya akaunti au risiti yako.", "Ni karibu na jengo gani?"),
        "en": ("Please send the number of your account or receipt.", "Which building is it near?"),
    },
    Action.ANSWER: {
        "sw": ("Nambari ni {number}.", "Ni karibu na shule ya msingi."),
        "en": ("The number is {number}.", "It is near the primary school."),
    },
    Action.WAIT: {
        "sw": ("Tunasubiri vipuri kutoka kwa msambazaji.", "Tunasubiri idhini ya wizara."),
        "en": ("We are waiting for parts from the supplier.", "We are waiting for the ministry to approve."),
    },
    Action.TRANSFER: {
        "sw": ("Jambo hili ni la ofisi nyingine.",),
        "en": ("Another office answers for this.",),
    },
    Action.NOTE: {"sw": ("Fundi ametumwa.", "Simu haikupokelewa."), "en": ("A technician is on the way.", "No reply.")},
    Action.ADD_WORDS: {
        "sw": ("Hali imekuwa mbaya zaidi leo.", "Tafadhali harakisheni."),
        "en": ("It has become worse today.", "Please hurry."),
    },
    Action.REOPEN: {"sw": ("Bado haijatengenezwa.",), "en": ("It is still not fixed.",)},
    Action.APPEAL: {"sw": ("Sikubaliani na uamuzi huu.",), "en": ("I do not agree with this decision.",)},
    Action.UPHOLD: {
        "sw": ("Tumepitia kesi yako upya; uamuzi wa kwanza unabaki.",),
        "en": ("We went through your case again; the first decision stands.",),
    },
    Action.OVERTURN: {
        "sw": ("Tumepitia kesi yako upya; ofisi itaishughulikia tena.",),
        "en": ("We went through your case again; the office has to take it up once more.",),
    },
}


# Stories

_Story = Generator[Change | None, Case | None, None]  # None: it waits for what becomes of the case that it follows
_Yes = Generator[Change | None, Case | None, bool]

_CHANNELS: Final = (("ussd", 78), ("sms", 17), ("desk", 5))
_SWAHILI: Final = 0.72
_UNCLEAR: Final = 0.35  # of what is sent by SMS
_ADDED: Final = 0.65  # of those who hear that it is known
_AWAY: Final = (("solved", 870), ("transferred", 45), ("rejected", 28), ("withdrawn", 30), ("forgotten", 27))
_MOSTLY: Final = (70, 8, 10, 6, 6)  # how often each of OUTCOMES
_REASONS: Final = (("not_government", 4), ("in_court", 2), ("abuse", 1), ("too_little", 3), ("decided_before", 2))
# Who does it, unless said otherwise
_BY: Final[Mapping[Action, Role]] = {
    Action.CLASSIFY: Role.AGENT,
    Action.ASSIGN: Role.SUPERVISOR,
    Action.START: Role.OWNER,
    Action.PUT_BACK: Role.OWNER,
    Action.ASK: Role.OWNER,
    Action.WAIT: Role.OWNER,
    Action.RESUME: Role.OWNER,
    Action.RESOLVE: Role.OWNER,
    Action.NOTE: Role.OWNER,
    Action.TRANSFER: Role.SUPERVISOR,
    Action.REJECT: Role.SUPERVISOR,
    Action.DUPLICATE: Role.SUPERVISOR,
    Action.UPHOLD: Role.APPEAL_OFFICER,
    Action.OVERTURN: Role.APPEAL_OFFICER,
}
# How a case comes to stand in each state on the last day, whatever chance has brought
_SHOWN: Final[Mapping[State, tuple[Action, ...]]] = {
    State.ASSIGNED: (),
    State.RECEIVED: (),
    State.IN_PROGRESS: (Action.START,),
    State.PENDING_CITIZEN: (Action.START, Action.ASK),
    State.PENDING_THIRD_PARTY: (Action.START, Action.WAIT),
    State.RESOLVED: (Action.START, Action.RESOLVE),
    State.CLOSED: (Action.START, Action.RESOLVE, Action.CONFIRM, Action.RATE),
    State.APPEALED: (Action.START, Action.RESOLVE, Action.APPEAL),
    State.REJECTED: (Action.REJECT,),
    State.DUPLICATE: (Action.DUPLICATE,),
    State.WITHDRAWN: (Action.WITHDRAW,),
}


class _Life:
    """One case from the complaint to whatever its end is."""

    def __init__(self, year: _Year, number: int, arrival: _Arrival) -> None:
        self._year, self._random, self._country = year, year.random, year.country
        self._number, self._at, self._problem, self._shown = number, arrival.at, arrival.problem, arrival.shown
        self._acts = count(1)
        self._caller, self._language = year.somebody(arrival.at)
        self._channel = "ussd" if self._shown else self._of(_CHANNELS)
        self._case: Case

    def told(self) -> _Story:
        """The whole story."""
        if self._shown:
            yield from self._brief(self._shown)
            return
        if not (yield from self._lodged()):
            return
        if self._case.sub is None and not (yield from self._named()):
            return
        if self._problem.outage:
            yield from self._found_to_follow()
        if self._case.queue:
            yield from self._given_away()
        while (yield from self._decided()):
            if self._case.state not in OPEN and not (yield from self._answered()):
                return

    def _brief(self, state: State) -> _Story:
        """A short story that leaves the case in `state`."""
        if state is State.RECEIVED:
            yield from self._do(Action.LODGE, self._at, language=self._language)
            return
        yield from self._lodged()
        if state is State.ASSIGNED:
            self._year.example = self._case.id
        facts: Mapping[Action, Mapping[str, Any]] = {
            Action.RESOLVE: {"outcome": "fixed"},
            Action.REJECT: {"reason": "not_government"},
            Action.DUPLICATE: {"master": self._year.example},
            Action.RATE: {"stars": 5},
        }
        for action in _SHOWN[state]:
            yield from self._do(action, self._at + timedelta(minutes=10), **facts.get(action, {}))

    # How it begins

    def _lodged(self) -> _Yes:
        problem, outage = self._problem, self._problem.outage
        facts: dict[str, Any] = {"language": self._language, "visibility": problem.visibility}
        unclear = self._channel == "sms" and not outage and problem.visibility == "public"
        if not unclear or self._random.random() > _UNCLEAR:
            facts |= {"sub": problem.sub, "place": problem.place, "about": problem.about}
        if outage and outage.master and self._random.random() < _ADDED:
            facts["master"] = outage.master
        role = Role.AGENT if self._channel == "desk" else Role.CITIZEN
        silent = self._channel == "ussd" and self._random.random() < 0.3
        lodged = yield from self._do(Action.LODGE, self._at, role, silent=silent, **facts)
        if lodged and outage and not outage.known:
            outage.known, outage.master = True, self._case.id
        return lodged

    def _named(self) -> _Yes:
        """The citizen says what it is about, or somebody at the service desk finds out, or nobody can."""
        chance = self._random.random()
        facts: dict[str, Any] = {"sub": self._problem.sub, "place": self._problem.place}
        if chance < 0.45:
            return (yield from self._do(Action.CLASSIFY, self._in_hours(0.4), Role.CITIZEN, **facts))
        if chance < 0.92:
            facts["priority"] = "urgent" if self._random.random() < 0.1 else None
            return (yield from self._do(Action.CLASSIFY, self._in_minutes(self._random.expovariate(1 / 240)), **facts))
        if chance < 0.99:
            reason = self._random.choice(("too_little", "abuse"))
            yield from self._do(Action.REJECT, self._in_minutes(self._random.uniform(300, 1200)), reason=reason)
            return (yield from self._answered())
        return False

    def _found_to_follow(self) -> _Story:
        """What was lodged on its own and is known already: a supervisor joins it to the case that others follow."""
        outage = self._problem.outage
        alone = outage and outage.master not in (None, self._case.id) and self._case.state != State.DUPLICATE
        if outage and alone and self._random.random() < 0.6:
            yield from self._do(Action.DUPLICATE, self._in_hours(3), master=outage.master)

    def _given_away(self) -> _Story:
        """What no rule covers: a supervisor of the service desk finds the office for it."""
        at, like = self._in_minutes(self._random.expovariate(1 / 500)), self._country.problem()
        if self._case.about:
            yield from self._do(Action.ASSIGN, at, agency=self._country.watchdog(self._case))
        elif like.visibility == "public" and self._random.random() < 0.6:
            yield from self._do(Action.CLASSIFY, at, Role.SUPERVISOR, sub=like.sub)
        else:
            yield from self._do(Action.ASSIGN, at, agency=self._country.neighbour(self._case))

    # How it is decided

    def _decided(self) -> _Yes:
        """The office works on it; False if nobody ever decides. A follower waits for the case that it follows."""
        if self._case.state == State.DUPLICATE:
            followed = yield None
            assert followed is not None  # noqa: S101  who waits is told the case
            self._case, self._at = followed, self._year.now
            return True
        outage = self._problem.outage
        leads = bool(outage and outage.master == self._case.id)
        decided = yield from self._worked()
        if leads and outage:
            outage.master = None
        return decided

    def _worked(self) -> _Yes:
        away, first = self._of(_AWAY), self._taken_up(2)
        if away == "rejected" and self._case.state == State.ASSIGNED:
            return (yield from self._do(Action.REJECT, first, reason=self._of(_REASONS)))
        if away == "withdrawn":
            return (yield from self._withdrawn()) and (yield from self._solved())
        if away == "transferred":
            yield from self._do(Action.TRANSFER, first, agency=self._country.neighbour(self._case))
        if away == "forgotten":
            if self._random.random() < 0.5:
                yield from self._do(Action.START, first)
            return False
        if self._random.random() < 0.05:
            yield from self._do(Action.ADD_WORDS, self._in_hours(20))
        return (yield from self._solved())

    def _withdrawn(self) -> _Yes:
        """True if the citizen comes back in time."""
        yield from self._do(Action.WITHDRAW, self._in_hours(30))
        if self._random.random() > 0.2:
            return False
        return (yield from self._do(Action.RESTORE, self._in_hours(60)))

    def _solved(self) -> _Yes:
        manner = self._country.manner(self._case.agency)
        whole = self._case.resolve_minutes * self._random.lognormvariate(-1.0, 0.85) * manner.pace
        began, (outcome,) = self._at, self._random.choices(OUTCOMES, _MOSTLY)
        done = sla.due(self._calendar, began, int(whole))
        if manner.by_file:
            if self._random.random() < 0.6:
                yield from self._do(Action.START, self._in_minutes(whole * 0.2), Role.SYNC)
            return (yield from self._do(Action.RESOLVE, done, Role.SYNC, outcome=outcome))
        yield from self._do(Action.START, self._taken_up(manner.pace))
        yield from self._asked_about(whole)
        return (yield from self._do(Action.RESOLVE, max(done, self._in_minutes(20)), outcome=outcome))

    def _taken_up(self, pace: float) -> datetime:
        """When an officer first has time for it: mostly sooner than promised."""
        promised = self._country.pack.sla(self._case.sub or self._country.pack.unsure).acknowledge
        return self._in_minutes(promised * self._random.lognormvariate(-0.7, 1.0) * pace)

    def _asked_about(self, whole: float) -> _Story:
        """What else happens at an office before it has an answer."""
        chance = self._random.random()
        if chance < 0.02:
            yield from self._do(Action.PUT_BACK, self._in_minutes(whole * 0.1))
            yield from self._do(Action.START, self._in_minutes(whole * 0.1))
        elif chance < 0.10:
            yield from self._do(Action.NOTE, self._in_minutes(whole * 0.1))
        elif chance < 0.24:
            yield from self._do(Action.ASK, self._in_minutes(whole * 0.1))
            if self._random.random() < 0.65:
                yield from self._do(Action.ANSWER, self._in_hours(14))
        elif chance < 0.31:
            yield from self._do(Action.WAIT, self._in_minutes(whole * 0.1))
            yield from self._do(Action.RESUME, self._in_minutes(whole * 0.4))

    # What the citizen says to it

    def _answered(self) -> _Yes:
        """True if the case goes on."""
        if self._case.state == State.REJECTED:
            return self._random.random() < 0.18 and (yield from self._appealed())
        late = self._case.decided_at is not None and self._case.decided_at > self._case.due_at
        unhappy = 0.17 if late or self._case.outcome == "no_fault" else 0.1
        chance = self._random.random()
        if chance < unhappy:
            if self._case.reopens < 2:
                return (yield from self._do(Action.REOPEN, self._in_hours(50)))
            return self._random.random() < 0.6 and (yield from self._appealed())
        if chance < unhappy + 0.012:
            return (yield from self._appealed())
        if chance < 0.5:
            yield from self._do(Action.CONFIRM, self._in_hours(20))
        if self._random.random() < (0.5 if self._case.state == State.CLOSED else 0.08):
            (stars,) = self._random.choices((1, 2, 3, 4, 5), (12, 13, 25, 30, 20) if late else (4, 6, 15, 35, 40))
            yield from self._do(Action.RATE, self._in_hours(1), stars=stars)
        return False

    def _appealed(self) -> _Yes:
        """True if somebody else finds that the office has to take it up once more."""
        if not (yield from self._do(Action.APPEAL, self._in_hours(70))):
            return False
        right = self._random.random() < 0.4
        at = self._in_minutes(self._random.uniform(1500, 4500))
        return (yield from self._do(Action.OVERTURN if right else Action.UPHOLD, at)) and right

    # One act

    def _do(
        self, action: Action, at: datetime, role: Role | None = None, *, silent: bool = False, **facts: Any
    ) -> _Yes:
        """Let it happen; False if the lifecycle said no: people do try what is not possible any more."""
        role = role or _BY.get(action, Role.CITIZEN)
        case = None if action is Action.LODGE else self._case
        at = max(at, self._year.now)
        change = Change(
            action=action,
            caller=self._caller,
            source=self._source(role),
            source_key=f"{_KEY}/{self._number}/{next(self._acts)}",
            case_id=case.id if case else None,
            role=role,
            facts={name: value for name, value in facts.items() if value is not None},
            words=None if silent else self._words(action, facts, at),
            actor=self._officer(role, case) if case else None,
            office=case.agency if case and role in (Role.OWNER, Role.SYNC) else None,
            at=at,
        )
        came_of_it = yield change
        self._at = at
        if came_of_it is None:
            return False
        self._case = came_of_it
        return True

    def _source(self, role: Role) -> str:
        return {Role.CITIZEN: self._channel if self._channel != "desk" else "ussd", Role.SYNC: "csv"}.get(role, "desk")

    def _officer(self, role: Role, case: Case) -> str | None:
        office = case.agency.lower()
        match role:
            case Role.OWNER:
                return case.owner or f"{office}-{1 + self._number % 3}"
            case Role.SUPERVISOR:
                return f"{office}-head"
            case Role.APPEAL_OFFICER:
                return f"appeals-{1 + self._number % 2}"
            case Role.AGENT:
                return f"desk-{1 + self._number % 4}"
        return None

    def _words(self, action: Action, facts: Mapping[str, Any], at: datetime) -> str | None:
        key = facts.get("outcome") or facts.get("reason") or action
        if action is Action.LODGE:
            category = self._problem.sub.partition(".")[0]
            key = category if category in _WORDS else "other"
        if key not in _WORDS:
            return None
        place = self._country.pack.places[self._problem.place].name if self._problem.place else None
        return self._random.choice(_WORDS[key][self._language]).format(
            place=place or _NOWHERE[self._language],
            days=self._random.randint(2, 9),
            day=f"{at:%d/%m}",
            number=self._random.randint(1000, 9999),
        )

    @property
    def _calendar(self) -> packs.Calendar:
        return self._country.pack.calendars[self._case.calendar]

    def _in_minutes(self, minutes: float) -> datetime:
        """So many working minutes of the case's calendar later."""
        return sla.due(self._calendar, self._at, int(minutes)) + timedelta(seconds=self._random.randrange(60))

    def _in_hours(self, mean: float) -> datetime:
        """About so many hours later, and not at night."""
        at = self._at + timedelta(hours=self._random.expovariate(1 / mean))
        hour = at.astimezone(self._year.zone).hour
        return at if 6 <= hour < 22 else at + timedelta(hours=(30 - hour) % 24, minutes=self._random.randrange(120))

    def _of(self, table: Sequence[tuple[str, int]]) -> str:
        (found,) = self._random.choices([name for name, _ in table], [weight for _, weight in table])
        return found


# The year


class _Arrival(NamedTuple):
    """A complaint to come; `shown`: the state that it has to end in."""

    at: datetime
    number: int
    problem: _Problem
    shown: State | None


class _Coming(NamedTuple):
    """What happens next in one story; the number keeps equal moments in order."""

    at: datetime
    number: int
    change: Change
    story: _Story


class _Year:
    """The order of things: stories and timers take turns, hour after hour."""

    def __init__(self, plan: Plan, citizens: Citizens) -> None:
        self._plan, self._citizens = plan, citizens
        self._casework = Casework(packs.current, citizens, [self._hear])
        pack = packs.current()
        self.random = Random(plan.seed)  # noqa: S311  a game of dice
        self.zone = ZoneInfo(pack.zone)
        self.country = _Country(pack, plan.seed, self.random)
        self.now = plan.end - timedelta(days=DAYS + 1)
        self.example = ""  # a case that the last day's duplicate follows
        self._arrivals = iter(self._drawn())
        self._lives, self._numbers = count(1), count(1)
        self._coming: list[_Coming] = []
        self._waiting: dict[str, _Story] = {}  # by case: stories of followers
        self._news: list[Case] = []
        self._people = 0

    def live(self, progress: Callable[[int], None]) -> None:
        self._expect()
        while self._goes_on():
            with database.transaction():
                evening = self._coming[0].at + _SAVED
                while self._goes_on() and self._coming[0].at < evening:
                    progress(self._let_people_act())
                    self._let_time_act()

    def somebody(self, at: datetime) -> tuple[Caller, str]:
        """A citizen who lodges a case, and their language: often somebody who came before, mostly lately."""
        if self._people and self.random.random() > _CITIZENS_PER_CASE:
            number = max(1, self._people - int(self.random.expovariate(1 / 400)))
        else:
            self._people += 1
            number = self._people
        language = "sw" if Random(f"{self._plan.seed}/{number}").random() < _SWAHILI else "en"  # noqa: S311
        return self._citizens.meet(_phone(number), at), language

    # Arrivals

    def _drawn(self) -> list[_Arrival]:
        """Every complaint of the year in order of time: ordinary ones, outages, the flood, and what is shown."""
        left = self._plan.cases - len(_SHOWN)
        outages, floods = max(left // 9, 0), max(left // 16, 0)
        moments = _Moments(self._plan, self.zone, self.random)
        drawn = [(moments.any(), self.country.problem()) for _ in range(left - outages - floods)]
        drawn += self._reported(outages, self.country.outage, moments.any, moments)
        drawn += self._reported(floods, self.country.flood, moments.flood, moments)
        arrivals = [_Arrival(at, number, problem, None) for number, (at, problem) in enumerate(drawn)]
        return sorted(arrivals + self._last_day(), key=lambda one: (one.at, one.number))[-self._plan.cases :]

    def _reported(
        self, amount: int, what: Callable[[], _Problem], when: Callable[[], datetime], moments: _Moments
    ) -> list[tuple[datetime, _Problem]]:
        """Outages, each with all who report it."""
        reports: list[tuple[datetime, _Problem]] = []
        while len(reports) < amount:
            problem, first = what(), when()
            reports.append((first, problem))
            more = min(1 + int(self.random.expovariate(1 / 8)), amount - len(reports))
            reports += [(moments.soon_after(first, 12), problem) for _ in range(more)]
        return reports

    def _last_day(self) -> list[_Arrival]:
        """A case for each state, so that none is missing, and on each calendar in turn."""
        calendars = sorted({sub.calendar for sub in self.country.pack.subs.values() if not sub.retired})
        first = self._plan.end - timedelta(hours=3)
        return [
            _Arrival(first + number * timedelta(minutes=1), number, self._on(calendars[number % len(calendars)]), state)
            for number, state in enumerate(_SHOWN)
        ]

    def _on(self, calendar: str) -> _Problem:
        """An ordinary problem of a kind with this calendar, for which some office answers."""
        while True:
            problem = self.country.problem()
            fits = self.country.pack.subs[problem.sub].calendar == calendar and problem.visibility == "public"
            if fits and self.country.office_for(problem) != self.country.pack.desk:
                return problem

    def _expect(self) -> None:
        """The next complaint takes its place among what is coming."""
        arrival = next(self._arrivals, None)
        if arrival is None:
            return
        life = _Life(self, next(self._lives), arrival)
        self._go_on(life.told(), None)

    # One turn

    def _let_time_act(self) -> None:
        """The timers that are due before people do the next thing."""
        while (due := _first_due()) is not None and due <= self._next_act():
            self.now = max(self.now, min(self._next_act(), due + TURN))
            sweep(self._casework, self.now)
            news, self._news = self._news, []
            for case in news:
                story = self._waiting.pop(case.id, None)
                if story:
                    self._go_on(story, case)

    def _goes_on(self) -> bool:
        return bool(self._coming) and self._coming[0].at <= self._plan.end

    def _next_act(self) -> datetime:
        return self._coming[0].at if self._goes_on() else self._plan.end

    def _let_people_act(self) -> int:
        """What people do in the next hour; how many cases were lodged."""
        last, turn = min(self._coming[0].at + TURN, self._plan.end), list[_Coming]()
        while self._coming and self._coming[0].at <= last and len(turn) < MOST_CHANGES:
            turn.append(heappop(self._coming))
            if turn[-1].change.action is Action.LODGE:
                self._expect()
        self.now = turn[-1].at
        outcomes = self._casework.apply_many([one.change for one in turn], self.now)
        for one, outcome in zip(turn, outcomes, strict=True):
            self._go_on(one.story, outcome.case if isinstance(outcome, Done) else None)
        return sum(one.change.action is Action.LODGE for one in turn)

    def _go_on(self, story: _Story, case: Case | None) -> None:
        """Tell a story what became of its last act, and note its next."""
        try:
            change = story.send(case)
        except StopIteration:
            return
        if change is not None and change.at is not None:
            heappush(self._coming, _Coming(change.at, next(self._numbers), change, story))
        elif case is not None:
            self._waiting[case.id] = story

    def _hear(self, happened: Sequence[Happened], _: datetime) -> None:
        """A case that was followed has ended: its followers' stories go on."""
        self._news += [one.case for one in happened if one.kind in (Action.FOLLOW, Action.RELEASE)]


def _first_due() -> datetime | None:
    ((due,),) = database.rows(database.main, "SELECT MIN(next_at) FROM cases WHERE next_at IS NOT NULL")
    return None if due is None else from_micros(due)


def _phone(number: int) -> str:
    """A number that nobody has: national numbers of Kenya do not begin with 0."""
    return f"+254{number:09d}"
