"""`./mlango bench [NAME…]`: runs benchmarks, prints a table for each and keeps the figures in bench/results/."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
import orjson

from bench import exchange, machine, sms, sweep, ussd
from bench.plan import Benchmark, Plan, Report
from store.clock import utcnow
from ussd_app.refusal import Refusal

BENCHMARKS: Final[Mapping[str, Benchmark]] = {"ussd": ussd, "sweep": sweep, "sms": sms, "exchange": exchange}
RESULTS: Final = Path(__file__).with_name("results")


@click.command(name="./mlango bench")
@click.argument("names", metavar="[NAME]…", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--seconds", type=click.IntRange(1, 600), default=8, show_default=True, help="Length of a round.")
@click.option("--rounds", type=click.IntRange(1, 50), default=3, show_default=True, help="Rounds of each contender.")
@click.option("--quick", is_flag=True, help="A tenth of the messages or rows (sms, exchange).")
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="The folder for the figures. [default: bench/results]",
)
def main(names: tuple[str, ...], seconds: int, rounds: int, quick: bool, results: Path) -> None:
    """Measure Mlango beside floors, on generated data. NAME is a benchmark; without one, all are run.

    Nothing outside this machine is called, and nothing but the figures is left behind.
    """
    for name in names or BENCHMARKS:
        try:
            report = measure(name, Plan(seconds, rounds, quick))
        except Refusal as refusal:
            raise click.ClickException(str(refusal)) from None
        click.echo(report.table)
        click.echo(f"Kept in {keep(name, report, results)}", err=True)


def measure(name: str, plan: Plan) -> Report:
    """Run one benchmark in a folder of its own, with a progress bar on standard error. Raises Refusal."""
    benchmark = BENCHMARKS[name]
    with (
        tempfile.TemporaryDirectory(prefix="mlango-bench-") as folder,
        click.progressbar(length=benchmark.steps(plan), label=name, file=sys.stderr) as bar,
    ):
        return benchmark.run(plan, Path(folder), lambda: bar.update(1))


def keep(name: str, report: Report, folder: Path) -> Path:
    """Write the figures, with what they were taken on and when; the file."""
    now = utcnow()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{now:%Y%m%d-%H%M%S}.json"
    record = {"benchmark": name, "at": now, "machine": machine.describe(), **report.record}
    file.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
    return file


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was started is ended
    main()
