"""`./mlango menus funnel`: where citizens give up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import click

import packs
from locales import registry
from menus.insight import Counts, funnel
from store.clock import utcnow
from ussd_app import wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

LONGEST_BAR: Final = 24
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


@click.command(short_help="Where citizens give up, screen by screen.")
@click.option("--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="How many, today included.")
@click.option("--language", metavar="CODE", help="Only citizens who read this language: en, sw …")
def command(days: int, language: str | None) -> None:
    """Show where citizens give up: the screens that most sessions were left at, the worst first.

    A session is left when the citizen hangs up, when the line drops, or after three minutes without a word; not when
    it comes to its last screen. The running service adds its counts every few seconds.
    """
    wiring.bind_prepared(Settings.load())
    if language is not None and language not in registry():
        raise Refusal(f"There is no language with the code {language}. There are {', '.join(registry())}.")
    today = utcnow().astimezone(ZoneInfo(packs.current().zone)).date()
    first = today - timedelta(days=days - 1)
    for line in lines(funnel(first, today, language), first, today, language):
        click.echo(line)


def lines(screens: Mapping[str, Counts], first: date, last: date, language: str | None) -> Iterator[str]:
    """The page, at most 80 letters wide. Every session ends in one way: at a last screen, or left."""
    whole = sum(screens.values(), Counts())
    sessions = whole.dropped + whole.ended
    spoken = registry()[language].name if language else "all languages"
    yield f"Where citizens give up: {first:%d/%m/%Y} to {last:%d/%m/%Y}, {spoken}"
    if not sessions:
        yield "No session has ended in these days."
        return
    reached = _percent(whole.ended / sessions)
    yield f"{sessions:,} sessions: {reached} came to a last screen, {whole.dropped:,} were left."
    yield ""
    yield f"{'screen':<20}{'left':>8}{'':{LONGEST_BAR + 2}}{'of':>8}{'share':>8}{'answer':>9}"
    most = max(counts.dropped for counts in screens.values())
    for screen, counts in sorted(screens.items(), key=lambda one: (-one[1].dropped, one[0])):
        if counts.shown != counts.ended:  # nobody gives up at a last screen
            yield _row(screen, counts, most)


def _row(screen: str, counts: Counts, most: int) -> str:
    mean = f"{counts.seconds / counts.answered:.0f} s" if counts.answered else "–"
    bar = f"  {_bar(counts.dropped / most if most else 0.0):<{LONGEST_BAR}}"
    return f"{screen:<20}{counts.dropped:>8,}{bar}{counts.shown:>8,}{_percent(counts.lost):>8}{mean:>9}"


def _bar(share: float) -> str:
    """As long as its share of the longest one, to an eighth of a letter."""
    whole, eighths = divmod(round(share * LONGEST_BAR * 8), 8)
    return f"{'█' * whole}{_EIGHTHS[eighths]}".rstrip()


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")
