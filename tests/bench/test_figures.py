"""The arithmetic of the benchmarks."""

from __future__ import annotations

import pytest

from bench import figures
from bench.figures import Figures
from bench.walk import Round

QUICK = Figures(sessions_per_s=1000, p50_ms=1, p99_ms=3, cpu_us=150, errors=0)
SLOW = Figures(sessions_per_s=250, p50_ms=4.25, p99_ms=12, cpu_us=600, errors=2)


def measured(seconds: float = 2, sessions: int = 100, p50_us: int = 1000, cpu_s: float = 0.1, errors: int = 0) -> Round:
    return Round(seconds, sessions * 5, sessions, p50_us, p50_us * 3, bad=0, errors=errors, cpu_s=cpu_s)


def test_sessions_are_counted_by_the_second_and_processor_time_by_the_request() -> None:
    one = measured(seconds=4, sessions=100, cpu_s=0.25)
    assert (one.sessions_per_s, one.cpu_us) == (25, 500)


def test_a_round_without_a_request_costs_what_it_cost() -> None:
    assert measured(sessions=0, cpu_s=0.5).cpu_us == 500_000


def test_one_bad_minute_does_not_count() -> None:
    rounds = [
        measured(sessions=100),
        measured(sessions=3, p50_us=90_000, cpu_s=2.0),
        measured(sessions=110, cpu_s=0.11),
    ]
    assert figures.summary(rounds) == Figures(sessions_per_s=50, p50_ms=1, p99_ms=3, cpu_us=200, errors=0)


def test_errors_are_summed_so_that_none_is_lost_in_a_median() -> None:
    assert figures.summary([measured(), measured(errors=3), measured(errors=1)]).errors == 4


def test_a_ratio_is_a_part_of_the_floor() -> None:
    assert figures.ratios(SLOW, {"quick": QUICK, "slow": SLOW}) == {"quick": 0.25, "slow": 1}


def test_the_table_has_a_line_for_each_contender_and_a_column_for_each_floor() -> None:
    heading, quick, slow = figures.table({"quick": QUICK, "slow": SLOW}, ["quick"]).splitlines()
    assert heading.split("  ")[-1] == "× quick"
    assert quick.split() == ["quick", "1000", "1.0", "3.0", "150", "0", "1.00"]
    assert slow.split() == ["slow", "250", "4.2", "12.0", "600", "2", "0.25"]
    assert len(heading) == len(quick) == len(slow)


@pytest.mark.parametrize("floors", [[], ["quick"], ["quick", "slow"]])
def test_the_table_fits_a_terminal(floors: list[str]) -> None:
    assert max(map(len, figures.table({"quick": QUICK, "slow": SLOW}, floors).splitlines())) <= 100
