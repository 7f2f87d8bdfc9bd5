"""`./mlango callback`: whom to call, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import structlog

import packs
from cases import callbacks, reference
from cases.callbacks import MOST_LISTED, MOST_TRIES, Callback, Outcome
from cases.citizens import Caller
from cases.models import Case
from locales import registry
from packs.model import Pack
from sms_gateway.msisdn import mask
from store.clock import utcnow
from ussd_app import logs, wiring
from ussd_app.cli import operator
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings
from ussd_app.wiring import House

_SHOWN_OF_ID: Final = 8
_LEAST_OF_ID: Final = 6
_ABOUT: Final[Mapping[str, str]] = {"new": "a new complaint", "other": "something else"}

log = structlog.get_logger("mlango")


@click.group()
def command() -> None:
    """Call citizens who asked for it: see whom to call next, and note what came of it."""


@command.command("list", short_help="The calls to make, the first one first.")
@click.option("--show", is_flag=True, help="Show the numbers in full; the log says to whom.")
@click.option("--by", "actor", metavar="NAME", help="Who looks, for the log; else the user of this machine.")
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=20, show_default=True, help="How many at most.")
def list_(*, show: bool, actor: str | None, limit: int) -> None:
    """List the calls to make, in the order in which to make them, with the language that the citizen chose.

    Whoever missed a call comes after those who were not called yet.
    """
    house, pack = _open()
    found, total = callbacks.waiting(limit), callbacks.count()
    callers = house.citizens.by_id(one.__data__["citizen"] for one in found)
    for one in found:
        caller = callers.get(one.__data__["citizen"])
        if caller is None:  # erased since
            continue
        if show:
            log.warning("number_revealed", callback=one.id, actor=actor or operator.name())
        click.echo(_line(one, caller, pack, caller.msisdn if show else mask(caller.msisdn)))
    click.echo(
        f"{total:,} call{'s' * (total != 1)} to make; shown: {len(found)}." if total else "Nobody waits for a call."
    )


@command.command(short_help="They were reached: the call is done.")
@click.argument("ending", metavar="ID")
def reached(ending: str) -> None:
    """Note that the citizen of the call ID, as `list` shows it, was reached."""
    _open()
    click.echo(f"Call {_called(_settle(ending, 'reached'))}: reached, done.")


@command.command(short_help="They did not answer; the third time ends it.")
@click.argument("ending", metavar="ID")
def missed(ending: str) -> None:
    """Note that the citizen of the call ID, as `list` shows it, did not answer."""
    _open()
    done = _settle(ending, "missed")
    left = MOST_TRIES - done.tries
    then = f"call again, {left} {'time' if left == 1 else 'times'} at most" if left else "that was the last try"
    click.echo(f"Call {_called(done)}: missed; {then}.")


def _open() -> tuple[House, Pack]:
    settings = Settings.load()
    logs.set_up("warning")
    wiring.bind_prepared(settings)
    return wiring.build(settings), packs.current()


def _settle(ending: str, outcome: Outcome) -> Callback:
    found = [one for one in callbacks.waiting() if one.id.endswith(ending)] if len(ending) >= _LEAST_OF_ID else []
    if len(found) > 1:
        raise Refusal(f"{len(found)} calls have an id that ends in {ending!r}; give more of it.")
    done = callbacks.settle(found[0].id, outcome, utcnow()) if found else None
    if done is None:
        raise Refusal(f"No call that waits has an id that ends in {ending!r}.")
    return done


def _line(one: Callback, caller: Caller, pack: Pack, number: str) -> str:
    by = one.by.astimezone(ZoneInfo(pack.zone))
    language = registry()[caller.language].name if caller.language else "language not known"
    late = "late" if one.by < utcnow() else ""
    tries = f"missed {one.tries}" if one.tries else ""
    notes = ", ".join(note for note in (_about(one), language, tries, late) if note)
    return f"{_called(one)}  {number}  by {by:%d/%m/%Y %H:%M}  {notes}"


def _about(one: Callback) -> str:
    """A secret case is not named beside the phone of whoever lodged it."""
    if one.about != "case":
        return _ABOUT[one.about]
    case: Any = Case.get_or_none(Case.id == one.__data__["case"], Case.visibility == "public")
    return f"case {reference.shown(case.ref)}" if case else "a case"


def _called(one: Callback) -> str:
    return one.id[-_SHOWN_OF_ID:]
