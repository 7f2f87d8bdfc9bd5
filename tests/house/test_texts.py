"""The texts that citizens read: translated as their marks say, with all placeholders, in letters that phones show."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from unicodedata import combining, normalize

import pytest
from babel.messages.catalog import Message

import locales
import menus
from locales import catalogue, registry
from locales.gsm7 import septets
from menus.messages import TEMPLATES
from menus.values import STATUS_WORDS
from packs import Pack, load
from sms_gateway.keywords import VOCABULARY
from ussd_app import languages, wiring
from ussd_app.cli.locales.texts import all_texts, form_mistake, id_of

MENUS: Final = Path(menus.__file__).parent
KENYA: Final = wiring.PACKS / "ke"
TRANSLATED: Final = [code for code in registry() if code != locales.SOURCE]
FURTHER: Final = [code for code in TRANSLATED if code not in catalogue.ALWAYS]
COMPLETE: Final = [code for code in FURTHER if not registry()[code].template]
WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|_")
ANSWERS: Final = {"YES", "NO"}
RENEW: Final = "Run: ./mlango locales update"


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


@cache
def messages(language: str) -> dict[str, Message]:
    return {str(message.id): message for message in locales.read(language) if message.id}


def shown(language: str) -> dict[str, str]:
    """What citizens read in a language, by the English text."""
    if language == locales.SOURCE:
        return {text: text for text in SAID}
    return {id: str(message.string) for id, message in messages(language).items() if catalogue.is_shown(message)}


@pytest.fixture(scope="module")
def kenya() -> Pack:
    return load(KENYA)


def test_every_text_in_the_code_is_in_swahili() -> None:
    missing = {text: place for text, place in SAID.items() if text not in shown("sw")}
    assert not missing


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_lists_exactly_the_texts_in_the_code(language: str) -> None:
    assert messages(language).keys() == SAID.keys(), RENEW
    assert not locales.read(language).obsolete, RENEW


@pytest.mark.parametrize("language", COMPLETE)
def test_a_language_is_there_as_a_whole(language: str, kenya: Pack) -> None:
    """The conversation's texts and the pack's together; what little may lack comes from the fallback."""
    assert languages.coverage(language, kenya, KENYA).complete >= catalogue.ENOUGH


def test_what_no_speaker_has_reviewed_is_offered_only_to_who_asks_for_it(kenya: Pack) -> None:
    assert languages.offered(True, kenya, KENYA) == ("en", "sw", *COMPLETE)
    reviewed = [code for code in COMPLETE if languages.coverage(code, kenya, KENYA).reviewed_share >= catalogue.ENOUGH]
    assert languages.offered(False, kenya, KENYA) == ("en", "sw", *reviewed)


@pytest.mark.parametrize("language", FURTHER)
def test_a_text_is_a_draft_until_a_speaker_stands_for_it(language: str) -> None:
    for text in shown(language):
        message = messages(language)[text]
        assert (catalogue.UNREVIEWED in message.flags) == (catalogue.review(message) is None), text


@pytest.mark.parametrize("language", [locales.SOURCE, *TRANSLATED])
def test_a_text_has_the_form_of_its_english_in_letters_that_phones_show(language: str) -> None:
    """The same placeholders and lines, no space too many, no letter of another script."""
    wrong = {text: form_mistake(text, words, language) for text, words in shown(language).items()}
    assert not {text: why for text, why in wrong.items() if why}


@pytest.mark.parametrize("language", catalogue.ALWAYS)
def test_english_and_swahili_are_in_the_alphabet_of_every_phone_as_they_stand(language: str) -> None:
    assert not [text for text in shown(language).values() if septets(text) is None]


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_text_keeps_to_its_room(language: str, kenya: Pack) -> None:
    texts = [text for text in all_texts(language, kenya, KENYA) if text.words and not text.weak]
    wrong = {text.english: text.mistake(text.words) for text in texts}
    assert not {text: why for text, why in wrong.items() if why}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_keyword_in_an_sms_means_what_it_does_in_the_english_one(language: str) -> None:
    """A citizen who is told to send “BADO” is understood. Where answers have digits, too, the words may be missing."""
    for text in set(TEMPLATES.values()) & shown(language).keys():
        words = shown(language)[text]
        wanted, found = keywords(text), keywords(words)
        assert wanted - found <= (ANSWERS if "1" in words else set()), f"{wanted - found} is not in: {words}"
        if registry()[language].script == "Latin":  # else there are no capitals to tell a keyword by
            assert found <= wanted, f"{found - wanted} is not in the English of: {words}"


def keywords(text: str) -> set[str]:
    """What the words in capitals of a text mean to us, alone or as a phrase. NOT YET is a way to say NO."""
    capitals = [word if word == word.upper() else "." for word in WORD.findall(re.sub(r"\{\w+\}", "_", text))]
    meanings: set[str] = set()
    while capitals:
        spans = (capitals[:size] for size in range(min(len(capitals), VOCABULARY.longest), 0, -1))
        meaning, length = next(((found, len(span)) for span in spans if (found := meaning_of(span))), ("", 1))
        meanings |= {meaning} if meaning else set()
        capitals = capitals[length:]
    return meanings


def meaning_of(words: list[str]) -> str:
    phrase = tuple(folded(word) for word in words)
    sense = VOCABULARY.keywords.get(phrase) or VOCABULARY.answers.get(phrase)
    return {"NOT_YET": "NO", "REOPEN": "NO"}.get(sense.meaning, sense.meaning) if sense else ""


def folded(word: str) -> str:
    return "".join(letter for letter in normalize("NFKD", word.casefold()) if not combining(letter))


def test_texts_are_whole_sentences_marked_where_they_are_written() -> None:
    """A text put together from parts cannot be translated: `say` takes one literal."""
    for call, place in calls_of_say():
        assert isinstance(call.args[0], ast.Constant) or isinstance(call.func, ast.Attribute), place


def test_every_status_has_words_and_every_sms_a_text() -> None:
    assert {*STATUS_WORDS.values(), *TEMPLATES.values()} <= SAID.keys()


def test_the_ids_of_translators_sheets_tell_all_texts_apart() -> None:
    assert len({id_of(text) for text in SAID}) == len(SAID)


@pytest.mark.parametrize("code", list(registry()))
def test_a_language_falls_back_on_one_that_exists(code: str) -> None:
    fallback = registry()[code].fallback
    assert fallback in registry() if fallback else code == locales.SOURCE
