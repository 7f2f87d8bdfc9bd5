"""`./mlango pack`: the agencies, categories and places that clerks keep in files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

import packs
from packs.model import PlaceKind
from packs.wording import wordings
from store.clock import utcnow
from ussd_app import wiring
from ussd_app.settings import Settings

_PLURALS: Final[Mapping[PlaceKind, str]] = {
    "county": "counties",
    "constituency": "constituencies",
    "ward": "wards",
    "town": "towns",
    "estate": "estates",
    "office": "offices",
}


@click.group()
def command() -> None:
    """Check or load the agencies, categories and places: the files of a folder in packs/."""


@command.command(short_help="Say what is wrong in the files of a pack, or what is in them.")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def check(folder: Path | None) -> None:
    """Say everything that is wrong in the files of FOLDER, or how much is in them.

    FOLDER is the pack that MLANGO_PACK names unless another is given. Nothing is loaded.
    """
    folder = folder or wiring.PACKS / Settings.load().pack
    pack = wiring.read_pack(folder)
    click.echo(f"{folder}: no faults.")
    for name, amount in _contents(pack).items():
        click.echo(f"  {name:<16}{amount}")


@command.command(short_help="Check the pack and put it in force.")
def load() -> None:
    """Check the pack that MLANGO_PACK names and put it in force; a running service takes it over within seconds.

    What is not in the files any more is retired: no longer offered, still named in the cases that use it.
    """
    settings = Settings.load()
    wiring.bind_prepared(settings)
    pack = wiring.read_pack(wiring.PACKS / settings.pack)
    before = _in_force(pack.code)
    outcome = packs.publish(pack, utcnow())
    if not outcome.changed:
        click.echo("Nothing changed.")
        return
    click.echo(f"Pack {outcome.pack.code} is in force, version {outcome.pack.version}.")
    for line in _news(before, outcome.pack) if before else _contents(outcome.pack).items():
        click.echo(f"  {line[0]:<16}{line[1]}")
    for entry in outcome.retired:
        click.echo(f"  retired: {entry}")


def _in_force(code: str) -> packs.Pack | None:
    try:
        pack = packs.current()
    except packs.NoPack:
        return None
    return pack if pack.code == code else None


def _contents(pack: packs.Pack) -> Mapping[str, str]:
    """How much of what is in a pack, without what is retired."""
    places = [place for place in pack.places.values() if not place.retired]
    kinds = Counter(place.kind for place in places)
    return {
        "agencies": _offered(pack.agencies),
        "categories": _offered(pack.categories),
        "sub-categories": _offered(pack.subs),
        "places": f"{len(places):,}: " + ", ".join(f"{kinds[kind]:,} {_PLURALS[kind]}" for kind in _PLURALS),
        "aliases": f"{sum(len(place.also) for place in places):,}",
        "members": f"{sum(map(len, pack.members.values())):,}",
        "lexicon": f"{len(pack.lexicon):,}",
        "subjects": f"{len(pack.subjects):,}",
        "questions": f"{len(pack.faqs):,}",
        "texts": _texts(pack),
        "holidays": f"until the end of {pack.holiday_years[1]}",
    }


def _texts(pack: packs.Pack) -> str:
    """How many texts citizens may see, and how many of them are there in further languages."""
    texts = wordings(pack)
    further = Counter(lang for wording in texts for lang in wording.words if lang not in pack.languages)
    return "; ".join((f"{len(texts):,}", *(f"{lang} {count:,}" for lang, count in sorted(further.items()))))


def _offered(entries: Mapping[str, Any]) -> str:
    return f"{sum(not entry.retired for entry in entries.values()):,}"


def _news(before: packs.Pack, after: packs.Pack) -> list[tuple[str, str]]:
    """What is new or different in each part of a pack that has news."""
    parts: Mapping[str, tuple[Mapping[Any, Any], Mapping[Any, Any]]] = {
        "agencies": (before.agencies, after.agencies),
        "categories": (before.categories, after.categories),
        "sub-categories": (before.subs, after.subs),
        "promised times": (before.slas, after.slas),
        "routes": (_by_key(before), _by_key(after)),
        "places": (before.places, after.places),
        "calendars": (before.calendars, after.calendars),
        "members": (before.members, after.members),
        "lexicon": ({one.parts: one for one in before.lexicon}, {one.parts: one for one in after.lexicon}),
        "messages": (before.messages, after.messages),
        "subjects": ({one.code: one for one in before.subjects}, {one.code: one for one in after.subjects}),
        "questions": ({one.code: one for one in before.faqs}, {one.code: one for one in after.faqs}),
        "emergency": ({one.use: one for one in before.emergency}, {one.use: one for one in after.emergency}),
    }
    return [(name, news) for name, (old, new) in parts.items() if (news := _difference(old, new))]


def _by_key(pack: packs.Pack) -> Mapping[Any, packs.Route]:
    return {(route.category, route.sub, route.county, route.about): route for route in pack.routes}


def _difference(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> str:
    added = new.keys() - old.keys()
    changed = [key for key in new.keys() & old.keys() if new[key] != old[key]]
    gone = old.keys() - new.keys()
    counts = {"new": len(added), "changed": len(changed), "removed": len(gone)}
    return ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
