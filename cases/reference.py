"""Case numbers: nine digits, shown 482-915-633; the last one is a Damm check digit.

The first digit is one of 2 3 4 5 6 8 9: Excel eats no leading zero, and no number looks like a Kenyan mobile
(7…, 1…). Seventy million numbers; the digits are random, so that knowing one says nothing about another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from stdnum import damm

FIRST_DIGITS: Final = "2345689"
DIGITS: Final = 9
LEAST_DIGITS: Final = 4  # of the end of a number, among one's own cases
# What people type for digits: the letter O for 0, I and l for 1
_LOOKALIKES: Final = str.maketrans({"O": "0", "o": "0", "I": "1", "l": "1", "|": "1"})
_NOISE: Final = re.compile(r"[\s\-–—.#'\"“”‘’()/_]+")


def draw(randbelow: Callable[[int], int]) -> str:
    """A new number; `randbelow` is `secrets.randbelow`."""
    payload = FIRST_DIGITS[randbelow(len(FIRST_DIGITS))] + f"{randbelow(10_000_000):07d}"
    return payload + str(damm.calc_check_digit(payload))


def is_valid(ref: str) -> bool:
    """True for nine digits with a right first digit and check digit."""
    return (
        len(ref) == DIGITS and ref.isascii() and ref.isdigit() and ref[0] in FIRST_DIGITS and bool(damm.is_valid(ref))
    )


def digits(typed: str) -> str | None:
    """The digits a person meant (`4829 I5-633` → `482915633`), or None if it is not a number at all."""
    tidy = _NOISE.sub("", typed).translate(_LOOKALIKES)
    return tidy if tidy.isascii() and tidy.isdigit() else None


def shown(ref: str) -> str:
    """As people read it: 482-915-633."""
    return f"{ref[:3]}-{ref[3:6]}-{ref[6:]}"
