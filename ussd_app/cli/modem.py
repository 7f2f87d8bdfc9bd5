"""`./mlango modem`: whether a USB modem, its SIM card and its gammu-smsd are as they should be."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Final
from zoneinfo import ZoneInfo

import click

import packs
from sms_gateway import lines, modem, spool
from sms_gateway.gammu import IDLE_AFTER
from sms_gateway.modem import Answer, Ask, Finding, Verdict
from sms_gateway.spool import Outgoing, Spool
from store.clock import utcnow
from store.migrate import pending
from ussd_app import wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

_PATIENCE_S: Final = 20.0
_COLOURS: Final = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}
_A_DAY: Final = 200


@click.group()
def command() -> None:
    """A USB modem with a SIM card: SMS without any other line."""


@command.command(short_help="Port, PIN, signal, operator, airtime, storage, clock: one line each, and what to do.")
@click.option("--channel", metavar="NAME", help="Which modem, where MLANGO_GAMMU_SPOOL names several.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that has [gammu], and [smsd] too where the daemon uses it; /etc/gammu-smsdrc if it is there.",
)
@click.option(
    "--spool",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The daemon's folder, instead of the channel's.",
)
@click.option("--per-day", default=_A_DAY, show_default=True, type=click.IntRange(1), help="SMS a day by fair use.")
@click.option("--balance", default=modem.BALANCE, show_default=True, help="The code that airtime is asked with.")
@click.option("--least", default=modem.LEAST_AIRTIME, show_default=True, help="Airtime in KSh below which to warn.")
@click.pass_context
def check(
    ctx: click.Context,
    channel: str | None,
    config: Path | None,
    folder: Path | None,
    per_day: int,
    balance: str,
    least: float,
) -> None:
    """Look at the modem and say of each thing ok, warn or fail, and what to do. Sends nothing, changes nothing.

    While gammu-smsd has the port only it can speak with the modem: stop it for the whole check. Ends with 0 when all
    is ok, 1 with a warning, 2 with a fault.
    """
    settings = Settings.load()
    name, of_the_channel = _modem(settings, channel)
    lying = Spool(folder or of_the_channel)
    configuration = config or (_OF_DEBIAN if _OF_DEBIAN.exists() else None)
    worst = 0
    for finding in _findings(settings, name, lying, configuration, per_day, balance, least):
        _show(finding)
        worst = max(worst, list(Verdict).index(finding.verdict))
    ctx.exit(worst)


_OF_DEBIAN: Final = Path("/etc/gammu-smsdrc")


def _modem(settings: Settings, wanted: str | None) -> tuple[str, Path]:
    found = settings.spools
    if wanted is None and len(found) > 1:
        raise Refusal(f"There are several modems; choose one with --channel: {', '.join(found)}.")
    name = wanted or next(iter(found))
    if name not in found:
        raise Refusal(f"There is no modem {name!r}; there are: {', '.join(found)}.")
    return name, found[name]


def _findings(
    settings: Settings, name: str, lying: Spool, configuration: Path | None, a_day: int, balance: str, least: float
) -> Iterator[Finding]:
    yield from modem.examine(_asking(configuration), utcnow(), balance, least)
    if configuration:
        text = configuration.read_text("utf-8", "replace")
        if "[smsd]" in text:
            yield from modem.daemon_settings(text, lying.root)
    yield _spool(lying, utcnow())
    yield _messages(settings, name, a_day)


def _spool(lying: Spool, now: datetime) -> Finding:
    """How the daemon keeps up, and what no citizen sent: often the operator says there that a bundle ends."""
    try:
        waiting = lying.waiting()
        failed = [one for path in spool.files(lying.error) if (one := Outgoing.of(path.name))]
        aside = spool.files(lying.aside) if lying.aside.is_dir() else []
    except OSError as fault:
        advice = "Is MLANGO_GAMMU_SPOOL right, and is this user in the group gammu? See docs/modem.md."
        return Finding("Spool", Verdict.FAIL, f"{lying.root}: {fault.strerror}", advice)
    says = f"{len(waiting)} waiting, {len(failed)} to be tried again, {len(aside)} put aside"
    if waiting and now - waiting[0].at > IDLE_AFTER:
        return Finding("Spool", Verdict.FAIL, says, "gammu-smsd sends nothing: systemctl status gammu-smsd")
    if failed:
        return Finding("Spool", Verdict.WARN, says, "The modem could not send these: look at airtime and signal.")
    if aside:
        return Finding("Spool", Verdict.OK, says, f"What no citizen sent lies in {lying.aside}.")
    return Finding("Spool", Verdict.OK, says)


def _messages(settings: Settings, name: str, a_day: int) -> Finding:
    """What is left of the SIM card's day, counted by what we sent through it."""
    wiring.bind(settings)
    if pending():
        return Finding("Messages", Verdict.WARN, "the database is not there yet", "Run ./mlango migrate.")
    today = utcnow().astimezone(ZoneInfo(packs.current().zone)).date().isoformat()
    sent = sum(one.segments for one in lines.spent(today) if one.channel == name)
    return modem.messages_left(sent, a_day)


def _show(finding: Finding) -> None:
    mark = click.style(f"{finding.verdict:<4}", fg=_COLOURS[finding.verdict])
    click.echo(f"{mark}  {finding.about:<11}  {finding.says}")
    if finding.advice:
        click.echo(f"{'':19}{finding.advice}")


def _asking(configuration: Path | None) -> Ask:
    """Asks the real programs, with the configuration file if there is one."""
    given = ("-c", str(configuration)) if configuration else ()

    def ask(program: str, arguments: tuple[str, ...], until: str | None) -> Answer:
        if shutil.which(program) is None:
            return Answer(None, "")
        return _run((program, *given, *arguments), until)

    return ask


def _run(command: tuple[str, ...], until: str | None) -> Answer:
    """Run a program that may hang: a modem that is gone answers nobody. What it said by then counts."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(  # noqa: S603  gammu with arguments of ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        end = time.monotonic() + _PATIENCE_S
        while process.poll() is None and time.monotonic() < end and not (until and until in _said(out)):
            time.sleep(0.05)
        code = process.poll()
        process.kill()
        process.wait()
        return Answer(code, _said(out))


def _said(out: IO[bytes]) -> str:
    """What was written so far, by a program that shares the file's position: it must not be moved."""
    size = os.fstat(out.fileno()).st_size
    return os.pread(out.fileno(), size, 0).decode("utf-8", "replace")
