"""A folder of languages of our own: two that nobody else knows, one with letters of another script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import locales

REGISTRY = """
[en]
name = "English"

[sw]
name = "Kiswahili"
fallback = "en"

[nyf]
name = "Kigiryama"
fallback = "sw"
also = ["giriama", "giryama"]

[am]
name = "አማርኛ"
fallback = "en"
script = "Ethiopic"

[pko]
name = "Pökoot"
fallback = "sw"
template = true
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The languages above, Swahili and Kigiryama with a few texts."""
    (tmp_path / "languages.toml").write_text(REGISTRY, encoding="utf-8")
    monkeypatch.setattr(locales, "FOLDER", tmp_path)
    forget()
    catalogue(tmp_path, "sw", Back="Rudi", More="Zaidi", Yes="Ndiyo")
    catalogue(tmp_path, "nyf", Back="Uya")
    yield tmp_path
    forget()


def forget() -> None:
    locales.registry.cache_clear()
    locales.translations.cache_clear()


def catalogue(folder: Path, code: str, marks: str = "", **texts: str) -> None:
    """Write a catalogue by hand, as a translator may; `marks` stand above each text."""
    body = "\n".join(f'{marks}\nmsgid "{english}"\nmsgstr "{words}"\n' for english, words in texts.items())
    path = folder / code / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    path.write_text(f"{head}\n{body}", encoding="utf-8")
