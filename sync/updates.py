"""What a row that an office sends back means: one update, a fault in plain words, or nothing. Pure.

Two kinds of sheets come: updates from an office's own system, and worklists that a clerk has filled in. Both end as
`Update`s. Whatever can only be meant in one way is taken, however Excel has dressed it; the rest is a `RowFault`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from unicodedata import normalize
from zoneinfo import ZoneInfo

from cases import reference
from cases.lifecycle import OUTCOMES, SHORTEST_NOTE, State
from packs.model import Text
from sync import dates
from sync.columns import fold
from sync.faults import RowFault, Unreadable
from sync.sheet import Row

FIXED: Final = "fixed"  # the outcome of what a clerk calls done
LONGEST_NOTE: Final = 1_000
LONGEST_CODE: Final = 64
AHEAD: Final = timedelta(minutes=5)  # that an office's clock may be
NOON: Final = time(12)

# What an office may write of a case, and what a clerk picks for it
CHOICES: Final[Mapping[State, Text]] = {
    State.IN_PROGRESS: {"en": "1 working on it", "sw": "1 tunashughulikia"},
    State.PENDING_THIRD_PARTY: {"en": "2 waiting for somebody else", "sw": "2 tunasubiri wengine"},
    State.RESOLVED: {"en": "3 done", "sw": "3 limekamilika"},
    State.PENDING_CITIZEN: {"en": "ask the citizen", "sw": "uliza mwananchi"},
}
STATUSES: Final = (State.ASSIGNED, *CHOICES)


class Kind(StrEnum):
    """Who filled in a sheet: an office's system, or a clerk."""

    UPDATES = "updates"
    WORKLIST = "worklist"


@dataclass(frozen=True, slots=True)
class Update:
    """What an office says about one case.

    `update_id` is the office's key for it (of a worklist: the key we printed), `base_version` the case's version that
    they had seen. `status` None: it stays. `outcome` only with `resolved`. `occurred_at` is aware, in UTC; a day
    counts as its noon, or as the moment of reading if that is not noon yet. `fingerprint` is the SHA-256 of what the
    row says: the same when Excel saved it again. `cells` is the row as it came, for a sheet of errors.
    """

    row: int
    update_id: str
    ref: str
    base_version: int | None
    agency_ref: str
    status: State | None
    outcome: str | None
    public_note: str
    internal_note: str
    assignee: str
    occurred_at: datetime
    fingerprint: str
    cells: Mapping[str, str]


def kind_of(header: Iterable[str]) -> Kind:
    """Which sheet has this header; that of errors is a worklist with a column more. Raises Unreadable."""
    names = set(header)
    kind = Kind.UPDATES if names & {"agency_update_id", "new_status"} else Kind.WORKLIST
    missing = [name for name in _NEEDED[kind] if name not in names]
    if missing:
        raise Unreadable("F_COLUMN_MISSING", columns=", ".join(missing))
    return kind


def update_key(day: date, ref: str, version: int) -> str:
    """The key that a worklist of `day` carries for a case: `W20261122-482915633-7`."""
    return f"W{day:%Y%m%d}-{ref}-{version}"


def understand(kind: Kind, row: Row, *, now: datetime, zone: ZoneInfo) -> Update | RowFault | None:
    """What the row says; None if the clerk left it blank. Raises nothing, whatever stands in it."""
    try:
        return _understood(kind, row, now, zone)
    except _Wrong as wrong:
        cells = row.cells
        return RowFault(row.number, wrong.code, wrong.field, cells.get(wrong.field, ""), cells, wrong.more)


Cells = Mapping[str, str]


class _Wrong(Exception):
    """What is wrong with the row that is being read."""

    def __init__(self, code: str, field: str = "", **more: str) -> None:
        super().__init__(code)
        self.code, self.field, self.more = code, field, more


def _understood(kind: Kind, row: Row, now: datetime, zone: ZoneInfo) -> Update | None:
    if row.flaw:
        raise _Wrong(row.flaw)
    return _from_system(row, now, zone) if kind is Kind.UPDATES else _from_clerk(row, now, zone)


def _from_system(row: Row, now: datetime, zone: ZoneInfo) -> Update:
    cells = row.cells
    if _without_point(cells.get("schema_version", "")) not in {"", "1"}:
        raise _Wrong("E_SCHEMA", "schema_version")
    key, ref, version = _update_id(cells), _ref(cells), _version(cells)
    status = _status(cells)
    public, internal = _note(cells, "public_note"), _note(cells, "internal_note")
    _need_words(status, public, "public_note")
    outcome = _outcome(cells) if status is State.RESOLVED else None
    agency_ref, assignee = _code(cells, "agency_ref", "E_CELL"), _code(cells, "assignee_code", "E_ASSIGNEE")
    when = dates.read(cells.get("occurred_at", ""), now.astimezone(zone).date(), zone)
    if when is None:
        raise _Wrong("E_MOMENT", "occurred_at")
    return Update(
        row=row.number,
        update_id=key,
        ref=ref,
        base_version=version,
        agency_ref=agency_ref,
        status=status,
        outcome=outcome,
        public_note=public,
        internal_note=internal,
        assignee=assignee,
        occurred_at=_occurred(when, "occurred_at", now, zone),
        fingerprint=_fingerprint(
            key, ref, version, agency_ref, status, outcome, public, internal, assignee, _said(when)
        ),
        cells=cells,
    )


def _from_clerk(row: Row, now: datetime, zone: ZoneInfo) -> Update | None:
    cells = row.cells
    public = _note(cells, "note")
    if not public and not fold(cells.get("status", "")):
        return None
    key, ref, version = _printed(cells)
    status = _choice(cells)
    _need_words(status, public, "note")
    outcome = FIXED if status is State.RESOLVED else None
    today = now.astimezone(zone).date()
    written = cells.get("date", "").strip()
    when = dates.read(written, today, zone) if written else today
    if when is None:
        raise _Wrong("E_DATE", "date")
    return Update(
        row=row.number,
        update_id=key,
        ref=ref,
        base_version=version,
        agency_ref="",
        status=status,
        outcome=outcome,
        public_note=public,
        internal_note="",
        assignee="",
        occurred_at=_occurred(when, "date", now, zone),
        fingerprint=_fingerprint(key, ref, version, status, outcome, public, _said(when) if written else ""),
        cells=cells,
    )


_NEEDED: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.UPDATES: ("agency_update_id", "case_ref", "new_status", "public_note", "occurred_at"),
    Kind.WORKLIST: ("case_ref", "status", "note", "update_key"),
}


# Numbers and keys

_UPDATE_ID: Final = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_PRINTED_KEY: Final = re.compile(r"W[0-9]{8}-([0-9]{9})-([0-9]{1,9})")
_SCIENTIFIC: Final = re.compile(r"[0-9](?:[.,]([0-9]*))?E\+?0*8", re.I)
_WHOLE: Final = re.compile(r"[0-9]{1,9}")
_POINT: Final = re.compile(r"[.,]0{1,2}$")
_OFFICER: Final = re.compile(r"[\w .@/:+-]*")


def _without_point(cell: str) -> str:
    """`7.0` and `7,0` are 7: so some programs save what they took for a number."""
    return _POINT.sub("", cell.strip())


def _update_id(cells: Cells) -> str:
    key = cells.get("agency_update_id", "").strip()
    if not _UPDATE_ID.fullmatch(key):
        raise _Wrong("E_KEY", "agency_update_id")
    return key


def _ref(cells: Cells) -> str:
    cell = cells.get("case_ref", "").strip()
    if reference.is_valid(cell):
        return cell
    if not cell:
        raise _Wrong("E_REF_MISSING", "case_ref")
    scientific = _SCIENTIFIC.fullmatch(cell)
    if scientific and len(scientific[1] or "") != reference.DIGITS - 1:
        raise _Wrong("E_REF_SCI", "case_ref")
    mantissa = re.split("e", cell, flags=re.I)[0] if scientific else _without_point(cell)
    ref = reference.digits(mantissa.replace(",", ""))
    if not ref or not reference.is_valid(ref):
        raise _Wrong("E_REF_CHECK", "case_ref")
    return ref


def _version(cells: Cells) -> int | None:
    cell = _without_point(cells.get("base_version", ""))
    if cell and not _WHOLE.fullmatch(cell):
        raise _Wrong("E_VERSION", "base_version")
    return int(cell) if cell else None


def _printed(cells: Cells) -> tuple[str, str, int]:
    """The key that we printed, and the case and version in it. Somebody may have sorted some columns alone."""
    key = cells.get("update_key", "").strip()
    found = _PRINTED_KEY.fullmatch(key)
    if not found:
        raise _Wrong("E_KEY_MISSING", "update_key")
    ref, version = found[1], int(found[2])
    if _ref(cells) != ref or _version(cells) not in {None, version}:
        raise _Wrong("E_KEY_MIXED", "update_key")
    return key, ref, version


def _code(cells: Cells, name: str, fault: str) -> str:
    code = _tidy(cells.get(name, ""))
    if len(code) > LONGEST_CODE:
        raise _Wrong(fault, name, length=str(len(code)), most=str(LONGEST_CODE))
    if fault == "E_ASSIGNEE" and not _OFFICER.fullmatch(code):
        raise _Wrong(fault, name)
    return code


# Words

# Line breaks, and what nobody sees: controls, halves of letters, marks that turn the direction of a line
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+"
)


def _tidy(cell: str) -> str:
    if cell.isascii() and cell.isprintable():  # as nearly all are: it takes a tenth of the time
        return " ".join(cell.split())
    return " ".join(normalize("NFC", _UNSEEN.sub(" ", cell)).split())


# What stands in a cell whose words a spreadsheet took for a formula, or that was too narrow to be shown
_MISTAKEN: Final = re.compile(r"#[A-Z][A-Z0-9/_]*[!?]|#N/A|#{3,}|Err:[0-9]{3}")


def _note(cells: Cells, name: str) -> str:
    note = _tidy(cells.get(name, ""))
    if _MISTAKEN.fullmatch(note):
        raise _Wrong("E_FORMULA", name)
    if len(note) > LONGEST_NOTE:
        raise _Wrong("E_CELL", name, length=f"{len(note):,}", most=f"{LONGEST_NOTE:,}")
    return note


def _need_words(status: State | None, note: str, name: str) -> None:
    if status is State.RESOLVED and len(note) < SHORTEST_NOTE:
        raise _Wrong("E_NOTE_REQUIRED", name)
    if status in _MUST_SAY and not note:
        raise _Wrong(_MUST_SAY[status], name)


_MUST_SAY: Final[Mapping[State | None, str]] = {
    State.PENDING_CITIZEN: "E_QUESTION",
    State.PENDING_THIRD_PARTY: "E_WAIT",
}


# Statuses and outcomes

_BY_NAME: Final = {state.value: state for state in STATUSES} | {fold(state): state for state in STATUSES}
_OUTCOME_CALLED: Final = {outcome: outcome for outcome in OUTCOMES} | {fold(outcome): outcome for outcome in OUTCOMES}
_DIGITS: Final = {"1": State.IN_PROGRESS, "2": State.PENDING_THIRD_PARTY, "3": State.RESOLVED}
# What clerks write besides the words on the list
_CLERKS: Final[Mapping[State, str]] = {
    State.IN_PROGRESS: "working, in progress, started, ongoing, busy, tunashughulikia, linashughulikiwa, "
    "inashughulikiwa, tumeanza, limeanza, imeanza, kazi inaendelea, linaendelea, inaendelea",
    State.PENDING_THIRD_PARTY: "waiting, waiting for others, pending, tunasubiri, linasubiri, inasubiri, "
    "linasubiri wengine, inasubiri wengine, tunawasubiri wengine",
    State.RESOLVED: "done, fixed, resolved, solved, finished, completed, complete, closed, limekamilika, imekamilika, "
    "kazi imekamilika, tumekamilisha, tumemaliza, limetatuliwa, imetatuliwa, limerekebishwa, imerekebishwa, tayari, "
    "limekwisha, imekwisha, limefungwa, imefungwa",
    State.PENDING_CITIZEN: "ask, ask citizen, question, uliza, muulize mwananchi, swali, tunauliza",
}


def _choices() -> dict[str, State]:
    """Folded words, of the list (without their digits) and beside it → the state they mean."""
    listed = {fold(words).lstrip("123 "): state for state, told in CHOICES.items() for words in told.values()}
    return listed | {fold(words): state for state, told in _CLERKS.items() for words in told.split(",")}


_CHOICE_CALLED: Final = _choices()


def _status(cells: Cells) -> State | None:
    cell = cells.get("new_status", "").strip()
    status = _BY_NAME.get(cell) or _BY_NAME.get(fold(cell))
    if cell and not status:
        raise _Wrong("E_NEW_STATUS", "new_status", allowed=", ".join(STATUSES))
    return status


def _choice(cells: Cells) -> State | None:
    """A digit, words, or both if they say the same."""
    said = fold(_without_point(cells.get("status", "")))
    digit, words = (said[:1], said[1:].lstrip()) if said[:1] in _DIGITS else ("", said)
    status = _DIGITS.get(digit) or _CHOICE_CALLED.get(words)
    if said and (not status or (words and _CHOICE_CALLED.get(words) is not status)):
        raise _Wrong("E_STATUS", "status")
    return status


def _outcome(cells: Cells) -> str:
    cell = cells.get("outcome_code", "").strip()
    outcome = _OUTCOME_CALLED.get(cell) or _OUTCOME_CALLED.get(fold(cell))
    if not outcome:
        raise _Wrong("E_OUTCOME", "outcome_code", allowed=", ".join(OUTCOMES))
    return outcome


# Times, and what it all comes to


def _occurred(when: date | datetime, field: str, now: datetime, zone: ZoneInfo) -> datetime:
    if isinstance(when, datetime):
        if when > now + AHEAD:
            raise _Wrong("E_TIME_FUTURE", field)
        return when
    if when > now.astimezone(zone).date():
        raise _Wrong("E_TIME_FUTURE", field)
    return min(datetime.combine(when, NOON, zone).astimezone(UTC), now)


def _said(when: date | datetime) -> str:
    """The time as the fingerprint has it: to the minute, since Excel drops the seconds when it saves."""
    return when.isoformat(timespec="minutes") if isinstance(when, datetime) else when.isoformat()


def _fingerprint(*said: object) -> str:
    return sha256("\x1f".join("" if each is None else str(each) for each in said).encode()).hexdigest()
