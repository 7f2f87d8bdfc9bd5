"""Phone numbers: one written form (E.164 with +) for every way of writing one, and their masks for the logs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import phonenumbers

_REGION: Final = "KE"
_KENYAN_MOBILE: Final = re.compile(r"(?:\+?254|0)([17][0-9]{8})")
_NUMBER_LIKE: Final = re.compile(r"[+(]?[\d\s().-]{7,24}")
_PERSONAL: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
)


@lru_cache(maxsize=4096)
def normalise(raw: str) -> str | None:
    """The number in E.164 with +, Kenya being home; None for what nobody's phone answers to.

    That is a short code, a sender in letters, a premium, toll-free or impossible number. Kenyan mobile numbers pass
    by their shape alone, since new ranges come into use before any table knows them.
    """
    raw = raw.strip()
    kenyan = _KENYAN_MOBILE.fullmatch(raw)
    if kenyan:
        return f"+254{kenyan[1]}"
    if not _NUMBER_LIKE.fullmatch(raw):
        return None
    return _by_the_tables(raw) or _without_its_plus(raw)


def mask(msisdn: str) -> str:
    """`+254712345678` as `+2547••••••78`: enough to recognise one's own number, too little to call it."""
    shown = 5 if len(msisdn) >= 12 else 1
    return f"{msisdn[:shown]}{'•' * (len(msisdn) - shown - 2)}{msisdn[-2:]}" if len(msisdn) > 4 else "••••"


def mask_all(text: str) -> str:
    """`text` with every phone number in it masked. Case numbers (nine digits), dates and ids stay readable."""
    return _IN_TEXT.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    number = found[0].replace("%2B", "+")
    return mask(normalise(number) or re.sub(r"[^+\d]", "", number))


# Written with +, digits may stand apart. Without it only shapes count that no case number, date or time has; amid
# hexadecimal digits (ids) a run of decimals is no phone number.
_IN_TEXT: Final = re.compile(
    r"""
      (?:\+|%2B) \d (?: [ ().-]{0,2} \d ){7,14} (?!\d)
    | (?<!\d) 254 [ -]? [17]\d{2} [ -]? \d{3} [ -]? \d{3} (?!\d)
    | (?<!\d) (?<![0-9a-f]{3}) (?: 0[1-9]\d{2} [ -]? \d{3} [ -]? \d{3} | [1-9]\d{10,14} ) (?!\d) (?![0-9a-f]{3})
    """,
    re.VERBOSE,
)


def _by_the_tables(raw: str) -> str | None:
    try:
        number = phonenumbers.parse(raw, _REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in _PERSONAL:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _without_its_plus(raw: str) -> str | None:
    """Networks that leave the + out, and forms where it decayed to a space: at least eleven digits, country first."""
    digits = re.sub(r"\D", "", raw).lstrip("0")
    return _by_the_tables(f"+{digits}") if len(digits) >= 11 else None
