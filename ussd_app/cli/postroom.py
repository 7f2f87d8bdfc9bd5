"""What the commands about single SMS share: the house, whose SMS, how long ago, and how it is shown."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import orjson
import structlog

import packs
from cases.citizens import Caller
from packs.model import Pack
from sms_gateway.msisdn import mask, normalise
from store.clock import utcnow
from store.sealing import Unreadable
from ussd_app import logs, wiring
from ussd_app.cli import operator
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings
from ussd_app.wiring import House

log = structlog.get_logger("mlango")

_SPAN: Final = re.compile(r"(\d{1,4})\s*([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

by = click.option("--by", "actor", metavar="NAME", help="Who does it, for the record; else the user of this machine.")
as_json = click.option("--json", "as_json", is_flag=True, help="As JSON, with times in UTC.")


class Span(click.ParamType[timedelta]):
    """A length of time: 90m, 12h, 7d, 4w."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = _SPAN.fullmatch(str(value).strip().lower())
        span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
        if not span:
            self.fail(f"{value!r} is no length of time; write 90m, 12h, 7d or 4w.", param, ctx)
        return span


class Since(click.ParamType[timedelta | datetime]):
    """A moment in the past: so long ago (12h), or the beginning of a day (2026-11-23) where the service is."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta | datetime:
        if isinstance(value, timedelta | datetime):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d")  # noqa: DTZ007  its zone is the pack's, known later
        except ValueError:
            return Span().convert(value, param, ctx)


@dataclass(frozen=True, slots=True)
class PostRoom:
    """Where SMS are looked at: the house, the pack in force, and who looks."""

    house: House
    pack: Pack
    actor: str
    now: datetime

    @classmethod
    def open(cls, actor: str | None = None) -> PostRoom:
        settings = Settings.load()
        logs.set_up("warning")
        wiring.bind_prepared(settings)
        return cls(wiring.build(settings), packs.current(), actor or operator.name(), utcnow())

    def whose(self, text: str, *, met: bool = False) -> Caller:
        """The citizen with this number; `met`: as if they had written to us, where they never did."""
        msisdn = normalise(text)
        if msisdn is None:
            raise Refusal(f"{text!r} is not a phone number; write it like +254712345678 or 0712345678.")
        try:
            found = self.house.citizens.meet(msisdn, self.now) if met else self.house.citizens.find(msisdn)
        except Unreadable as fault:
            raise Refusal(f"What is kept about {mask(msisdn)} cannot be read: {fault}.") from None
        if found is None:
            raise Refusal(f"{mask(msisdn)} never wrote to us or called, or was erased.")
        return found

    def reveal(self, what: str, **facts: str) -> None:
        """Note in the log that somebody looked at what is masked for others."""
        log.warning(what, actor=self.actor, **facts)

    def since(self, when: timedelta | datetime) -> datetime:
        if isinstance(when, timedelta):
            return self.now - when
        return when.replace(tzinfo=ZoneInfo(self.pack.zone)).astimezone(UTC)

    def clock(self, moment: datetime, form: str = "%d/%m/%Y %H:%M") -> str:
        """A moment as the clocks here show it."""
        return f"{moment.astimezone(ZoneInfo(self.pack.zone)):{form}}"


def utc(moment: datetime | None) -> str | None:
    """As it stands in JSON."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def written(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as what is in them, two spaces between; the last one ends where the terminal does."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    room = shutil.get_terminal_size().columns
    for row in (head, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield line if len(line) <= room else f"{line[: room - 1]}…"


def progress(total: int, label: str) -> AbstractContextManager[Any]:
    """A bar on a terminal."""
    return click.progressbar(length=total, label=label, file=sys.stderr, hidden=not sys.stderr.isatty())
