"""A day in the made-up office: read what came, mend what came back, work the cases, and write it down."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from stdnum import damm

from sync import manifest
from sync.columns import UPDATES
from sync.feed import FAREWELLS
from sync.files import MANIFEST, manifest_of, publish
from sync.mock.books import ENDED, Books, Entry, Row, Sent
from sync.mock.handwriting import DAY, DRESSES, OF_CLERKS, OF_SYSTEMS, as_typed, slipped
from sync.mock.notes import note
from sync.mock.paper import Paper
from sync.transports.notes import in_order

XLSX: Final = 0.6  # of all worklists are filled in as Excel files, the others as tables
MOST_A_DAY: Final = 40  # cases that the system moves on, and that the clerk does

_PLANS: Final = (
    ("start", "done"),
    ("start", "done"),
    ("start", "wait", "done"),
    ("start", "ask", "done"),
    ("done",),
)
_STATES: Final[Mapping[str, str]] = {
    "start": "in_progress",
    "ask": "pending_citizen",
    "wait": "pending_third_party",
    "done": "resolved",
}
_TYPED: Final[Mapping[str, tuple[str, ...]]] = {  # what a clerk puts into the column "status"
    "start": ("1", " 1 "),
    "ask": ("ask", "uliza"),
    "wait": ("2",),
    "done": ("3", "3", "DONE "),
}
_AGAIN: Final = frozenset({"reopen", "restore", "overturn", "release"})  # events that begin a case anew
ACK: Final = ".ack.json"
_SLIPS: Final = {**OF_SYSTEMS, **OF_CLERKS}
# What else may be noted of a row beside a slip
_STRANGER, _MENDED, _THROWN_AWAY = "stranger", "mended", "thrown away"


@dataclass(frozen=True, slots=True)
class Habits:
    """What sort of office it is. `files`: what it gets: events (it has a system), work (it has a clerk).

    Of all rows `slips` have a mistake, and of all cases `idle` wait another day; of all days `repeats` bring a row
    again, and `late` end with a file left lying.
    """

    agency: str
    files: Sequence[str]
    language: str
    zone: ZoneInfo
    key: bytes = field(repr=False)  # of the manifests
    seed: int = 1
    slips: float = 0.15
    idle: float = 0.25
    repeats: float = 0.3
    late: float = 0.15


class Day:
    """One turn. `out` is read; what is to be sent is written into `ready` and noted in the books; `sent` has copies."""

    def __init__(
        self, habits: Habits, books: Books, out: Path, ready: Path, sent: Path, now: datetime, rng: Random
    ) -> None:
        self._habits, self._books, self._rng = habits, books, rng
        self._out, self._ready, self._sent = out, ready, sent
        self._now = now.astimezone(habits.zone)
        self._mended: list[Row] = []  # of the system, to be sent once more

    def live(self) -> list[str]:
        """All of the day's work; what was done, in sentences."""
        read = [*self._read_events(), *self._read_answers()]
        return [*read, *self._fill_sheets(), *self._repeat_file(), *self._send()]

    # The event files

    def _read_events(self) -> Iterator[str]:
        for note_file in sorted(self._out.glob(f"out_*{MANIFEST}")):
            path = note_file.with_name(note_file.name.removesuffix(MANIFEST) + ".csv")
            if path.name not in self._books.seen:
                yield self._read_event_file(path)

    def _read_event_file(self, path: Path) -> str:
        """Check a file against its manifest, and the manifest against our key and the file before; then read it."""
        content = path.read_bytes()
        digest = self._books.seen[path.name] = sha256(content).hexdigest()
        try:
            told = manifest.verify(manifest_of(path).read_bytes(), self._habits.key)
        except manifest.BadManifest as fault:
            return f"Left {path.name} alone: {fault}."
        if told.sha256 != digest:
            return f"Left {path.name} alone: its SHA-256 is not the one in its manifest."
        if told.seq is None:
            return f"Put {path.name} aside: it repeats what we had."
        gap = told.seq != self._books.seq + 1 or told.previous != self._books.sha256
        self._books.seq, self._books.sha256 = told.seq, digest
        rows = list(csv.DictReader(StringIO(content.decode("utf-8-sig"))))
        kinds = Counter(self._enter_event(row) for row in rows)
        self._books.count("event files")
        self._books.count("event rows", len(rows))
        chain = "but a file before it is missing" if gap else "sealed, and next in the chain"
        return f"Read {path.name}, {chain}: {_listed(kinds)}."

    def _enter_event(self, row: Row) -> str:
        """Enter an event; its kind."""
        kind, ref, state = row["event_type"], row["case_ref"], row["state"]
        if kind in FAREWELLS:
            self._books.cases.pop(ref, None)
            return kind
        entry = self._books.cases.get(ref)
        if entry is None and state not in ENDED:
            hand = "clerk" if "work" in self._habits.files and self._rng.random() < 0.4 else "system"
            entry = self._enter(ref, hand, row["category_code"].partition(".")[0], row["lang"])
        if entry:
            entry.version, entry.state = int(row["case_version"]), state
            if kind in _AGAIN:
                entry.plan = list(self._rng.choice(_PLANS))
        return kind

    def _enter(self, ref: str, hand: str, category: str, language: str) -> Entry:
        number = f"{self._habits.agency}/{len(self._books.cases) + 1:04}"
        plan = list(self._rng.choice(_PLANS))
        entry = self._books.cases[ref] = Entry(number, ref, 0, "assigned", category, language, hand, plan)
        return entry

    # What became of what was sent

    def _read_answers(self) -> Iterator[str]:
        for path in sorted(self._out.glob(f"*{ACK}")):
            if self._is_new(path):
                yield from self._read_answer(path)

    def _read_answer(self, path: Path) -> Iterator[str]:
        told = json.loads(path.read_bytes())
        name = told["file"]
        if not (self._sent / name).exists():
            yield f"Saw what became of {name}, which somebody else sent."
            return
        if told.get("refused"):
            self._books.count("files refused")
            yield f"{name} was refused: {told['refused']}"
            return
        for what in ("accepted", "duplicate", "rejected"):
            self._books.count(what, told[what])
        yield f"Of {name} {told['accepted']} taken, {told['duplicate']} known already, {told['rejected']} sent back."
        errors = path.with_name(path.name.removesuffix(ACK) + ".errors.csv")
        if told["rejected"] and errors.exists():
            yield from self._mend_rows(name, errors) if name in self._books.files else self._mend_sheet(errors)

    def _mend_rows(self, name: str, errors: Path) -> Iterator[str]:
        """Rows of the system: one that was written wrong is sent once more as it was meant, with the same id."""
        for fault in csv.DictReader(StringIO(errors.read_text("utf-8-sig"))):
            key = self._books.files[name][int(fault["row_no"]) - 2]
            yield f"{fault['message']} {self._mend(key)}"
            if self._books.rows[key].slip == _MENDED:
                self._mended.append(self._books.rows[key].row)

    def _mend_sheet(self, errors: Path) -> Iterator[str]:
        """The clerk's: corrected where it stands, on the sheet that came back, which is sent as it is then."""
        path = errors.with_suffix(".xlsx") if self._rng.random() < XLSX else errors
        paper = Paper(path)
        for number, row in paper.rows():
            key = row["update_key"]
            yield f"{row['problem']} {self._mend(key)}"
            sent = self._books.rows.get(key)
            paper.write(number, sent.row if sent and sent.slip == _MENDED else {"status": ""})
        self._put(path.name, paper.saved(self._rng.choice(DRESSES)))

    def _mend(self, key: str) -> str:
        """What is done about a row that came back; in words."""
        sent = self._books.rows.get(key)
        if sent is None:  # a person filled in a list of the same name
            return "Threw the row away."
        was, sent.slip = sent.slip, _MENDED if sent.slip in _SLIPS else _THROWN_AWAY
        self._books.count("mended" if sent.slip == _MENDED else "thrown away")
        if sent.slip == _MENDED:
            return f"That was {_SLIPS[was].told}; corrected."
        return "Threw the row away."

    # The clerk's sheets

    def _fill_sheets(self) -> Iterator[str]:
        """Fill in today's worklist, as an Excel file or a table; a list that did not change since is left alone."""
        newest = self._newest_list()
        if "work" not in self._habits.files or newest is None or not self._is_new(newest):
            return
        path = newest if self._rng.random() < XLSX else newest.with_suffix(".csv")
        paper, steps = Paper(path), Counter[str]()
        for number, row in paper.rows():
            step = self._next_step(row)
            if step:
                steps[step] += 1
                paper.write(number, self._filled(row, step))
        if steps:
            dress = self._rng.choice(DRESSES)
            self._put(path.name, paper.saved(dress))
            self._books.count("worklists")
            self._books.count("worklist rows", steps.total())
            how = "in Excel" if path.suffix == ".xlsx" else f"saved {dress.told}"
            yield f"Filled in {path.name}, {how}: {_listed(steps)}."

    def _newest_list(self) -> Path | None:
        """The list of the newest day; the second and third of a day have a number behind it."""
        names = [path.name for path in self._out.glob(f"work_{self._habits.agency}_*.xlsx")]
        lists = in_order(name for name in names if not name.endswith(".errors.xlsx"))
        return self._out / lists[-1] if lists else None

    def _is_new(self, path: Path) -> bool:
        digest = sha256(path.read_bytes()).hexdigest()
        before, self._books.seen[path.name] = self._books.seen.get(path.name), digest
        return digest != before

    def _next_step(self, row: Row) -> str | None:
        """What the clerk has to say about a case today, if anything."""
        ref = row["case_ref"].strip("' ").replace("-", "")
        entry = self._books.cases.get(ref) or self._enter(ref, "clerk", "", self._habits.language)
        busy = row["update_key"] in self._books.rows or self._rng.random() < self._habits.idle
        return entry.plan.pop(0) if entry.hand == "clerk" and entry.plan and not busy else None

    def _filled(self, row: Row, step: str) -> Row:
        """The cells that the clerk writes, now and then with a slip in them."""
        entry = self._books.cases[row["case_ref"].strip("' ").replace("-", "")]
        cells = Row(
            status=self._rng.choice(_TYPED[step]),
            note=note(step, entry.category, self._habits.language, self._rng),
            date=self._rng.choice(["", "", self._now.strftime(DAY), f"{self._now.day}/{self._now:%m/%y}"]),
        )
        sent = self._books.rows[row["update_key"]] = Sent(cells)
        if self._rng.random() < self._habits.slips:
            cells, sent.slip = slipped(cells, OF_CLERKS, self._now, self._rng)
        return cells

    # What the system sends

    def _send(self) -> Iterator[str]:
        leaving = [*self._mended, *self._steps()]
        if not leaving:
            return
        leaving += [*self._repeats(), *self._strangers()]
        self._books.sent_seq += 1
        name = f"in_{self._habits.agency}_{self._now:%Y%m%d}_{self._books.sent_seq:04}.csv"
        dress = self._rng.choice(DRESSES)
        self._put(name, dress.on([UPDATES, *([row[column] for column in UPDATES] for row in leaving)]))
        self._books.files[name] = [row["agency_update_id"] for row in leaving]
        self._books.count("update files")
        self._books.count("update rows", len(leaving))
        done = Counter(self._books.rows[row["agency_update_id"]].row["new_status"] for row in leaving)
        yield f"Wrote {name}, saved {dress.told}: {_listed(done)}."

    def _steps(self) -> Iterator[Row]:
        """The next step of every case that somebody got to today; a few with a slip in them."""
        waiting = [one for one in self._books.to_do("system") if self._rng.random() >= self._habits.idle]
        for entry in waiting[:MOST_A_DAY]:
            step = entry.plan.pop(0)
            row = Row(
                schema_version="1",
                agency_update_id=self._next_id(),
                case_ref=entry.ref,
                base_version=str(entry.version),
                agency_ref=entry.number,
                new_status=_STATES[step],
                outcome_code="fixed" if step == "done" else "",
                public_note=note(step, entry.category, entry.language, self._rng),
                internal_note="Crew 4" if step == "start" else "",
                assignee_code="",
                occurred_at=self._now.isoformat(timespec="seconds"),
            )
            sent = self._books.rows[row["agency_update_id"]] = Sent(row)
            if self._rng.random() < self._habits.slips:
                row, sent.slip = slipped(row, OF_SYSTEMS, self._now, self._rng)
                yield row
            else:
                yield row | {"case_ref": as_typed(entry.ref, self._rng)}

    def _repeats(self) -> Iterator[Row]:
        """Now and then a row that was sent before, just so."""
        old = [one.row for one in self._books.rows.values() if "agency_update_id" in one.row and not one.slip]
        if old and self._rng.random() < self._habits.repeats:
            yield self._rng.choice(old)

    def _repeat_file(self) -> Iterator[str]:
        """Now and then a file that was sent before, just so."""
        sent = [name for name in self._books.files if name not in self._books.ready and (self._sent / name).exists()]
        if sent and self._books.to_do("system") and self._rng.random() < self._habits.repeats / 2:
            name = self._rng.choice(sent)
            self._put(name, (self._sent / name).read_bytes())
            yield f"Sent {name} once more, to be sure."

    def _strangers(self) -> Iterator[Row]:
        """Now and then a row about a case that nobody gave us."""
        old = [one.row for one in self._books.rows.values() if "agency_update_id" in one.row]
        if old and self._rng.random() < self._habits.slips:
            payload = str(self._rng.randrange(20_000_000, 69_999_999))
            ref = payload + damm.calc_check_digit(payload)
            row = old[0] | {"agency_update_id": self._next_id(), "case_ref": ref}
            self._books.rows[row["agency_update_id"]] = Sent(row, _STRANGER)
            yield row

    def _next_id(self) -> str:
        self._books.updates += 1
        return f"{self._habits.agency}-{self._books.updates:06}"

    def _put(self, name: str, content: bytes) -> None:
        with publish(self._ready, name) as out:
            out.write(content)
        if name not in self._books.ready:
            self._books.ready.append(name)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items())) or "nothing new"
