"""Catalogues as translators keep them: merged with the code, reviewed text by text, counted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

import locales
from locales.catalogue import (
    SPEAKING,
    Coverage,
    Review,
    coverage,
    extracted,
    is_shown,
    merged,
    offered,
    review,
    said,
    word,
    write,
    written,
)
from tests.locales.conftest import catalogue, forget

pytestmark = pytest.mark.usefixtures("folder")
KAZUNGU = Review("Kazungu, Malindi", "2026-12-01")


def texts(*english: str) -> Catalog:
    found = Catalog()
    for text in english:
        found.add(text)
    return found


def by_english(catalog: Catalog) -> dict[str, Message]:
    return {str(message.id): message for message in catalog if message.id}


def test_merging_adds_what_is_new_and_drops_what_is_gone() -> None:
    found = by_english(merged("sw", texts("Back", "A number of cases")))
    assert list(found) == ["Back", "A number of cases"]
    assert found["Back"].string == "Rudi"
    assert not found["A number of cases"].string


def test_merging_keeps_marks_and_reviewers(folder: Path) -> None:
    catalogue(folder, "nyf", "# reviewed by Kazungu, Malindi, 2026-12-01", Back="Uya")
    assert review(by_english(merged("nyf", texts("Back")))["Back"]) == KAZUNGU
    catalogue(folder, "nyf", "#, fuzzy", Back="Uya")
    assert "fuzzy" in by_english(merged("nyf", texts("Back")))["Back"].flags


def test_a_text_that_was_mended_proposes_its_old_translation_but_shows_it_to_nobody(folder: Path) -> None:
    """Else a comma in the English would change what is said in ten languages, or lose it in all."""
    mended = by_english(merged("nyf", texts("Back.")))["Back."]
    assert mended.string == "Uya"
    assert not is_shown(mended)
    assert review(mended) is None


def test_merging_tells_translators_where_a_text_stands() -> None:
    source = Catalog()
    source.add("Back", auto_comments=["It is a key."])
    found = by_english(merged("sw", source, {"Back": ["screen “home”, key 0"]}))
    assert found["Back"].auto_comments == ["screen “home”, key 0", "It is a key."]


def test_a_language_that_babel_does_not_know_gets_a_catalogue_too() -> None:
    assert write("pko", merged("pko", texts("Back")))
    po = locales.path("pko").read_text(encoding="utf-8")
    assert "Language: pko" in po
    assert "Pökoot: the texts of Mlango." in po


def test_writing_the_same_again_changes_nothing() -> None:
    assert write("nyf", merged("nyf", texts("Back")))
    before = locales.path("nyf").read_bytes()
    assert not write("nyf", merged("nyf", texts("Back")))
    assert locales.path("nyf").read_bytes() == before


def test_a_text_is_a_draft_until_somebody_stands_for_it() -> None:
    message = Message("Back")
    word(message, "Uya")
    assert is_shown(message)
    assert review(message) is None
    word(message, "Uya", KAZUNGU)
    assert review(message) == KAZUNGU
    assert not message.flags & {"fuzzy", "weak"}
    word(message, "Uyani")
    assert review(message) is None


def test_who_has_reviewed_a_text_survives_the_file() -> None:
    merge = merged("nyf", texts("Back"))
    word(by_english(merge)["Back"], "Uya", KAZUNGU)
    write("nyf", merge)
    assert "# reviewed by Kazungu, Malindi, 2026-12-01" in written(merge).decode()
    assert review(by_english(locales.read("nyf"))["Back"]) == KAZUNGU


def test_a_placeholder_for_translators_counts_as_missing(folder: Path) -> None:
    assert coverage("nyf") == Coverage(texts=3, there=1, reviewed=0)
    catalogue(folder, "nyf", "#, weak", Back="Uya", More="Zaidi", Yes="Ee")
    assert coverage("nyf") == Coverage(texts=3, there=0, reviewed=0)
    catalogue(folder, "nyf", "# reviewed by Kazungu, Malindi, 2026-12-01", Back="Uya", More="Zaidi", Yes="Ee")
    assert coverage("nyf") == Coverage(texts=3, there=3, reviewed=3)


def test_what_no_catalogue_has_is_nothing_yet() -> None:
    assert coverage("pko") == Coverage(texts=3, there=0, reviewed=0)
    assert coverage("en").complete == coverage("en").reviewed_share == 1.0
    assert Coverage().complete == 1.0


def test_a_language_is_offered_once_it_is_whole_and_reviewed(folder: Path) -> None:
    assert offered(unreviewed=True) == ("en", "sw")
    catalogue(folder, "nyf", "#, fuzzy", Back="Uya", More="Zaidi", Yes="Ee")
    assert offered(unreviewed=True) == ("en", "sw", "nyf")
    assert offered(unreviewed=False) == ("en", "sw")
    catalogue(folder, "nyf", "# reviewed by Kazungu, Malindi, 2026-12-01", Back="Uya", More="Zaidi", Yes="Ee")
    assert offered(unreviewed=False) == ("en", "sw", "nyf")


def test_texts_kept_elsewhere_count_too(folder: Path) -> None:
    catalogue(folder, "nyf", "#, fuzzy", Back="Uya", More="Zaidi", Yes="Ee")
    assert offered(True, lambda _: Coverage(texts=10, there=9)) == ("en", "sw")
    assert offered(True, lambda _: Coverage(texts=20, there=19)) == ("en", "sw", "nyf")


def test_a_template_is_never_offered(folder: Path) -> None:
    catalogue(folder, "pko", "# reviewed by A, 2026-12-01", Back="A", More="B", Yes="C")
    forget()
    assert "pko" not in offered(unreviewed=True)


def test_texts_are_read_out_of_the_code_with_their_notes() -> None:
    code = b"""
# Translators: said by a clerk,
# not by a machine.
LABEL = say("Hold on")
# For programmers.
title = scene.say("Two") + say(words["kind"])
other("Three")
"""
    assert list(said(BytesIO(code), ["say"], ["Translators:"], options={})) == [
        (4, "say", "Hold on", ["said by a clerk, not by a machine."]),
        (6, "say", "Two", []),
    ]


def test_every_text_of_the_conversation_is_found_with_its_module() -> None:
    found = by_english(extracted())
    files = {Path(file) for message in found.values() for file, _ in message.locations}
    assert Path("menus/messages.py") in files
    assert all((SPEAKING.parent / file).is_file() for file in files)
