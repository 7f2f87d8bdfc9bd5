"""`./mlango triage`: what free text seems to be about, what waits for a person, which cases may be one."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from cases import clusters, reference, suggestions, triage, worklist
from cases.clusters import Cluster, Spot
from cases.suggestions import EXPORTED, Waiting
from cases.worklist import MOST_LISTED, OFFICE_ROLES
from packs.model import Pack, Place, text
from packs.places import label
from ussd_app import wiring
from ussd_app.cli.case.clerk import a
from ussd_app.cli.case.desk import STAFF, Desk, who, written
from ussd_app.refusal import Refusal

_JSON: Final = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.group()
def command() -> None:
    """Help with cases that nobody could name yet. It suggests; people decide."""


@command.command(short_help="What some words seem to be about, and why.")
@click.argument("words", nargs=-1, required=True)
@click.option("--near", help="A place of the writer's: which of several places of one name they mean.")
@_JSON
def explain(words: tuple[str, ...], near: str | None, as_json: bool) -> None:
    """Say what WORDS seem to be about by the lexicon of the pack in force, how sure that is, and what led to it."""
    desk = Desk.open()
    pack, places = wiring.pack_and_places()
    read = triage.suggest(pack, places, " ".join(words), pack.places[desk.place(near)] if near else None)
    if as_json:
        click.echo(written(asdict(read)))
        return
    rows = {
        "category": f"{_named(pack, read.category)}, score {read.score:.2f}" if read.category else "it does not tell",
        "sub-category": _named(pack, read.sub) if read.sub else "it does not tell",
        "place": _place(pack, read.place) or "none that is sure",
        "urgent": "yes" if read.urgent else "no",
        "language": read.language or "it does not tell",
        "because of": "; ".join(read.because) or "nothing",
    }
    for name, value in rows.items():
        click.echo(f"{name:<14}{value}")
    if read.sensitive:
        click.echo("This may be sensitive: a person decides.")


@command.command("list", short_help="The cases that wait for a person to name or send on, oldest first.")
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=50, show_default=True, help="How many at most.")
@who(STAFF)
def list_(role: str | None, agency: str | None, name: str | None, as_json: bool, limit: int) -> None:
    """List the cases in the queues for triage and for supervisors that you may see, with what their words suggest."""
    desk = Desk.open()
    viewer = desk.viewer(role, agency, name)
    if viewer.role in OFFICE_ROLES and not viewer.agency:
        raise Refusal(f"{a(viewer.role).capitalize()} sees the cases of one office: name it with --agency.")
    waiting = suggestions.waiting(MOST_LISTED)
    found = [one for one in waiting if worklist.by_id(viewer, one.case.id)][:limit]
    if as_json:
        click.echo(written([_waiting_json(desk.pack, one) for one in found]))
        return
    for one in found:
        case = one.case
        where = _place(desk.pack, case.place)
        click.echo(
            f"{reference.shown(case.ref)}  {case.queue:<10}  since {_day(desk.pack, case.received_at)}"
            f"  {case.sub or 'not named'}" + (f", {where}" if where else "")
        )
        click.echo(f"             {_suggested(desk.pack, one)}")
    if not found:
        click.echo("No case waits for a person.")


@command.command(short_help="Suggestions and what was decided, as data, without anybody's words.")
@click.option("--csv/--json", "as_csv", default=True, help="CSV, or one JSON object a line.")
def export(as_csv: bool) -> None:
    """Write every suggestion and what people decided to standard output, oldest first.

    It names no case and holds no words of citizens, only entries of the lexicon; secret cases are left out.
    """
    pack = Desk.open().pack
    table = csv.DictWriter(sys.stdout, EXPORTED, lineterminator="\n")
    if as_csv:
        table.writeheader()
    for row in suggestions.exported():
        plain: dict[str, Any] = {
            name: _iso(pack, value) if isinstance(value, datetime) else value for name, value in row.items()
        }
        if as_csv:
            table.writerow(plain | {"because": "; ".join(plain["because"])})
        else:
            click.echo(json.dumps(plain, ensure_ascii=False))


@command.command("clusters", short_help="Open cases near each other that may be one, and how to join them.")
@click.option("--ward", help="Only there: the code of a ward, or the code or name of a place.")
@click.option("--category", help="Only of this category.")
@_JSON
def clusters_(ward: str | None, category: str | None, as_json: bool) -> None:
    """Show open cases of one category and ward, of the last seven days, that read alike; the largest groups first.

    Nothing is joined by itself. Each group comes with the commands that join it, for a supervisor who has read them.
    """
    desk = Desk.open()
    pack, now = desk.pack, desk.now
    if category:
        desk.known("category", category, pack.categories)
    only = pack.places[desk.place(ward)] if ward else None
    found = [
        (spot, cluster)
        for spot in clusters.busiest(now, category=category)
        if (place := _spot(pack, spot)) and (only is None or only.code in (spot.ward, spot.place))
        for cluster in clusters.suggested(pack, spot.category, place, now)
    ]
    if as_json:
        click.echo(written([_cluster_json(pack, spot, cluster) for spot, cluster in found]))
        return
    for spot, cluster in found:
        _show(pack, spot, cluster)
    if not found:
        click.echo("No open cases seem to be about the same thing.")


def _spot(pack: Pack, spot: Spot) -> Place | None:
    return pack.places.get(spot.ward or spot.place or "")


def _show(pack: Pack, spot: Spot, cluster: Cluster) -> None:
    where = _place(pack, spot.ward or spot.place)
    click.echo(
        f"{_named(pack, spot.category)}, {where}: {len(cluster.cases)} cases since {_day(pack, cluster.since)}, "
        f"likeness {cluster.similarity:.0%}"
    )
    for case in cluster.cases:
        followed = f", followed by {case.followers}" if case.followers else ""
        click.echo(f"  {reference.shown(case.ref)}  {_named(pack, case.sub)}, {_day(pack, case.received_at)}{followed}")
    for line in _joining(cluster):
        click.echo(f"    {line}")


def _joining(cluster: Cluster) -> list[str]:
    """The commands that make the others follow the master; who has followers keeps them."""
    return [
        f"./mlango case act {case.ref} duplicate --master {cluster.master.ref} --as supervisor"
        for case in cluster.cases
        if case is not cluster.master and not case.followers
    ]


def _suggested(pack: Pack, one: Waiting) -> str:
    read = one.suggestion
    if read is None or read.category is None:
        return "no words that tell"
    where = _place(pack, read.place)
    signs = [sign for sign, given in (("urgent", read.urgent), ("sensitive", read.sensitive)) if given]
    return (
        f"{_named(pack, read.sub or read.category)}"
        + (f", {where}" if where else "")
        + f", score {read.score:.2f}, because of: {'; '.join(read.words)}"
        + (f" ({', '.join(signs)})" if signs else "")
    )


def _named(pack: Pack, code: str) -> str:
    """A category or sub-category with its name: "water.none (No water)"."""
    entry = pack.subs.get(code) or pack.categories.get(code)
    return f"{code} ({text(entry.name, 'en')})" if entry else code


def _place(pack: Pack, code: str | None) -> str:
    place = pack.places.get(code or "")
    return label(place, pack) if place else ""


def _iso(pack: Pack, moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(pack.zone)).replace(microsecond=0).isoformat()


def _day(pack: Pack, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(pack.zone)):%d/%m/%Y}"


def _waiting_json(pack: Pack, one: Waiting) -> Mapping[str, Any]:
    case, read = one.case, one.suggestion
    told = ("category", "sub", "place", "urgent", "sensitive", "language", "score")
    return {
        "ref": case.ref,
        "queue": case.queue,
        "received_at": _iso(pack, case.received_at),
        "sub": case.sub,
        "place": case.place,
        "suggestion": {name: getattr(read, name) for name in told} | {"because": read.words} if read else None,
    }


def _cluster_json(pack: Pack, spot: Spot, cluster: Cluster) -> Mapping[str, Any]:
    return {
        "category": spot.category,
        "ward": spot.ward,
        "place": spot.place,
        "since": _iso(pack, cluster.since),
        "similarity": cluster.similarity,
        "master": cluster.master.ref,
        "cases": [case.ref for case in cluster.cases],
        "join": _joining(cluster),
    }
