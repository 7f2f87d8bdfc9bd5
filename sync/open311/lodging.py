"""A request that was posted becomes a case, as one by USSD would; sent again, it is the same case."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cases import reference, triage
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, NotAllowed
from cases.models import Case
from packs.centroids import nearest
from packs.model import Pack, Place, text
from packs.places import EVERYWHERE, PlaceIndex, fold
from sync.open311.forms import MOST_WORDS, Problem, Report, cut
from sync.open311.published import SOURCE, source_key

PackAndPlaces = Callable[[], tuple[Pack, PlaceIndex]]

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_NOT_TOLD_APART: Final = frozenset({"api_key", "jurisdiction_id"})


class Found(NamedTuple):
    """Where it is, as far as can be told, and what an officer needs to know besides: sealed with the words."""

    place: Place | None
    notes: tuple[str, ...]


class Lodging:
    """Takes requests from clients that have a key."""

    def __init__(self, casework: Casework, citizens: Citizens, pack_and_places: PackAndPlaces) -> None:
        self._casework, self._citizens, self._pack_and_places = casework, citizens, pack_and_places

    def lodge(self, client: str, report: Report, values: Mapping[str, str], now: datetime) -> Case:
        """The case of a request; `values` is all that was posted. Raises Problem."""
        pack, places = self._pack_and_places()
        where = locate(report, pack, places)
        key = self._key(client, report, values, now)
        words = "\n".join(part for part in (report.words, *where.notes, report.media_url) if part)
        change = Change(
            action=Action.LODGE,
            caller=self._caller(key, report, now),
            source=SOURCE,
            source_key=key,
            facts={
                "sub": report.sub,
                "place": where.place.code if where.place else None,
                "language": report.language,
                "client": client,
            },
            words=cut(words, MOST_WORDS + 700) or None,
        )
        try:
            return self._casework.apply(change, now).case
        except NotAllowed as refusal:
            raise Problem(400, str(refusal)) from None

    def _caller(self, key: str, report: Report, now: datetime) -> Caller:
        """Whom to tell: by SMS if a phone is given, as any citizen. Names and addresses are not kept at all."""
        if report.phone:
            return self._citizens.meet(report.phone, now)
        return self._citizens.meet_without_phone(key, now)

    def _key(self, client: str, report: Report, values: Mapping[str, str], now: datetime) -> str:
        """What its repeat is recognised by: the client's own number; without one, that the very same was sent that day.

        The latter is a keyed fingerprint: it may hold a phone number.
        """
        if _PLAIN_ID.fullmatch(report.own_id):
            return source_key(client, report.own_id)
        told = report.own_id or "\n".join(
            [now.date().isoformat(), *sorted(f"{name}={values[name]}" for name in values.keys() - _NOT_TOLD_APART)]
        )
        return source_key(client, f"={self._citizens.fingerprint(told)}")


def locate(report: Report, pack: Pack, places: PlaceIndex) -> Found:
    """The ward of a point, the place of an id of ours, or the place that an address names. Raises Problem."""
    place, notes = None, []
    if report.point:
        near = nearest(pack, report.point)
        if near is None:
            raise Problem(400, "lat and long lie outside the country that is served here")
        place = near.ward
        spot = f"{report.point.lat:.5f}, {report.point.long:.5f}"
        notes.append(f"GPS {spot} ({near.km:.1f} km from the middle of {near.ward.name} ward)")
    if report.address_id and place is None:
        place = pack.places.get(report.address_id) or pack.places.get(report.address_id.lstrip("Ww").zfill(4))
        if place is None or place.retired:
            raise Problem(400, "address_id was not found; here it is a ward, like W1387")
    if report.address:
        place = place or _named(report.address, pack, places)
        notes.append(report.address)
    return Found(place, tuple(notes))


def _named(address: str, pack: Pack, places: PlaceIndex) -> Place | None:
    """The first part of an address, the smallest area first, that is the name of one place; else what its words say."""
    parts = [part for part in map(fold, address.split(",")) if part]
    around = {area.county for part in parts for area in places.named(part, frozenset({"county"}))}
    for part in parts:
        known = [place for place in places.named(part, EVERYWHERE) if not around or place.county in around]
        if known:
            return known[0]
    code = triage.suggest(pack, places, address).place
    return pack.places[code] if code else None


def notice(pack: Pack, case: Case, report: Report) -> str:
    """What whoever sent it is told: the number to ask by, who answers, until when."""
    day = case.due_at.astimezone(ZoneInfo(pack.zone))
    agency = text(pack.agencies[case.agency].name, "en")
    said = [f"Case {reference.shown(case.ref)}. {agency} answers by {day:%d/%m/%Y}."]
    if report.phone:
        said.append("News of it go by SMS to the phone number given.")
    if report.phone_unread:
        said.append("The phone number cannot be read, so no SMS is sent.")
    if pack.subs[report.sub].danger:
        said.append(f"In danger call {pack.emergency_number('police')} now.")
    return " ".join(said)
