from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menus import engine
from menus.engine import Ask, Choose, End, Menu, State
from menus.fit import fits
from menus.screens import FLOW
from packs.model import Pack
from tests.menus import pretend
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
    return pretend.widest_facts(ke, "sw")


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_input_breaks_a_screen_and_none_acts_unless_its_key_says_so(
    ke: Pack, facts: dict[str, object], data: st.DataObject
) -> None:
    octets = data.draw(st.sampled_from([140, 160]))
    language = data.draw(st.sampled_from(["en", "sw"]))
    here = pretend.world(ke, language, octets, near=data.draw(st.sampled_from([None, LINDI])))
    state = data.draw(st.sampled_from(pretend.starts(facts, "water.none")))
    if state.screen == "home":
        (state, *_) = pretend.settled(here, engine.enter(FLOW, here, State("home"), "home"), facts)
    for _ in range(data.draw(st.integers(1, 15))):
        shown = pretend.render(here, state)
        assert fits(shown.text, octets), shown.text
        offered = pretend.keys(shown)
        assert len(offered) == len(set(offered)), f"a key means two things: {shown.text}"
        typed = data.draw(st.one_of(st.sampled_from(offered), typed_texts) if offered else typed_texts)
        turn = engine.step(FLOW, here, shown.state, typed)
        if turn.acts:
            assert_the_key_says_so(shown.state, typed, turn.request)
        state = data.draw(st.sampled_from(list(pretend.settled(here, turn, facts))))


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
    here = pretend.world(ke, near=LINDI)
    state = State("home", facts=facts)
    for typed in [
        *data.draw(st.lists(st.sampled_from(["1", "2", "3", "0", "9", "lindi"]), max_size=6)),
        "00",
        "1",
        "1",
        "1",
    ]:
        turn = engine.step(FLOW, here, pretend.render(here, state).state, typed)
        state = next(pretend.settled(here, turn, facts))
        if isinstance(FLOW[state.screen], End):
            return
    assert pretend.render(here, state).text.startswith("No water, Lindi.\nSend to Nairobi Water?\n")


def test_zero_on_a_screen_that_nothing_lies_behind_is_no_text_and_no_way_back(
    ke: Pack, facts: dict[str, object]
) -> None:
    here = pretend.world(ke)
    for name in ("add_words", "add_more", "added_to_case", "resume", "home"):
        state = State(name, draft={"sub": "water.none"}, facts={**facts, "resume_at": "confirm"})
        turn = engine.step(FLOW, here, state, "0")
        assert (turn.request, turn.state.screen, turn.state.hint) == (None, name, "Not on the list.")


def test_back_leads_the_way_one_came_and_visits_no_screen_twice(ke: Pack) -> None:
    here = pretend.world(ke)
    state = State("place", draft={"category": "water", "sub": "water.none"}, trail=("category", "sub"))
    for typed in ("kib", "9", "qqqq", "qq", "kib", "9", "kib"):
        state = engine.step(FLOW, here, pretend.render(here, state).state, typed).state
    assert state.screen == "place_list"
    way = []
    while state.screen != "home":
        state = engine.step(FLOW, here, pretend.render(here, state).state, "0").state
        way.append(state.screen)
    assert way == ["place", "sub", "category", "home"]


def test_back_from_the_place_keeps_the_place_that_was_known(ke: Pack) -> None:
    here = pretend.world(ke)
    state = State("confirm", draft={"category": "water", "sub": "water.none", "place": LINDI})
    for typed in ("3", "kib", "0", "0"):
        state = engine.step(FLOW, here, pretend.render(here, state).state, typed).state
    assert (state.screen, state.draft["place"]) == ("confirm", LINDI)


def test_after_resuming_back_leads_where_it_led_before_the_drop(ke: Pack, facts: dict[str, object]) -> None:
    here = pretend.world(ke)
    (resume,) = [state for state in pretend.starts(facts, "water.none") if state.screen == "resume"]
    confirm = engine.step(FLOW, here, resume, "1").state
    assert confirm.screen == "confirm"
    assert engine.step(FLOW, here, confirm, "0").state.screen == "sub"
    again = engine.step(FLOW, here, resume, "2").state
    assert engine.step(FLOW, here, again, "0").state.screen == "home"


def test_a_new_draft_has_a_new_name(ke: Pack) -> None:
    here = pretend.world(ke)
    first = engine.enter(FLOW, here, State("home"), "category").state
    second = engine.enter(FLOW, here, first, "category").state
    assert (first.draft_id, second.draft_id) == ("net:session/1/1", "net:session/1/2")


def test_98_turns_the_page_where_there_is_one_and_is_a_text_elsewhere(ke: Pack) -> None:
    here = pretend.world(ke)
    listed = State("place_list", draft={"sub": "water.none", "typed": "kib"})
    one = pretend.render(here, listed)
    two = pretend.render(here, engine.step(FLOW, here, one.state, "98").state)
    assert "Kibera" in one.text
    assert "Kibera" not in two.text
    asked = State("text_first", draft={"category": "other", "sub": "other.other"})
    assert engine.step(FLOW, here, pretend.render(here, asked).state, "98").state.draft["words"] == "98"


def test_paging_through_shows_every_place_once_even_after_a_wrong_key(ke: Pack) -> None:
    here = pretend.world(ke)
    state, seen = State("place_list", draft={"sub": "water.none", "typed": "kib"}), []
    while True:
        state = engine.step(FLOW, here, pretend.render(here, state).state, "77").state  # a hint is wider than the title
        shown = pretend.render(here, state).state
        seen += [code for code in shown.shown.values() if code]
        if "98" not in shown.shown:
            break
        state = engine.step(FLOW, here, shown, "98").state
    assert seen == [place.code for place in here.places.find("kib")]


def test_what_was_shown_counts_not_what_the_list_would_say_now(ke: Pack) -> None:
    here = pretend.world(ke)
    state = State("sub", draft={"category": "water"}, shown={"1": "water.burst"})
    assert engine.step(FLOW, here, state, "1").state.draft["sub"] == "water.burst"


def test_a_list_that_became_shorter_begins_anew(ke: Pack) -> None:
    here = pretend.world(ke)
    state = State("place_list", draft={"sub": "water.none", "typed": "lindi"}, first=12)
    assert "1. Lindi (Kibra), Nairobi" in pretend.render(here, state).text


def test_after_the_end_more_input_comes_home(ke: Pack, facts: dict[str, object]) -> None:
    here = pretend.world(ke)
    for name, screen in FLOW.items():
        if isinstance(screen, End):
            turn = engine.step(FLOW, here, State(name, facts=facts, trail=("category",)), "1")
            assert (turn.state.screen, turn.acts, turn.state.draft) == ("home", False, {})


def test_digits_of_other_scripts_are_no_keys(ke: Pack) -> None:
    here = pretend.world(ke)
    for digit in ("١", "１", "²", "①"):
        turn = engine.step(FLOW, here, State("confirm", draft={"sub": "water.none"}), digit)
        assert (turn.acts, turn.state.hint) == (False, "Not on the list.")


def test_a_hint_says_what_is_wrong_above_the_question(ke: Pack) -> None:
    here = pretend.world(ke, "sw")
    state = State("text_first", draft={"category": "other", "sub": "other.other"})
    text = pretend.render(here, engine.step(FLOW, here, state, "?!").state).text
    assert text.startswith("Andika angalau neno.\nEleza tatizo")


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
        ("known", "1"): "follow",
        ("solved", "1"): "fixed",
        ("solved", "2"): "reopen",
        ("closed", "2"): "reopen",
        ("rejected", "1"): "appeal",
        ("appeal", "1"): "appeal",
    }
