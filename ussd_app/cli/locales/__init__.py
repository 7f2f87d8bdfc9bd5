"""`./mlango locales`: what translators need, and how far each language is."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import click
from babel.messages.pofile import PoFileError, write_po

import locales
from locales import SOURCE, catalogue, registry
from menus import rehearsal
from menus.check import overflowing
from menus.screens import FLOW
from packs.faults import Fault
from packs.model import Pack
from packs.sheet import Row
from store.clock import utcnow
from ussd_app import languages, wiring
from ussd_app.cli.languages_at_once import each
from ussd_app.cli.locales import sheets
from ussd_app.cli.locales.preview import previews
from ussd_app.cli.locales.texts import Change, Text, all_texts, form_mistake, save
from ussd_app.cli.locales.uses import uses
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

_SHEET: Final = click.Path(dir_okay=False, path_type=Path)


@click.group()
def command() -> None:
    """Translate the service: how far each language is, sheets for translators, previews.

    docs/translating.md is the guide for translators.
    """


@command.command(short_help="How far each language is, a line for each.")
def status() -> None:
    """Say of each language how much of it is there, how much of it a speaker has reviewed, how many screens overflow.

    And whether this box offers it to citizens.
    """
    settings, pack, folder = _box()
    offered = languages.offered(settings.offers_unreviewed, pack, folder)
    width = max(len(language.name) for language in registry().values())
    for (code, language), overflow in zip(registry().items(), _overflowing(pack, settings.ussd_octets), strict=True):
        found = languages.coverage(code, pack, folder)
        told = [
            f"{_percent(found.complete)} complete",
            f"{_percent(found.reviewed_share)} reviewed",
            f"{overflow:3d} screens overflow",
            "offered" if code in offered else "a template" if language.template else "not offered",
        ]
        click.echo(f"{code:<4} {language.name:<{width}}  {', '.join(told)}")


@command.command(short_help="Every text of the conversation, as a gettext template.")
@click.option(
    "--to", "file", type=click.File("wb"), default="-", help="The file to write; standard output unless given."
)
def extract(file: BinaryIO) -> None:
    """Read every text out of the code and write them as a template (.pot) for any gettext program."""
    write_po(file, catalogue.extracted(), width=120, include_lineno=False)


@command.command(short_help="Bring the catalogues up to date with the code.")
@click.argument("codes", nargs=-1)
def update(codes: tuple[str, ...]) -> None:
    """Bring the catalogues of CODES, or all, up to date: new texts are added empty, those gone from the code dropped.

    Where a new text looks like one that is gone, its translation is proposed, but not shown before somebody says so.
    """
    texts = catalogue.extracted()
    places = uses([str(message.id) for message in texts if message.id])
    for code in codes or [code for code in registry() if code != SOURCE]:
        merged = catalogue.merged(_known(code), texts, places)
        missing = sum(bool(message.id) and not catalogue.is_shown(message) for message in merged)
        news = "brought up to date" if catalogue.write(code, merged) else "was up to date"
        click.echo(f"{code:<4} {news}; {missing} of {len(merged)} texts are missing or weak.")


@command.command(name="compile", short_help="Check every catalogue, and write it for other gettext programs.")
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write .mo files to this folder."
)
def compile_(folder: Path | None) -> None:
    """Compile every catalogue as the service does when it starts, and say what is wrong.

    The service itself reads the .po files; with --to other programs get .mo files.
    """
    faults: list[str] = []
    for code in registry():
        if not locales.path(code).exists():
            continue
        try:
            content = locales.compiled(code)
            faults += _wrong(code)
        except PoFileError as error:
            faults.append(f"{locales.path(code)}: {error}.")
            continue
        click.echo(f"{code:<4} {len(content):,} bytes")
        if folder:
            target = folder / code / "LC_MESSAGES" / "messages.mo"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    if faults:
        raise Refusal(*faults)


@command.command(short_help="Write a sheet for a translator: ki.csv or ki.xlsx.")
@click.argument("file", type=_SHEET)
@click.option("--missing", is_flag=True, help="Only what is missing or weak.")
@click.option("--unreviewed", is_flag=True, help="Only what no speaker has reviewed.")
def export(file: Path, missing: bool, unreviewed: bool) -> None:
    """Write all texts of a language to FILE, which is called like its code: ki.csv, or ki.xlsx for Excel.

    A translator fills in the columns `text` and `reviewer`; `./mlango locales import` takes the file back.
    """
    code = _language_of(file)
    _, pack, folder = _box()
    texts = [
        text
        for text in all_texts(code, pack, folder)
        if not (missing and text.words and not text.weak) and not (unreviewed and text.by)
    ]
    sheets.write(file, code, texts)
    click.echo(f"{file}: {len(texts)} texts in {registry()[code].name}.")


@command.command(name="import", short_help="Take back the sheet of a translator.")
@click.argument("file", type=_SHEET)
@click.option("--good", is_flag=True, help="Take the good rows although others are wrong.")
@click.option("--check", is_flag=True, help="Only say what is wrong and what would change.")
def import_(file: Path, good: bool, check: bool) -> None:
    """Take the texts of FILE (ki.csv, ki.xlsx) over, and say row by row what is wrong.

    Nothing is taken while a row is wrong, unless --good. Rows without a text change nothing. With a name in the
    column `reviewer` a speaker stands for the text; without, it is a draft.
    """
    code = _language_of(file)
    _, pack, folder = _box()
    if not file.exists():
        raise Refusal(f"There is no file {file}.")
    faults: list[Fault] = []
    texts = {text.id: text for text in all_texts(code, pack, folder)}
    changes = _changes(sheets.rows(file, faults), texts)
    refused = {fault.line for fault in faults}
    if not check and (good or not faults):
        save(code, pack, folder, changes)
        verb = "taken"
    else:
        verb = "to take"
    for fault in faults:
        click.echo(f"mlango: {fault}", err=True)
    click.echo(f"{registry()[code].name}: {_news(changes, texts)} {verb}, {len(refused)} rows wrong.")
    if faults:
        sys.exit(1)


@command.command(name="preview", short_help="Print every screen of a language in a frame.")
@click.argument("code")
@click.option("--screen", type=click.Choice(list(FLOW)), metavar="NAME", help="Only the screens of this name.")
def preview_(code: str, screen: str | None) -> None:
    """Print every screen in the language CODE as a phone shows it, with the name of the screen and how full it is.

    What is not translated stands in the language it falls back to.
    """
    settings, pack, folder = _box()
    if code not in registry():
        raise _no_language(code)
    here = rehearsal.world(pack, code, octets=settings.ussd_octets, service=settings.service_name)
    here = replace(here, languages=languages.offered(settings.offers_unreviewed, pack, folder))
    for frame in previews(here, screen):
        click.echo(f"{frame}\n")


def _changes(rows: list[Row], texts: dict[str, Text]) -> dict[str, Change]:
    """What the good rows change, by the text's id. Each row says for itself what is wrong with it."""
    today, changes, lines = utcnow().date().isoformat(), dict[str, Change](), dict[str, int]()
    for row in rows:
        if not row["text"]:
            continue
        text = texts.get(row["id"])
        if text is None:
            row.fault("id", f"there is no text “{row['id']}” (any more). Export the sheet anew.")
        elif lines.setdefault(text.id, row.line) != row.line:
            row.fault("id", f"line {lines[text.id]} has this text already.")
        elif " ".join(row["english"].split()) != " ".join(text.english.split()):
            row.fault("english", f"the English is now “{text.english}”. Export the sheet anew.")
        elif wrong := text.mistake(row["text"]):
            row.fault("text", wrong)
        else:
            by = sheets.review(row["reviewer"], today)
            if row["text"] != text.words or (by and by != text.by):
                changes[text.id] = Change(row["text"], by)
    return changes


def _news(changes: dict[str, Change], texts: dict[str, Text]) -> str:
    kinds = Counter(
        "new" if not texts[id].words else "changed" if texts[id].words != change.words else "reviewed"
        for id, change in changes.items()
    )
    return ", ".join(f"{kinds[kind]} {kind}" for kind in ("new", "changed", "reviewed"))


def _box() -> tuple[Settings, Pack, Path]:
    """The settings, and the pack as its files are now: no database is needed to translate."""
    settings = Settings.load()
    folder = wiring.PACKS / settings.pack
    return settings, wiring.read_pack(folder), folder


def _language_of(file: Path) -> str:
    if file.suffix not in sheets.FORMS:
        raise Refusal(f"{file} should end in {' or '.join(sheets.FORMS)}.")
    return _known(file.stem)


def _known(code: str) -> str:
    if code == SOURCE:
        raise Refusal("English is not translated: it is what the code and the pack say. Change it there.")
    if code not in registry():
        raise _no_language(code)
    return code


def _no_language(code: str) -> Refusal:
    return Refusal(
        f"There is no language “{code}”. Known are: {', '.join(registry())}. "
        "To add one, write its lines into locales/languages.toml; docs/translating.md tells how."
    )


def _wrong(code: str) -> Iterator[str]:
    """What is wrong with the form of a catalogue's texts."""
    for message in locales.read(code):
        if message.id and catalogue.is_shown(message):
            wrong = form_mistake(str(message.id), str(message.string), code)
            if wrong:
                yield f"{locales.path(code)}: “{message.id}”: {wrong}"


def _overflowing(pack: Pack, octets: int) -> list[int]:
    """How many screens do not fit, by language in the order of the registry."""
    found = each(partial(overflowing, octets=octets), pack, list(registry()), "Drawing every screen")
    return [len(screens) for screens in found]


def _percent(share: float) -> str:
    """Rounded down: 100 % is all."""
    return f"{int(share * 100):3d} %"
