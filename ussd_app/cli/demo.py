"""`./mlango demo`: cases to look at."""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from store import migrate
from store.clock import utcnow
from ussd_app import wiring, year
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings


@click.group()
def command() -> None:
    """Fill an empty box with cases to look at."""


@command.command("year", short_help="Live through a year of made-up cases.")
@click.option("--cases", type=click.IntRange(1, 1_000_000), default=100_000, show_default=True, help="How many.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number gives another year.")
def live_a_year(cases: int, seed: int) -> None:
    """Live through a made-up year that ends today: cases in every state, each with its whole history.

    The database is made if it is not there; the service must not be running. Nothing is sent to anybody.
    """
    settings, began = Settings.load(), time.monotonic()
    if settings.mode == "production":
        raise Refusal("A made-up year is for demo mode; in production there are only cases of real people.")
    with _alone(settings.home):
        house = wiring.build(settings)
        migrate.run()
        wiring.publish_pack(settings)
        if year.was_lived():
            raise Refusal(
                "This database has a made-up year already, or a part of one; nothing was added. "
                "MLANGO_HOME names another folder for another one."
            )
        plan = year.Plan(cases, seed, utcnow())
        hidden = not sys.stderr.isatty()
        with click.progressbar(length=cases, label="Living through a year", file=sys.stderr, hidden=hidden) as bar:
            year.live(plan, house.citizens, bar.update)
        click.echo(_summary(year.lived(), time.monotonic() - began))


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep `up` away meanwhile: its timers live today, and would find the whole year overdue."""
    lock_file = home / "run" / "up.lock"
    lock_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(f"`up` runs on {home}; stop it, or choose another folder with MLANGO_HOME.") from None
        yield


def _summary(lived: year.Lived, seconds: float) -> str:
    states = [f"  {state.replace('_', ' '):<22}{amount:>9,}" for state, amount in lived.states.items()]
    return "\n".join([f"{lived.cases:,} cases, {lived.events:,} events, in {seconds:,.0f} s:", *states])
