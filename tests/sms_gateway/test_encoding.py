from __future__ import annotations

import itertools
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locales.gsm7 import BASIC, ESCAPE, EXTENSION
from sms_gateway.encoding import Letters, clip, plain, printable, segments, styled, thrifty, ussd_fits, ussd_units

VECTORS = json.loads((Path(__file__).parent / "data" / "sms_vectors.json").read_text(encoding="utf-8"))

# What people send: mostly plain, with the characters that make trouble.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("aaa bbb MĩũŋœʼéÀ€[]{}…’–\u00a0\n\u0303\u0301ж😀🇰ሰ"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=400,
)
GSM_TEXTS = st.text(st.sampled_from((BASIC + "".join(EXTENSION)).replace(ESCAPE, "")), max_size=400)


def naive_units(text: str, encoding: str) -> int:
    if encoding == "GSM-7":
        return sum(2 if character in EXTENSION else 1 for character in text)
    return len(text.encode("utf-16-be")) // 2


def naive_parts(text: str) -> tuple[str, list[str]]:
    """The slow way: the longest beginning that fits and breaks nothing, again and again."""
    text = unicodedata.normalize("NFC", text)
    gsm7 = all(character in EXTENSION or (character in BASIC and character != ESCAPE) for character in text)
    encoding, alone, part = ("GSM-7", 160, 153) if gsm7 else ("UCS-2", 70, 67)
    if naive_units(text, encoding) <= alone:
        return encoding, [text]
    parts = []
    while text:
        cuts = [n for n in range(1, part + 1) if n <= len(text) and naive_units(text[:n], encoding) <= part]
        whole = [n for n in cuts if n == len(text) or not unicodedata.category(text[n]).startswith("M")]
        cut = max(whole or cuts)
        parts.append(text[:cut])
        text = text[cut:]
    return encoding, parts


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_segments_agree_with_the_vectors(vector: dict[str, Any]) -> None:
    result = segments(vector["text"])
    assert (result.encoding, result.units, result.count) == (vector["encoding"], vector["units"], vector["segments"])
    assert [naive_units(part, result.encoding) for part in result.parts] == vector["part_units"]


@pytest.mark.parametrize("vector", VECTORS["combining"], ids=lambda vector: vector["name"])
def test_a_letter_and_its_marks_travel_in_one_part(vector: dict[str, Any]) -> None:
    result = segments(vector["text"])
    assert (result.encoding, result.count) == (vector["encoding"], vector["segments"])
    assert not any(unicodedata.combining(part[0]) for part in result.parts)


@given(st.one_of(TEXTS, GSM_TEXTS))
def test_segments_agree_with_the_naive_way(text: str) -> None:
    encoding, parts = naive_parts(text)
    result = segments(text)
    assert (result.encoding, list(result.parts), result.count) == (encoding, parts, len(parts))
    assert result.units == naive_units("".join(parts), encoding)


# A second implementation, that of a phone: it packs the parts into octets as 3GPP TS 23.038 and 23.040 say, and reads
# them back. A part is right if it fits 140 octets with its header, and no greedier cut would have been.

HEADER = bytes([5, 0, 3, 42, 9, 1])  # 6 octets: a concatenated message
ROOM = 140  # octets of user data


def septets_of(text: str) -> list[int]:
    """The values of the default alphabet, with the escape before those of the extension table."""
    values = []
    for letter in text:
        if letter in EXTENSION:
            values.append(BASIC.index(ESCAPE))
        values.append(AT_EXTENSION[letter] if letter in EXTENSION else BASIC.index(letter))
    return values


AT_EXTENSION = {"\f": 10, "^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64, "€": 101}


def packed(septets: list[int], header: bytes) -> bytes:
    """Seven bits each, the lowest first, beginning at the next whole septet after the header."""
    filled = -(-len(header) * 8 // 7) * 7 - len(header) * 8
    bits = sum(value << (filled + 7 * at) for at, value in enumerate(septets))
    return header + bits.to_bytes(-(-(filled + 7 * len(septets)) // 8), "little")


def unpacked(octets: bytes, header: bytes, amount: int) -> str:
    bits = int.from_bytes(octets, "little") >> (-(-len(header) * 8 // 7) * 7)
    text, escaped = "", False
    for at in range(amount):
        value = bits >> (7 * at) & 0x7F
        if escaped:
            text += next(letter for letter, known in AT_EXTENSION.items() if known == value)
        elif BASIC[value] != ESCAPE:
            text += BASIC[value]
        escaped = not escaped and BASIC[value] == ESCAPE
    assert not escaped, "an escape without what it escapes"
    return text


def on_the_air(text: str) -> list[bytes]:
    """The user data of every part of `text`."""
    cut = segments(text)
    header = HEADER if cut.count > 1 else b""
    if cut.encoding == "UCS-2":
        return [header + part.encode("utf-16-be") for part in cut.parts]
    return [packed(septets_of(part), header) for part in cut.parts]


def test_the_tables_are_those_of_the_standard() -> None:
    assert len(BASIC) == 128
    assert set(EXTENSION) == set(AT_EXTENSION)


@given(st.one_of(TEXTS, GSM_TEXTS))
def test_every_part_fits_the_octets_of_an_sms_and_a_phone_reads_the_text_again(text: str) -> None:
    cut, parts = segments(text), on_the_air(text)
    header = HEADER if cut.count > 1 else b""
    assert max(map(len, parts)) <= ROOM
    if cut.encoding == "UCS-2":
        read = [part[len(header) :].decode("utf-16-be") for part in parts]
    else:
        read = [unpacked(part, header, len(septets_of(cut.parts[at]))) for at, part in enumerate(parts)]
    assert "".join(read) == unicodedata.normalize("NFC", text)


@given(st.one_of(TEXTS, GSM_TEXTS))
def test_no_part_has_room_for_what_begins_the_next(text: str) -> None:
    cut = segments(text)
    for part, following in itertools.pairwise(cut.parts):
        first = following[0] + "".join(itertools.takewhile(is_mark, following[1:]))
        if cut.encoding == "UCS-2":
            with_it = len(HEADER) + len((part + first).encode("utf-16-be"))
        else:
            with_it = len(packed(septets_of(part + following[0]), HEADER))
        assert with_it > ROOM or len(first) > 60, "a pile of marks is cut anywhere"


def is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")


def test_a_decomposed_text_costs_what_the_composed_one_does() -> None:
    composed = "mũgũnda " * 8
    assert segments(unicodedata.normalize("NFD", composed)) == segments(composed)


def test_a_pile_of_marks_longer_than_a_part_is_cut_rather_than_looping() -> None:
    result = segments("m" + "\u0303" * 200)
    assert "".join(result.parts) == "m" + "\u0303" * 200
    assert max(map(len, result.parts)) <= 67


def test_an_empty_text_is_one_empty_part() -> None:
    assert segments("").parts == ("",)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Ngʼombe", "Ng'ombe"),
        ("\u200b", ""),
        ("“Maji” – hakuna… leo", '"Maji" - hakuna... leo'),
        ("KSh\u00a01\u202f500", "KSh 1 500"),
        ("Gĩkũyũ: mũgũnda", "Gikuyu: mugunda"),
        ("Garu\u0303ra ru\u0303thiomi", "Garura ruthiomi"),
        ("Français, forêt, Noël, cœur", "Francais, foret, Noel, coeur"),
        ("Réclamation à Ñandu", "Réclamation à Ñandu"),
        ("ɛŋkɨtɔk", "engkitok"),
        ("ሰላም ũ 😀", "ሰላም u 😀"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_plain_degrades_what_gsm7_can_say_and_keeps_the_rest(written: str, sent: str) -> None:
    assert plain(written) == sent


@given(TEXTS)
def test_plain_never_loses_a_letter_and_does_nothing_the_second_time(text: str) -> None:
    def letters(of: str) -> int:
        return sum(unicodedata.category(c) in {"Lu", "Ll", "Lt", "Lo"} for c in unicodedata.normalize("NFC", of))

    degraded = plain(text)
    assert letters(degraded) >= letters(text)
    assert plain(degraded) == unicodedata.normalize("NFC", degraded)


@given(GSM_TEXTS)
def test_plain_and_thrifty_leave_gsm7_alone(text: str) -> None:
    assert plain(text) == thrifty(text) == unicodedata.normalize("NFC", text)


def test_thrifty_keeps_the_letters_of_a_short_text_but_not_its_typography() -> None:
    assert thrifty("Nĩ wega – mũno") == "Nĩ wega - mũno"


def test_thrifty_gives_up_the_letters_where_that_saves_a_part() -> None:
    assert thrifty("Nĩ wega mũno. " * 6) == "Ni wega muno. " * 6


@pytest.mark.parametrize(
    ("letters", "short", "long"),
    [
        (Letters.AUTO, "Nĩ wega - mũno", "Ni wega muno. " * 6),
        (Letters.PLAIN, "Ni wega - muno", "Ni wega muno. " * 6),
        (Letters.MARKS, "Nĩ wega - mũno", "Nĩ wega mũno. " * 6),
    ],
)
def test_a_citizen_chooses_how_the_letters_are_sent(letters: Letters, short: str, long: str) -> None:
    assert styled("Nĩ wega – mũno", letters) == short
    assert styled("Nĩ wega mũno. " * 6, letters) == long


def test_thrifty_keeps_letters_that_cannot_save_anything() -> None:
    text = "Nĩ wega ሰላም " * 8
    assert thrifty(text) == text


@given(TEXTS)
def test_thrifty_never_costs_more_than_the_text_itself(text: str) -> None:
    assert segments(thrifty(text)).count <= segments(text).count


@pytest.mark.parametrize(
    ("text", "septets", "clipped"),
    [
        ("Hakuna maji Lindi", 17, "Hakuna maji Lindi"),
        ("Hakuna maji Lindi", 16, "Hakuna maji"),
        ("Hakuna maji Lindi", 11, "Hakuna maji"),
        ("Hakuna maji Lindi", 10, "Hakuna"),
        ("Hakunamaji", 6, "Hakuna"),
        ("€€€", 5, "€€"),
        ("€", 1, ""),
        ("maji", 0, ""),
        ("m\u0303m\u0303m\u0303", 12, "m\u0303m\u0303"),
        ("Maaĩ matirĩ", 22, "Maaĩ"),
    ],
)
def test_clip_cuts_between_words_where_it_can(text: str, septets: int, clipped: str) -> None:
    assert clip(text, septets) == clipped


@given(TEXTS, st.integers(0, 200))
def test_clip_stays_within_its_budget_and_begins_like_the_text(text: str, septets: int) -> None:
    clipped = clip(text, septets)
    text = unicodedata.normalize("NFC", text)
    assert text.startswith(clipped)
    if segments(clipped).encoding == "GSM-7":
        assert segments(clipped).units <= septets
    else:
        assert segments(clipped).units * 16 <= septets * 7


@pytest.mark.parametrize(
    ("text", "octets", "fits"),
    [
        ("a" * 160, 140, True),
        ("a" * 161, 140, False),
        ("a" * 182, 160, True),
        ("a" * 183, 160, False),
        ("ũ" * 70, 140, True),
        ("ũ" * 71, 140, False),
        ("ũ" * 80, 160, True),
        ("ũ" * 81, 160, False),
        ("€" * 80, 140, True),
        ("€" * 81, 140, False),
        ("u\u0303" * 70, 140, True),
    ],
)
def test_a_ussd_screen_is_measured_in_octets(text: str, octets: int, fits: bool) -> None:
    assert ussd_fits(text, octets) is fits


def test_ussd_units_count_septets_and_else_utf16_units() -> None:
    assert (ussd_units("[1] Maji"), ussd_units("Maaĩ"), ussd_units("Moto 😀")) == (10, 4, 7)


@given(st.text(st.characters(), max_size=60))
def test_printable_text_passes_through_every_database_and_network(text: str) -> None:
    cleaned = printable(text)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", cleaned)
    assert printable(cleaned) == cleaned


def test_printable_keeps_every_word_and_line() -> None:
    assert printable("Maji\x00 haya\ud83d\r\nni\tmabaya\rsana 😀") == "Maji haya\nni mabaya\nsana 😀"
