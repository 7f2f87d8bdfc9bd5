"""What the made-up office remembers between its turns: its cases, the files it has seen, the rows it has sent."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sync.files import publish

FILE: Final = "books.json"
ENDED: Final = frozenset({"resolved", "closed", "rejected", "duplicate", "withdrawn"})

Row = dict[str, str]  # column → cell


@dataclass(slots=True)
class Entry:
    """A case in the office's own books."""

    number: str  # the office's own
    ref: str
    version: int
    state: str
    category: str
    language: str
    hand: str  # system | clerk: who works it
    plan: list[str]  # the steps that are still to come: start, ask, wait, done


@dataclass(slots=True)
class Sent:
    """A row that was sent, as it was meant; `slip` names what was wrong with it as it left, "" if nothing."""

    row: Row
    slip: str = ""


@dataclass(slots=True)
class Books:
    """Kept as one JSON file, written whole."""

    turns: int = 0
    seq: int = 0  # of the newest event file that was read
    sha256: str | None = None  # of that file
    sent_seq: int = 0  # of the newest update file
    updates: int = 0  # numbers the update ids
    cases: dict[str, Entry] = field(default_factory=dict)  # by case number
    seen: dict[str, str] = field(default_factory=dict)  # file → its SHA-256
    rows: dict[str, Sent] = field(default_factory=dict)  # by update id, or update key of a worklist
    files: dict[str, list[str]] = field(default_factory=dict)  # update file → its update ids, in order
    ready: list[str] = field(default_factory=list)  # files that are written, and not brought yet
    tally: dict[str, int] = field(default_factory=dict)

    @classmethod
    def opened(cls, folder: Path) -> Books:
        """The books in `folder`; empty ones where there are none."""
        file = folder / FILE
        if not file.exists():
            return cls()
        told: dict[str, Any] = json.loads(file.read_text())
        told["cases"] = {ref: Entry(**entry) for ref, entry in told["cases"].items()}
        told["rows"] = {key: Sent(**sent) for key, sent in told["rows"].items()}
        return cls(**told)

    def save(self, folder: Path) -> None:
        with publish(folder, FILE) as out:
            out.write(json.dumps(asdict(self), ensure_ascii=False, indent=1).encode())

    def count(self, what: str, more: int = 1) -> None:
        self.tally[what] = self.tally.get(what, 0) + more

    def to_do(self, hand: str) -> list[Entry]:
        """The cases of the system or of the clerk that wait for their next step."""
        return [one for one in self.cases.values() if one.hand == hand and one.plan and one.state not in ENDED]
