"""`./mlango citizen`: what is kept about a person is shown to them, erased, or let go of when its time has come."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

import packs
from cases import privacy as room
from cases import reference
from cases.citizens import Caller
from cases.lifecycle import NotAllowed
from cases.models import Case
from cases.privacy import StillOpen
from menus.messages import Renderer
from sms_gateway.msisdn import normalise
from store.clock import utcnow
from store.sealing import Unreadable
from ussd_app import logs, privacy, wiring
from ussd_app.cli import operator
from ussd_app.privacy import KINDS, Keep, Kind
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings
from ussd_app.wiring import House

_KINDS: Final[Mapping[Kind, str]] = {
    "citizens": "citizens",
    "texts": "texts of SMS",
    "inbox": "SMS on simulated handsets",
}


@click.group()
def command() -> None:
    """Show a person what is kept about them, erase it, or let go of what was kept long enough."""


@command.command(short_help="Everything that is kept about a person, as JSON.")
@click.argument("msisdn")
@click.option("--to", "target", default="-", help="The file to write (it must be new; mode 0600); - is the terminal.")
def export(msisdn: str, target: str) -> None:
    """Everything that is kept about the person with the number MSISDN, in plain words: cases, words, SMS, sessions."""
    house = _house()
    caller = _caller(house, msisdn)
    renderer = Renderer(packs.current, house.settings.service_name, house.settings.service_code)
    kept = privacy.export(caller, packs.current(), renderer, utcnow())
    text = json.dumps(kept, ensure_ascii=False, indent=2) + "\n"
    if target == "-":
        click.echo(text, nl=False)
        return
    _write(Path(target), text)
    click.echo(f"{target}: {_amounts(kept)}.")


@command.command(short_help="Erase a person; their cases stay, without them.")
@click.argument("msisdn")
@click.option("--withdraw", is_flag=True, help="Withdraw their open cases first; without it they stand in the way.")
@click.option("--by", "actor", metavar="NAME", help="Who erases, for the record; else the user of this machine.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(msisdn: str, *, withdraw: bool, actor: str | None, yes: bool) -> None:
    """Erase the person with the number MSISDN, for ever.

    Their key is thrown away: no word, SMS or draft of theirs can be read again. Their cases stay for the statistics, as
    numbers, places and times without a person, and the chain of events stays whole.
    """
    house = _house()
    caller = _caller(house, msisdn)
    open_cases = room.open_cases(caller.id)
    if open_cases and not withdraw:
        raise _still_open(caller, [case.ref for case in open_cases])
    _say_what_goes(caller, [case.ref for case in open_cases])
    if not yes:
        click.confirm("Erase?", abort=True)
    through = (house.casework, caller) if withdraw else None
    by = (actor or operator.name())[: room.Erasure.actor.max_length]
    try:
        gone = privacy.erase(house.citizens, caller.id, reason="request", actor=by, now=utcnow(), withdraw=through)
    except StillOpen as since:
        raise _still_open(caller, since.refs) from None
    except NotAllowed as rule:
        raise Refusal(f"Nothing was erased: {rule}.") from None
    click.echo(f"Erased. {_sentence(gone)}" if gone is not None else "They were erased meanwhile.")
    in_files = house.exchanges.clean(utcnow())
    if in_files:
        click.echo(f"Files of offices on this box: {_sentence(in_files)} The offices are told to erase their copies.")
    if not privacy.clear_logs():
        click.echo("The database's log is in use; old pages in it are overwritten as it goes on.", err=True)


@command.command(short_help="Let go of what was kept long enough, as the settings say.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def retention(*, dry_run: bool) -> None:
    """Let go of what was kept as long as MLANGO_KEEP_CITIZENS_DAYS and MLANGO_KEEP_MESSAGES_DAYS say.

    The running service does this every day by itself. Open cases, and people who have one, are never touched.
    """
    house, now = _house(), utcnow()
    keep = Keep.told_by(house.settings)
    for kind in KINDS:
        with click.progressbar(
            length=privacy.total(kind), label=_KINDS[kind], file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            if dry_run:
                ages: Counter[int] = Counter()
                for window in privacy.windows(kind, keep, now):
                    ages.update(_age(since, now) for _, since in window.due)
                    bar.update(window.looked)
                told = f"{ages.total():,} would go" + (f" ({_by_age(ages)})" if ages else "")
            else:
                gone = privacy.retain_all(kind, house.citizens, keep, now, actor=operator.name(), progress=bar.update)
                told = f"{gone:,} erased"
        click.echo(f"{_KINDS[kind]}, kept {_days(keep, kind)} days: {told}.")


def _house() -> House:
    settings = Settings.load()
    logs.set_up("warning")
    wiring.bind_prepared(settings)
    return wiring.build(settings)


def _caller(house: House, text: str) -> Caller:
    msisdn = normalise(text)
    if msisdn is None:
        raise Refusal(f"{text!r} is not a phone number; write it like +254712345678 or 0712345678.")
    try:
        caller = house.citizens.find(msisdn)
    except Unreadable as fault:
        raise Refusal(f"What is kept about {msisdn} cannot be read: {fault}.") from None
    if caller is None:
        raise Refusal(f"Nothing is kept about {msisdn}: they never asked us anything, or were erased.")
    return caller


def _write(file: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise Refusal(f"{file} is there already; choose another name.") from None
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {(error.strerror or str(error)).lower()}.") from None


def _amounts(kept: Mapping[str, Any]) -> str:
    return ", ".join(f"{part}: {len(kept[part]):,}" for part in ("cases", "messages", "sessions"))


def _still_open(caller: Caller, refs: list[str] | tuple[str, ...]) -> Refusal:
    return Refusal(
        f"{caller.msisdn} has open cases: {', '.join(map(reference.shown, refs))}. "
        "Wait until they have ended, or withdraw them with --withdraw."
    )


def _say_what_goes(caller: Caller, open_cases: list[str]) -> None:
    cases = Case.select().where(Case.citizen == caller.id).count()
    click.echo(f"This erases {caller.msisdn} for ever: number, key, language, last place, opt-out of SMS.")
    for name, rows in privacy.belongings(caller.id).items():
        click.echo(f"  {rows:>6,}  {name}")
    if open_cases:
        click.echo(f"Withdrawn before that: {', '.join(map(reference.shown, open_cases))}.")
    click.echo(f"Cases that stay, without a person, their words unreadable: {cases:,}.")


def _sentence(gone: Counter[str]) -> str:
    return "; ".join(f"{name}: {rows:,}" for name, rows in gone.items()) + "." if gone else "There was nothing else."


def _days(keep: Keep, kind: Kind) -> str:
    return f"{(keep.citizens if kind == 'citizens' else keep.texts).days:,}"


def _age(since: datetime, now: datetime) -> int:
    """In whole months up to a year, then in whole years, as months."""
    days = (now - since).days
    return days // 30 if days < 365 else days // 365 * 12


def _by_age(ages: Counter[int]) -> str:
    """The youngest first."""
    return ", ".join(f"{_months(age)} old: {ages[age]:,}" for age in sorted(ages))


def _months(age: int) -> str:
    number, unit = (age, "month") if age < 12 else (age // 12, "year")
    return f"{number} {unit}{'s' * (number != 1)}"
