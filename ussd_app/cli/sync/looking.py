"""`./mlango sync status` and `review`: how it stands with each office, and what a person has to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from cases import reference
from cases.lifecycle import plain
from sync import held
from sync import status as status_of
from sync.held import Review
from sync.status import Lag
from ussd_app.cli.postroom import PostRoom, as_json, table, utc, written
from ussd_app.cli.sync import shown


@click.command(short_help="How far behind each office is, and why.")
@as_json
def status(*, as_json: bool) -> None:
    """Show the newest file that each office got, what waits for it, how many working days it is behind, and why."""
    room = PostRoom.open()
    lags = status_of.lags(room.pack, room.now)
    if as_json:
        click.echo(written([_told(lag) for lag in lags]))
        return
    if not lags:
        click.echo("exchange.toml names no office.")
    head = ("OFFICE", "NEWEST FILE", "DELIVERED", "ROWS", "FILES", "DAYS")
    rows = [
        (
            lag.agency,
            lag.last_file or "-",
            room.clock(lag.delivered_at, "%d/%m %H:%M") if lag.delivered_at else "-",
            f"{lag.waiting:,}",
            f"{lag.undelivered:,}",
            str(lag.days),
        )
        for lag in lags
    ]
    for line in table(head, rows) if rows else ():
        click.echo(line)
    for lag in lags:
        for sentence in _sentences(lag, room):
            click.echo(f"{lag.agency}: {sentence}")


@click.command(short_help="What an office said of a case too late, for a supervisor.")
@shown.agency
@as_json
def review(agency: str, *, as_json: bool) -> None:
    """List what an office said of a case that its citizen had moved on meanwhile: `./mlango case act` decides it."""
    room = PostRoom.open()
    (office,) = shown.known(room.pack, [agency])
    found = held.review(office)
    if as_json:
        click.echo(written([_told_of_row(row) for row in found]))
        return
    head = ("CASE", "SAID", "OF", "THE CASE IS NOW")
    rows = [
        (reference.shown(row.ref), plain(row.status or "a note"), room.clock(row.occurred_at), plain(row.state))
        for row in found
    ]
    for line in table(head, rows) if rows else (f"Nothing of {office} waits for a look.",):
        click.echo(line)


def _sentences(lag: Lag, room: PostRoom) -> Iterator[str]:
    if lag.error:
        yield lag.error
    if lag.link.retry_at and lag.link.retry_at > room.now:
        yield f"It is tried again at {room.clock(lag.link.retry_at, '%H:%M on %d/%m')}, or by: ./mlango sync run"
    yield from (alarm for alarm in lag.alarms if lag.error is None or lag.error not in alarm)
    if lag.held:
        yield f"{lag.held:,} row{'s' * (lag.held != 1)} of its files wait for their case."
    if lag.review:
        yield f"{lag.review:,} row{'s' * (lag.review != 1)} of its files need a look: ./mlango sync review"


def _told(lag: Lag) -> dict[str, Any]:
    link = lag.link
    return {
        "agency": lag.agency,
        "transport": lag.transport,
        "state": lag.word,
        "last_file": lag.last_file,
        "delivered_at": utc(lag.delivered_at),
        "rows_waiting": lag.waiting,
        "files_undelivered": lag.undelivered,
        "days_behind": lag.days,
        "last_error": lag.error,
        "last_reached_at": utc(link.last_ok_at),
        "failing_since": utc(link.failing_since),
        "retry_at": utc(link.retry_at),
        "missing_files": list(link.gaps),
        "rows_held": lag.held,
        "rows_to_review": lag.review,
        "alarms": list(lag.alarms),
    }


def _told_of_row(row: Review) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "update_id": row.update_id,
        "status": row.status,
        "occurred_at": utc(row.occurred_at),
        "received_at": utc(row.received_at),
        "state": row.state,
    }
