from __future__ import annotations

from dataclasses import replace
from string import Formatter

import pytest

from locales import translations
from menus import rehearsal
from menus.fit import BUDGETS
from menus.messages import TEMPLATES, Renderer
from packs.model import Pack
from packs.texts import PLACEHOLDERS, WIDTHS
from sms_gateway.encoding import segments

LANGUAGES = ("en", "sw")
ONE_SMS = 56  # septets of an officer's words that one SMS still holds


def widest_params(pack: Pack, language: str, template: str) -> dict[str, object]:
    """The parameters of a template, each as wide as it can be."""
    facts = rehearsal.widest_facts(pack, language)
    widest: dict[str, object] = {
        **{name: facts[name] for name in ("ref", "sub", "place", "agency")},
        **{f"p{number}": "Tharaka-Nithi" for number in (1, 2, 3)},
        "status": facts["state"],
        "date": "2026-12-28",
        "date2": "2026-12-28",
        "n": "100",
        "note": "M" * ONE_SMS,
        "list": [[rehearsal.LONG_REF, facts["state"]]] * 3,
        "word": "STATUS",
    }
    wanted = {field for _, field, _, _ in Formatter().parse(TEMPLATES[template]) if field}
    return {name: value for name, value in widest.items() if name in wanted}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_sms_is_one_segment_with_the_widest_values(ke: Pack, template: str, language: str) -> None:
    text = Renderer(lambda: ke, "M" * 8, "*384*9600#")(template, language, widest_params(ke, language, template))
    assert segments(text).count == 1, f"{segments(text).units} units: {text}"
    assert "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_no_value_is_cut_at_the_service_of_today(ke: Pack, template: str, language: str) -> None:
    """With our own name and code, ordinary values stand whole."""
    params: dict[str, object] = {
        **widest_params(ke, language, template),
        "sub": "water.none",
        "place": "kibera",
        "agency": "NCWSC",
        "status": "assigned",
        "list": [[rehearsal.LONG_REF, "assigned"]],
    }
    text = Renderer(lambda: ke, "Mlango", "*384*96#")(template, language, params)
    assert segments(text).count == 1
    if "{agency}" in TEMPLATES[template]:
        assert "Nairobi Water" in text
    if "{place}" in TEMPLATES[template]:
        assert "Kibera" in text


def test_a_place_name_that_is_too_wide_for_the_list_is_cut_to_its_budget(ke: Pack) -> None:
    params = {"ref": rehearsal.LONG_REF, "place": "kibera", **{f"p{n}": "Elgeyo-Marakwet County" for n in (1, 2, 3)}}
    text = Renderer(lambda: ke, "M" * 8, "*384*9600#")("received_ask_which", "en", params)
    assert segments(text).count == 1


def test_dates_and_numbers_are_written_as_people_write_them(ke: Pack) -> None:
    params = {"ref": "482915633", "sub": "water.none", "place": "kibera", "agency": "NCWSC", "date": "2026-11-26"}
    assert Renderer(lambda: ke, "Mlango", "*384*96#")("received", "en", params) == (
        "Mlango: Complaint 482-915-633 received: No water, Kibera. Sent to Nairobi Water. "
        "Answer by 26/11/2026. Reply to add details."
    )


def test_a_number_that_is_none_is_said_back_as_it_was_typed(ke: Pack) -> None:
    text = Renderer(lambda: ke, "Mlango", "*384*96#")("not_found", "sw", {"ref": "12345"})
    assert text.startswith("Mlango: Hakuna lalamiko 12345 kwa simu hii.")


def test_a_template_that_does_not_exist_is_an_error_at_once(ke: Pack) -> None:
    with pytest.raises(KeyError):
        Renderer(lambda: ke, "Mlango", "*384*96#")("no_such", "en", {})


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_placeholder_of_an_sms_has_a_budget_or_a_fixed_width(ke: Pack, template: str) -> None:
    fixed = {"list", "note", "word", *(one.use for one in ke.emergency)}  # at most three; cut to LONGEST_NOTE
    for language in LANGUAGES:
        text = translations(language).gettext(TEMPLATES[template])
        assert {field for _, field, _, _ in Formatter().parse(text) if field} <= {*BUDGETS, *fixed}


# An officer's own words


def resolved(pack: Pack, note: str, language: str = "en") -> str:
    params = {"ref": rehearsal.LONG_REF, "sub": "water.none", "agency": "NCWSC", "note": note}
    return Renderer(lambda: pack, "Mlango", "*384*96#")("resolved", language, params)


def test_a_note_ends_like_a_sentence(ke: Pack) -> None:
    assert "says: The valve is open. Is it fixed?" in resolved(ke, "The valve is open")
    assert "says: Is the valve open? Is it fixed?" in resolved(ke, "Is the valve\nopen?")


def test_a_longer_note_makes_a_second_segment_and_never_a_third(ke: Pack) -> None:
    for language in LANGUAGES:
        assert segments(resolved(ke, "word " * 11, language)).count == 1
        assert segments(resolved(ke, "word " * 30, language)).count == 2
        longest = resolved(ke, "word " * 400, language)
        assert segments(longest).count == 2
        assert longest.endswith(("NOT YET.", "2 BADO.")), "the question is still there"


def test_a_note_in_another_alphabet_stays_whole(ke: Pack) -> None:
    note = "የውሃ ቧንቧ ተጠግኗል እና ውሃ ይፈስሳል"
    assert note in resolved(ke, note)


def test_braces_in_a_note_are_letters(ke: Pack) -> None:
    assert "{ref} {0} {{" in resolved(ke, "{ref} {0} {{")


# The pack's own words


def with_own(pack: Pack, **texts: dict[str, dict[str, str]]) -> Pack:
    return replace(pack, messages=texts)


def received(pack: Pack, sub: str, language: str = "en") -> str:
    params = {"ref": rehearsal.LONG_REF, "sub": sub, "place": "kibera", "agency": "NCWSC", "date": "2026-11-26"}
    return Renderer(lambda: pack, "Mlango", "*384*96#")("received", language, params)


def test_the_most_specific_words_of_the_pack_win(ke: Pack) -> None:
    own = {"*": {"en": "all {ref}"}, "water": {"en": "water {ref}"}, "water.none": {"en": "none {ref}"}}
    pack = with_own(ke, received=own)
    said = [received(pack, sub).split()[0] for sub in ("water.none", "water.dirty", "power.none")]
    assert said == ["none", "water", "all"]


def test_words_fall_back_as_their_language_does(ke: Pack) -> None:
    pack = with_own(ke, received={"*": {"en": "Hello {ref}", "sw": "Habari {ref}"}})
    said = {code: received(pack, "water.none", code).split()[0] for code in ("en", "sw", "ki", "fr")}
    assert said == {"en": "Hello", "sw": "Habari", "ki": "Habari", "fr": "Hello"}


def test_what_may_not_be_said_of_a_case_is_not_said_by_a_packs_words(ke: Pack) -> None:
    """The parameters of a confidential case hold no topic; then the house's neutral text stands."""
    pack = with_own(ke, reopened={"*": {"en": "{ref} on {sub} is open again"}})
    text = Renderer(lambda: pack, "Mlango", "*384*96#")("reopened", "en", {"ref": "482915633", "date": "2026-11-26"})
    assert text.startswith("Mlango: sorry it is not fixed. 482-915-633")


def test_stolen_things_are_answered_with_what_to_do_today(ke: Pack) -> None:
    assert "get an OB number. Block your SIM" in received(ke, "police.stolen")
    assert "Funga laini na kadi" in received(ke, "police.stolen", "sw")


def test_a_pack_may_word_just_what_the_house_says_too(ke: Pack) -> None:
    """What a pack's text may name, its parameters hold; and the house's own text names no more."""
    for template, allowed in PLACEHOLDERS.items():
        named = {field for _, field, _, _ in Formatter().parse(TEMPLATES[template]) if field}
        assert named <= allowed, template
    assert {name: BUDGETS[name] for name in WIDTHS if name in BUDGETS and name != "note"} == {
        name: width for name, width in WIDTHS.items() if name in BUDGETS and name != "note"
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_the_pack_fit_one_segment_with_the_widest_values(ke: Pack, language: str) -> None:
    for template, scopes in ke.messages.items():
        for scope in scopes:
            params = {**widest_params(ke, language, template), "sub": scope, "agency": "NRB", "date": "2026-12-28"}
            text = Renderer(lambda: ke, "M" * 8, "*384*9600#")(template, language, params)
            assert segments(text).count == 1, text
