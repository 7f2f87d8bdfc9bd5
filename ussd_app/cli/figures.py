"""`./mlango figures`: how many people asked, how fast they were answered, where it is stuck."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

import packs
from cases.figures import Figures, Overtaken, Rebuilt, Span
from cases.histogram import BOUNDS
from cases.lifecycle import LEVELS
from cases.models import CaseEvent
from cases.tally import Day, Dims, Sums, Times
from packs import Pack
from store.clock import utcnow
from ussd_app import wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

BY: Final = (*Dims._fields, "day")
SHOWN_DAYS: Final = 30
STUCK_ROWS: Final = 5
_WEEK: Final = timedelta(days=7)

Cells = tuple[str, str, str]


@click.group()
def command() -> None:
    """How many people asked, how fast they were answered, where it is stuck. Kept from the events of the cases."""


@command.command(short_help="The three questions of a week, on one screen.")
@click.option("--week", "iso_week", metavar="YEAR-Wnn", help="Another one than the seven days up to today: 2026-W47.")
@click.option("--agency", metavar="CODE", help="Cases of one office only.")
@click.option("--county", metavar="CODE|NAME", help="Cases of one county only.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def week(iso_week: str | None, agency: str | None, county: str | None, as_json: bool) -> None:
    """Answer the three questions of a week on one screen, with the week before beside it.

    It is the seven days up to today unless another week is named. Confidential cases are in the whole only: they
    count under no office, place or kind.
    """
    figures, pack, now = _up_to_date()
    today = now.astimezone(ZoneInfo(pack.zone)).date()
    monday = _monday(iso_week) if iso_week else today - _WEEK + timedelta(days=1)
    this, before = (_span(first, first + timedelta(days=6), agency, county, pack) for first in (monday, monday - _WEEK))
    page = _Week(figures, pack, this, before, today.isoformat())
    if as_json:
        click.echo(json.dumps(page.record(), indent=2, ensure_ascii=False))
        return
    for line in page.lines():
        click.secho(line, bold=line.endswith("?"))


@command.command(short_help="A table of the figures by office, place, kind, channel, language or day.")
@click.option("--by", type=click.Choice(BY), default="agency", show_default=True)
@click.option("--from", "first", metavar="DAY", help=f"Its first day, 2026-11-01; {SHOWN_DAYS} days unless given.")
@click.option("--to", "last", metavar="DAY", help="Its last day; today unless given.")
@click.option("--agency", metavar="CODE", help="Cases of one office only.")
@click.option("--county", metavar="CODE|NAME", help="Cases of one county only.")
@click.option("--json", "form", flag_value="json", help="Everything, for programs.")
@click.option("--csv", "form", flag_value="csv", help="Everything, for a spreadsheet.")
def show(
    by: str, first: str | None, last: str | None, agency: str | None, county: str | None, form: str | None
) -> None:
    """Show the figures of some days, a line for each office, county, place, kind, channel, language or day."""
    figures, pack, now = _up_to_date()
    end = _day(last) if last else now.astimezone(ZoneInfo(pack.zone)).date()
    begin = _day(first) if first else end - timedelta(days=SHOWN_DAYS - 1)
    if begin > end:
        raise Refusal(f"There are no days from {begin} to {end}.")
    span = _span(begin, end, agency, county, pack)
    groups = [(group, _name(by, group, pack), sums) for group, sums in figures.sums(span, by).items()]
    if form == "json":
        rows = [{by: group, "name": name, **_record(sums)} for group, name, sums in groups]
        click.echo(json.dumps({**asdict(span), "rows": rows}, indent=2, ensure_ascii=False))
    elif form == "csv":
        _write_csv(by, groups)
    else:
        for line in _table(by, groups, figures.total(span)):
            click.echo(line)


@command.command(short_help="Count all events anew and say what differs.")
@click.option("--check", is_flag=True, help="Only say what differs; the figures stay as they are.")
def rebuild(check: bool) -> None:
    """Count all events of all cases anew, beside the figures in force, compare the two and say what differs.

    Then the new count is in force. The service goes on meanwhile, and so do its figures. With --check nothing is
    changed; the exit code is 1 if anything differs.
    """
    wiring.bind_prepared(Settings.load())
    with _bar(CaseEvent.select().count(), "Counting") as progress:
        try:
            rebuilt = Figures(packs.current).rebuild(utcnow(), progress, keep=not check)
        except Overtaken:
            raise Refusal("Another rebuild began meanwhile. Its figures are good.") from None
    found = _found(rebuilt)
    if check and rebuilt.differing:
        raise Refusal(*found, "To put it right: ./mlango figures rebuild")
    for sentence in found:
        click.echo(sentence)


# What every command needs


def _up_to_date() -> tuple[Figures, Pack, datetime]:
    """The figures with all that happened until now."""
    wiring.bind_prepared(Settings.load())
    figures, now = Figures(packs.current), utcnow()
    with _bar(figures.waiting(), "Catching up") as progress:
        figures.catch_up(now, progress)
    missed = figures.missed()
    if missed:
        click.echo(f"Events that came in late are not counted: {missed:,}. Run: ./mlango figures rebuild", err=True)
    return figures, packs.current(), now


@contextmanager
def _bar(length: int, label: str) -> Iterator[Callable[[int], None]]:
    quiet = not length or not sys.stderr.isatty()
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=quiet) as bar:
        yield bar.update


def _monday(iso_week: str) -> date:
    try:
        return date.fromisoformat(f"{iso_week}-1")
    except ValueError:
        raise Refusal(f"{iso_week} is not a week. Write it like 2026-W47.") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{text} is not a day. Write it like 2026-11-23.") from None


def _span(first: date, last: date, agency: str | None, county: str | None, pack: Pack) -> Span:
    if agency is not None and agency not in pack.agencies:
        raise Refusal(f"There is no office with the code {agency}. The table of all: ./mlango figures show --by agency")
    return Span(first.isoformat(), last.isoformat(), agency, _county(county, pack) if county else None)


def _county(wanted: str, pack: Pack) -> str:
    for place in pack.places.values():
        if place.kind == "county" and wanted.casefold() in (place.code, place.name.casefold()):
            return place.code
    raise Refusal(f"There is no county {wanted}.")


def _name(by: str, code: str, pack: Pack) -> str:
    """What people call an office, a place, a kind … "" are those that have none, or are confidential."""
    named: Mapping[str, Mapping[str, str]] = {
        "agency": {"": "confidential"},
        "county": {"": "no place"},
        "place": {"": "no place"},
        "category": {"": "not known"},
    }
    if by == "agency" and code in pack.agencies:
        return packs.text(pack.agencies[code].name, "en")
    if by in ("county", "place") and code in pack.places:
        return pack.places[code].name
    if by == "category" and code in pack.categories:
        return packs.text(pack.categories[code].name, "en")
    return named.get(by, {}).get(code, code or "not known")


# The page of a week


class _Week:
    """What is told of a week and the one before."""

    def __init__(self, figures: Figures, pack: Pack, this: Span, before: Span, today: Day) -> None:
        self._figures, self._pack, self._this, self._before = figures, pack, this, before
        self._now, self._then = figures.total(this), figures.total(before)
        self._is_present = this.last >= today
        self._today = today

    def lines(self) -> Iterator[str]:
        """At most 24 lines of at most 80 columns."""
        yield self._title()
        yield _row(("", "these 7 days", "the 7 before"))
        yield "How many people asked?"
        yield from map(_row, self._asked())
        yield f"  {self._shares('channel')}; {self._shares('language')}"[:80]
        yield "How fast were they answered?"
        yield from map(_row, self._answered())
        yield "Where is it stuck?"
        yield _row(self._both("Open at the end; past the promised time", _open))
        if self._is_present:
            yield from self._ages()
        yield from self._stuck()

    def record(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "first": self._this.first,
            "last": self._this.last,
            "agency": self._this.agency,
            "county": self._this.county,
            "this": _record(self._now),
            "before": _record(self._then),
            "by": {
                by: {group: _record(sums) for group, sums in self._figures.sums(self._this, by).items()}
                for by in ("county", "agency", "category", "channel", "language")
            },
            "open_since": _since(self._figures.stock("open", self._this)),
            "escalated_since": _since(self._figures.stock("escalated", self._this)),
        }

    def _title(self) -> str:
        parts = [f"{self._pack.service}, {_days(self._this)}"]
        for by in ("agency", "county"):
            code = getattr(self._this, by)
            if code:
                parts.append(_name(by, code, self._pack))
        return ": ".join(parts)[:80]

    def _both(self, label: str, told: Callable[[Sums], str]) -> Cells:
        return label, told(self._now), told(self._then)

    def _asked(self) -> Iterator[Cells]:
        yield self._both("Cases", lambda sums: f"{sums.count('received'):,}")
        yield self._both("from people who had asked the month before", lambda sums: _percent(sums.repeat_rate))

    def _answered(self) -> Iterator[Cells]:
        for label, measure in (("First answer", "responded"), ("Decision", "decided")):
            now, then = self._now.times(measure), self._then.times(measure)
            yield f"{label}: half within; 9 of 10 within", _spread(now), _spread(then)
            yield f"{label} in the promised time", _percent(now.in_time), _percent(then.in_time)
        yield self._both("Solved, say those who told us", lambda sums: _percent(sums.solved))
        yield self._both("Settled at first contact; reopened", _settled)
        yield self._both("Stars of 5; four or five given", _stars)

    def _shares(self, by: str) -> str:
        """Of the cases that are told apart: the confidential ones are not."""
        counts = {code: sums.count("received") for code, sums in self._figures.sums(self._this, by).items() if code}
        whole = sum(counts.values())
        told = sorted(((count, code) for code, count in counts.items() if count), reverse=True)
        return f"by {by}: " + (", ".join(f"{code} {_percent(count / whole)}" for count, code in told[:4]) or "none")

    def _ages(self) -> Iterator[str]:
        since = _since(self._figures.stock("open", self._this)).get("0")
        if since:
            half = (date.fromisoformat(self._today) - date.fromisoformat(since["half"])).days
            oldest = date.fromisoformat(since["oldest"])
            yield f"  Half of them wait {half:,} days or longer, the oldest since {oldest:%-d %B %Y}."
        levels = _since(self._figures.stock("escalated", self._this))
        told = ", ".join(f"{level} %: {_short(one['cases'])}" for level, one in levels.items())
        yield f"  Escalated at {told}." if told else "  None has escalated."

    def _stuck(self) -> Iterator[str]:
        columns = [self._most_stuck(by) for by in self._told_apart()]
        height = max(map(len, columns))
        for line in range(height):
            yield " ".join(column[line] if line < len(column) else " " * 26 for column in columns).rstrip()

    def _told_apart(self) -> Sequence[str]:
        """The places of a county, else the counties; the offices; the kinds."""
        place = "place" if self._this.county else "county"
        return (place, "category") if self._this.agency else (place, "agency", "category")

    def _most_stuck(self, by: str) -> list[str]:
        found = [
            (sums.count("overdue"), sums.count("open"), _name(by, group, self._pack))
            for group, sums in self._figures.sums(self._this, by).items()
            if sums.count("open")
        ]
        worst = sorted(found, key=lambda one: (-one[0], -one[1], one[2]))[:STUCK_ROWS]
        title = {"category": "Kind"}.get(by, by.capitalize())
        return [
            _stuck(title, "open", "late"),
            *(_stuck(name, _short(many), _short(late)) for late, many, name in worst),
        ]


def _row(cells: Cells) -> str:
    label, this, before = cells
    return f"  {label:<42}{this:>18}{before:>18}"


def _stuck(name: str, many: str, late: str) -> str:
    return f"{name[:13]:<14}{many:>6}{late:>6}"


def _short(number: int, exact_below: int = 10_000) -> str:
    """At most five characters, unless more are asked to be exact."""
    if number < exact_below:
        return f"{number:,}"
    return f"{number // 1000}k" if number < 1_000_000 else f"{number / 1_000_000:.1f}M"


def _days(span: Span) -> str:
    """ "16 to 22 November 2026" """
    first, last = date.fromisoformat(span.first), date.fromisoformat(span.last)
    begin = f"{first.day}" if (first.month, first.year) == (last.month, last.year) else f"{first:%-d %B}"
    if first.year != last.year:
        begin = f"{first:%-d %B %Y}"
    return f"{begin} to {last:%-d %B %Y}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}".replace("%", " %")


def _spread(times: Times) -> str:
    return f"{_bound(times.half)}; {_bound(times.nine_of_ten)}" if times.count else "–"


def _bound(minutes: int | None) -> str:
    return "–" if minutes is None else BOUNDS[minutes]


def _open(sums: Sums) -> str:
    return "; ".join(_short(sums.count(measure), exact_below=1_000_000) for measure in ("open", "overdue"))


def _settled(sums: Sums) -> str:
    both = sums.first_contact, sums.reopen_rate
    return "–" if both == (None, None) else "; ".join(map(_percent, both))


def _stars(sums: Sums) -> str:
    return "–" if sums.stars is None else f"{sums.stars:.1f}; {_percent(sums.satisfied)}"


def _since(stock: Mapping[tuple[Day, int], int]) -> dict[str, dict[str, Any]]:
    """By grade: how many stand so, since when the oldest, and on or before which day half of them began."""
    found: dict[str, dict[str, Any]] = {}
    for grade in sorted({grade for _, grade in stock}):
        days = sorted((day, count) for (day, one), count in stock.items() if one == grade)
        cases, seen = sum(count for _, count in days), 0
        for day, count in days:
            seen += count
            if 2 * seen >= cases:
                found[str(grade)] = {"cases": cases, "oldest": days[0][0], "half": day}
                break
    return found


# Tables


def _record(sums: Sums) -> dict[str, Any]:
    """The sums and what follows from them; times in minutes, shares of 1, None where there is nothing to divide."""
    counted = ("received", "rejected", "withdrawn", "duplicates", "reopened", "appeals", "confirmed", "timed_out")
    return {
        **{measure: sums.count(measure) for measure in counted},
        "repeat_rate": _rounded(sums.repeat_rate),
        **{
            f"{measure}_{name}": _rounded(value)
            for measure in ("acknowledged", "responded", "decided")
            for name, value in asdict(sums.times(measure)).items()
        },
        "reopen_rate": _rounded(sums.reopen_rate),
        "solved": _rounded(sums.solved),
        "first_contact": _rounded(sums.first_contact),
        "ratings": sums.count("rating"),
        "stars": _rounded(sums.stars),
        "satisfied": _rounded(sums.satisfied),
        **{f"escalations_{level}": sums.grades("escalations").get(level, 0) for level in LEVELS},
        "open": sums.count("open"),
        "overdue": sums.count("overdue"),
    }


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if isinstance(value, float) else value


_Groups = Sequence[tuple[str, str, Sums]]


def _write_csv(by: str, groups: _Groups) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([by, "name", *_record(Sums({}))])
    writer.writerows([group, name, *_record(sums).values()] for group, name, sums in groups)


def _table(by: str, groups: _Groups, total: Sums) -> Iterator[str]:
    """80 columns; the rest of what is known is in --json and --csv."""
    heads = (by, "cases", "answered", "in time", "decided", "in time", "open", "late", "stars")
    yield _line(heads)
    for _, name, sums in groups:
        yield _line(_cells(name, sums))
    if by != "day":
        yield _line(_cells("all", total))


def _cells(name: str, sums: Sums) -> Sequence[str]:
    responded, decided = sums.times("responded"), sums.times("decided")
    return (
        name,
        f"{sums.count('received'):,}",
        _bound(responded.half),
        _percent(responded.in_time),
        _bound(decided.half),
        _percent(decided.in_time),
        f"{sums.count('open'):,}",
        f"{sums.count('overdue'):,}",
        f"{sums.stars:.1f}" if sums.stars else "–",
    )


def _line(cells: Sequence[str]) -> str:
    name, *numbers = cells
    widths = (8, 9, 8, 9, 8, 8, 7, 6)
    return f"{name[:17]:<17}" + "".join(f"{cell:>{width}}" for cell, width in zip(numbers, widths, strict=True))


def _found(rebuilt: Rebuilt) -> Iterable[str]:
    yield f"{rebuilt.events:,} events counted, {rebuilt.rows:,} rows of figures."
    if rebuilt.differing is None:
        yield "Nothing was counted before, so there is nothing to compare."
    elif not rebuilt.differing:
        yield "Not one row differs from the figures that were in force."
    else:
        told = ", ".join(f"{rows:,} of {measure}" for measure, rows in sorted(rebuilt.differing.items()))
        yield f"Rows that differ from the figures that were in force: {told}."
