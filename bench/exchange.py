"""How fast does a mountain of events become an office's file, and the office's answer a change of each case?

Beside floors that only read or write the same rows, by `csv` and one transaction on the same tables: nothing is opened,
checked, put in order or signed. Each contender has a fresh copy of the same box and a process of its own, so that its
memory can be told. At last an import is killed halfway and begun again: that must end as the one that nobody killed.
"""

from __future__ import annotations

import csv
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import orjson

import packs
from bench import backlog
from bench.backlog import OFFICE
from bench.plan import Plan, Report
from store import database, migrate
from store.clock import utcnow
from store.model import new_id, to_micros
from sync.columns import UPDATES
from sync.inbound import Importer
from sync.manifest import Keys
from sync.outbound import Exporter
from sync.worklists import Worklists
from ussd_app import logs, wiring
from ussd_app.processes import end_with_the_parent
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

ROWS: Final = 1_000_000
_LODGED_BEFORE: Final = timedelta(days=10)
_HUNDRED: Final = 100
_ENDS_WITHIN_S: Final = 30.0
_KILLED_AT: Final = 50  # of a hundred
# A hundred for each: furnishing, two exports, three imports, and one after the one that is killed on its way
STEPS: Final = 7 * _HUNDRED + _KILLED_AT
_TOGETHER: Final = 1_000  # rows that a floor writes by one call
_PROCESSES: Final = multiprocessing.get_context("forkserver")

Progress = Callable[[int], object]
Work = Callable[[Progress], dict[str, int]]
# Puts everything together for a box, and gives back what is to be measured
Contender = Callable[[Path], Work]


@dataclass(frozen=True, slots=True)
class Measure:
    """What one contender needed for `rows`; `peak_mb` is its process, from start to end. `became`: its own counts."""

    rows: int
    seconds: float
    cpu_s: float
    peak_mb: float
    became: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Killed:
    """An import that was killed, and the one after it. `same`: they left what an import leaves that nobody kills."""

    seconds: float  # both together
    peak_mb: float  # of the second
    same: bool


def steps(_: Plan) -> int:
    """The same for any number of rows."""
    return STEPS


def run(plan: Plan, folder: Path, further: Callable[[], None]) -> Report:
    """`plan.seconds` and `plan.rounds` have no meaning here: so many rows are a round by themselves."""
    logs.set_up("critical")
    return measure(ROWS // 10 if plan.quick else ROWS, folder, further)


def measure(rows: int, folder: Path, further: Callable[[], None]) -> Report:
    """Measure it all with so many rows each way."""
    _PROCESSES.set_forkserver_preload([__name__])
    box, updates = folder / "box", folder / f"in_{OFFICE}_20261123_1.csv"
    _furnish(box, rows, updates, further)
    measured: dict[str, dict[str, Measure]] = {"export": {}, "import": {}}
    for name, contender in (("floor", _floor_of_export), ("Mlango", _export)):
        with _copy_of(box) as copy:
            measured["export"][name] = _measured(contender, copy, rows, further)
    with _copy_of(box) as copy:
        measured["import"]["floor"] = _measured(partial(_floor_of_import, updates), copy, rows, further)
    take = partial(_import, updates)
    with _copy_of(box) as copy:
        measured["import"]["Mlango"] = _measured(take, copy, rows, further)
        left = _left(copy)
        measured["import"]["the same again"] = _measured(take, copy, rows, further)
    with _copy_of(box) as copy:
        killed = _killed(take, copy, rows, measured["import"]["Mlango"], left, further)
    record = {
        "rows": rows,
        **{way: {name: asdict(one) for name, one in taken.items()} for way, taken in measured.items()},
        "killed": asdict(killed),
    }
    return Report(f"{_table(measured)}\n{_sentences(measured['import'], killed)}", record)


# Boxes


def _furnish(box: Path, rows: int, updates: Path, further: Callable[[], None]) -> None:
    settings, now = _settings(box), utcnow()
    wiring.bind(settings)
    migrate.run()
    wiring.publish_pack(settings)
    cases = rows // backlog.FED
    backlog.furnish(wiring.build(settings), cases, now - _LODGED_BEFORE, _hundredths(cases, further))
    backlog.write_updates(updates, now)
    database.close()


def _settings(box: Path) -> Settings:
    return Settings.load({"MLANGO_HOME": str(box)})


@contextmanager
def _copy_of(box: Path) -> Iterator[Path]:
    """A box that is like the first one, and is gone afterwards: databases of this size add up."""
    copy = box.with_name("copy")
    shutil.copytree(box, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def _left(box: Path) -> list[list[tuple[Any, ...]]]:
    """What there is after an import: how many cases, events, rows and messages of each kind; when it happened, but not
    when we heard of it."""
    wiring.bind(_settings(box))
    try:
        return [
            database.rows(database.main, f"SELECT {what}, COUNT(*) {more} GROUP BY {what} ORDER BY {what}")
            for what, more in (
                ("state, outcome", f", SUM(version), {_sum('responded_at')} FROM cases"),
                ("kind, role", f", {_sum('occurred_at')}, SUM(LENGTH(words)) FROM case_event"),
                ("state", "FROM update_row"),
                ("agency, kind", "FROM feed"),
                ("template, state", "FROM message"),
                ("agency", "FROM external_ref"),
            )
        ]
    finally:
        database.close()


def _sum(moments: str) -> str:
    """A sum that tells whether all are the same; that of the moments themselves would be too large."""
    return f"SUM({moments} % 999983)"


# Contenders


def _export(box: Path) -> Work:
    settings = _settings(box)
    exporter = Exporter(wiring.build(settings).citizens, packs.current, box, Keys(settings.masters))
    return lambda progress: {"rows": exporter.make(OFFICE, utcnow(), progress=progress).rows}


def _import(updates: Path, box: Path) -> Work:
    house = wiring.build(_settings(box))
    worklists = Worklists(house.citizens, packs.current, box)
    importer = Importer(house.casework, house.citizens, packs.current, worklists, box)

    def work(progress: Progress) -> dict[str, int]:
        taken = importer.take(updates, None, utcnow(), progress=progress)
        if taken.refused:
            raise Refusal(taken.refused)
        return {name: getattr(taken, name) for name in ("rows", "accepted", "duplicate", "rejected", "superseded")}

    return work


def _floor_of_export(box: Path) -> Work:
    """Take the rows that wait, and write the same columns as they lie there."""
    wiring.bind(_settings(box))

    def work(progress: Progress) -> dict[str, int]:
        with (box / "floor.csv").open("w", encoding="utf-8", newline="") as file, database.transaction():
            out, rows = csv.writer(file, quoting=csv.QUOTE_ALL), 0
            database.run(database.main, "UPDATE feed SET file_id = 'floor' WHERE agency = ?", OFFICE)
            found = database.run(database.main, _LINES)
            while some := found.fetchmany(_TOGETHER):
                out.writerows(((*told, *orjson.loads(snapshot).values()) for *told, snapshot in some))
                rows += len(some)
                progress(len(some))
        return {"rows": rows}

    return work


_LINES: Final = (
    "SELECT '1', c.ref, e.id, f.kind, c.citizen_id, x.ref, f.snapshot FROM feed f JOIN cases c ON c.id = f.case_id "
    "JOIN case_event e ON e.case_id = f.case_id AND e.node = f.node AND e.seq = f.seq "
    "LEFT JOIN external_ref x ON x.agency = f.agency AND x.case_id = f.case_id "
    "WHERE f.file_id = 'floor' ORDER BY f.id"
)


def _floor_of_import(updates: Path, box: Path) -> Work:
    """Of each row: know its key, move its case, and insert its event, its row of the feed and its message."""
    wiring.bind(_settings(box))

    def work(progress: Progress) -> dict[str, int]:
        rows, now = 0, utcnow()
        with updates.open(encoding="utf-8-sig", newline="") as file, database.transaction():
            lines, cursor = csv.reader(file), database.main.connection().cursor()
            next(lines)
            while some := list(islice(lines, _TOGETHER)):
                told = [_as_it_lies(line, rows + number, now) for number, line in enumerate(some)]
                for statement in _LEAST:
                    cursor.executemany(statement, told)
                rows += len(some)
                progress(len(some))
        return {"rows": rows}

    return work


def _as_it_lies(line: Sequence[str], number: int, now: datetime) -> dict[str, Any]:
    told = dict(zip(UPDATES, line, strict=True))
    return {**told, "id": new_id(), "row": number + backlog.EVENTS, "now": to_micros(now), "text": "x" * 150}


# A repeated key changes nothing, and a number that is nobody's inserts nothing; the rest is not looked at.
_LEAST: Final = (
    "INSERT INTO update_row (id, node, agency, update_id, fingerprint, case_id, kind, file, row_no, status, state, "
    "occurred_at, received_at) SELECT :id, node, agency, :agency_update_id, :text, id, 'updates', '', :row, "
    ":new_status, 'applied', :now, :now FROM cases WHERE ref = :case_ref ON CONFLICT DO NOTHING",
    "INSERT INTO case_event (id, node, case_id, seq, kind, role, source, source_key, occurred_at, recorded_at, facts, "
    "words, previous, hash) SELECT :id, node, id, :row, :new_status, 'sync', 'csv', :agency_update_id, :now, :now, "
    ":text, :public_note, :text, :text FROM cases WHERE ref = :case_ref ON CONFLICT DO NOTHING",
    "UPDATE cases SET state = :new_status, state_since = :now, version = version + 1, events = events + 1, "
    "chain = :text WHERE ref = :case_ref",
    "INSERT INTO feed (id, node, agency, case_id, seq, kind, snapshot, recorded_at) SELECT :id, node, agency, id, "
    ":row, :new_status, :text, :now FROM cases WHERE ref = :case_ref",
    "INSERT INTO message (id, node, direction, state, citizen_id, case_id, body, created_at, attempts, lane, template, "
    "due_at, resent) SELECT :id, node, 'mt', 'queued', citizen_id, id, :text, :now, 0, 2, :new_status, :now, 0 "
    "FROM cases WHERE ref = :case_ref",
)


# A process for each


def _measured(contender: Contender, box: Path, rows: int, further: Callable[[], None]) -> Measure:
    with _process(contender, box, rows) as (_, said):
        return _heard(said, further)


def _killed(
    contender: Contender,
    box: Path,
    rows: int,
    unkilled: Measure,
    left: list[list[tuple[Any, ...]]],
    further: Callable[[], None],
) -> Killed:
    began = time.perf_counter()
    with _process(contender, box, rows) as (process, said):
        for _ in range(_KILLED_AT):
            said.recv()
            further()
        process.kill()
    killed_after = time.perf_counter() - began
    again = _measured(contender, box, rows, further)
    same = again.became == unkilled.became and _left(box) == left
    return Killed(killed_after + again.seconds, again.peak_mb, same)


def _heard(said: Connection, further: Callable[[], None]) -> Measure:
    """Listen to a process until it gives its measure."""
    try:
        while not isinstance(heard := said.recv(), Measure):
            further()
    except EOFError:
        raise Refusal(
            "A process that was being measured ended before it was done; what it said stands above."
        ) from None
    return heard


@contextmanager
def _process(contender: Contender, box: Path, rows: int) -> Iterator[tuple[BaseProcess, Connection]]:
    here, there = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_work, args=(contender, box, rows, there), daemon=True)
    process.start()
    there.close()
    try:
        yield process, here
    finally:
        process.join(_ENDS_WITHIN_S)
        process.kill()
        process.join()


def _work(contender: Contender, box: Path, rows: int, told: Connection) -> None:
    """A process's whole life: it tells each hundredth, and in the end its measure."""
    end_with_the_parent()
    logs.set_up("critical")
    work, progress = contender(box), _hundredths(rows, lambda: told.send(None))
    began, cpu = time.perf_counter(), time.process_time()
    became = work(progress)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    database.close()
    told.send(Measure(rows, seconds, cpu_s, _peak_mb(), became))


def _hundredths(total: int, further: Callable[[], object]) -> Progress:
    """Says `further` a hundred times while `total` is reached."""
    done = said = 0

    def progress(more: int) -> None:
        nonlocal done, said
        done += more
        while said < min(_HUNDRED, _HUNDRED * done // total):
            said += 1
            further()

    return progress


def _peak_mb() -> float:
    """The most memory that this process ever had (VmHWM, proc(5)); `ru_maxrss` would count its parent's."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


# For people


def _table(measured: Mapping[str, Mapping[str, Measure]]) -> str:
    lines = [f"{'':<24}{'rows':>11}{'seconds':>9}{'rows/s':>9}{'CPU s':>8}{'peak MB':>9}{'× floor':>9}"]
    for way, taken in measured.items():
        for name, one in taken.items():
            ratio = taken["floor"].seconds / one.seconds
            figures = f"{one.rows:>11,}{one.seconds:>9.1f}{one.rows / one.seconds:>9,.0f}{one.cpu_s:>8.1f}"
            lines.append(f"{f'{way}: {name}':<24}{figures}{one.peak_mb:>9.0f}{ratio:>9.2f}")
    return "\n".join(lines)


def _sentences(imports: Mapping[str, Measure], killed: Killed) -> str:
    became = ", ".join(f"{name} {count:,}" for name, count in imports["Mlango"].became.items())
    end = "the same" if killed.same else "ANOTHER"
    return (
        f"Imported: {became}.\n"
        f"Killed halfway and begun again: {end} result, {killed.seconds:.1f} s in all, {killed.peak_mb:.0f} MB."
    )
