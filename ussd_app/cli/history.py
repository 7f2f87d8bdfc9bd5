"""`./mlango sms history`: what passed between us and a citizen, or about a case. Beside it, who is not listened to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import click

from cases import reference
from cases.citizens import Caller
from cases.models import Case
from sms_gateway import history as room_of_sms
from sms_gateway.history import Entry, Passed
from sms_gateway.message import Direction
from sms_gateway.msisdn import mask
from ussd_app.cli import bans
from ussd_app.cli.postroom import PostRoom, as_json, by, utc, written
from ussd_app.refusal import Refusal

MOST_LISTED: Final = 1_000
_WHOSE: Final[Mapping[Direction, str]] = {Direction.MO: "from citizen", Direction.MT: "to citizen"}
_INDENT: Final = " " * 13


class _Subject(NamedTuple):
    """What was asked for: a citizen, or a case of theirs."""

    words: str
    caller: Caller | None  # None once they were erased
    citizen_id: str
    case: Case | None = None


@click.command(short_help="What passed between us and a number, or about a case.")
@click.argument("about", metavar="NUMBER")
@click.option("--show", is_flag=True, help="Show what was written, too; the log says to whom.")
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=50, show_default=True, help="The newest so many.")
@by
@as_json
def history(about: str, *, show: bool, limit: int, actor: str | None, as_json: bool) -> None:
    """List the SMS from and to a citizen, the oldest first; NUMBER is a case number or a phone number.

    Of each: which text of ours, language, segments, cost, and every state with its time.
    """
    room = PostRoom.open(actor)
    subject = _subject(room, about)
    found = room_of_sms.history(
        citizen=None if subject.case else subject.citizen_id,
        case=subject.case.id if subject.case else None,
        limit=limit,
    )
    if show:
        whose = {"case": subject.case.id} if subject.case else {"citizen": subject.citizen_id}
        room.reveal("messages_revealed", **whose)
    told = [_told(entry, subject, named, show=show) for entry, named in zip(found, _named(found, subject), strict=True)]
    if as_json:
        click.echo(written(told))
        return
    for entry, one in zip(found, told, strict=True):
        for line in _lines(room, entry, one):
            click.echo(line)
    click.echo(f"{subject.words}: {len(found)} message{'s' * (len(found) != 1)}{_cut(found, limit)}.")


def _subject(room: PostRoom, about: str) -> _Subject:
    """Nine digits with a right check digit are a case, all else is a phone."""
    digits = "".join(filter(str.isdigit, about))
    if not reference.is_valid(digits) or about.strip().startswith("+"):
        caller = room.whose(about)
        return _Subject(mask(caller.msisdn), caller, caller.id)
    case = Case.get_or_none(Case.ref == digits)
    if case is None:
        raise Refusal(f"There is no case {reference.shown(digits)}.")
    citizen_id = case.__data__["citizen"]
    return _Subject(
        f"Case {reference.shown(digits)}", room.house.citizens.by_id([citizen_id]).get(citizen_id), citizen_id, case
    )


def _named(found: Sequence[Entry], subject: _Subject) -> Iterator[str | None]:
    """Which case each is about. A secret one is not named beside the phone of whoever lodged it."""
    ids = sorted({one.row.case_id for one in found if one.row.case_id})
    public = {one.id for one in Case.select(Case.id).where(Case.id.in_(ids), Case.visibility == "public")}
    for entry in found:
        ref, case_id = entry.row.ref, entry.row.case_id
        may_be_named = case_id in public or (subject.case is not None and case_id == subject.case.id)
        yield (reference.shown(ref) if may_be_named else "secret") if ref else None


def _told(entry: Entry, subject: _Subject, case: str | None, *, show: bool) -> dict[str, Any]:
    row = entry.row
    told = {
        "id": row.id,
        "at": utc(row.created_at),
        "direction": _WHOSE[row.direction],
        "case": case,
        "template": row.template,
        "language": row.language,
        "lane": row.lane.name.lower() if row.lane is not None else None,
        "state": row.state,
        "channel": row.channel,
        "segments": row.segments,
        "cost": row.cost,
        "why": row.error,
        "states": [_step(step) for step in entry.steps],
    }
    return told | {"text": _text(entry, subject.caller)} if show else told


def _step(step: Passed) -> dict[str, Any]:
    return {"state": str(step.state), "at": utc(step.at), "channel": step.channel, "detail": step.detail}


def _text(entry: Entry, caller: Caller | None) -> str | None:
    """What was written; None where it was erased, or has not been made yet."""
    if caller is None:
        return None
    if entry.row.direction == Direction.MO:
        return caller.key.open("message.body", entry.row.id, entry.body) if entry.body else None
    return caller.key.open("message.sent", entry.row.id, entry.sent) if entry.sent else None


def _lines(room: PostRoom, entry: Entry, told: Mapping[str, Any]) -> Iterator[str]:
    row = entry.row
    segments = f"{row.segments} segment{'s' * (row.segments != 1)}" if row.segments else None
    facts = (row.template, row.language, told["case"], segments, row.cost, row.channel, row.error)
    head = f"{room.clock(row.created_at, '%d/%m %H:%M')}  {told['direction']:<12}"
    yield f"{head}  {', '.join(str(fact) for fact in facts if fact)}".rstrip()
    for step in entry.steps:
        notes = " ".join(filter(None, [step.channel, step.detail]))
        yield f"{_INDENT}{room.clock(step.at, '%d/%m %H:%M:%S')}  {step.state:<13}  {notes}".rstrip()
    for line in (told.get("text") or "").splitlines():
        yield f"{_INDENT}| {line}"


def _cut(found: Sequence[Entry], limit: int) -> str:
    return ", older ones not shown" if len(found) == limit else ""


commands: Final = [history, *bans.commands]
