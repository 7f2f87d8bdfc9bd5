"""`./mlango notice`: one line on the first screen of everybody in an area, for a while."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import click

import packs
from cases import notices
from cases.notices import WIDEST, Notice, Unfit
from locales import registry
from packs.model import ANY, Pack
from store.clock import utcnow
from ussd_app import wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

_SHOWN_OF_ID = 8


@click.group()
def command() -> None:
    """Put a line on the first screen of everybody in an area: a flood, a burst main, a closed office.

    A notice stands in the place of everything else on that line, so it is for danger and for what stops many people.
    """


@command.command(short_help="Put up a notice until a date.")
@click.option("--area", required=True, help=f'Code of a county (047), constituency or ward; "{ANY}" is the country.')
@click.option("--until", "until", required=True, help="When it expires: 2026-11-30T18:00, local time.")
@click.option("--from", "start", help="When it begins, if not now.")
@click.option("--en", "english", required=True, help=f"The line in English, at most {WIDEST} septets.")
@click.option("--sw", "swahili", required=True, help="The line in Swahili.")
@click.option("--by", "made_by", default="cli", show_default=True, help="Who answers for it.")
def add(area: str, until: str, start: str | None, english: str, swahili: str, made_by: str) -> None:
    """Put up a notice. Whoever dials from then on and last had a problem in the area sees it at once."""
    wiring.bind_prepared(Settings.load())
    pack = packs.current()
    try:
        notice = notices.put(
            pack,
            area,
            {"en": english, "sw": swahili},
            start=_moment(start, pack, "--from") if start else None,
            until=_moment(until, pack, "--until"),
            made_by=made_by,
            now=utcnow(),
        )
    except Unfit as unfit:
        raise Refusal(*unfit.faults) from None
    click.echo(f"Notice {_called(notice)} for {_area(notice, pack)}, {_span(notice, pack)}.")


@command.command("list", short_help="The notices that are up or to come.")
def list_() -> None:
    """List the notices that are up or to come, newest first, with the texts in every language."""
    wiring.bind_prepared(Settings.load())
    pack, now = packs.current(), utcnow()
    found = notices.listed(now)
    for notice in found:
        standing = "up" if notice.from_at <= now else "to come"
        click.echo(f"{_called(notice)}  {_area(notice, pack)}, {_span(notice, pack)} ({standing}), by {notice.made_by}")
        for language, line in notice.words.items():
            click.echo(f"          {registry()[language].name}: {line}")
    if not found:
        click.echo("No notice is up or to come.")


@command.command(short_help="Take a notice down before its time.")
@click.argument("ending", metavar="ID")
def end(ending: str) -> None:
    """Take down the notice ID, as `list` shows it."""
    wiring.bind_prepared(Settings.load())
    try:
        notice = notices.end(ending, utcnow())
    except Unfit as unfit:
        raise Refusal(*unfit.faults) from None
    click.echo(f"Notice {_called(notice)} for {_area(notice, packs.current())} is taken down.")


def _moment(typed: str, pack: Pack, option: str) -> datetime:
    """A local date and time of the pack's zone, unless it says its offset."""
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise Refusal(f"{option}: {typed!r} is no date and time; write 2026-11-30T18:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(pack.zone))


def _called(notice: Notice) -> str:
    return notice.id[-_SHOWN_OF_ID:]


def _area(notice: Notice, pack: Pack) -> str:
    if notice.area == ANY:
        return "the whole country"
    place = pack.places[notice.area]
    return f"{place.name} ({place.kind} {place.code})"


def _span(notice: Notice, pack: Pack) -> str:
    start, until = (moment.astimezone(ZoneInfo(pack.zone)) for moment in (notice.from_at, notice.until_at))
    return f"{start:%d/%m/%Y %H:%M} to {until:%d/%m/%Y %H:%M}"
