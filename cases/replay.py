"""Cases rebuilt from their histories: each event holds what it changed, so the row of a case is the fold of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from cases import reference
from cases.events import TOLD
from store import database

_BATCH: Final = 500
_COLUMNS: Final = ", ".join(TOLD)
_NO_HISTORY: Final = dict.fromkeys(TOLD)


def replay(facts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The told columns of a case (times as microseconds) after the events with these `facts`, in order of seq."""
    told: dict[str, Any] = dict(_NO_HISTORY)
    for event in facts:
        told.update((name, value) for name, value in event.items() if name in _NO_HISTORY)
    return told


def differences(progress: Callable[[int], None] = lambda _: None) -> Iterator[str]:
    """Compare every case with the replay of its events; a sentence for each that differs.

    A case that changes meanwhile is compared with the events that its row counts. `progress` is told how many cases
    were just compared.
    """
    last = ""
    while rows := _cases_after(last):
        last = rows[-1][0]
        histories = _histories(rows[0][0], last)
        for case_id, ref, count, *values in rows:
            history = histories.get(case_id, [])[:count]
            if history and "state" not in history[0]:
                continue  # lodged by an earlier version, whose events did not tell what they changed
            told = replay(history)
            wrong = [
                f"{name} is {_written(value)}, but its events say {_written(told[name])}"
                for name, value in zip(TOLD, values, strict=True)
                if value != told[name]
            ]
            if wrong:
                yield f"Case {reference.shown(ref)}: {'; '.join(wrong)}."
        progress(len(rows))


def _cases_after(last: str) -> list[tuple[Any, ...]]:
    return database.rows(
        database.main, f"SELECT id, ref, events, {_COLUMNS} FROM cases WHERE id > ? ORDER BY id LIMIT {_BATCH}", last
    )


def _histories(first: str, last: str) -> dict[str, list[Mapping[str, Any]]]:
    """The facts of the events of the cases from `first` to `last`, in their order."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    select = "SELECT case_id, facts FROM case_event WHERE case_id BETWEEN ? AND ? ORDER BY case_id, node, seq"
    for case_id, facts in database.rows(database.main, select, first, last):
        found.setdefault(case_id, []).append(json.loads(facts))
    return found


def _written(value: Any) -> str:
    return "nothing" if value is None else f"“{value}”"
