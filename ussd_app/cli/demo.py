"""`./mlango demo`: cases to look at, and offices that work them."""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from zoneinfo import ZoneInfo

import click

import packs
from packs.model import Exchange, Pack
from store import migrate
from store.clock import utcnow
from sync import files
from sync.manifest import Keys
from sync.mock import Habits, Office
from ussd_app import wiring, year
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings


@click.group()
def command() -> None:
    """Fill an empty box with cases to look at, and play the offices that work them."""


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


@command.command("agency", short_help="Play offices: their clerks read our files, work, err, and answer.")
@click.option("--agency", "agencies", multiple=True, metavar="CODE", help="Only this office; may be given again.")
@click.option("--every", type=click.IntRange(1, 3600), default=60, show_default=True, help="Seconds between turns.")
@click.option("--once", is_flag=True, help="One turn, and no more.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number gives other clerks.")
def play_agencies(agencies: tuple[str, ...], every: int, seed: int, *, once: bool) -> None:
    """Play the offices that exchange files through a folder on this box, until Ctrl-C, while `up` runs beside.

    They read what lies in exchange/CODE/out, check it, work their cases over a few turns, and put update files and
    filled-in worklists into exchange/CODE/in: saved as spreadsheets save them, now and then with a mistake in them,
    which they mend when it comes back.
    """
    settings = Settings.load()
    if settings.mode == "production":
        raise Refusal("Made-up offices are for demo mode; in production real ones answer.")
    wiring.bind_prepared(settings)
    pack, keys = packs.current(), Keys(settings.masters)
    offices = {
        one.agency: Office(_habits(one, pack, keys, seed), files.folder(settings.home, one.agency))
        for one in _played(pack, agencies)
    }
    with suppress(KeyboardInterrupt):
        _play(offices, ZoneInfo(pack.zone), None if once else every)
    for agency, office in offices.items():
        done = ", ".join(f"{what} {number:,}" for what, number in office.tally().items())
        click.echo(f"{agency} in all: {done or 'nothing to do yet'}.")


def _play(offices: Mapping[str, Office], zone: ZoneInfo, every: int | None) -> None:
    """Turn after turn, so many seconds apart; None: one turn."""
    while True:
        for agency, office in offices.items():
            for sentence in office.turn(utcnow()):
                click.echo(f"{utcnow().astimezone(zone):%H:%M:%S}  {agency}: {sentence}")
        if every is None:
            return
        time.sleep(every)


def _played(pack: Pack, codes: tuple[str, ...]) -> list[Exchange]:
    """The offices to play: those named, or all that fetch their files from our own folder."""
    fetching = {one.agency: one for one in pack.exchanges.values() if one.transport == "folder" and not one.address}
    unknown = [code for code in codes if code not in fetching]
    if unknown or not fetching:
        known = ", ".join(sorted(fetching)) or "none"
        raise Refusal(f"Offices that can be played are those with a folder of ours in exchange.toml: {known}.")
    return [fetching[code] for code in codes or fetching]


def _habits(exchange: Exchange, pack: Pack, keys: Keys, seed: int) -> Habits:
    return Habits(
        agency=exchange.agency,
        files=exchange.files,
        language=exchange.language,
        zone=ZoneInfo(pack.zone),
        key=keys.key_for(exchange.agency),
        seed=seed,
    )


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
