"""From rounds to figures: medians, ratios to the floors, and the table that shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.walk import Round


@dataclass(frozen=True, slots=True)
class Figures:
    """The medians of a contender's rounds; `errors` is their sum."""

    sessions_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float  # of the server, a request
    errors: int


def summary(rounds: Sequence[Round]) -> Figures:
    """Medians one by one: no round needs to have them all."""
    return Figures(
        sessions_per_s=median(one.sessions_per_s for one in rounds),
        p50_ms=median(one.p50_us for one in rounds) / 1000,
        p99_ms=median(one.p99_us for one in rounds) / 1000,
        cpu_us=median(one.cpu_us for one in rounds),
        errors=sum(one.errors for one in rounds),
    )


def ratios(of: Figures, floors: Mapping[str, Figures]) -> dict[str, float]:
    """Sessions per second as a part of each floor's."""
    return {name: of.sessions_per_s / floor.sessions_per_s for name, floor in floors.items()}


_HEADINGS: Final = ("sessions/s", "p50 ms", "p99 ms", "CPU µs/request", "errors")


def table(figures: Mapping[str, Figures], floors: Sequence[str]) -> str:
    """A line for each contender, with its ratios to the floors; for a terminal of 100 columns."""
    measured = {name: figures[name] for name in floors}
    lines = [["", *_HEADINGS, *(f"× {name}" for name in floors)]]
    for name, one in figures.items():
        own = (
            f"{one.sessions_per_s:.0f}",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{one.cpu_us:.0f}",
            str(one.errors),
        )
        lines.append([name, *own, *(f"{ratio:.2f}" for ratio in ratios(one, measured).values())])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines)
