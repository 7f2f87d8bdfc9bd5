"""The picture of the menus."""

from __future__ import annotations

from collections import Counter
from typing import Final
from xml.etree import ElementTree

import pytest

from menus import graph, rehearsal
from menus.graph import LANES, Card, Lane, Row
from menus.screens import FLOW
from packs.model import Pack
from tests.menus.test_check import GOOD

SVG: Final = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def cards(ke: Pack) -> dict[str, Card]:
    return graph.cards(GOOD, rehearsal.world(ke))


def elements(picture: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(picture).iter(f"{SVG}{tag}"))  # noqa: S314  our own


def words(picture: str) -> list[str]:
    return [text.text or "" for text in elements(picture, "text")]


def test_every_screen_has_a_lane_and_only_one() -> None:
    placed = Counter(name for lane in LANES for name in lane.screens)
    assert set(placed) == set(FLOW), "A new module of screens needs a lane in menus/graph.py"
    assert set(placed.values()) == {1}


def test_a_card_says_what_the_screen_says_and_where_its_keys_lead(cards: dict[str, Card]) -> None:
    assert cards["home"] == Card("home", ("<service>: Welcome",), (Row("1", "Tell us", ("words",)),), end=False)
    assert cards["thanks"] == Card("thanks", ("Thank you.",), (), end=True)


def test_lists_and_texts_have_one_row_for_all(cards: dict[str, Card]) -> None:
    assert [row.key for row in cards["language_first"].rows] == ["1…"]
    assert {(row.key, row.to) for row in cards["words"].rows} == {("text", ("thanks",)), ("1", ("thanks",))}


def test_screens_that_no_lane_names_are_drawn_in_one_of_their_own(ke: Pack) -> None:
    picture = graph.svg(ke, GOOD, [Lane("Welcome", "#123456", ("language_first", "home"))])
    assert {"Welcome", "More", "words", "thanks"} <= set(words(picture))


def test_an_arrow_leads_to_the_next_column_and_a_name_elsewhere(ke: Pack) -> None:
    lanes = [Lane("Welcome", "#123456", ("language_first", "home")), Lane("Words", "#654321", ("words", "thanks"))]
    picture = graph.svg(ke, GOOD, lanes)
    assert picture.count('marker-end="url(#tip)"') == 3  # language_first → home; words → thanks by key and by text
    assert "→ words" in words(picture)


def test_no_two_boxes_overlap(ke: Pack) -> None:
    """Of our own flow, whatever it has grown to."""
    boxes = [
        tuple(float(box.get(side, "0")) for side in ("x", "y", "width", "height"))
        for box in elements(graph.svg(ke, FLOW), "rect")
        if box.get("stroke")
    ]
    assert len(boxes) == len(FLOW)
    for number, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[:number]:
            beside = x + width <= other_x or other_x + other_width <= x
            assert beside or y + height <= other_y or other_y + other_height <= y
