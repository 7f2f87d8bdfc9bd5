"""What a text costs on the air, and how to make it cheaper without losing a letter. Pure.

GSM-7 counts septets (characters of the extension table take two), UCS-2 counts UTF-16 code units: 3GPP TS 23.038.
Every measure is taken on the NFC form, which is also the form to send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal
from unicodedata import category, normalize

from locales.gsm7 import septets as gsm7_septets

Encoding = Literal["GSM-7", "UCS-2"]

# Units that fit one SMS, and each part of a longer one (6 octets of every part go to the concatenation header).
_ALONE: Final[Mapping[Encoding, int]] = {"GSM-7": 160, "UCS-2": 70}
_PART: Final[Mapping[Encoding, int]] = {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text travels as SMS. `units` are septets or UTF-16 code units; the parts joined are the NFC text."""

    encoding: Encoding
    units: int
    count: int
    parts: tuple[str, ...]


def segments(text: str) -> Segments:
    """Cut `text` into SMS parts of 160 (each of several: 153) septets or 70 (67) UTF-16 units.

    Never splits an escape pair, a surrogate pair, or a base letter from its combining marks. An empty text is one part.
    """
    text = normalize("NFC", text)
    encoding, units = _measure(text)
    parts = (text,) if units <= _ALONE[encoding] else tuple(_pack(text, encoding, _PART[encoding]))
    return Segments(encoding, units, len(parts), parts)


def ussd_units(text: str) -> int:
    """The width of `text` on a USSD screen: septets, or UTF-16 code units once one character is outside GSM-7."""
    return _measure(normalize("NFC", text))[1]


def ussd_fits(text: str, octets: int) -> bool:
    """Whether `text` fits a USSD screen of `octets`: 140 carry 160 septets or 70 UTF-16 units, 160 carry 182 or 80."""
    encoding, units = _measure(normalize("NFC", text))
    return units <= _capacity(encoding, octets * 8)


def plain(text: str) -> str:
    """`text` with everything that has a GSM-7 equivalent written so: ’ as ', ĩ as i, œ as oe.

    What has none (Ethiopic, emoji) stays. No letter is ever dropped, only its marks are.
    """
    text = normalize("NFC", text)
    if gsm7_septets(text) is not None:
        return text
    text = text.translate(_PUNCTUATION)
    has_marks = any(category(letter)[0] == "M" for letter in set(text))
    return "".join(map(_plain_cluster, _clusters(text) if has_marks else text))


def thrifty(text: str) -> str:
    """The form of `text` to send by SMS: typographic signs made plain, letters only where that saves a part."""
    marked = normalize("NFC", text)
    if gsm7_septets(marked) is not None:
        return marked
    # Of equally cheap forms the first wins. "…" as "..." may cost a part where the letters stay UCS-2 anyway.
    forms = (normalize("NFC", marked.translate(_PUNCTUATION)), marked, plain(marked))
    return min(forms, key=lambda form: segments(form).count)


class Letters(StrEnum):
    """How a citizen wants the letters of their language: as fits best, always plain, or with their marks."""

    AUTO = "auto"
    PLAIN = "plain"
    MARKS = "marks"


def styled(text: str, letters: str) -> str:
    """`text` as it goes out by SMS to a citizen who wants its `letters` so (one of Letters)."""
    if letters == Letters.PLAIN:
        return plain(text)
    if letters == Letters.MARKS:
        return normalize("NFC", text).translate(_PUNCTUATION) if gsm7_septets(text) is None else text
    return thrifty(text)


def clip(text: str, septets: int) -> str:
    """The longest beginning of `text` that fits `septets` (or the UTF-16 units in as many bits), cut between words.

    A first word that is too long by itself is cut inside, but between letters and never from its combining marks.
    """
    text = normalize("NFC", text)
    encoding, units = _measure(text)
    room = _capacity(encoding, septets * 7)
    if units <= room:
        return text
    head = next(_pack(text, encoding, room))
    if _measure(head)[1] > room:  # not even one letter fits
        return ""
    whole_words = head if text[len(head)].isspace() else re.sub(r"\S+\Z", "", head)
    return (whole_words.rstrip() or head).rstrip()


def printable(text: str) -> str:
    """`text` as any database and network can carry it: no NUL, lone surrogate or control character but the newline.

    A tab becomes a space and CR LF a newline. Everything else stays as it was written.
    """
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))


_UNPRINTABLE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# Signs that a word processor or a phone's keyboard puts in, and what a plain phone writes instead.
_PUNCTUATION: Final[Mapping[int, str]] = {
    ord(sign): plain_sign
    for signs, plain_sign in (
        ("‘’‚‛ʹʻʼʽˈ′‵´`‹›", "'"),
        ("“”„‟″‶«»", '"'),
        ("‐‑‒–—―−", "-"),
        ("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000\t", " "),
        ("\u00ad\u200b\u2060\ufeff", ""),
        ("\u2028\u2029", "\n"),
        ("•‣◦", "*"),
        ("·", "."),
        ("⁄∕", "/"),
        ("×", "x"),
        ("…", "..."),
    )
    for sign in signs
}

# Letters that Unicode does not decompose, as they are written where the keyboard lacks them (French; Maa, Luganda).
_LETTERS: Final[Mapping[int, str]] = str.maketrans(
    {"œ": "oe", "Œ": "OE", "ɛ": "e", "Ɛ": "E", "ɔ": "o", "Ɔ": "O", "ɨ": "i", "Ɨ": "I", "ʉ": "u", "Ʉ": "U"}
    | {"ŋ": "ng", "Ŋ": "Ng"}
)


def _measure(text: str) -> tuple[Encoding, int]:
    width = gsm7_septets(text)
    return ("UCS-2", _utf16_units(text)) if width is None else ("GSM-7", width)


def _capacity(encoding: Encoding, bits: int) -> int:
    return bits // (7 if encoding == "GSM-7" else 16)


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _pack(text: str, encoding: Encoding, room: int) -> Iterator[str]:
    """Fill parts of at most `room` units greedily, keeping combining sequences whole where they fit a part at all."""
    part, used = "", 0
    for atom, width in _atoms(text, encoding, room):
        if used + width > room and part:
            yield part
            part, used = "", 0
        part += atom
        used += width
    yield part


def _atoms(text: str, encoding: Encoding, room: int) -> Iterator[tuple[str, int]]:
    """What must not be split, with its width."""
    if encoding == "GSM-7":
        yield from ((character, gsm7_septets(character) or 0) for character in text)
        return
    for cluster in _clusters(text):
        width = _utf16_units(cluster)
        if width <= room:
            yield cluster, width
        else:  # a hundred marks on one letter: no orthography, only a prank
            yield from ((character, _utf16_units(character)) for character in cluster)


def _clusters(text: str) -> Iterator[str]:
    """Each character together with the combining marks that follow it."""
    start = 0
    for position, character in enumerate(text):
        if position > start and (character.isascii() or category(character)[0] != "M"):
            yield text[start:position]
            start = position
    if text:
        yield text[start:]


@lru_cache(maxsize=4096)  # a script has few letters, and paging measures a screen many times
def _plain_cluster(cluster: str) -> str:
    if gsm7_septets(cluster) is not None:
        return cluster
    letters = "".join(c for c in normalize("NFD", cluster) if category(c)[0] != "M").translate(_LETTERS)
    return letters if letters and gsm7_septets(letters) is not None else cluster
