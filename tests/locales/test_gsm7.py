"""The GSM-7 alphabet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from locales.gsm7 import BASIC, ESCAPE, EXTENSION, septets

ONE = sorted(set(BASIC) - {ESCAPE})


def test_the_basic_alphabet_has_a_character_for_every_septet() -> None:
    assert len(BASIC) == len(set(BASIC)) == 128
    assert (BASIC.index("@"), BASIC.index("A"), BASIC.index("a"), BASIC.index("à")) == (0x00, 0x41, 0x61, 0x7F)
    assert BASIC[0x1B] == ESCAPE


def test_the_escape_code_itself_is_no_character() -> None:
    assert septets(ESCAPE) is None


@given(st.text(st.sampled_from(ONE)), st.text(st.sampled_from(sorted(EXTENSION))))
def test_extension_characters_take_two_septets(basic: str, extension: str) -> None:
    assert septets(basic + extension) == len(basic) + 2 * len(extension)


@given(st.text(), st.characters(exclude_characters=BASIC + "".join(EXTENSION)), st.text())
def test_one_character_outside_has_no_width_in_septets(before: str, outside: str, after: str) -> None:
    assert septets(before + outside + after) is None
