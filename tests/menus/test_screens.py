"""The screens of the service: all reachable, none too long, in every language, with the widest values there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest

from cases.lifecycle import State as CaseState
from cases.notices import WIDEST
from locales import translations
from menus import engine
from menus.engine import Ask, Choose, State, World
from menus.fit import fits
from menus.screens import FAULTS, FLOW
from menus.screens.home import ASKING
from packs.model import Pack
from tests.menus import pretend
from tests.menus.conftest import CITIZEN
from tests.menus.stage import Stage

LANGUAGES: Final = ("en", "sw")
OCTETS: Final = (140, 160)
WIDEST_SERVICE: Final = "M" * 8
BANNER: Final = "M" * WIDEST
SEARCHES: Final = ("kib", "qqqq", "lindi", "?")
TOLD: Final = ("state", "stopped", "open", "said", "rated", "appealed", "banner")  # that screens look at

everywhere = pytest.mark.parametrize(("language", "octets"), list(product(LANGUAGES, OCTETS)))


def every_state(here: World) -> Iterator[State]:
    """Every screen, reached in every way that matters: each sub-category, each key, each outcome of a request."""
    facts = pretend.widest_facts(here.pack, here.language)
    waiting = [*pretend.starts(facts, "water.none"), State("home", facts=facts)]
    seen = set()
    while waiting:
        state = waiting.pop()
        chosen = (state.draft.get("category"), state.draft.get("sub"), "place" in state.draft)
        told = (state.facts.get(name) for name in TOLD)
        known = (state.screen, state.hint, len(state.facts.get("cases", ())), *chosen, *told)
        if known in seen:
            continue
        seen.add(known)
        yield state
        shown = pretend.render(here, state)
        for typed in (*pretend.keys(shown), *(SEARCHES if isinstance(FLOW[state.screen], Ask) else ["77"])):
            waiting += pretend.settled(here, engine.step(FLOW, here, shown.state, typed), facts)


@everywhere
def test_every_screen_is_reachable_fits_and_gives_no_key_two_meanings(ke: Pack, language: str, octets: int) -> None:
    here = pretend.world(ke, language, octets, service=WIDEST_SERVICE)
    reached = set()
    for state in every_state(here):
        shown = pretend.render(here, state)
        assert fits(shown.text, octets), shown.text
        offered = pretend.keys(shown)
        assert len(offered) == len(set(offered)), shown.text
        assert shown.end or offered, f"a screen without keys is a dead end: {shown.text}"
        assert "{" not in shown.text
        reached.add(state.screen)
    assert reached == set(FLOW)


@everywhere
def test_the_widest_names_fit_every_screen_with_and_without_a_hint(ke: Pack, language: str, octets: int) -> None:
    here = pretend.world(ke, language, octets, service=WIDEST_SERVICE)
    facts = pretend.widest_facts(ke, language)
    facts |= {"resume_at": "confirm", "cases": [{"id": "1", "ref": pretend.LONG_REF, **facts}] * 20, "banner": BANNER}
    draft = {"category": "permit", "sub": facts["sub"], "place": facts["place"], "typed": "q" * 160}
    variants: list[dict[str, Any]] = [
        {},
        {"stopped": True, "appealed": True, "said": None},
        {"state": CaseState.RESOLVED},
        {"state": CaseState.PENDING_CITIZEN, "banner": None},
    ]
    for name, variant in product(FLOW, variants):
        state = State(name, draft=draft, facts={**facts, **variant})
        for hint in ("", "Not on the list.", "Type at least one word."):
            text = pretend.render(here, replace(state, hint=hint)).text
            assert fits(text, octets), text


@everywhere
def test_places_of_any_name_fit_the_list(ke: Pack, language: str, octets: int) -> None:
    here = pretend.world(ke, language, octets)
    for typed in ("mji", "wood", "town", "ki", "ka", "ma", "n", "st", "kasarani", "moun", "mumberes", "ward"):
        state = State("place_list", draft={"sub": "water.none", "typed": typed})
        if not here.places.find(typed):
            continue
        for hint in ("", "Not on the list."):
            page = pretend.render(here, replace(state, hint=hint))
            while True:
                assert fits(page.text, octets), page.text
                if "98" not in page.state.shown:
                    break
                page = pretend.render(here, engine.step(FLOW, here, page.state, "98").state)


@everywhere
def test_the_menus_of_the_pack_stand_on_one_screen_so_that_their_keys_never_change(
    ke: Pack, language: str, octets: int
) -> None:
    here = pretend.world(ke, language, octets)
    drafts = [("category", {}), ("category_more", {}), *(("sub", {"category": one}) for one in ke.categories)]
    for (name, draft), hint in product(drafts, ("", "Not on the list.")):
        screen, state = FLOW[name], State(name, draft=draft, hint=hint)
        assert isinstance(screen, Choose)
        promised = {option.key: option.code for option in screen.options(engine.Scene(here, state))}
        assert pretend.render(here, state).state.shown == promised, f"{draft}: does not fit on one screen"


@pytest.mark.parametrize("banner", [None, BANNER])
def test_the_keys_that_posters_show_are_these(ke: Pack, banner: str | None) -> None:
    facts = {**pretend.widest_facts(ke, "en"), "banner": banner}
    lines = [
        "1. Make a complaint",
        "2. Check a case",
        "3. My cases",
        "6. Language / Lugha",
        "7. Help",
    ]
    assert pretend.render(pretend.world(ke), State("home")).text.split("\n")[1:] == lines
    for state in CaseState:
        home = pretend.render(pretend.world(ke), State("home", facts={**facts, "state": state})).text.split("\n")
        assert [line for line in home[1:] if not line.startswith("9. ")] == lines
        assert (len(home) == 1 + len(lines)) is (state not in ASKING)
    categories = pretend.render(pretend.world(ke), State("category")).state.shown
    assert categories == {
        "1": "water",
        "2": "power",
        "3": "roads",
        "4": "health",
        "5": "id",
        "6": "police",
        "7": "land",
        "9": "more",
    }


@everywhere
def test_the_truth_about_a_fault_fits(language: str, octets: int) -> None:
    for words in FAULTS.values():
        text = translations(language).gettext(words)
        assert fits(text.format(code="*384*9600#", short="38496", ref="888-888-888", err="ffff"), octets), text


def test_a_sub_category_that_says_only_other_is_called_by_its_category(ke: Pack) -> None:
    here = pretend.world(ke, "sw")
    water = State("confirm", draft={"category": "water", "sub": "water.other"})
    assert pretend.render(here, water).text.startswith("Maji.\n")
    other = State("confirm", draft={"category": "other", "sub": "other.other"})
    assert pretend.render(here, other).text.startswith("Jambo lingine.\n")


def test_what_is_typed_outside_the_alphabet_does_not_burst_the_screen(ke: Pack) -> None:
    here = pretend.world(ke)
    typed = engine.step(FLOW, here, State("place", draft={"sub": "water.none"}), "ሰላም").state
    shown = pretend.render(here, typed)
    assert shown.text.startswith("No such place.")
    assert fits(shown.text, 140)


def test_a_place_out_of_use_is_not_offered_as_the_last_one(ke: Pack) -> None:
    here = pretend.world(ke, near="kibera")
    assert here.near
    here = replace(here, near=replace(here.near, retired=True))
    state = State("sub", draft={"category": "water"}, shown={"1": "water.none"})
    assert engine.step(FLOW, here, state, "1").state.screen == "place"


def test_the_last_place_is_for_problems_that_have_a_place_only(ke: Pack) -> None:
    here = pretend.world(ke, near="kibera")
    for sub, leads_to in (("water.none", "confirm"), ("id.passport", "place_office"), ("school.loan", "confirm")):
        state = State("sub", draft={"category": ke.subs[sub].category}, shown={"1": sub})
        after = engine.step(FLOW, here, state, "1").state
        assert after.screen == leads_to
        assert after.draft.get("place") == ("kibera" if sub == "water.none" else None)


def test_a_draft_with_what_is_out_of_use_by_now_is_still_shown_and_sent(ke: Pack) -> None:
    gone = replace(ke.subs["water.none"], retired=True)
    pack = replace(ke, version="later", subs={**ke.subs, "water.none": gone})
    here = pretend.world(pack)
    draft = {"category": "water", "sub": "water.none", "place": "kibera"}
    resumed = State("resume", draft=draft, facts={"resume_at": "confirm"})
    assert pretend.render(here, resumed).text.startswith("You stopped at: No water, Kibera")
    confirm = engine.step(FLOW, here, resumed, "1").state
    assert pretend.render(here, confirm).text.startswith("No water, Kibera.\nSend to Nairobi Water?")
    assert engine.step(FLOW, here, confirm, "1").request == "lodge"
    assert "No water" not in pretend.render(here, State("sub", draft={"category": "water"})).text


def test_a_returning_citizen_sends_with_five_requests_and_a_new_one_with_eight(stage: Stage) -> None:
    """The dial included; at most 6 and 8 are promised."""
    returning = stage.phone(CITIZEN, "en", "kibera")
    returning.dial()
    assert returning.press(["1", "1", "1", "1"]).end
    new = stage.phone("+254722000002")
    new.dial()
    assert new.press(["1", "1", "1", "1", "kayole", "1", "1"]).end
    assert len(stage.cases()) == 2
