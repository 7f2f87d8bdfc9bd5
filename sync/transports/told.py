"""What an Open311 server is told: each case once, and what its citizen does afterwards.

What leaves: the kind of the case, its place, the case number, and, where the rules of `cases.worklist` let them out,
the citizen's words and (if the pack says so) their number. What is in confidence waits until an officer releases it:
most servers show the world what they are told. A case that itself came by Open311 goes on under the id that
its first house gave it, and is refused where it comes from; what comes round through another's system has our own
number in its words, and goes no further: two houses that face each other would hand it to and fro for ever.

A request must never be there twice. Before it is posted, that is noted; if the answer is lost, the next visit first
asks whether it arrived: by posting it again where the server recognises it (it advertises `fixmystreet_id`), else by
looking for the case number among the requests of that time; only when it is not there an hour later it is posted again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple

import structlog

from cases import reference
from cases.citizens import Caller, Citizens
from cases.lifecycle import OPEN, Action
from cases.worklist import contact_leaves, words_leave
from packs.centroids import middle
from packs.model import Exchange, Pack, Place, Point, text
from packs.places import fold
from store import database
from store.model import from_micros, new_id, node_name
from sync import said
from sync.feed import TRANSFERRED_AWAY
from sync.open311.published import SOURCE, passing_id
from sync.said import BETWEEN, Said
from sync.transport import LinkFault
from sync.transports import heard
from sync.transports.georeport import GeoReport, Posted, Refused, Service, Unclear, iso
from sync.transports.heard import FROM_US

log = structlog.get_logger("mlango")

ID: Final = "fixmystreet_id"  # the attribute by which servers recognise a request that comes again
GIVEN_UP: Final = timedelta(hours=1)  # after which a request that is not listed did not arrive
_AROUND: Final = timedelta(hours=2)  # the moment of posting: their clocks are not ours
_PAGE: Final = 500

# What an `external_ref` says while the office's own number is not known
SENDING: Final = "sending:"  # posted at this moment (ISO), and no answer yet
TOKEN: Final = "token:"  # noqa: S105  taken; its number will be known by this

# After these the office has to begin anew; where it cannot be told, it gets the case as a new request
_ANEW: Final = frozenset({Action.REOPEN, Action.RESTORE, Action.RELEASE, Action.OVERTURN, Action.TRANSFER})
# What is told about a request that the server has. The rest is the office's own doing, or ours alone.
_NEWS: Final = _ANEW | {Action.ADD_WORDS, Action.ANSWER, Action.WITHDRAW}
_SENTENCES: Final[Mapping[str, str]] = {
    Action.REOPEN: "The citizen says that it is not solved.",
    Action.RESTORE: "The citizen wants it to go on after all.",
    Action.RELEASE: "It is dealt with by itself from now on.",
    Action.OVERTURN: "The decision was reviewed; please look into it again.",
    Action.TRANSFER: "It is with your office again.",
    Action.WITHDRAW: "The citizen has withdrawn it.",
}
_MARK: Final = re.compile(r"\[Mlango ([0-9]{3}-[0-9]{3}-[0-9]{3})[]/]")
_AWAY: Final = "Another office has it now."


class _Row(NamedTuple):
    """A row of the feed, and its case as it is now."""

    id: str
    kind: str
    event: str
    recorded_at: int
    case: str
    ref: str
    cycle: int
    source_key: str
    citizen: str
    agency: str
    sub: str | None
    place: str | None
    ward: str | None
    state: str
    channel: str
    visibility: str
    guarded: int | None
    shared: int | None
    silent: int | None
    known: str | None  # what `external_ref` holds

    @property
    def has_words(self) -> bool:
        return words_leave(self.visibility, self.guarded, self.shared)

    @property
    def is_in_confidence(self) -> bool:
        return not self.has_words and self.visibility != "anonymous"

    @property
    def id_there(self) -> str:
        """What we call the request there: a reopened case may have to be another one."""
        id = passing_id(self.case, self.source_key)
        return id if self.cycle == 1 else f"{id}-{self.cycle}"


class Telling:
    """Posts what an office has not heard yet. `told` counts the requests and news that the server took."""

    def __init__(self, server: GeoReport, exchange: Exchange, pack: Pack, citizens: Citizens, now: datetime) -> None:
        self._server, self._exchange, self._pack, self._citizens, self._now = server, exchange, pack, citizens, now
        self._batch = new_id()  # stands in the feed where else the file stands that took a row
        self._takes_news = True
        self._asked: dict[str, frozenset[str]] = {}  # by service: its attributes
        self._lodged: set[str] = set()  # cases that became a request on this visit
        self.told = 0

    def tell(self) -> None:
        self._redeem()
        for page in _waiting(self._exchange.agency):
            for case, rows in _by_case(page).items():
                try:
                    self._tell(rows)
                except Refused as refusal:
                    log.warning("open311_refused", agency=self._exchange.agency, case=case, why=str(refusal))

    def _redeem(self) -> None:
        """Ask for the numbers of requests for which there is only a token yet."""
        for case, known in _starting(self._exchange.agency, TOKEN):
            number = self._server.number(known.removeprefix(TOKEN))
            if number:
                _remember(self._exchange.agency, case, number)

    def _tell(self, rows: Sequence[_Row]) -> None:
        case = rows[-1]
        if case.known is None or case.known.startswith(SENDING):
            self._tell_of_new(case, rows)
        elif not case.known.startswith(TOKEN):
            for row in rows:
                self._tell_news(row)

    def _tell_of_new(self, case: _Row, rows: Sequence[_Row]) -> None:
        is_wanted = case.agency == self._exchange.agency and case.state in OPEN
        if is_wanted and case.channel == SOURCE and self._came_round(case):
            log.warning("open311_not_passed_on", agency=self._exchange.agency, case=case.case)
        elif is_wanted and case.is_in_confidence:
            log.warning("open311_in_confidence", agency=self._exchange.agency, case=case.case)
            return
        elif is_wanted:
            self._lodge(case, rows)
            return
        _take(self._batch, rows)

    def _tell_news(self, row: _Row) -> None:
        """What the citizen did since, if the server wants to know; a case that begins anew it gets in any case."""
        is_away = row.agency != self._exchange.agency
        sentence = _AWAY if row.kind == TRANSFERRED_AWAY else _SENTENCES.get(row.kind, "")
        if (row.kind in _NEWS and not is_away) or row.kind == TRANSFERRED_AWAY:
            is_told = self._takes_news and self._server.post_update(self._news(row, sentence))
            self._takes_news = self._takes_news and is_told
            self.told += is_told
            if not is_told and row.kind in _ANEW and row.state in OPEN and row.case not in self._lodged:
                self._lodge(row, [row])
                return
        _take(self._batch, [row])

    def _news(self, row: _Row, sentence: str) -> dict[str, str]:
        ended = row.kind in (Action.WITHDRAW, TRANSFERRED_AWAY)
        own = [one.words for one in self._said(row) if one.event == row.event]
        return {
            "service_request_id": row.known or "",
            "update_id": row.event,
            "updated_datetime": iso(from_micros(row.recorded_at)),
            "status": "CLOSED" if ended else "OPEN",
            "description": FROM_US + " ".join(filter(None, [sentence, *own])),
        }

    def _lodge(self, case: _Row, rows: Sequence[_Row]) -> None:
        """Post a case as a new request, if it is not there already; `rows` are told by it."""
        service = self._service(case.sub)
        if service is None:
            log.warning("open311_no_service", agency=self._exchange.agency, sub=case.sub)
            return
        recognises = ID in self._attributes(service)
        if case.known and case.known.startswith(SENDING) and not recognises:
            began = datetime.fromisoformat(case.known.removeprefix(SENDING))
            number = self._arrived(case, service, began)
            if number:
                self._lodged_as(number, rows)
            if number or self._now < began + GIVEN_UP:
                return
        _remember(self._exchange.agency, case.case, f"{SENDING}{self._now.isoformat()}")
        try:
            posted = self._post(case, self._request(case, service, recognises=recognises))
        except Unclear:
            raise
        except (Refused, LinkFault):
            _remember(self._exchange.agency, case.case, case.known)
            raise
        self._lodged_as(posted.number or f"{TOKEN}{posted.token}", rows)
        self.told += 1

    def _lodged_as(self, known: str, rows: Sequence[_Row]) -> None:
        """Both or none: rows that stayed behind alone would be told as news, or as a request once more."""
        with database.transaction():
            _remember(self._exchange.agency, rows[-1].case, known)
            _take(self._batch, rows)
        self._lodged.add(rows[-1].case)

    def _post(self, case: _Row, fields: Mapping[str, str]) -> Posted:
        """Some servers take nothing without a point: what lies in no certain ward is put amid the next larger area."""
        place = self._place(case) if self._has_place(case) else None
        spot = middle(self._pack, place) if place else None
        try:
            return self._server.post(fields)
        except Refused:
            if "lat" in fields or spot is None:
                raise
            return self._server.post({**fields, **_point(spot)})

    def _arrived(self, case: _Row, service: Service, began: datetime) -> str:
        """The number of a request whose answer was lost; "" if it is not among those of that time."""
        listed = self._server.lodged(service.code, began - _AROUND, began + _AROUND)
        mark = self._mark(case)
        return next(
            (heard.said(one, "service_request_id") for one in listed if mark in heard.said(one, "description")), ""
        )

    # What a request says

    def _request(self, case: _Row, service: Service, *, recognises: bool) -> dict[str, str]:
        place = self._place(case)
        spot = self._pack.centroids.get(case.ward or "") if self._has_place(case) else None
        words = BETWEEN.join(one.words for one in self._said(case))
        fields = {
            "service_code": service.code,
            "description": "\n".join(filter(None, [said.shortened(words), f"{self._kind(case)} {self._mark(case)}"])),
            "address_string": self._address(place) if place else "",
            "phone": self._phone(case),
            f"attribute[{ID}]": case.id_there if recognises else "",
            **(_point(spot) if spot else {}),
        }
        return {name: value for name, value in fields.items() if value}

    def _kind(self, case: _Row) -> str:
        sub = self._pack.subs[case.sub or self._pack.unsure]
        return f"{text(self._pack.categories[sub.category].name, 'en')}: {text(sub.name, 'en')}."

    def _mark(self, case: _Row) -> str:
        """By this a request is found again among others."""
        cycle = f"/{case.cycle}" if case.cycle > 1 else ""
        return f"[Mlango {reference.shown(case.ref)}{cycle}]"

    def _came_round(self, case: _Row) -> bool:
        """Whether its words have a mark with a number of ours: we sent it ourselves, to whom sent it to us."""
        marks = {mark.replace("-", "") for one in self._said(case) for mark in _MARK.findall(one.words)}
        these = f"SELECT 1 FROM cases WHERE ref IN ({', '.join('?' * len(marks))}) LIMIT 1"
        return bool(marks and database.rows(database.main, these, *marks))

    def _has_place(self, case: _Row) -> bool:
        """As in event files: no closer than the ward of what is in confidence."""
        return case.has_words or (case.visibility == "anonymous" and not case.guarded)

    def _place(self, case: _Row) -> Place | None:
        known = self._pack.places
        return known.get((case.place if self._has_place(case) else case.ward) or "") or known.get(case.ward or "")

    def _address(self, place: Place) -> str:
        """The smallest area first: "Kibera, Kibra, Nairobi"."""
        areas = (place.code, place.ward, place.constituency, place.county)
        names = (self._pack.places[area].name for area in areas if area)
        return ", ".join(dict.fromkeys(names))

    def _said(self, case: _Row) -> Sequence[Said]:
        caller = self._caller(case) if case.has_words else None
        return said.by_case({case.case: caller}).get(case.case, ()) if caller else ()

    def _phone(self, case: _Row) -> str:
        """Their number. Who wants no SMS about a case does not want the office's either."""
        leaves = self._exchange.contact and contact_leaves(case.visibility, case.guarded) and not case.silent
        caller = self._caller(case) if leaves else None
        return caller.msisdn if caller else ""

    def _caller(self, case: _Row) -> Caller | None:
        return said.callers(self._citizens, [case.citizen]).get(case.citizen)

    # What they offer

    def _service(self, sub_code: str | None) -> Service | None:
        """Their service for a kind of ours: of the same code or name, else for its category, else for anything."""
        sub = self._pack.subs[sub_code or self._pack.unsure]
        category = self._pack.categories[sub.category]
        names = [sub.code, *sub.name.values(), category.code, *category.name.values(), "other", "general"]
        return next((found for name in names if (found := self._services.get(fold(name)))), None)

    @cached_property
    def _services(self) -> Mapping[str, Service]:
        """By code, and by name where no other has that as its code; folded."""
        offered = self._server.services()
        return {fold(one.name): one for one in offered} | {fold(one.code): one for one in offered}

    def _attributes(self, service: Service) -> frozenset[str]:
        if service.code not in self._asked:
            self._asked[service.code] = self._server.attributes(service)
        return self._asked[service.code]


def _point(spot: Point) -> dict[str, str]:
    return {"lat": f"{spot.lat:.5f}", "long": f"{spot.long:.5f}"}


def _waiting(agency: str) -> Iterator[list[_Row]]:
    """What the office has not heard, in order, some at a time."""
    last = ""
    while found := database.rows(
        database.main,
        "SELECT f.id, f.kind, e.id, f.recorded_at, c.id, c.ref, c.cycle, c.source_key, c.citizen_id, c.agency, c.sub, "
        "c.place, c.ward, c.state, c.channel, c.visibility, c.guarded, c.shared, c.silent, x.ref "
        "FROM feed f JOIN cases c ON c.id = f.case_id "
        "JOIN case_event e ON e.case_id = f.case_id AND e.node = f.node AND e.seq = f.seq "
        "LEFT JOIN external_ref x ON x.agency = f.agency AND x.case_id = f.case_id "
        f"WHERE f.agency = ? AND f.file_id IS NULL AND f.id > ? ORDER BY f.id LIMIT {_PAGE}",
        *(agency, last),
    ):
        yield [_Row(*row) for row in found]
        last = found[-1][0]


def _by_case(page: Sequence[_Row]) -> Mapping[str, list[_Row]]:
    cases: dict[str, list[_Row]] = {}
    for row in page:
        cases.setdefault(row.case, []).append(row)
    return cases


def _take(batch: str, rows: Sequence[_Row]) -> None:
    """These were told, or need not be."""
    taken = f"UPDATE feed SET file_id = ? WHERE id IN ({', '.join('?' * len(rows))})"
    database.run(database.main, taken, batch, *(row.id for row in rows))


def _remember(agency: str, case: str, known: str | None) -> None:
    """What the office calls a case, or how far we are with that; None: it does not have it."""
    if known is None:
        database.run(database.main, "DELETE FROM external_ref WHERE agency = ? AND case_id = ?", agency, case)
        return
    database.run(
        database.main,
        "INSERT INTO external_ref (id, node, agency, case_id, ref) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (agency, case_id) DO UPDATE SET ref = excluded.ref",
        *(new_id(), node_name(), agency, case, known),
    )


def _starting(agency: str, begin: str) -> list[tuple[str, str]]:
    """The cases, and what is known of them, where that begins so."""
    found = "SELECT case_id, ref FROM external_ref WHERE agency = ? AND ref >= ? AND ref < ? ORDER BY ref LIMIT ?"
    rows = database.rows(database.main, found, agency, begin, f"{begin}\uffff", _PAGE)
    return [(case, ref) for case, ref in rows]
