"""The proof of the menus: it finds nothing in ours, and each kind of fault in a flow that has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from menus import check, costs
from menus.engine import Ask, Choose, End, Flow, Key, Menu, Option, Screen
from menus.messages import TEMPLATES
from menus.paths import MOST_INPUTS
from menus.screens import FLOW
from packs.model import Pack

GOOD: Final[Flow] = {
    "language_first": Choose(
        stores="language",
        title="{service}",
        options=lambda _: [Option("en", "English", "1")],
        then="home",
        request="set_language",
        back=False,
    ),
    "home": Menu("{service}: Welcome", {"1": Key("Tell us", "words")}, needs="news", root=True, fresh=True),
    "words": Ask("words", "Tell us", "thanks", keys={"1": Key("Not now", "thanks")}),
    "thanks": End("Thank you."),
}


def faults(pack: Pack, **screens: Screen) -> dict[str, list[str]]:
    """What is said of each screen of the good flow with these in it; journeys and SMS left out."""
    flow = {**GOOD, **screens}
    found: dict[str, list[str]] = {}
    for fault in check.check(pack, "en", flow=flow).faults:
        if fault.screen in flow:
            found.setdefault(fault.screen, []).append(fault.what)
    return found


@pytest.mark.parametrize(("language", "octets"), [("en", 140), ("sw", 140), ("en", 160)])
def test_our_menus_have_no_faults(ke: Pack, language: str, octets: int) -> None:
    found = check.check(ke, language, octets)
    assert [str(fault) for fault in found.faults] == []
    assert found.screens == len(FLOW)
    assert {message.template for message in found.messages} == set(TEMPLATES)
    assert {way.journey for way in found.ways} == set(MOST_INPUTS)


def test_a_script_with_half_the_room_overflows_no_screen(ke: Pack) -> None:
    assert check.overflowing(ke, "am") == []


def test_a_good_flow_has_no_faults(ke: Pack) -> None:
    assert faults(ke) == {}


def listed(label: str) -> Choose:
    """A list with a key at the foot of each page, which is never cut."""
    return Choose("x", "Which?", lambda _: [Option("a", "A")], then="thanks", keys={"9": Key(label, "thanks")})


def test_a_screen_that_does_not_fit_is_shown(ke: Pack) -> None:
    found = check.check(ke, "en", flow={**GOOD, "words": listed("W" * 200)}).faults
    (fault,) = [fault for fault in found if fault.what.startswith(check.TOO_LONG)]
    assert "W" * 200 in fault.text
    assert str(fault).startswith("en words: does not fit: ")


def test_a_label_that_is_cut_is_found(ke: Pack) -> None:
    (what,) = faults(ke, words=Menu("Which?", {"1": Key("W" * 200, "thanks")}))["words"]
    assert what == f"has no room for “{'W' * 200}”"


def test_a_first_screen_with_less_room_is_measured_by_that(ke: Pack) -> None:
    flow = {**GOOD, "home": replace(listed("W" * 110), needs="news", root=True, fresh=True)}
    assert not [fault for fault in check.check(ke, "en", flow=flow).faults if fault.screen == "home"]
    narrow = check.check(ke, "en", first_octets=100, flow=flow).faults
    assert [fault.what for fault in narrow if fault.screen == "home"] == ["does not fit as the first screen"]


def test_a_screen_that_nothing_leads_to_is_found(ke: Pack) -> None:
    assert faults(ke, lost=End("Never seen")) == {"lost": ["cannot be reached"]}


def test_a_key_that_leads_nowhere_is_found(ke: Pack) -> None:
    (what,) = faults(ke, home=Menu("Welcome", {"1": Key("Go on", "no_such_screen")}, root=True))["home"]
    assert what == "breaks: KeyError: 'no_such_screen'"


def test_a_request_that_is_not_rehearsed_is_found(ke: Pack) -> None:
    assert faults(ke, words=Ask("words", "Tell us", "thanks", request="fly"))["words"] == ["breaks: KeyError: 'fly'"]


def test_a_placeholder_that_nobody_fills_is_found(ke: Pack) -> None:
    assert faults(ke, thanks=End("Thank you, {name}."))["thanks"] == ["breaks: KeyError: 'name'"]


def test_a_key_with_two_meanings_is_found(ke: Pack) -> None:
    twice = Choose("x", "Which?", lambda _: [Option("a", "A", "1")], then="thanks", keys={"1": Key("B", "thanks")})
    assert "key 1 means 2 things" in faults(ke, words=twice)["words"]


def test_a_key_that_changes_from_page_to_page_is_found(ke: Pack) -> None:
    changing = Choose(
        "x",
        "Which?",
        lambda _: [Option(str(n), "W" * 30) for n in range(20)],
        then="thanks",
        keys={"9": Key(lambda scene: f"None {scene.state.first}", "thanks")},
    )
    assert "key 9 changes its meaning from page to page" in faults(ke, words=changing)["words"]


@pytest.mark.parametrize("key", ["0", "98"])
def test_the_keys_for_back_and_the_next_page_are_kept(ke: Pack, key: str) -> None:
    (what,) = [
        what
        for what in faults(ke, words=Menu("Which?", {"1": Key("A", "thanks"), key: Key("B", "thanks")}))["words"]
        if "kept" in what
    ]
    assert what == f"key {key} means two things: it is kept for turning back or the page"


def test_the_key_for_home_is_kept(ke: Pack) -> None:
    elsewhere = Menu("Which?", {"1": Key("A", "thanks"), "00": Key("B", "thanks")})
    assert "key 00 means two things: it is kept for going home" in faults(ke, words=elsewhere)["words"]


def test_a_key_that_is_shown_and_means_nothing_is_found(ke: Pack) -> None:
    assert "key 1 is shown and means nothing" in faults(ke, words=Menu("Read this:\n1. A step", {}))["words"]


def test_a_screen_without_a_way_back_is_found(ke: Pack) -> None:
    rooted = Menu("Which?", {"1": Key("A", "thanks")}, root=True)
    assert faults(ke, words=rooted) == {"words": ["has no way back"]}
    closed = Menu("Which?", {"1": Key("A", "thanks")}, back=False)
    assert faults(ke, words=closed) == {"words": ["has no way back", "does not go home with 00"]}


def test_a_dead_end_is_found(ke: Pack) -> None:
    assert "is a dead end: no input leads anywhere else" in faults(ke, words=Menu("Stuck", {}, back=False))["words"]


def test_screens_that_only_lead_to_each_other_have_no_way_out(ke: Pack) -> None:
    found = faults(ke, words=Menu("Round", {"1": Key("And round", "home")}), thanks=End("Never"))
    assert found["thanks"] == ["cannot be reached"]
    assert [what.partition(":")[0] for what in found["words"]] == ["has no way out"]
    assert [what.partition(":")[0] for what in found["home"]] == ["has no way out"]


def test_nobody_is_told_that_it_is_free_where_citizens_pay(ke: Pack) -> None:
    free = Menu("Welcome. Free / Bure", {"1": Key("Tell us", "words")}, root=True)
    assert faults(ke, home=free) == {"home": ["says that it is free where citizens pay"]}


def test_a_journey_that_leads_to_no_case_is_found(ke: Pack) -> None:
    found = {fault.screen: fault.what for fault in check.check(ke, "en", flow=GOOD).faults}
    assert found == dict.fromkeys(MOST_INPUTS, "leads to no case number")


def test_an_sms_of_two_parts_is_found_with_its_text(ke: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TEMPLATES, "long", "word " * 40)
    (fault,) = [fault for fault in check.check(ke, "en", flow=GOOD).faults if fault.screen == "long"]
    assert fault.what == f"takes 2 SMS with 200 units of GSM-7; {costs.MOST_SEGMENTS['GSM-7']} at most"
    assert fault.text == "word " * 40


def test_an_sms_with_an_unknown_placeholder_is_found(ke: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TEMPLATES, "odd", "Hello {stranger}")
    faults = check.check(ke, "en", flow=GOOD).faults
    assert [fault.what for fault in faults if fault.screen == "SMS"] == ["break: KeyError: 'stranger'"]
