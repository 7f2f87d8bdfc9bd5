"""What an Open311 server says about our requests, as rows of an update file. Pure.

Servers know two statuses, open and closed; many have finer ones, in `status` itself or beside it. What only means "we
have it" is no news.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from cases.lifecycle import SHORTEST_NOTE, State
from packs.model import Text, text
from sync.columns import UPDATES, fold
from sync.said import shortened
from sync.updates import LONGEST_NOTE

Object = Mapping[str, Any]
Row = dict[str, str]  # by the columns of an update file

FROM_US: Final = "Through Mlango: "  # begins what we post about a request, so that it is known when it is read back
_KEY: Final = re.compile(r"[A-Za-z0-9._:/-]{1,64}")

_FIXED, _EXPLAINED = (State.RESOLVED, "fixed"), (State.RESOLVED, "explained")
_WORKING, _WAITING, _ASKING = (State.IN_PROGRESS, ""), (State.PENDING_THIRD_PARTY, ""), (State.PENDING_CITIZEN, "")
# Status as servers write it, folded → ours, and the outcome. Words of GeoReport, of FixMyStreet and of Mlango.
STATUSES: Final[Mapping[str, tuple[State, str]]] = {
    "closed": _FIXED,
    "resolved": _FIXED,
    "fixed": _FIXED,
    "fixed council": _FIXED,
    "completed": _FIXED,
    "no further action": _EXPLAINED,
    "unable to fix": _EXPLAINED,
    "in progress": _WORKING,
    "investigating": _WORKING,
    "planned": _WORKING,
    "action scheduled": _WORKING,
    "pending third party": _WAITING,
    "pending citizen": _ASKING,
}
NOT_THEIRS: Final = "not councils responsibility"
_CLOSED: Final[Text] = {
    "en": "The office reports that it has closed this matter.",
    "sw": "Ofisi inaarifu kuwa imelifunga lalamiko hili.",
}


@dataclass(frozen=True, slots=True)
class Ours:
    """A case of ours that the server has. `is_decided`: that they closed it is no news."""

    case: str
    ref: str
    language: str
    is_decided: bool


def from_update(told: Object, ours: Ours, now: datetime) -> Row | None:
    """One entry of `servicerequestupdates`; None if it is no news, or was ours."""
    words = said(told, "description")
    news = _news(told)
    is_old = news is not None and news[0] is State.RESOLVED and ours.is_decided
    if words.startswith(FROM_US) or is_old or not (news or words):
        return None
    return _row(told, ours, key(told), news, words, now)


def from_request(told: Object, ours: Ours, now: datetime) -> Row | None:
    """A request as it stands, where a server lists no updates; None if it is no news."""
    news = _news(told)
    if news is None or (news[0] is State.RESOLVED and ours.is_decided):
        return None
    return _row(told, ours, key(told), news, said(told, "status_notes"), now)


def key(told: Object) -> str:
    """What an entry is known by: its own id; where it has none, or one that we cannot keep, a fingerprint."""
    own = said(told, "update_id")
    if _KEY.fullmatch(own):
        return own
    parts = own, *(said(told, name) for name in ("service_request_id", "status", "updated_datetime"))
    return f"open311-{sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"


def is_not_theirs(told: Object) -> bool:
    """Whether the office says that the matter is another's."""
    return fold(said(told, "status")) == NOT_THEIRS


def said(told: Object, name: str) -> str:
    """A field as one line of text; "" for what is missing or no single value."""
    value = told.get(name)
    words = str(value) if isinstance(value, str | int | float) else ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())


def _news(told: Object) -> tuple[State, str] | None:
    """The finest status that we know. "Resolved" and "no further action" together tell what was decided."""
    given = (fold(said(told, name)) for name in ("external_status_code", "extended_status", "status"))
    known = [STATUSES[one] for one in given if one in STATUSES]
    return _EXPLAINED if _EXPLAINED in known and known[0] == _FIXED else next(iter(known), None)


def _row(told: Object, ours: Ours, key: str, news: tuple[State, str] | None, words: str, now: datetime) -> Row:
    status, outcome = news or ("", "")
    if status is State.RESOLVED and len(words) < SHORTEST_NOTE:  # closed without a word; the citizen is owed one
        words = " ".join(filter(None, [text(_CLOSED, ours.language), words]))
    if status in (State.PENDING_CITIZEN, State.PENDING_THIRD_PARTY) and not words:
        status = State.IN_PROGRESS
    known = {
        "schema_version": "1",
        "agency_update_id": key,
        "case_ref": ours.ref,
        "agency_ref": said(told, "service_request_id"),
        "new_status": str(status),
        "outcome_code": outcome,
        "public_note": shortened(words, LONGEST_NOTE),
        "occurred_at": _moment(told, now).isoformat(timespec="seconds"),
    }
    return {name: known.get(name, "") for name in UPDATES}


def _moment(told: Object, now: datetime) -> datetime:
    """When it was; a clock that is ahead of ours, or writes what cannot be read, says now."""
    try:
        moment = datetime.fromisoformat(said(told, "updated_datetime"))
    except ValueError:
        return now
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(aware.astimezone(UTC), now)
