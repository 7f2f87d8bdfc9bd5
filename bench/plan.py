"""What every benchmark is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure: `rounds` for each contender, of `seconds` each. `quick`: with a tenth of the data."""

    seconds: int
    rounds: int
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A benchmark's figures: as a table for people, and as a record that can be kept as JSON."""

    table: str
    record: Mapping[str, Any]


class Benchmark(Protocol):
    """A module of this package."""

    def steps(self, plan: Plan) -> int:
        """How often `run` says that it came further."""
        ...

    def run(self, plan: Plan, folder: Path, further: Callable[[], None]) -> Report:
        """Measure, writing into the empty `folder` only. Raises Refusal when it cannot be done here."""
        ...
