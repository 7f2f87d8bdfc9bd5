"""What a screen may hold: the network's limit in octets, the budgets of values, and the writing of a page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from locales.gsm7 import septets
from sms_gateway.encoding import clip, plain, ussd_fits

# The widest that names and quoted words may stand on a crowded screen, in septets. On a screen in UCS-2, which holds
# not half as many letters, they are counted in letters and halved.
_NAMES: Final = {
    "agency": 20,
    "place": 20,
    "p1": 14,
    "p2": 14,
    "p3": 14,
    "sub": 20,
    "typed": 12,
    "note": 56,
    "question": 56,
    "status": 20,
}
# The same numbers bound the labels of a pack. What is not a name is never wider, and would be of no use when cut.
BUDGETS: Final[Mapping[str, int]] = _NAMES | {
    "service": 8,
    "ref": 11,
    "date": 10,
    "date2": 10,
    "code": 10,
    "short": 5,
    "n": 5,
    "err": 4,
    "banner": 44,  # as cases.notices takes them
}
_QUOTED: Final = frozenset({"typed"})  # what the citizen wrote, said back to them
PREFIX: Final = "CON "  # counts against the limit
MORE: Final = "98"

Line = tuple[str, str]  # (key, label)


def fits(text: str, octets: int) -> bool:
    """Whether a screen's text, with its prefix, fits `octets`."""
    return ussd_fits(PREFIX + text, octets)


def fill(template: str, values: Mapping[str, Any], suits: Callable[[str], bool]) -> str:
    """The template with its values, for an SMS; clipped to their budgets if it does not suit otherwise, written plain.

    The letters keep their marks: how they are sent is decided when they are. Values are never read as templates: a
    citizen's text may hold braces.
    """
    whole = template.format_map(values)
    return whole if suits(plain(whole)) else template.format_map(_Changed(values, _clipped))


def fill_screen(template: str, values: Mapping[str, Any], suits: Callable[[str], bool]) -> str:
    """As `fill`, for a screen, which may go on on a next page: if clipping does not help either, nothing is clipped.

    A single letter outside GSM-7 halves what a screen holds. Where only the citizen's own words have such, they are
    left out.
    """
    said: Mapping[str, Any] = _Changed(values, _legible)
    whole = plain(template.format_map(said))
    is_wide = septets(whole) is None
    if is_wide:
        said, whole = values, plain(template.format_map(values))
    if suits(whole):
        return whole
    clipped = plain(template.format_map(_Changed(said, _halved if is_wide else _clipped)))
    return clipped if suits(clipped) else whole


def draw(title: str, lines: Sequence[Line]) -> str:
    """A screen as text: the title, then a line for each key."""
    return "\n".join([title, *(f"{key}. {label}" for key, label in lines)])


class _Changed(dict[str, Any]):
    """Values changed as they are asked for."""

    def __init__(self, values: Mapping[str, Any], change: Callable[[str, str], str]) -> None:
        super().__init__()
        self._values, self._change = values, change

    def __missing__(self, name: str) -> str:
        return self._change(name, str(self._values[name]))


def _clipped(name: str, value: str) -> str:
    return clip(value, BUDGETS[name]).rstrip(" ,") if name in BUDGETS else value


def _halved(name: str, value: str) -> str:
    if name not in _NAMES:
        return value
    letters = _NAMES[name] // 2
    # `clip` counts a value that is in UCS-2 itself by the septets that its bits would make
    return clip(value, letters if septets(value) is not None else -(-letters * 16 // 7)).rstrip(" ,")


def _legible(name: str, value: str) -> str:
    if name not in _QUOTED:
        return value
    return "".join(letter for letter in plain(value) if septets(letter) is not None)
