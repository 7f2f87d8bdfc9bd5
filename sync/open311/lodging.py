"""A request that was posted becomes a case, as one by USSD would; sent again, it is the same case."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cases import lookup, reference, triage
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, NotAllowed
from cases.models import Case
from packs.centroids import nearest
from packs.model import Pack, Place, text
from packs.places import EVERYWHERE, PlaceIndex, fold
from store import database
from store.model import to_micros
from sync.open311 import keys
from sync.open311.forms import MOST_WORDS, Problem, Report, cut
from sync.open311.keys import ApiKey
from sync.open311.published import OF_A_CASE, SOURCE, source_key

PackAndPlaces = Callable[[], tuple[Pack, PlaceIndex]]

MOST_OF_A_PHONE: Final = 5  # cases a day that a client may report for one number: its owner's own are not buried

_DAY: Final = timedelta(days=1)
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_NOT_TEXTED: Final = "The phone number given is not texted; from it the case can be asked for by SMS and USSD."
_NOT_TOLD_APART: Final = frozenset({"api_key", "jurisdiction_id"})


class Found(NamedTuple):
    """Where it is, as far as can be told, and what an officer needs to know besides: sealed with the words."""

    place: Place | None
    notes: tuple[str, ...]


class Lodging:
    """Takes requests from clients that have a key."""

    def __init__(self, casework: Casework, citizens: Citizens, pack_and_places: PackAndPlaces) -> None:
        self._casework, self._citizens, self._pack_and_places = casework, citizens, pack_and_places

    def lodge(self, key: ApiKey, report: Report, values: Mapping[str, str], now: datetime) -> Case:
        """The case of a request; `values` is all that was posted. Raises Problem."""
        _refuse_our_own(report.own_id)
        pack, places = self._pack_and_places()
        where = locate(report, pack, places)
        known_by, before = self._keys(key.client, report, values, now)
        if before:
            return before
        caller = self._caller(key.client, known_by, report, now)
        words = "\n".join(part for part in (report.words, *where.notes, report.media_url) if part)
        change = Change(
            action=Action.LODGE,
            caller=caller,
            source=SOURCE,
            source_key=known_by,
            facts={
                "sub": report.sub,
                "place": where.place.code if where.place else None,
                "language": report.language,
                "client": key.client,
                "silent": None if key.may(keys.SMS) else True,
            },
            words=cut(words, MOST_WORDS + 700) or None,
        )
        try:
            return self._casework.apply(change, now).case
        except NotAllowed as refusal:
            raise Problem(400, str(refusal)) from None

    def is_of_phone(self, case: Case, report: Report) -> bool:
        """Whether a case is kept under the phone that was given."""
        owner = self._citizens.find(report.phone) if report.phone else None
        return bool(owner and owner.id == case.__data__["citizen"])

    def _caller(self, client: str, known_by: str, report: Report, now: datetime) -> Caller:
        """Whose case it is: of the phone that is given, if any. Names and addresses are not kept at all."""
        if report.phone:
            owner = self._citizens.meet(report.phone, now)
            if _lately(client, owner, now) < MOST_OF_A_PHONE:
                return owner
        return self._citizens.meet_without_phone(known_by, now)

    def _keys(self, client: str, report: Report, values: Mapping[str, str], now: datetime) -> tuple[str, Case | None]:
        """What its repeat is recognised by, and the case if it is one: by the client's own number; without one, that
        the very same was sent within a day.

        The latter is a keyed fingerprint: it may hold a phone number.
        """
        if report.own_id:
            plain = _PLAIN_ID.fullmatch(report.own_id)
            key = source_key(client, report.own_id if plain else f"={self._citizens.fingerprint(report.own_id)}")
            return key, lookup.lodged_by(key)
        said = sorted(f"{name}={values[name]}" for name in values.keys() - _NOT_TOLD_APART)
        of_days = ("\n".join([day.date().isoformat(), *said]) for day in (now, now - _DAY))
        key, yesterdays = (source_key(client, f"={self._citizens.fingerprint(told)}") for told in of_days)
        before = lookup.lodged_by(key) or lookup.lodged_by(yesterdays)
        return key, before if before and now - before.received_at < _DAY else None


def _refuse_our_own(own_id: str) -> None:
    """Two houses that send each other their cases would do so for ever; each passes on the id of the first one.

    Nobody guesses an id, so the refusal tells nothing to who does not know it.
    """
    ours = OF_A_CASE.fullmatch(own_id)
    if ours and Case.select(Case.id).where(Case.id == ours[1]).exists():
        raise Problem(400, "this request comes from here: it is one of our own, sent back to us")


def _lately(client: str, owner: Caller, now: datetime) -> int:
    """How many cases a client reported for a phone within a day. Of other clients it learns nothing."""
    theirs = "SELECT COUNT(*) FROM cases WHERE citizen_id = ? AND received_at > ? AND source_key LIKE ?"
    ((sent,),) = database.rows(database.main, theirs, owner.id, to_micros(now - _DAY), source_key(client, "%"))
    return int(sent)


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


def notice(pack: Pack, case: Case, report: Report, *, is_of_phone: bool) -> str:
    """What whoever sent it is told: the number to ask by, who answers, until when.

    Whether who has the phone sent STOP is theirs alone to know.
    """
    day = case.due_at.astimezone(ZoneInfo(pack.zone))
    agency = text(pack.agencies[case.agency].name, "en")
    said = [f"Case {reference.shown(case.ref)}. {agency} answers by {day:%d/%m/%Y}."]
    if report.phone and not is_of_phone:
        said.append("It is not kept under the phone number given.")
    elif report.phone:
        said.append(_NOT_TEXTED if case.silent else "News of it go by SMS to the phone number given.")
    if report.phone_unread:
        said.append("The phone number cannot be read, so no SMS is sent.")
    if pack.subs[report.sub].danger:
        said.append(f"In danger call {pack.emergency_number('police')} now.")
    return " ".join(said)
