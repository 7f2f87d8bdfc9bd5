"""`./mlango menus`: the proof of the conversation, its picture, and where citizens give up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click

from locales import registry
from menus import check as proof
from menus import costs, graph, paths
from menus.check import Findings
from menus.costs import Message, Tariff
from menus.paths import Way
from packs.model import Pack
from ussd_app import languages, wiring
from ussd_app.cli import funnel
from ussd_app.cli.languages_at_once import each
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

_NAME: Final = 34  # letters of a row's name


@click.group()
def command() -> None:
    """Prove the menus before a citizen can meet a fault, draw them, and see where citizens give up."""


command.add_command(funnel.command, "funnel")


@command.command(short_help="Render every screen, walk every way, measure every SMS; say what is wrong.")
@click.option("--language", "chosen", multiple=True, metavar="CODE", help="Only this one; may be given again.")
@click.option("--octets", type=click.Choice(["140", "160"]), help="Room for a screen instead of MLANGO_USSD_OCTETS.")
def check(chosen: Sequence[str], octets: str | None) -> None:
    """Prove that every screen fits, in every language, with the longest value that each placeholder can take; that each
    is reachable and has a way back and out; that no key means two things; and how long a citizen needs.

    Prints what every SMS and a case cost. Ends with 1 if anything is wrong. Languages are those that may be offered:
    the complete ones, reviewed or not.
    """
    settings = Settings.load()
    folder = wiring.PACKS / settings.pack
    pack = wiring.read_pack(folder)
    codes = _known(chosen) or languages.offered(True, pack, folder)
    room = int(octets or settings.ussd_octets)
    found = _prove(pack, codes, room, settings.ussd_first_octets)
    tariff = Tariff(settings.cost_session, settings.cost_sms_out, settings.cost_sms_in, settings.pays)
    for line in report(found, room, tariff):
        click.echo(line)
    faults = [str(fault) for one in found for fault in one.faults]
    if faults:
        raise Refusal(f"{len(faults)} faults:" if len(faults) > 1 else "One fault:", *faults)
    click.echo("No faults.")


@command.command(name="graph", short_help="Draw the menus as a picture (SVG).")
@click.option("--to", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write it to this file.")
def draw(to: Path | None) -> None:
    """Draw every screen with its keys and where they lead, a lane for each journey, as an SVG."""
    settings = Settings.load()
    picture = graph.svg(wiring.read_pack(wiring.PACKS / settings.pack))
    if to is None:
        click.echo(picture, nl=False)
    else:
        to.write_text(picture, encoding="utf-8")
        click.echo(f"Wrote {to}.")


def _known(codes: Sequence[str]) -> Sequence[str]:
    strange = [code for code in codes if code not in registry()]
    if strange:
        raise Refusal(f"There is no language with the code {strange[0]}. There are {', '.join(registry())}.")
    return codes


def _prove(pack: Pack, codes: Sequence[str], octets: int, first_octets: int | None) -> list[Findings]:
    """The findings of each language."""
    return each(partial(proof.check, octets=octets, first_octets=first_octets), pack, codes, "Proving")


def report(found: Sequence[Findings], octets: int, tariff: Tariff) -> Iterator[str]:
    """What was proven, as lines to read."""
    first = found[0]
    drawn = sum(one.pages for one in found)
    spoken = ", ".join(one.language for one in found)
    yield f"{first.screens} screens of {octets} octets in {spoken}: {drawn:,} different pages, with the longest values."
    yield ""
    yield "From dialling to the case number: inputs after the dial, and how long they typically take"
    yield f"  (a session has {paths.SESSION_S} s; what stands in brackets turns a page or narrows a choice)"
    for journey, most in paths.MOST_INPUTS.items():
        yield from _journey(journey, most, [way for one in found for way in one.ways if way.journey == journey])
    yield ""
    yield "SMS with the longest values: parts and units (septets, or letters in UCS-2), KSh at most"
    yield from _messages(found, tariff)
    yield ""
    yield from _prices(found, tariff)


def _journey(name: str, most: int, ways: Sequence[Way]) -> Iterator[str]:
    if not ways:
        return
    yield f"  {name}, at most {most}:"
    shortest = min(ways, key=lambda way: (way.inputs, way.seconds))
    worst = max(ways, key=lambda way: (way.inputs, way.seconds))
    slowest = max(ways, key=lambda way: way.seconds)
    for title, way in (("shortest", shortest), ("worst", worst), ("slowest", slowest)):
        sent = way.described
        yield f"    {title:<9}{way.inputs:>3} inputs {way.seconds:>4.0f} s  {way.language}  {way.sub:<22} {sent}"


def _messages(found: Sequence[Findings], tariff: Tariff) -> Iterator[str]:
    yield f"  {'':<{_NAME}}" + "".join(f"{one.language:>8}" for one in found) + f"{'KSh':>8}"
    for row in zip(*(one.messages for one in found), strict=True):
        dearest = max(message.segments for message in row) * tariff.sms_out
        yield f"  {row[0].name:<{_NAME}}" + "".join(f"{_size(message):>8}" for message in row) + f"{dearest:>8.2f}"


def _size(message: Message) -> str:
    return f"{message.segments}/{message.units}"


def _prices(found: Sequence[Findings], tariff: Tariff) -> Iterator[str]:
    yield (
        f"One case that goes well: a session, {len(costs.LIFE)} SMS to the citizen and {costs.REPLIES} answers, at KSh "
        f"{tariff.session:.2f}, {tariff.sms_out:.2f} and {tariff.sms_in:.2f} (MLANGO_COST_…: set your own)"
    )
    for one in found:
        price = costs.cost(one.messages, tariff)
        yield f"  {one.language:<4} citizen KSh {price.citizen:.2f}, county KSh {price.county:.2f}"
    may = "may be shown: the county pays" if tariff.is_free else "is not shown: citizens pay"
    yield f"“Free / Bure” {may} (MLANGO_PAYS={tariff.pays})."
