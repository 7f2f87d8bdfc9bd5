"""How long does a sweep take over a mountain of overdue cases? Beside a floor that only writes the same rows.

The floor updates a case and inserts an event and a message for each, in transactions of the same size, with the same
durability: what no sweep on this database could undercut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from bench.plan import Plan, Report
from cases.casework import MOST_CHANGES, Casework, Change
from cases.lifecycle import Action
from cases.models import Case
from cases.sweep import BATCH, sweep
from store import database, migrate
from store.clock import utcnow
from store.model import Insert, new_id
from ussd_app import logs, wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

CASES: Final = 50_000
CITIZENS: Final = 5_000  # ten cases each, which is many
_OVERDUE: Final = timedelta(hours=80)  # no water is promised in 72


@dataclass(frozen=True, slots=True)
class Round:
    """One sweep: seconds in all, and of its slowest transaction in milliseconds."""

    seconds: float
    longest_ms: float


def steps(plan: Plan) -> int:
    """For each round: furnishing, the floor, the sweep."""
    return 3 * plan.rounds


def run(plan: Plan, folder: Path, further: Callable[[], None]) -> Report:
    """Floor and sweep in turn, each on the same cases; `plan.seconds` has no meaning here."""
    logs.set_up("warning")
    rounds: dict[str, list[Round]] = {"rows only": [], "Mlango": []}
    for number in range(plan.rounds):
        settings = Settings.load({"MLANGO_HOME": str(folder / str(number))})
        wiring.bind(settings)
        migrate.run()
        wiring.publish_pack(settings)
        house, now = wiring.build(settings), utcnow()
        furnish(house.casework, now - _OVERDUE, CASES)
        further()
        rounds["rows only"].append(_floor(CASES))
        further()
        rounds["Mlango"].append(_sweep(house.casework, now))
        further()
        database.close()
    return Report(_table(rounds), {name: [asdict(one) for one in taken] for name, taken in rounds.items()})


def furnish(casework: Casework, received: datetime, count: int) -> None:
    """`count` open cases lodged at `received`: a few real ones, copied with numbers of their own."""
    citizens = [casework.citizens.meet(f"+2547000{number:05}", received) for number in range(min(CITIZENS, count))]
    facts = {"sub": "water.none", "place": "kibera"}
    lodging = [
        Change(Action.LODGE, citizen, "ussd", f"furnish/{number}", facts=facts)
        for number, citizen in enumerate(citizens)
    ]
    for start in range(0, len(lodging), MOST_CHANGES):
        casework.apply_many(lodging[start : start + MOST_CHANGES], received)
    originals = [case.__data__ for case in Case.select()]
    insert, made = Insert(Case), len(originals)
    while made < count:
        copies, first = [], made % len(originals)
        for original in originals[first : first + min(MOST_CHANGES, count - made)]:
            made += 1
            key = new_id()
            copies.append({**original, "id": key, "source_key": key, "ref": _number(made)})
        with database.transaction():
            insert(copies)


def _number(ordinal: int) -> str:
    """Numbers one after the other, which no lodging draws: they begin with 1."""
    return f"1{ordinal:08}"


def _sweep(casework: Casework, now: datetime) -> Round:
    asked: list[float] = []

    def go_on() -> bool:
        asked.append(perf_counter())
        return True

    began = perf_counter()
    done = sweep(casework, now, go_on=go_on)
    seconds = perf_counter() - began
    if done["escalate"] != CASES:
        raise Refusal(f"The sweep escalated {done['escalate']:,} of {CASES:,} cases.")
    return Round(seconds, _longest(asked))


def _floor(count: int) -> Round:
    """An update, an event's row and a message's row for each case; nothing is checked, sealed or understood."""
    database.run(database.main, "CREATE TABLE floor_event (id TEXT PRIMARY KEY, key TEXT UNIQUE, facts TEXT)")
    database.run(database.main, "CREATE TABLE floor_message (id TEXT PRIMARY KEY, body TEXT)")
    ids = [row[0] for row in database.rows(database.main, "SELECT id FROM cases")]
    began, asked = perf_counter(), []
    for start in range(0, count, BATCH):
        asked.append(perf_counter())
        with database.transaction():
            for case_id in ids[start : start + BATCH]:
                database.run(database.main, "UPDATE cases SET followers = 0 WHERE id = ?", case_id)
                database.run(database.main, "INSERT INTO floor_event VALUES (?, ?, ?)", new_id(), case_id, "x" * 300)
                database.run(database.main, "INSERT INTO floor_message VALUES (?, ?)", new_id(), "x" * 200)
    asked.append(perf_counter())
    return Round(perf_counter() - began, _longest(asked))


def _longest(asked: Sequence[float]) -> float:
    return 1000 * max(later - earlier for earlier, later in pairwise(asked))


def _table(rounds: dict[str, list[Round]]) -> str:
    seconds = {name: median(one.seconds for one in taken) for name, taken in rounds.items()}
    longest = {name: median(one.longest_ms for one in taken) for name, taken in rounds.items()}
    lines = [f"{'':<12}{'seconds':>9}{'cases/s':>10}{'longest transaction ms':>25}{'× rows only':>14}"]
    for name in rounds:
        ratio = seconds["rows only"] / seconds[name]
        lines.append(
            f"{name:<12}{seconds[name]:>9.1f}{CASES / seconds[name]:>10.0f}{longest[name]:>25.0f}{ratio:>14.2f}"
        )
    return "\n".join(lines)
