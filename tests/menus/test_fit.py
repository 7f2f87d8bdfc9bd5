from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from menus import fit
from sms_gateway.encoding import ussd_units

labels = st.lists(st.text("abcdefgh ĩ'€", min_size=1, max_size=26), min_size=1, max_size=40)


def fits_140(lines: Sequence[fit.Line]) -> bool:
    return fit.fits(fit.draw("Choose:", lines), 140)


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


def test_what_is_filled_in_is_written_plain() -> None:
    assert fit.fill("{place} – ok", {"place": "Gĩthũrai"}, lambda _: True) == "Githurai - ok"


@settings(max_examples=60)
@given(labels)
def test_pages_hold_every_label_once_and_in_order(labels: list[str]) -> None:
    extra, seen = [("9", "None of these"), ("0", "Back")], 0
    while seen < len(labels):
        count = fit.how_many(labels[seen:], extra, "More", fits_140)
        assert 1 <= count <= fit.MOST_LINES
        lines = [(str(key), label) for key, label in enumerate(labels[seen : seen + count], 1)]
        more = [(fit.MORE, "More")] if seen + count < len(labels) else []
        assert count == 1 or fits_140([*lines, *more, *extra])
        seen += count


@settings(max_examples=60)
@given(labels)
def test_a_page_is_as_full_as_it_can_be(labels: list[str]) -> None:
    count = fit.how_many(labels, [("0", "Back")], "More", fits_140)
    if count < min(len(labels), fit.MOST_LINES):
        lines = [(str(key), label) for key, label in enumerate(labels[: count + 1], 1)]
        more = [(fit.MORE, "More")] if count + 1 < len(labels) else []
        assert not fits_140([*lines, *more, ("0", "Back")])


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_a_clipped_value_is_within_its_budget(value: str) -> None:
    filled = fit.fill("{sub}", {"sub": value}, lambda _: False)
    assert ussd_units(filled) <= fit.BUDGETS["sub"]


def test_of_no_labels_none_stand_on_a_page() -> None:
    assert fit.how_many([], [], "More", fits_140) == 0
