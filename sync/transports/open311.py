"""Visits to an office whose own system speaks Open311: its cases are posted there, what it says of them is read back.

What is told, and how it never comes there twice, says `sync.transports.told`; what is made of the answers,
`sync.transports.heard`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from cases.casework import WORKLIST
from cases.citizens import Citizens
from cases.lifecycle import DECIDED
from packs.model import Exchange, Pack
from store import database
from sync.applying import DUPLICATE, MOST_ROWS, Applier, Origin
from sync.faults import RowFault
from sync.held import Standing
from sync.inbound import Taken
from sync.sheet import Row as SheetRow
from sync.transport import LinkFault
from sync.transports import heard
from sync.transports.georeport import MOST_IDS, GeoReport, Object
from sync.transports.heard import Ours, Row
from sync.transports.notes import CONNECT_S, IDLE_S
from sync.transports.told import SENDING, TOKEN, Telling
from sync.turn import Talked
from sync.updates import Kind, Update, understand

log = structlog.get_logger("mlango")

OVERLAP: Final = timedelta(hours=2)  # of what is read: their clocks are not ours
LOOK_BACK: Final = timedelta(days=90)  # on the first visit
_SPAN: Final = timedelta(days=30)  # that is asked for at once: many servers take no more than 90 days
_MANY: Final = 1_000  # entries in an answer: there may be more that are not shown
_SHORTEST_SPAN: Final = timedelta(minutes=1)
_PAGE: Final = 500
_ID: Final = "agency_update_id"


class Open311:
    """Speaks with offices whose transport is `open311`. `secret` gives the API key for an office, "" for none."""

    def __init__(
        self,
        citizens: Citizens,
        pack: Callable[[], Pack],
        applier: Applier,
        secret: Callable[[str], str] = lambda _: "",
        *,
        connect_s: float = CONNECT_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._citizens, self._pack, self._applier = citizens, pack, applier
        self._secret, self._patience = secret, (connect_s, idle_s)

    def run(self, exchange: Exchange, now: datetime) -> Talked:
        """Post what is new, and take what is answered. Raises LinkFault; what was done by then stays done."""
        connect_s, idle_s = self._patience
        key = self._secret(exchange.agency)
        server = GeoReport(exchange.address, key, exchange.jurisdiction, connect_s=connect_s, idle_s=idle_s)
        with closing(server):
            telling = Telling(server, exchange, self._pack(), self._citizens, now)
            fault = None
            try:
                telling.tell()
            except LinkFault as broken:  # what they have to say is heard all the same
                fault = broken
            hearing = _Hearing(server, exchange.agency, self._pack(), now)
            taken = self._apply(hearing.updates(), exchange.agency, now)
            hearing.keep()
            if fault:
                raise fault
            return Talked(telling.told, taken)

    def _apply(self, heard_: Sequence[Update | RowFault], agency: str, now: datetime) -> tuple[Taken, ...]:
        """Do with what was heard as with the rows of a file: none is lost, none done twice."""
        faults = [one for one in heard_ if isinstance(one, RowFault)]
        became = Counter[str]()
        updates = sorted((one for one in heard_ if isinstance(one, Update)), key=lambda one: one.occurred_at)
        for at in range(0, len(updates), MOST_ROWS):
            for outcome in self._applier.take(Origin(agency, Kind.UPDATES), updates[at : at + MOST_ROWS], now):
                if isinstance(outcome, RowFault):
                    faults.append(outcome)
                else:
                    became[outcome.became] += 1
        for fault in faults:
            log.warning("open311_update_refused", agency=agency, code=fault.code, update=fault.cells.get(_ID))
        return (_taken(agency, len(heard_), became, faults),) if heard_ else ()


class _Hearing:
    """Reads what an office says about our requests."""

    def __init__(self, server: GeoReport, agency: str, pack: Pack, now: datetime) -> None:
        self._server, self._agency, self._now, self._zone = server, agency, now, ZoneInfo(pack.zone)

    def updates(self) -> list[Update | RowFault]:
        """All news since the last visit that we do not have."""
        rows = self._rows()
        known = _known(self._agency, [row[_ID] for row in rows])
        news = {row[_ID]: row for row in rows if row[_ID] not in known}
        understood = [
            understand(Kind.UPDATES, SheetRow(number, row), now=self._now, zone=self._zone)
            for number, row in enumerate(news.values(), 1)
        ]
        return [one for one in understood if one]

    def _rows(self) -> list[Row]:
        told = self._told()
        if told is None:
            return [row for page in _open_numbers(self._agency) for row in self._from_requests(page)]
        ours = _ours(self._agency, {heard.said(one, "service_request_id") for one in told})
        return self._read(told, ours, heard.from_update)

    def _told(self) -> list[Object] | None:
        """The updates since the last visit; None: the server lists none."""
        told: list[Object] = []
        begin, end = self._since() - OVERLAP, self._now + OVERLAP
        while begin < end:
            until = min(begin + _SPAN, end)
            some = self._server.updates(begin, until)
            if some is None:
                return None
            told, begin = told + self._completed(some, begin, until), until
        return told

    def _completed(self, told: list[Object], begin: datetime, end: datetime) -> list[Object]:
        """Lists may be cut off: where there is much for a time, both halves of it are asked for as well."""
        half = (end - begin) / 2
        if len(told) < _MANY or half < _SHORTEST_SPAN:
            return told
        early = self._server.updates(begin, begin + half) or []
        late = self._server.updates(begin + half, end) or []
        if early == told == late:  # a server that does not look at the time
            return told
        return self._completed(early, begin, begin + half) + self._completed(late, begin + half, end)

    def _from_requests(self, page: Mapping[str, Ours]) -> list[Row]:
        return self._read(self._server.by_number(list(page)), page, heard.from_request) if page else []

    def _read(
        self,
        told: Sequence[Object],
        ours: Mapping[str, Ours],
        reading: Callable[[Object, Ours, datetime], Row | None],
    ) -> list[Row]:
        rows = []
        for one in told:
            case = ours.get(heard.said(one, "service_request_id"))
            row = reading(one, case, self._now) if case else None
            if case and heard.is_not_theirs(one):
                log.warning("open311_not_theirs", agency=self._agency, case=case.case)
            if row:
                rows.append(row)
        return rows

    def _since(self) -> datetime:
        kept = database.rows(database.main, "SELECT cursor FROM exchange_link WHERE agency = ?", self._agency)
        return datetime.fromisoformat(kept[0][0]) if kept and kept[0][0] else self._now - LOOK_BACK

    def keep(self) -> None:
        """All of it is imported. Before the link has a row there is nothing to keep it in: it is heard once more."""
        keep = "UPDATE exchange_link SET cursor = ? WHERE agency = ?"
        database.run(database.main, keep, self._now.isoformat(), self._agency)


def _taken(agency: str, rows: int, became: Counter[str], faults: Sequence[RowFault]) -> Taken:
    """The figures of a visit, as of a file."""
    duplicate = became.pop(DUPLICATE, 0)
    return Taken(
        agency=agency,
        name="Open311",
        rows=rows,
        accepted=became.total(),
        duplicate=duplicate,
        rejected=len(faults),
        waiting=became[Standing.WAITING],
        superseded=became[Standing.SUPERSEDED],
        review=sum(fault.code == "E_STALE" for fault in faults),
    )


# The tables


def _known(agency: str, keys: Sequence[str]) -> set[str]:
    """Those of the updates that we took before."""
    known: set[str] = set()
    for at in range(0, len(keys), _PAGE):
        page = keys[at : at + _PAGE]
        these = f"SELECT update_id FROM update_row WHERE agency = ? AND update_id IN ({', '.join('?' * len(page))})"
        known |= {key for (key,) in database.rows(database.main, these, agency, *page)}
    return known


_OURS: Final = "SELECT x.ref, c.id, c.ref, c.language, c.state FROM external_ref x JOIN cases c ON c.id = x.case_id "


def _ours(agency: str, numbers: Collection[str]) -> dict[str, Ours]:
    """Those of the numbers that are cases of ours."""
    ours, asked = dict[str, Ours](), sorted(numbers)
    for at in range(0, len(asked), _PAGE):
        page = asked[at : at + _PAGE]
        these = f"WHERE x.agency = ? AND x.ref IN ({', '.join('?' * len(page))})"
        ours |= _as_ours(database.rows(database.main, _OURS + these, agency, *page))
    return ours


def _open_numbers(agency: str) -> Iterator[dict[str, Ours]]:
    """The numbers of the open cases that the office has, as many at a time as one may ask about."""
    last = ""
    these = f"WHERE x.agency = ? AND c.agency = x.agency AND c.{WORKLIST} AND x.ref > ? ORDER BY x.ref LIMIT {MOST_IDS}"
    while found := database.rows(database.main, _OURS + these, agency, last):
        last = found[-1][0]
        yield _as_ours(row for row in found if not row[0].startswith((SENDING, TOKEN)))


def _as_ours(rows: Iterable[tuple[str, str, str, str, str]]) -> dict[str, Ours]:
    return {number: Ours(id, ref, language, state in DECIDED) for number, id, ref, language, state in rows}
