"""`./mlango sms`: how a text is understood, what it costs on the air, and what was sent to whom."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import click

from cases import triage
from cases.reference import LEAST_DIGITS, shown
from locales import registry
from menus import costs
from menus.dialogue import cries_for_help
from packs.model import Pack, text
from packs.places import PlaceIndex, label, place_index
from sms_gateway.encoding import Segments, printable, segments, thrifty
from sms_gateway.keywords import A_NUMBER_ALONE, AnswerWord, Command, Intent, answer, understand
from ussd_app import languages, wiring
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

_HISTORY: Final = "ussd_app.cli.history"  # what was sent, from the database
_NAME: Final = 34  # letters of a template's name
_MOST_READ: Final = 4_000  # letters of a text that are searched for its subject; no phone sends that many


class _Commands(click.Group):
    """The commands of this page, and those of the message history."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_history()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _history().get(cmd_name)


def _history() -> Mapping[str, click.Command]:
    commands: list[click.Command] = importlib.import_module(_HISTORY).commands
    return {command.name: command for command in commands if command.name}


@click.group(cls=_Commands)
def command() -> None:
    """Texts of citizens and to them: how one is understood, what one costs, what was sent."""


@command.command(short_help="How a text of a citizen is understood, and why.")
@click.argument("words", nargs=-1, metavar="TEXT")
@click.option("--lang", metavar="CODE", help="The language of the citizen: some keywords count only in theirs.")
@click.option("--json", "as_json", is_flag=True, help="Read one text a line, write one JSON object a line.")
def explain(words: tuple[str, ...], lang: str | None, as_json: bool) -> None:
    """Say how TEXT is understood when no question of ours is open, by which words, and what it is about.

    With --json every line of standard input is a text, and every line of standard output what it means, at once:
    intent (COMPLAIN, STATUS, HELP, STOP, START, LANG, RATE, REOPEN, AGENT, APPEAL, or TEXT for anything else),
    case_number (digits, or null), confirm (whether the citizen is asked first), category and place (codes of the pack,
    as in categories.csv and places.csv, or null) and why. TEXT on the command line is then explained instead.

    Needs no database: category and place are read from the files of the pack that MLANGO_PACK names.
    """
    if lang is not None and lang not in registry():
        raise Refusal(f"There is no language with the code {lang}. There are {', '.join(registry())}.")
    if not words and not as_json:
        raise Refusal('Say which text: ./mlango sms explain "maji hakuna Kayole", or give texts to --json, one a line.')
    reader = Reader(wiring.read_pack(wiring.PACKS / Settings.load().pack), lang)
    if not as_json:
        for line in reader.told(printable(" ".join(words))):
            click.echo(line)
        return
    given: Iterable[bytes] = [printable(" ".join(words)).encode()] if words else sys.stdin.buffer
    _answer_lines(given, lambda line: reader.facts(line.decode("utf-8", "replace")))


@command.command("segments", short_help="The parts in which a text travels, and what it counts.")
@click.argument("words", nargs=-1, metavar="TEXT")
@click.option(
    "--degrade", is_flag=True, help="As the service sends it: signs made plain, letters where that saves a part."
)
@click.option("--json", "as_json", is_flag=True, help="Read one JSON string a line, write one JSON object a line.")
def segments_(words: tuple[str, ...], degrade: bool, as_json: bool) -> None:
    """Draw the parts of TEXT: GSM-7 carries 160 septets or 153 a part, UCS-2 70 UTF-16 units or 67 a part.

    With --json every line of standard input is a JSON string, and every line of standard output its encoding, segments
    and units (septets or UTF-16 units of the whole); a line that is no JSON string gives {"error": …}.
    """
    if as_json:
        _answer_lines(sys.stdin.buffer, lambda line: _measured(line, degrade=degrade))
        return
    if not words:
        raise Refusal(
            'Say which text: ./mlango sms segments "Asante sana", or give JSON strings to --json, one a line.'
        )
    for line in _drawn(printable(" ".join(words)), degrade=degrade):
        click.echo(line)


@command.command(short_help="Every SMS of the service: encoding, units and parts in each language.")
@click.option("--language", "chosen", multiple=True, metavar="CODE", help="Only this one; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def templates(chosen: tuple[str, ...], as_json: bool) -> None:
    """List every SMS that the service may send, with the longest values its placeholders can take, as it is sent."""
    settings = Settings.load()
    folder = wiring.PACKS / settings.pack
    pack = wiring.read_pack(folder)
    offered = languages.offered(True, pack, folder)
    strange = [code for code in chosen if code not in offered]
    if strange:
        raise Refusal(f"No citizen can choose {strange[0]}. They can choose {', '.join(offered)}.")
    sender = _sender(settings)
    rows = [message for code in chosen or offered for message in costs.messages(pack, code)]
    if as_json:
        for message in rows:
            click.echo(json.dumps(_template(message, sender), ensure_ascii=False))
        return
    for line in _table(rows, sender):
        click.echo(line)


class Reader:
    """Explains texts of citizens who use the service in one language."""

    def __init__(self, pack: Pack, language: str | None) -> None:
        self._pack, self._language = pack, language
        self._places: PlaceIndex = place_index(pack)

    def facts(self, line: str) -> dict[str, Any]:
        """What is written for one text with --json."""
        understood = understand(line, self._language)
        about = self._about(understood)
        return {
            "intent": self._intent(line, understood),
            "case_number": _case_number(understood),
            "confirm": understood.confirm,
            "category": about.category,
            "place": about.place,
            "why": understood.why,
        }

    def told(self, line: str) -> Iterator[str]:
        """The same for people, with the words it was found by."""
        understood = understand(line, self._language)
        about, number = self._about(understood), _case_number(understood)
        place = self._pack.places.get(about.place or "")
        category = self._pack.categories.get(about.category or "")
        yield f"{'intent':<14}{self._intent(line, understood)}" + (", asked about first" if understood.confirm else "")
        yield f"{'why':<14}{understood.why}" + (f" ({understood.language})" if understood.language else "")
        yield f"{'text':<14}{understood.argument or '-'}"
        yield f"{'case number':<14}{_shown(number)}"
        named = f"{category.code} ({text(category.name, 'en')})" if category else "it does not tell"
        yield f"{'category':<14}{named}"
        yield f"{'place':<14}" + (f"{place.code} ({label(place, self._pack)})" if place else "none that is sure")
        yield f"{'because of':<14}{'; '.join(about.because) or 'nothing'}"
        if about.urgent:
            yield "It may be urgent: the emergency numbers come first."
        if about.sensitive:
            yield "It may be sensitive: a person decides."

    def _intent(self, line: str, understood: Command) -> str:
        """One of the ten that others know, or TEXT. A case number alone asks how it stands, and BADO reopens."""
        if understood.why == A_NUMBER_ALONE and _case_number(understood):
            return Intent.STATUS
        if cries_for_help(understood, self._told(understood)):
            return Intent.TEXT
        if understood.intent is Intent.TEXT and not any(map(str.isdigit, line)):
            said = answer(line, self._language)
            if said and said.word is AnswerWord.NOT_YET:
                return Intent.REOPEN
        return _TOLD_AS.get(understood.intent, understood.intent)

    def _about(self, understood: Command) -> triage.Suggestion:
        told = self._told(understood)
        return told if understood.intent in _WITH_WORDS or cries_for_help(understood, told) else triage.Suggestion()

    def _told(self, understood: Command) -> triage.Suggestion:
        return triage.suggest(self._pack, self._places, understood.argument[:_MOST_READ])


_TOLD_AS: Final[Mapping[str, str]] = {
    Intent.GREETING: Intent.HELP,
    Intent.ACK: Intent.TEXT,
    Intent.JOIN: Intent.TEXT,
}
_WITH_WORDS: Final = frozenset({Intent.TEXT, Intent.COMPLAIN, Intent.REOPEN, Intent.APPEAL})


def _case_number(understood: Command) -> str | None:
    """The number, if it is long enough for the end of one."""
    return understood.number if understood.number and len(understood.number) >= LEAST_DIGITS else None


def _shown(number: str | None) -> str:
    if number is None:
        return "none"
    return shown(number) if len(number) == 9 else f"{number} (the end of one)"


def _answer_lines(lines: Iterable[bytes], answered: Callable[[bytes], Mapping[str, Any]]) -> None:
    """Answer line by line; who writes to us through a pipe waits for each."""
    for line in lines:
        sys.stdout.write(json.dumps(answered(line.rstrip(b"\r\n"))) + "\n")
        sys.stdout.flush()


def _measured(line: bytes, *, degrade: bool) -> dict[str, Any]:
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        return {"error": "This line is no JSON."}
    if not isinstance(words, str):
        return {"error": "This line is no JSON string."}
    measured = segments(thrifty(words) if degrade else words)
    return {"encoding": measured.encoding, "segments": measured.count, "units": measured.units}


def _drawn(words: str, *, degrade: bool) -> Iterator[str]:
    measured = segments(thrifty(words) if degrade else words)
    yield _size(measured)
    for number, part in enumerate(measured.parts, 1):
        yield f"{number:>3}  {part}"
    sent = segments(thrifty(words))
    if sent.count < measured.count:
        yield f"With --degrade, as the service sends it: {_size(sent)}"
    strange = sorted({letter for letter in "".join(measured.parts) if segments(letter).encoding == "UCS-2"})
    if strange:
        yield "Not in GSM-7: " + ", ".join(f"{letter} ({ord(letter):04X})" for letter in strange)


def _size(measured: Segments) -> str:
    unit = "septets" if measured.encoding == "GSM-7" else "UTF-16 units"
    return f"{measured.encoding}, {measured.units} {unit}, {measured.count} part{'s' * (measured.count > 1)}"


def _sender(settings: Settings) -> str:
    """From whom citizens see the messages of the preferred network."""
    senders = {"africastalking": settings.africastalking_sender, "kannel": settings.kannel_sender, "gammu": "the SIM"}
    return senders.get(settings.gateways[0]) or settings.short_code


def _template(message: costs.Message, sender: str) -> dict[str, Any]:
    told = ("template", "scope", "language", "encoding", "units", "segments", "text")
    return {name: getattr(message, name) for name in told} | {"sender": sender}


def _table(rows: Iterable[costs.Message], sender: str) -> Iterator[str]:
    yield f"As sent from {sender}, with the longest values:"
    yield f"{'SMS':<{_NAME}} {'language':<9}{'encoding':<9}{'units':>5}{'parts':>6}"
    for row in rows:
        yield f"{row.name:<{_NAME}} {row.language:<9}{row.encoding:<9}{row.units:>5}{row.segments:>6}"
