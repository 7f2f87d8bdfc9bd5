"""The registry of languages and what a text comes to in each."""

from __future__ import annotations

from pathlib import Path

import pytest

import locales
from locales import fallbacks, language_called, registry, translations
from tests.locales.conftest import catalogue, forget

pytestmark = pytest.mark.usefixtures("folder")


def test_a_language_that_no_library_knows_is_one_like_any_other() -> None:
    assert registry()["nyf"].name == "Kigiryama"
    assert translations("nyf").gettext("Back") == "Uya"


def test_what_a_language_lacks_comes_from_the_next_and_at_last_from_english() -> None:
    assert list(fallbacks("nyf")) == ["nyf", "sw", "en"]
    assert [translations("nyf").gettext(text) for text in ("Back", "More", "Home")] == ["Uya", "Zaidi", "Home"]


def test_a_language_needs_no_catalogue_to_be_in_the_registry() -> None:
    assert not locales.path("pko").exists()
    assert translations("pko").gettext("More") == "Zaidi"
    assert translations("am").gettext("More") == "More"


def test_an_unknown_language_is_english() -> None:
    assert translations("tlh").gettext("Back") == "Back"


@pytest.mark.parametrize(("mark", "shown"), [("#, fuzzy", "Bado"), ("#, weak", "Zaidi"), ("#, fuzzy, weak", "Zaidi")])
def test_a_draft_is_shown_and_a_placeholder_for_translators_is_not(folder: Path, mark: str, shown: str) -> None:
    catalogue(folder, "nyf", mark, More="Bado")
    forget()
    assert translations("nyf").gettext("More") == shown


def test_a_text_that_is_empty_is_not_shown(folder: Path) -> None:
    catalogue(folder, "nyf", More="")
    forget()
    assert translations("nyf").gettext("More") == "Zaidi"


@pytest.mark.parametrize(
    ("word", "code"),
    [("nyf", "nyf"), (" KIGIRYAMA ", "nyf"), ("Giriama", "nyf"), ("አማርኛ", "am"), ("pko", None), ("klingon", None)],
)
def test_a_citizen_may_call_a_language_by_its_code_or_its_names(word: str, code: str | None) -> None:
    assert language_called(word, ["en", "sw", "nyf", "am"]) == code
