"""The texts that citizens read: each is translated, with the same placeholders, in the alphabet of every phone."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Final

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import locales
import menus
from locales import registry
from locales.gsm7 import septets
from menus.messages import TEMPLATES
from menus.values import STATUS_WORDS

MENUS: Final = Path(menus.__file__).parent
TRANSLATED: Final = [code for code in registry() if code != locales.SOURCE]


def said_in_code() -> Iterator[tuple[str, str]]:
    """Every text that is marked with `say(…)`, and where."""
    for call, place in calls_of_say():
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
            yield call.args[0].value, place


def calls_of_say() -> Iterator[tuple[ast.Call, str]]:
    """`say(…)`, which marks a text, and `scene.say(…)`, which translates one on the spot."""
    for file in sorted(MENUS.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and "say" in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
                yield node, f"{file.relative_to(MENUS)}:{node.lineno}"


SAID: Final = dict(said_in_code())


def catalogue(language: str) -> Catalog:
    path = locales.FOLDER / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as source:
        return read_po(source, abort_invalid=True)


def texts(language: str) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalogue(language) if message.id}


def placeholders(text: str) -> Counter[str]:
    """The names between braces; ValueError for a brace that stands alone, AssertionError for a format."""
    fields: Counter[str] = Counter()
    for _, field, format_spec, conversion in Formatter().parse(text):
        if field is not None:
            assert field.isidentifier(), f"{{{field}}} is no name"
            assert not format_spec, f"{{{field}:{format_spec}}} formats; values come as text"
            assert not conversion, f"{{{field}!{conversion}}} converts; values come as text"
            fields[field] += 1
    return fields


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_in_the_code_is_translated(language: str) -> None:
    translated = texts(language)
    missing = {text: place for text, place in SAID.items() if not translated.get(text)}
    assert not missing


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_left_of_a_text_that_is_gone(language: str) -> None:
    assert texts(language).keys() <= SAID.keys()
    assert not catalogue(language).obsolete


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_placeholders_of_its_text(language: str) -> None:
    """None more, which would have no value; and none less, which would leave the citizen without it."""
    for text, translation in texts(language).items():
        assert placeholders(translation).keys() == placeholders(text).keys(), text


@pytest.mark.parametrize("language", [locales.SOURCE, *TRANSLATED])
def test_every_text_is_in_the_alphabet_of_every_phone(language: str) -> None:
    shown = SAID if language == locales.SOURCE else texts(language).values()
    outside = [text for text in shown if septets(text) is None]
    assert not outside


@pytest.mark.parametrize("language", [locales.SOURCE, *TRANSLATED])
def test_no_line_begins_or_ends_with_a_space(language: str) -> None:
    shown = SAID if language == locales.SOURCE else texts(language).values()
    for text in shown:
        assert all(line == line.strip() for line in text.split("\n")), text
        assert "  " not in text


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_text_keeps_its_lines(language: str) -> None:
    for text, translation in texts(language).items():
        assert translation.count("\n") == text.count("\n"), text


def test_texts_are_whole_sentences_marked_where_they_are_written() -> None:
    """A text put together from parts cannot be translated: `say` takes one literal."""
    for call, place in calls_of_say():
        assert isinstance(call.args[0], ast.Constant) or isinstance(call.func, ast.Attribute), place


def test_every_status_has_words_and_every_sms_a_text() -> None:
    assert {*STATUS_WORDS.values(), *TEMPLATES.values()} <= SAID.keys()


@pytest.mark.parametrize("code", list(registry()))
def test_a_language_falls_back_on_one_that_exists(code: str) -> None:
    fallback = registry()[code].fallback
    assert fallback in registry() if fallback else code == locales.SOURCE


def test_a_stray_brace_is_found_out() -> None:
    with pytest.raises(ValueError):
        placeholders("{ref is saved")
    with pytest.raises(AssertionError):
        placeholders("{0} is saved")
