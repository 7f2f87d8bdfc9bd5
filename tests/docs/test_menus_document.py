"""The page about the menus shows what they are."""

from __future__ import annotations

from docs.readme import ROOT
from menus import graph
from packs.model import Pack
from packs.places import place_index

PICTURE = ROOT / "docs" / "pictures" / "menus.svg"
PAGE = ROOT / "docs" / "menus.md"


def test_the_picture_of_the_menus_is_up_to_date(ke: Pack) -> None:
    place_index.cache_clear()  # what it holds may be an equal pack's, which takes long to compare
    assert PICTURE.read_text(encoding="utf-8") == graph.svg(ke), (
        "Draw it again: ./mlango menus graph --to docs/pictures/menus.svg"
    )


def test_the_page_shows_the_picture() -> None:
    assert f"pictures/{PICTURE.name}" in PAGE.read_text(encoding="utf-8")
