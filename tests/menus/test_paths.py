"""How many inputs a complaint takes, and how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menus import check, paths, rehearsal
from menus.engine import Key, Menu
from menus.paths import FIRST_DIAL, IDLE_S, IN_CONFIDENCE, MOST_INPUTS, RETURNING, SEARCHING, SESSION_S, Step, Way
from menus.screens import FLOW
from packs.model import Pack


@pytest.fixture(scope="module")
def ways(ke: Pack) -> list[Way]:
    return paths.ways(FLOW, rehearsal.world(ke))


def test_every_journey_keeps_its_promise(ways: list[Way]) -> None:
    assert {way.journey for way in ways} == {RETURNING, SEARCHING, FIRST_DIAL, IN_CONFIDENCE}
    for way in ways:
        assert way.inputs <= MOST_INPUTS[way.journey], way.described
        assert way.seconds < SESSION_S


def test_a_returning_citizen_sends_four_keys(ways: list[Way]) -> None:
    water = next(way for way in ways if way.journey == RETURNING and way.sub == "water.none")
    assert water.described == "1 1 1 1"
    assert [step.screen for step in water.steps] == ["home", "category", "sub", "confirm"]


def narrowed(ways: list[Way]) -> set[tuple[str, str]]:
    """The screens between which an input did not count."""
    steps = [pair for way in ways for pair in zip(way.steps, way.steps[1:], strict=False)]
    return {(step.screen, after.screen) for step, after in steps if not step.counts}


def test_more_categories_are_not_counted(ways: list[Way]) -> None:
    assert narrowed(ways) == {("category", "category_more")}


def test_the_part_of_a_place_is_no_input_more_than_a_place_from_a_list(
    ke: Pack, ways: list[Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "usual_texts", lambda *_: ("kibera",))  # one place, in five parts
    in_parts = paths.ways(FLOW, rehearsal.world(ke))
    assert "place_parts" in {step.screen for way in in_parts for step in way.steps}
    assert max(way.inputs for way in in_parts) == max(way.inputs for way in ways)


def test_a_place_is_named_where_one_is_asked_for(ways: list[Way], ke: Pack) -> None:
    for way in ways:
        if way.journey == FIRST_DIAL and ke.subs[way.sub].where != "none":
            assert {step.screen for step in way.steps} & {"place", "place_office"}, way.described


def test_only_typing_takes_longer_than_a_network_waits(ways: list[Way]) -> None:
    slow = {step.screen for way in ways for step in way.steps if step.seconds > IDLE_S}
    assert slow == {"text_first"}


def test_the_time_is_that_of_reading_deciding_typing_and_the_network() -> None:
    way = Way("en", RETURNING, "water.none", (Step("home", "1", 10.0, True), Step("category", "(9)", 5.5, False)))
    assert way.seconds == pytest.approx(2.0 + 12.0 + 7.5)
    assert way.longest_wait == 10.0
    assert way.inputs == 1


def test_one_question_too_many_breaks_the_promise(ke: Pack) -> None:
    """Three screens more between home and the categories."""
    asked = {f"more_{n}": Menu("Sure?", {"1": Key("Yes", f"more_{n + 1}")}) for n in range(2)}
    asked["more_2"] = Menu("Really?", {"1": Key("Yes", "category")})
    home = FLOW["home"]
    assert isinstance(home, Menu)
    flow = {**FLOW, **asked, "home": replace(home, keys={**home.keys, "1": Key("Make a complaint", "more_0")})}
    told = [what for way in paths.ways(flow, rehearsal.world(ke)) for what in check.broken_promises(way)]
    (returning, *_) = [what for what in told if "at most 6 are promised" in what]
    assert returning.startswith("takes 7 inputs for ")
    assert "promised: 1 1 1 1 " in returning


def test_screens_of_many_words_outlast_the_session(ke: Pack) -> None:
    home = FLOW["home"]
    assert isinstance(home, Menu)
    flow = {**FLOW, "home": replace(home, title="word " * 300)}
    told = [what for way in paths.ways(flow, rehearsal.world(ke)) for what in check.broken_promises(way)]
    assert any("the network ends the session after 180 s" in what for what in told)
