"""What the screens promise beside what `menus.check` proves of them: the keys on posters, few requests, names."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from cases.lifecycle import State as CaseState
from cases.notices import WIDEST
from locales import registry, translations
from menus import engine, rehearsal
from menus.engine import Choose, Scene, State
from menus.fit import MORE, fits
from menus.screens import FAULTS, FLOW
from menus.screens.home import ASKING
from packs.model import Pack
from sms_gateway.encoding import plain
from tests.menus.stage import LANGUAGES, Stage

BANNER: Final = "M" * WIDEST
POSTER: Final = [
    "1. Make a complaint",
    "2. Check a case",
    "3. My cases",
    "4. Advice",
    "5. Call me back",
    "6. Language / Lugha",
    "7. Help",
]


# Posters and links


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_menus_of_the_pack_stand_on_one_screen(ke: Pack, language: str) -> None:
    here = rehearsal.world(ke, language)
    drafts = [("category", {}), ("category_more", {}), *(("sub", {"category": one}) for one in ke.categories)]
    for (name, draft), hint in product(drafts, ("", "Not on the list.")):
        screen, state = FLOW[name], State(name, draft=draft, hint=hint)
        assert isinstance(screen, Choose)
        promised = {option.key: option.code for option in screen.options(Scene(here, state))}
        assert rehearsal.render(here, state).state.shown == promised, f"{draft}: does not fit on one screen"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_home_screen_is_one_screen_for_who_has_no_news(ke: Pack, language: str) -> None:
    assert MORE not in rehearsal.render(rehearsal.world(ke, language), State("home")).state.shown


@pytest.mark.parametrize("banner", [None, BANNER])
@pytest.mark.parametrize("state", [None, *CaseState])
def test_the_keys_that_posters_show_are_these(ke: Pack, state: CaseState | None, banner: str | None) -> None:
    here = rehearsal.world(ke, octets=999)  # all pages in one
    news = {**rehearsal.widest_facts(ke, "en"), "state": state} if state else {}
    home = rehearsal.render(here, State("home", facts={**news, "banner": banner})).text.split("\n")
    assert [line for line in home[1:] if not line.startswith("9. ")] == POSTER
    assert (len(home) == 1 + len(POSTER)) is (state not in ASKING)


def test_the_categories_have_these_keys(ke: Pack) -> None:
    assert rehearsal.render(rehearsal.world(ke), State("category")).state.shown == {
        "1": "water",
        "2": "power",
        "3": "roads",
        "4": "health",
        "5": "id",
        "6": "police",
        "7": "land",
        "8": "bribery",
        "9": "more",
    }


def test_so_few_requests_lead_to_a_number(stage: Stage) -> None:
    """The dial included: at most 6 are promised, 8 on the first dial, 10 in confidence."""
    for phone, keys in (
        (stage.phone("+254722000001", "en", "kibera"), ["1", "1", "1", "1"]),
        (stage.phone("+254722000002"), ["1", "1", "1", "1", "kar", "1", "1"]),
        (stage.phone("+254722000003"), ["1", "1", "8", "1", "1", "1", "lindi", "1"]),
    ):
        phone.dial()
        last = phone.press(keys)
        assert stage.cases()[-1].ref in last.text.replace("-", "")
    assert len(stage.cases()) == 3


# What the network ends with, and names


@pytest.mark.parametrize("language", [one.code for one in registry().values() if one.script == "Latin"])
def test_the_truth_about_a_fault_fits(language: str) -> None:
    for words in FAULTS.values():
        text = translations(language).gettext(words)
        shown = plain(text.format(code="*384*9600#", short="38496", ref="888-888-888", err="ffff"))
        assert fits(shown, 140), shown


def test_a_sub_category_that_says_only_other_is_called_by_its_category(ke: Pack) -> None:
    here = rehearsal.world(ke, "sw")
    water = State("confirm", draft={"category": "water", "sub": "water.other"})
    assert rehearsal.render(here, water).text.startswith("Maji.\n")
    other = State("confirm", draft={"category": "other", "sub": "other.other"})
    assert rehearsal.render(here, other).text.startswith("Jambo lingine.\n")


def test_what_is_typed_outside_the_alphabet_does_not_burst_the_screen(ke: Pack) -> None:
    here = rehearsal.world(ke)
    typed = engine.step(FLOW, here, State("place", draft={"sub": "water.none"}), "ሰላም").state
    shown = rehearsal.render(here, typed)
    assert shown.text.startswith("No such place.")
    assert fits(shown.text, 140)


def test_a_place_out_of_use_is_not_offered_as_the_last_one(ke: Pack) -> None:
    here = rehearsal.world(ke, near="kibera")
    assert here.near
    here = replace(here, near=replace(here.near, retired=True))
    state = State("sub", draft={"category": "water"}, shown={"1": "water.none"})
    assert engine.step(FLOW, here, state, "1").state.screen == "place"


def test_the_last_place_is_for_problems_that_have_a_place_only(ke: Pack) -> None:
    here = rehearsal.world(ke, near="kibera")
    for sub, leads_to in (("water.none", "confirm"), ("id.passport", "place_office"), ("school.loan", "confirm")):
        state = State("sub", draft={"category": ke.subs[sub].category}, shown={"1": sub})
        after = engine.step(FLOW, here, state, "1").state
        assert after.screen == leads_to
        assert after.draft.get("place") == ("kibera" if sub == "water.none" else None)


def test_a_draft_with_what_is_out_of_use_by_now_is_still_shown_and_sent(ke: Pack) -> None:
    gone = replace(ke.subs["water.none"], retired=True)
    pack = replace(ke, version="later", subs={**ke.subs, "water.none": gone})
    here = rehearsal.world(pack)
    draft = {"category": "water", "sub": "water.none", "place": "kibera"}
    resumed = State("resume", draft=draft, facts={"resume_at": "confirm"})
    assert rehearsal.render(here, resumed).text.startswith("You stopped at: No water, Kibera")
    confirm = engine.step(FLOW, here, resumed, "1").state
    assert rehearsal.render(here, confirm).text.startswith("No water, Kibera.\nSend to Nairobi Water?")
    assert engine.step(FLOW, here, confirm, "1").request == "lodge"
    assert "No water" not in rehearsal.render(here, State("sub", draft={"category": "water"})).text
