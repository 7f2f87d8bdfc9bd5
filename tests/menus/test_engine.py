from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menus import engine, rehearsal
from menus.engine import Ask, Choose, End, Flow, Key, Menu, Option, Read, Scene, Shown, State, World
from menus.fit import fits
from menus.screens import FLOW
from packs.model import Pack
from tests.menus.conftest import LINDI

typed_texts = st.one_of(
    st.sampled_from(
        ["lindi", "kib", "kayole", "qqqq", "", " ", "0", "00", "9", "98", "1.", "482915633", "{sub}", "%41"]
    ),
    st.sampled_from(["١", "²", "１", "😭", "ም", "a" * 300, "*", "**", "1*1", "\n", "ward"]),
    st.text(max_size=20),
)


@pytest.fixture(scope="module")
def facts(ke: Pack) -> dict[str, object]:
    return rehearsal.widest_facts(ke, "sw")


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_input_breaks_a_screen_and_none_acts_unless_its_key_says_so(
    ke: Pack, facts: dict[str, object], data: st.DataObject
) -> None:
    octets = data.draw(st.sampled_from([140, 160]))
    language = data.draw(st.sampled_from(["en", "sw"]))
    here = rehearsal.world(ke, language, octets, near=data.draw(st.sampled_from([None, LINDI])))
    state = data.draw(st.sampled_from(rehearsal.starts(facts, "water.none")))
    if state.screen == "home":
        (state, *_) = rehearsal.settled(here, engine.enter(FLOW, here, State("home"), "home"), facts)
    for _ in range(data.draw(st.integers(1, 15))):
        shown = rehearsal.render(here, state)
        assert fits(shown.text, octets), shown.text
        offered = rehearsal.keys(shown)
        assert len(offered) == len(set(offered)), f"a key means two things: {shown.text}"
        typed = data.draw(st.one_of(st.sampled_from(offered), typed_texts) if offered else typed_texts)
        turn = engine.step(FLOW, here, shown.state, typed)
        if turn.acts:
            assert_the_key_says_so(shown.state, typed, turn.request)
        state = data.draw(st.sampled_from(list(rehearsal.settled(here, turn, facts))))


def assert_the_key_says_so(state: State, typed: str, request: str | None) -> None:
    screen, key = FLOW[state.screen], typed.strip()
    assert not isinstance(screen, End)
    if key in screen.keys:
        assert screen.keys[key].request == request
    elif isinstance(screen, Choose):
        assert screen.request == request
        assert key in state.shown
    else:
        assert isinstance(screen, Ask), "a menu does nothing but what its keys say"
        assert screen.request == request
        assert not screen.suits(typed)
        assert key not in ("0", "00")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_viewed_case_leaves_nothing_in_the_next_complaint(
    ke: Pack, facts: dict[str, object], data: st.DataObject
) -> None:
    """Whatever was looked at before, the confirm screen of a new complaint speaks of this complaint only."""
    here = rehearsal.world(ke, near=LINDI)
    state = State("home", facts=facts)
    for typed in [
        *data.draw(st.lists(st.sampled_from(["1", "2", "3", "0", "9", "lindi"]), max_size=6)),
        "00",
        "1",
        "1",
        "1",
    ]:
        turn = engine.step(FLOW, here, rehearsal.render(here, state).state, typed)
        state = next(rehearsal.settled(here, turn, facts))
        if isinstance(FLOW[state.screen], End):
            return
    assert rehearsal.render(here, state).text.startswith("No water, Lindi.\nSend to Nairobi Water?\n")


def test_zero_on_a_screen_that_nothing_lies_behind_is_no_text_and_no_way_back(
    ke: Pack, facts: dict[str, object]
) -> None:
    here = rehearsal.world(ke)
    for name in ("add_words", "add_more", "added_to_case", "resume", "home"):
        state = State(name, draft={"sub": "water.none"}, facts={**facts, "resume_at": "confirm"})
        turn = engine.step(FLOW, here, state, "0")
        assert (turn.request, turn.state.screen, turn.state.hint) == (None, name, "Not on the list.")


def test_back_leads_the_way_one_came_and_visits_no_screen_twice(ke: Pack) -> None:
    here = rehearsal.world(ke)
    state = State("place", draft={"category": "water", "sub": "water.none"}, trail=("category", "sub"))
    for typed in ("kib", "9", "qqqq", "qq", "kib", "9", "kib"):
        state = engine.step(FLOW, here, rehearsal.render(here, state).state, typed).state
    assert state.screen == "place_list"
    way = []
    while state.screen != "home":
        state = engine.step(FLOW, here, rehearsal.render(here, state).state, "0").state
        way.append(state.screen)
    assert way == ["place", "sub", "category", "home"]


def test_back_from_the_place_keeps_the_place_that_was_known(ke: Pack) -> None:
    here = rehearsal.world(ke)
    state = State("confirm", draft={"category": "water", "sub": "water.none", "place": LINDI})
    for typed in ("3", "kib", "0", "0"):
        state = engine.step(FLOW, here, rehearsal.render(here, state).state, typed).state
    assert (state.screen, state.draft["place"]) == ("confirm", LINDI)


def test_after_resuming_back_leads_where_it_led_before_the_drop(ke: Pack, facts: dict[str, object]) -> None:
    here = rehearsal.world(ke)
    (resume,) = [state for state in rehearsal.starts(facts, "water.none") if state.screen == "resume"]
    resume = replace(resume, trail=("category", "sub"))
    confirm = engine.step(FLOW, here, resume, "1").state
    assert confirm.screen == "confirm"
    assert engine.step(FLOW, here, confirm, "0").state.screen == "sub"
    again = engine.step(FLOW, here, resume, "2").state
    assert engine.step(FLOW, here, again, "0").state.screen == "home"


def test_a_new_draft_has_a_new_name(ke: Pack) -> None:
    here = rehearsal.world(ke)
    first = engine.enter(FLOW, here, State("home"), "category").state
    second = engine.enter(FLOW, here, first, "category").state
    assert (first.draft_id, second.draft_id) == ("net:session/1/1", "net:session/1/2")


def test_98_turns_the_page_where_there_is_one_and_is_never_a_text(ke: Pack) -> None:
    here = rehearsal.world(ke)
    listed = State("place_list", draft={"sub": "water.none", "typed": "kib"})
    one = rehearsal.render(here, listed)
    two = rehearsal.render(here, engine.step(FLOW, here, one.state, "98").state)
    assert "Kibera" in one.text
    assert "Kibera" not in two.text
    asked = State("text_first", draft={"category": "other", "sub": "other.other"})
    pressed = engine.step(FLOW, here, rehearsal.render(here, asked).state, "98").state
    assert (pressed.screen, pressed.hint, "words" in pressed.draft) == ("text_first", "Not on the list.", False)


def test_paging_through_shows_every_place_once_even_after_a_wrong_key(ke: Pack) -> None:
    here = rehearsal.world(ke)
    state, seen = State("place_list", draft={"sub": "water.none", "typed": "kib"}), []
    while True:  # a hint is wider than the title
        state = engine.step(FLOW, here, rehearsal.render(here, state).state, "77").state
        shown = rehearsal.render(here, state).state
        seen += [code for key, code in shown.shown.items() if key != "98"]
        if "98" not in shown.shown:
            break
        state = engine.step(FLOW, here, shown, "98").state
    assert seen == [place.code for place in here.places.find("kib")]


def test_what_was_shown_counts_not_what_the_list_would_say_now(ke: Pack) -> None:
    here = rehearsal.world(ke)
    state = State("sub", draft={"category": "water"}, shown={"1": "water.burst"})
    assert engine.step(FLOW, here, state, "1").state.draft["sub"] == "water.burst"


def test_a_list_that_became_shorter_begins_anew(ke: Pack) -> None:
    here = rehearsal.world(ke)
    state = State("place_list", draft={"sub": "water.none", "typed": "lindi"}, first=12)
    assert "1. Lindi (Kibra), Nairobi" in rehearsal.render(here, state).text


def test_after_the_end_more_input_comes_home(ke: Pack, facts: dict[str, object]) -> None:
    here = rehearsal.world(ke)
    for name, screen in FLOW.items():
        if isinstance(screen, End):
            turn = engine.step(FLOW, here, State(name, facts=facts, trail=("category",)), "1")
            assert (turn.state.screen, turn.acts, turn.state.draft) == ("home", False, {})


def test_digits_of_other_scripts_are_no_keys(ke: Pack) -> None:
    here = rehearsal.world(ke)
    for digit in ("١", "１", "²", "①"):
        turn = engine.step(FLOW, here, State("confirm", draft={"sub": "water.none"}), digit)
        assert (turn.acts, turn.state.hint) == (False, "Not on the list.")


def test_a_hint_says_what_is_wrong_above_the_question(ke: Pack) -> None:
    here = rehearsal.world(ke, "sw")
    state = State("text_first", draft={"category": "other", "sub": "other.other"})
    text = rehearsal.render(here, engine.step(FLOW, here, state, "?!").state).text
    assert text.startswith("Andika angalau neno.\nEleza tatizo")


# A small flow with a screen of each kind, all of them too long for one page
LONG: Final = "ችግሩን በጥቂት ቃላት ይንገሩን፣ ከዚያም ወደሚመለከተው መሥሪያ ቤት እንልካለን። " * 2
STORY: Final = " ".join(f"word{n}" for n in range(100))
KEYS: Final = {"1": Key("Go on", then="home", request="lodge"), "2": Key("Never", then="home")}


def only_the_first(_: Scene, key: str) -> bool:
    return key == "1"


TALES: Final[Flow] = {
    "home": Menu("Home", {}, root=True),
    "menu": Menu(LONG, KEYS, when=only_the_first),
    "ask": Ask("words", LONG, then="home", keys=KEYS, when=only_the_first),
    "choose": Choose(
        "sub", LONG, lambda _: [Option("water", "Water", "3")], then="home", keys=KEYS, when=only_the_first
    ),
    "list": Choose(
        "sub", "Pick", lambda _: [Option(f"n{n}", f"Number {n}") for n in range(20)], then="home", keys={"9": KEYS["1"]}
    ),
    "read": Read("Advice", body=lambda _: STORY, keys=KEYS, when=only_the_first),
    "end": End(LONG),
}


@pytest.fixture(scope="module")
def here(ke: Pack) -> World:
    return rehearsal.world(ke)


def draw(here: World, state: State) -> Shown:
    return engine.render(TALES, here, state, lambda _: {})


def pages(here: World, state: State) -> Iterator[Shown]:
    """The pages of a screen, turned with 98."""
    shown = draw(here, state)
    yield shown
    while "98" in shown.state.shown:
        shown = draw(here, engine.step(TALES, here, shown.state, "98").state)
        yield shown


@pytest.mark.parametrize("name", ["menu", "ask", "choose", "read"])
def test_back_and_every_offered_key_work_on_every_page(here: World, name: str) -> None:
    drawn = list(pages(here, State(name, trail=("home",))))
    assert len(drawn) > 1
    for shown in drawn:
        assert fits(shown.text, 140)
        assert shown.text.endswith("\n0. Back")
        assert engine.step(TALES, here, shown.state, "0").state.screen == "home"
        assert engine.step(TALES, here, shown.state, "1").request == "lodge"
        assert engine.step(TALES, here, shown.state, "2").request is None
        assert "Never" not in shown.text


def test_on_any_page_of_a_question_its_answer_is_taken(here: World) -> None:
    for shown in pages(here, State("ask")):
        assert engine.step(TALES, here, shown.state, "no water").state.draft["words"] == "no water"


def test_on_any_page_of_a_menu_of_the_pack_what_was_promised_may_be_chosen(here: World) -> None:
    for shown in pages(here, State("choose")):
        assert engine.step(TALES, here, shown.state, "3").state.draft["sub"] == "water"


def test_options_beside_those_with_keys_of_their_own_are_numbered_by_their_place(here: World) -> None:
    options = [Option("en", "English"), Option("sw", "Kiswahili"), Option("more", "Other", "9")]
    flow = {**TALES, "list": Choose("language", "Language", lambda _: options, then="home")}
    shown = engine.render(flow, here, State("list"), lambda _: {})
    assert shown.text == "Language\n1. English\n2. Kiswahili\n9. Other\n0. Back"
    assert shown.state.shown == {"1": "en", "2": "sw", "9": "more"}


def test_98_after_the_last_page_is_not_on_the_list_and_never_an_answer(here: World) -> None:
    for name in ("menu", "ask", "choose", "list", "read"):
        *_, last = pages(here, State(name))
        turn = engine.step(TALES, here, last.state, "98")
        assert (turn.state.hint, turn.state.draft) == ("Not on the list.", {})
        assert draw(here, turn.state).text.startswith("Not on the list.\n")


def test_the_keys_of_a_text_to_read_stand_on_each_of_its_pages(here: World) -> None:
    drawn = list(pages(here, State("read")))
    assert all("\n1. Go on\n0. Back" in shown.text for shown in drawn)
    read = " ".join(shown.text.partition("\n98. ")[0].removesuffix("\n1. Go on\n0. Back") for shown in drawn)
    assert read.split() == ["Advice", *STORY.split()]


def test_a_wrong_key_loses_nothing_of_a_text_to_read(here: World) -> None:
    state, read = State("read"), list[str]()
    while True:
        shown = draw(here, engine.step(TALES, here, draw(here, state).state, "77").state)
        assert fits(shown.text, 140)
        read += [word for word in shown.text.split() if word.startswith("word")]
        if "98" not in shown.state.shown:
            break
        state = engine.step(TALES, here, shown.state, "98").state
    assert read == STORY.split()


def test_a_long_last_screen_ends_the_session_with_its_last_page_and_any_key_turns_the_others(here: World) -> None:
    state, read = State("end"), list[str]()
    for typed in ("98", "0", "yes", "1", "98"):
        shown = draw(here, state)
        assert fits(shown.text, 140)
        read += shown.text.partition("\n98. ")[0].split()
        if shown.end:
            break
        state = engine.step(TALES, here, shown.state, typed).state
    assert read == LONG.split()
    assert engine.step(TALES, here, shown.state, "98").state.screen == "home"


def test_the_first_screen_of_a_session_may_hold_less_and_loses_nothing(here: World) -> None:
    here = replace(here, first_octets=80)
    one = engine.render(TALES, here, State("read"), lambda _: {}, first=True)
    assert fits(one.text, 80)
    two = draw(here, engine.step(TALES, here, one.state, "98").state)
    assert not fits(two.text, 80)
    last_word = one.text.partition("\n98. ")[0].split()[-1]
    assert two.text.split()[0] == f"word{int(last_word.removeprefix('word')) + 1}"
    roomy = replace(here, first_octets=200)
    assert engine.render(TALES, roomy, State("read"), lambda _: {}, first=True) == draw(here, State("read"))


def test_a_list_whose_page_was_stored_before_pages_had_places_begins_anew(here: World) -> None:
    """A session that an earlier version of the house began knows 98 without saying where the next page begins."""
    state = State("list", shown={"1": "n0", "98": ""})
    assert draw(here, engine.step(TALES, here, state, "98").state).text.startswith("Pick\n1. Number 0\n")


def test_an_untranslated_nothing_is_nothing(here: World) -> None:
    assert Scene(replace(here, language="sw"), State("home")).say("") == ""


def test_every_menu_key_that_acts_is_named_for_what_it_does() -> None:
    acting = {
        (name, key): one.request
        for name, screen in FLOW.items()
        if isinstance(screen, Menu)
        for key, one in screen.keys.items()
        if one.request
    }
    assert acting == {
        ("confirm", "1"): "lodge",
        ("confirm", "2"): "lodge",
        ("secret_confirm", "1"): "lodge",
        ("secret_confirm", "2"): "lodge",
        ("resume_secret", "2"): "forget_draft",
        ("known", "1"): "follow",
        ("solved", "1"): "fixed",
        ("solved", "2"): "reopen",
        ("closed", "2"): "reopen",
        ("rejected", "1"): "appeal",
        ("appeal", "1"): "appeal",
        ("withdraw", "1"): "withdraw",
        ("withdrawn", "1"): "restore",
        ("case_more", "2"): "call_me",
        ("call_me", "1"): "call_me",
        ("call_me", "2"): "call_me",
        ("call_me", "3"): "call_me",
        ("help", "1"): "turn_sms",
    }
