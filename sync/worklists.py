"""The worklist of an office: one row for each of its open cases, as a sheet that a clerk fills in and sends back.

The clerk writes at most three cells of a row (status, note, date). What tells us which row it was is printed at the far
right: `update_key`, which stays the same as long as the day and the case do, and `base_version`. Rows that we could not
take come back on the same sheet: what is wrong stands first, in plain words, and all that the clerk wrote is kept.

The words of a citizen are on it only where the case is public or an officer released them, their number only where the
pack lets this office have it on its sheets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from cases import reference
from cases.citizens import Caller, Citizens
from cases.lifecycle import OPEN, Role, State
from cases.models import Case
from cases.worklist import (
    MOST_COUNTED,
    MOST_LISTED,
    Filters,
    Viewer,
    contact_leaves,
    count,
    is_overdue,
    listed,
    words_leave,
)
from packs.model import Pack, text
from packs.places import label as place_name
from store.model import Select
from sync import clerk, files, said, xlsx
from sync.clerk import Design
from sync.columns import WORKLIST
from sync.faults import RowFault, state
from sync.lines import national
from sync.models import ExchangeFile
from sync.said import Said
from sync.sheet import Cell, Number, write_csv
from sync.updates import Kind, update_key
from sync.xlsx import Form, Shade, Value

KIND: Final = "work"  # of these files
_FIRST: Final = 300  # characters for what the citizen said first; what is left of 500 is for what they said last
_VERY_LATE: Final = 7  # days
_DAY: Final = timedelta(days=1)
_WHOLE, _ISO_DAY = re.compile("[0-9]{1,9}"), re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NTH: Final = re.compile(r"work_.+_[0-9]{8}(?:_([0-9]+))?\.csv")  # of a day
_ERROR_COLUMNS: Final = ("row_no", "code", "field", "message")
# Nobody works on what waits for its citizen: it stands below all else.
_TO_DO: Final = tuple(OPEN - {State.PENDING_CITIZEN})

Progress = Callable[[int], object]
Shaded = tuple[Sequence[Value], Shade]


class Worklists:
    """Makes worklists, and the sheets of what could not be taken of them."""

    def __init__(self, citizens: Citizens, pack: Callable[[], Pack], home: Path) -> None:
        self._citizens, self._pack, self._home = citizens, pack, home

    def make(self, agency: str, now: datetime, progress: Progress = lambda _: None) -> tuple[Path, Path]:
        """An office's worklist of today as CSV and as Excel file, ready to be delivered.

        A clerk may be at work on an earlier list of the day, so that a later one has a number (`work_CODE_20261123_2`);
        one that would say the same is not made, and the earlier one returned. Of lists that wait to be delivered only
        the newest stays: it has what they had.

        Those due first come first, those that wait for their citizen last. `progress` is told how many cases were just
        written. Memory does not grow with their number.
        """
        office = _Office(self._pack(), agency, now)
        with files.alone(self._home, agency):
            out, first = files.out(self._home, agency), f"work_{agency}_{office.today:%Y%m%d}"
            number, before = _newest(agency, out, first)
            try:
                csv_file, xlsx_file, rows = _publish(
                    out / (f"{first}_{number + 1}" if number else first),
                    office.design(),
                    self._rows(office, progress),
                    before=before.sha256 if before else None,
                )
            except _Same:
                return _both(out / (f"{first}_{number}" if number > 1 else first))
            overtaken = [file for file in files.undelivered(agency) if file.kind == KIND]
            for file in (csv_file, xlsx_file):
                files.register(agency, KIND, file, rows, now, day=office.today.isoformat())
            for one in overtaken:
                files.forget(self._home, one)
        return csv_file, xlsx_file

    def error_sheet(self, agency: str, faults: Iterable[RowFault], base: Path, kind: Kind, language: str) -> list[Path]:
        """The rows of a file that were not taken, in files beside `base` (a path without an ending).

        Of a worklist: the same sheet as CSV and as Excel file, to be corrected and sent back. Of what a system sent:
        a CSV of `row_no, code, field, message`. `faults` is read once, from its beginning to its end.
        """
        base = base.with_name(f"{base.name}.errors")
        if kind is Kind.UPDATES:
            with files.publish(base.parent, f"{base.name}.csv") as out:
                write_csv(_listed(faults, language), out)
            return [base.with_name(f"{base.name}.csv")]
        pack = self._pack()
        design = Design.of_errors(text(pack.agencies[agency].name, language), language)
        csv_file, xlsx_file, _ = _publish(base, design, _to_correct(faults, language))
        return [csv_file, xlsx_file]

    def _rows(self, office: _Office, progress: Progress) -> Iterator[Shaded]:
        for page in _open_cases(office.agency):
            callers = said.callers(self._citizens, {case.__data__["citizen"] for case in page})
            told = {case.id: case.__data__["citizen"] for case in page if _is_told(case)}
            words = said.by_case({case: callers[citizen] for case, citizen in told.items() if citizen in callers})
            for case in page:
                yield office.row(case, words.get(case.id, ()), callers.get(case.__data__["citizen"]))
            progress(len(page))


class _Office:
    """The rows of one office's list: how a case is told to it."""

    def __init__(self, pack: Pack, agency: str, now: datetime) -> None:
        self.agency, self._pack, self._now = agency, pack, now
        self._exchange = pack.exchange(agency)
        self._zone = ZoneInfo(pack.zone)
        self.today = self._local(now)

    def design(self) -> Design:
        exchange = self._exchange
        name = text(self._pack.agencies[self.agency].name, exchange.language)
        return Design.of_worklist(name, self.today, exchange.language, with_contact=exchange.contact_on_worklist)

    def row(self, case: Case, words: Sequence[Said], caller: Caller | None) -> Shaded:
        """What the sheet says of a case, in the order of its columns."""
        late = self._days_over(case)
        shade = Shade.NONE if late is None else Shade.LATE if late <= _VERY_LATE else Shade.VERY_LATE
        cells: Mapping[str, Value] = {
            "case_ref": reference.shown(case.ref),
            "received": self._local(case.received_at),
            "due": self._local(case.due_at) if late or not case.paused_at else None,  # its clock stands still
            "days_over": late,
            "what": self._what(case),
            "place": self._where(case),
            "summary": _summary(words),
            "contact": self._contact(case, caller),
            "state": state(case.state, self._exchange.language),
            "ward_code": f"W{case.ward}" if case.ward else None,
            "update_key": update_key(self.today, case.ref, case.version),
            "base_version": case.version,
        }
        return [cells.get(name) for name in WORKLIST], shade

    def _days_over(self, case: Case) -> int | None:
        """The days since it was due, a begun one counted; None if it is not late."""
        return -((case.due_at - self._now) // _DAY) if is_overdue(case, self._now) else None

    def _what(self, case: Case) -> str:
        language = self._exchange.language
        named = (self._pack.categories.get(case.category or ""), self._pack.subs.get(case.sub or ""))
        return ": ".join(text(one.name, language) for one in named if one)

    def _where(self, case: Case) -> str:
        """The place; of what is in confidence no more than the ward."""
        place = self._pack.places.get((case.place if _is_told(case) else case.ward) or "")
        return place_name(place, self._pack, self._exchange.language) if place else ""

    def _contact(self, case: Case, caller: Caller | None) -> str:
        """Their number. Who wants no SMS about a case does not want to be called about it by somebody else either."""
        may = self._exchange.contact_on_worklist and contact_leaves(case.visibility, case.guarded) and not case.silent
        return national(caller.msisdn) if may and caller else ""

    def _local(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()


def open_cases(agency: str) -> int | None:
    """How many cases a worklist of now would have; None: too many to count them just for that."""
    number = count(Viewer(Role.SYNC, agency), Filters(states=tuple(OPEN), is_open=True))
    return number if number < MOST_COUNTED else None


def _open_cases(agency: str) -> Iterator[list[Case]]:
    """The open cases that an office may see, page by page; of each group those due first first."""
    viewer = Viewer(Role.SYNC, agency)
    for states in (_TO_DO, (State.PENDING_CITIZEN,)):
        filters, last = Filters(states=states, is_open=True), None
        while page := listed(viewer, filters, MOST_LISTED, after=last):
            yield page
            last = page[-1]


def _is_told(case: Case) -> bool:
    return words_leave(case.visibility, case.guarded, case.shared)


def _summary(words: Sequence[Said]) -> str:
    """What the citizen said first and, where they said more, what they said last."""
    if len(words) < 2:
        return said.shortened(words[0].words) if words else ""
    first = said.shortened(words[0].words, _FIRST)
    return said.shortened(f"{first}{said.BETWEEN}{words[-1].words}")


# Files


class _Same(Exception):
    """A list says what the one before it says."""


def _newest(agency: str, out: Path, first: str) -> tuple[int, ExchangeFile | None]:
    """The number of the newest list of a day (0: there is none), and what is known of it if it is still there.

    Files on disk count, too: a database that was restored from a backup does not write over a clerk's work.
    """
    lists = _lists("WHERE agency = ? AND direction = 'out' AND kind = ?", agency, KIND)
    known = {file.name: file for file in lists if file.name.startswith(first)}
    names = {*known, *(path.name for path in out.glob(f"{first}*.csv"))}
    numbers = {int(match[1] or 1): match[0] for match in map(_NTH.fullmatch, names) if match}
    if not numbers:
        return 0, None
    number = max(numbers)
    is_there = all(path.exists() for path in _both(out / numbers[number].removesuffix(".csv")))
    return number, known.get(numbers[number]) if is_there else None


def _differ(made: Path, before: str | None) -> None:
    if before and files.digest(made) == before:
        raise _Same


def _both(base: Path) -> tuple[Path, Path]:
    """A list as CSV and as Excel file; `base` is its path without an ending."""
    return base.with_name(f"{base.name}.csv"), base.with_name(f"{base.name}.xlsx")


_lists: Final = Select(ExchangeFile)


# Sheets


def _publish(
    base: Path, design: Design, rows: Iterable[Shaded], *, before: str | None = None
) -> tuple[Path, Path, int]:
    """The same rows as CSV and as Excel file, and how many; nothing appears before both are written.

    `before`: the SHA-256 of a CSV that says enough if it says the same. Raises _Same; nothing appears then.
    """
    csv_file, xlsx_file = _both(base)
    form = design.form()
    try:
        with files.publish(base.parent, csv_file.name) as out, files.publish(base.parent, xlsx_file.name) as book:
            write_csv(_written_twice(design.headings, rows, form), out)
            out.flush()
            _differ(Path(out.name), before)
            form.save(book)
    except BaseException:
        form.discard()
        raise
    return csv_file, xlsx_file, form.rows


def _written_twice(headings: Sequence[str], rows: Iterable[Shaded], form: Form) -> Iterator[Sequence[Cell]]:
    """The lines of the CSV; each goes into the form on its way."""
    yield headings
    for values, shade in rows:
        form.add(values, shade)
        yield [_cell(value) for value in values]


def _cell(value: Value) -> Cell:
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return Number(str(value)) if isinstance(value, int) else value or ""


def _to_correct(faults: Iterable[RowFault], language: str) -> Iterator[Shaded]:
    for fault in faults:
        yield [fault.sentence(language), *(_as_it_was(name, fault.cells) for name in WORKLIST)], Shade.NONE


def _as_it_was(name: str, cells: Mapping[str, str]) -> Value:
    """What the clerk sent in a cell; a number or a day as such again."""
    told, kind = cells.get(name, ""), clerk.kind(name)
    if kind is xlsx.Kind.NUMBER and _WHOLE.fullmatch(told):
        return int(told)
    if kind is xlsx.Kind.DATE and _ISO_DAY.fullmatch(told):
        with suppress(ValueError):
            return date.fromisoformat(told)
    return told


def _listed(faults: Iterable[RowFault], language: str) -> Iterator[Sequence[Cell]]:
    yield _ERROR_COLUMNS
    for fault in faults:
        yield Number(str(fault.row)), fault.code, fault.field, fault.sentence(language)
