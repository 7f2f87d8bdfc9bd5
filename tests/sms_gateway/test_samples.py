"""How well real texts are understood: the hand-made noisy samples, and thousands of ordinary texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from locales import registry
from sms_gateway.keywords import VOCABULARY, Command, Intent, answer, understand
from tests.sms_gateway import ordinary

SAMPLES: Final = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "sms_samples.jsonl").read_text(encoding="utf-8").splitlines()
]
# What a label of the samples asks of us: the intents that are right, and whether we must ask before acting.
RIGHT: Final[dict[str, tuple[set[str], bool]]] = {
    "COMPLAIN": ({Intent.COMPLAIN, Intent.TEXT}, False),  # lodged either way
    "OTHER": ({Intent.TEXT}, False),
    "IGNORE": ({Intent.TEXT}, False),
    "MENU?": ({Intent.TEXT}, False),
    "HELP?": ({Intent.HELP}, False),
    "STOP?": ({Intent.STOP}, True),
    "RATE?": ({Intent.RATE, Intent.TEXT}, True),
    "REOPEN?": ({Intent.REOPEN}, True),
}
ORDINARY: Final = 12_000
MOST_COMMANDS: Final = 0.001  # of ordinary texts


def is_right(sample: dict[str, Any], command: Command) -> bool:
    """A bare digit is text until a question is open; what is only likely is asked about, and a typing mistake too."""
    intents, must_ask = RIGHT.get(sample["intent"], ({sample["intent"]}, False))
    asked = command.confirm or command.intent is Intent.TEXT or not must_ask
    number = sample["ref"] is None or command.number == sample["ref"]
    return command.intent in intents and asked and number


def table(samples: Iterable[dict[str, Any]]) -> str:
    """Label, how many, how many right; and below those that are wrong."""
    all_, right, wrong = Counter[str](), Counter[str](), []
    for sample in samples:
        command = understand(sample["text"])
        all_[sample["intent"]] += 1
        right[sample["intent"]] += is_right(sample, command)
        if not is_right(sample, command):
            wrong.append(f"  {sample['text']!r}: {command.intent} {command.number or ''} ({command.why})")
    rows = [f"{label:<10}{right[label]:>4} of {amount}" for label, amount in all_.items()]
    return "\n".join(["", *rows, f"{'all':<10}{right.total():>4} of {all_.total()}", *wrong])


def test_every_sample_is_understood() -> None:
    assert all(is_right(sample, understand(sample["text"])) for sample in SAMPLES), table(SAMPLES)


def test_only_a_whole_message_stops_without_being_asked() -> None:
    """Its words are those of one keyword, but for courtesies, and what a machine added below."""
    stops = {phrase for phrase, sense in VOCABULARY.keywords.items() if sense.meaning == Intent.STOP}
    for text in (*(sample["text"] for sample in SAMPLES), *ordinary.TRAPS, *ordinary.texts(2_000)):
        command = understand(text)
        if command.intent is Intent.STOP and not command.confirm:
            said = [word for word in text.casefold().replace("!", " ").replace(".", " ").split() if word.isalpha()]
            assert tuple(word for word in said if word not in {"pls", "please", "tafadhali"}) in stops, text


def commands_among(texts: Iterable[str], language: str | None = None) -> list[str]:
    found = ((text, understand(text, language)) for text in texts)
    return [
        f"{text!r}: {command.intent} ({command.why})" for text, command in found if command.intent is not Intent.TEXT
    ]


def test_ordinary_texts_are_hardly_ever_taken_for_commands() -> None:
    wrong = commands_among(ordinary.texts(ORDINARY))
    assert len(wrong) < MOST_COMMANDS * ORDINARY, "\n".join(
        [f"{len(wrong)} of {ORDINARY} ordinary texts:", *wrong[:40]]
    )


@pytest.mark.parametrize("language", list(registry()))
def test_nor_are_they_for_who_uses_another_language(language: str) -> None:
    wrong = commands_among(ordinary.texts(1_000, seed=7), language)
    assert len(wrong) <= MOST_COMMANDS * 1_000, "\n".join(wrong)


@pytest.mark.parametrize("text", ordinary.TRAPS)
def test_no_trap_is_a_command(text: str) -> None:
    command = understand(text)
    assert command.intent is Intent.TEXT, command.why


@pytest.mark.parametrize("text", ["Kenya power", "Komiti ya maji", "Think about us", "Thika road", "Hela zangu"])
@pytest.mark.parametrize("language", list(registry()))
def test_a_neighbour_of_a_keyword_is_no_typing_mistake_in_any_language(text: str, language: str) -> None:
    assert understand(text, language).intent is Intent.TEXT


def test_no_ordinary_text_of_four_words_answers_a_question() -> None:
    assert not any(answer(text) for text in ordinary.texts(1_000) if len(text.split()) > 3)
