"""The page about the menus shows what they are."""

from __future__ import annotations

from docs.readme import ROOT
from menus import graph
from packs.model import Pack

PICTURE = ROOT / "docs" / "pictures" / "menus.svg"
PAGE = ROOT / "docs" / "menus.md"


def test_the_picture_of_the_menus_is_up_to_date(ke: Pack) -> None:
    assert PICTURE.read_text(encoding="utf-8") == graph.svg(ke), (
        "Draw it again: ./mlango menus graph --to docs/pictures/menus.svg"
    )


def test_the_page_shows_the_picture() -> None:
    assert f"pictures/{PICTURE.name}" in PAGE.read_text(encoding="utf-8")
