from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from cases import notices
from menus import fit
from sms_gateway.encoding import ussd_units


def test_a_screen_of_140_octets_holds_160_septets_with_its_prefix() -> None:
    assert fit.fits("a" * 156, 140)
    assert not fit.fits("a" * 157, 140)


def test_a_screen_of_140_octets_holds_70_characters_outside_the_alphabet() -> None:
    assert fit.fits("ም" * 66, 140)
    assert not fit.fits("ም" * 67, 140)


def test_a_sign_of_the_extension_table_takes_two() -> None:
    assert fit.fits("€" * 78, 140)
    assert not fit.fits("€" * 79, 140)


def test_values_stay_whole_where_there_is_room() -> None:
    assert fit.fill("{agency} asks", {"agency": "A name of more than twenty letters"}, lambda _: True) == (
        "A name of more than twenty letters asks"
    )


def test_values_are_cut_between_words_to_their_budgets_where_there_is_none() -> None:
    filled = fit.fill("{agency}: {note}", {"agency": "Ministry of very long names", "note": "kept"}, lambda _: False)
    assert filled == "Ministry of very: kept"


def test_no_comma_is_left_where_a_value_was_cut() -> None:
    assert fit.fill("({sub})", {"sub": "Business permit, licence"}, lambda _: False) == "(Business permit)"


def test_braces_in_a_value_mean_nothing() -> None:
    assert fit.fill("{note}!", {"note": "{agency} {0}"}, lambda _: True) == "{agency} {0}!"
    assert fit.fill("{note}!", {"note": "{agency} {0}"}, lambda _: False) == "{agency} {0}!"


def test_on_a_screen_what_is_filled_in_is_written_plain() -> None:
    assert fit.fill_screen("{place} – ok", {"place": "Gĩthũrai"}, lambda _: True) == "Githurai - ok"


def test_an_sms_keeps_its_marks_and_is_measured_without_them() -> None:
    measured: list[str] = []

    def suits(text: str) -> bool:
        measured.append(text)
        return True

    assert fit.fill("{place} – ok", {"place": "Gĩthũrai"}, suits) == "Gĩthũrai – ok"
    assert measured == ["Githurai - ok"]


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_a_clipped_value_is_within_its_budget(value: str) -> None:
    filled = fit.fill("{sub}", {"sub": value}, lambda _: False)
    assert ussd_units(filled) <= fit.BUDGETS["sub"]


def holds(letters: int) -> Callable[[str], bool]:
    return lambda text: len(text) <= letters


def test_what_the_citizen_typed_in_other_letters_does_not_halve_a_plain_screen() -> None:
    filled = fit.fill_screen("No place starts with {typed}.", {"typed": "Kibra ሰፈር\U0001f62d"}, holds(60))
    assert filled == "No place starts with Kibra ."


def test_on_a_screen_in_those_letters_it_stays() -> None:
    assert fit.fill_screen("{typed} የለም", {"typed": "ሰፈር"}, holds(60)) == "ሰፈር የለም"


def test_what_others_say_in_other_letters_is_never_left_out() -> None:
    assert fit.fill_screen("{status}: {typed}", {"status": "ተዘግቷል", "typed": "ሰ"}, holds(60)) == "ተዘግቷል: ሰ"


def test_on_a_screen_in_ucs_2_names_are_cut_to_half_as_many_letters() -> None:
    values = {"agency": "Nairobi Water Company", "place": "የአዲስ ከተማ ክፍለ ከተማ", "ref": "888-888-888"}
    assert fit.fill_screen("ወደ {agency} {place} {ref}", values, holds(31)) == "ወደ Nairobi የአዲስ ከተማ 888-888-888"


def test_where_clipping_does_not_help_nothing_is_clipped() -> None:
    values = {"agency": "Ministry of very long names"}
    assert fit.fill_screen("{agency} asks", values, holds(25)) == "Ministry of very asks"
    assert fit.fill_screen("{agency} asks", values, holds(20)) == "Ministry of very long names asks"


def test_a_notice_that_may_be_put_up_is_never_cut() -> None:
    assert fit.BUDGETS["banner"] == notices.WIDEST
