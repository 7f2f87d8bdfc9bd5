from __future__ import annotations

from string import Formatter

import pytest

from locales import translations
from menus.fit import BUDGETS
from menus.messages import TEMPLATES, Renderer
from packs.model import Pack
from sms_gateway.encoding import segments
from tests.menus import pretend

LANGUAGES = ("en", "sw")


def widest_params(pack: Pack, language: str, template: str) -> dict[str, object]:
    """The parameters of a template, each as wide as it can be."""
    facts = pretend.widest_facts(pack, language)
    widest: dict[str, object] = {
        **{name: facts[name] for name in ("ref", "sub", "place", "agency")},
        **{f"p{number}": "Tharaka-Nithi" for number in (1, 2, 3)},
        "status": facts["state"],
        "date": "2026-12-28",
        "date2": "2026-12-28",
        "n": "100",
        "list": [[pretend.LONG_REF, facts["state"]]] * 3,
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
        "list": [[pretend.LONG_REF, "assigned"]],
    }
    text = Renderer(lambda: ke, "Mlango", "*384*96#")(template, language, params)
    assert segments(text).count == 1
    if "{agency}" in TEMPLATES[template]:
        assert "Nairobi Water" in text
    if "{place}" in TEMPLATES[template]:
        assert "Kibera" in text


def test_a_place_name_that_is_too_wide_for_the_list_is_cut_to_its_budget(ke: Pack) -> None:
    params = {"ref": pretend.LONG_REF, "place": "kibera", **{f"p{n}": "Elgeyo-Marakwet County" for n in (1, 2, 3)}}
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
def test_every_placeholder_of_an_sms_has_a_budget_or_a_fixed_width(template: str) -> None:
    fixed = {"list"}  # at most three, see texting.MOST_IN_LIST
    for language in LANGUAGES:
        text = translations(language).gettext(TEMPLATES[template])
        assert {field for _, field, _, _ in Formatter().parse(text) if field} <= {*BUDGETS, *fixed}
