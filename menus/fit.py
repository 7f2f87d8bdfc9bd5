"""Makes a screen fit the network's limit: values are clipped to their budgets, long lists are paged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sms_gateway.encoding import clip, plain, ussd_fits

# The widest a value may stand on a crowded screen, in septets; the same numbers bound the labels of a pack.
BUDGETS: Final[Mapping[str, int]] = {
    "service": 8,
    "ref": 11,
    "agency": 20,
    "place": 20,
    "p1": 14,
    "p2": 14,
    "p3": 14,
    "sub": 20,
    "date": 10,
    "date2": 10,
    "code": 10,
    "short": 5,
    "n": 5,
    "err": 4,
    "typed": 12,
    "note": 56,
    "question": 56,
    "status": 20,
}
PREFIX: Final = "CON "  # counts against the limit
MORE: Final = "98"
# Keys 1–8 number a list; 9 is left to "None of these" on every page, so that it never changes its meaning.
MOST_LINES: Final = 8

Line = tuple[str, str]  # (key, label)


def fits(text: str, octets: int) -> bool:
    """Whether a screen's text, with its prefix, fits `octets`."""
    return ussd_fits(PREFIX + text, octets)


def fill(template: str, values: Mapping[str, Any], suits: Callable[[str], bool]) -> str:
    """The template with its values; clipped to their budgets only if the whole does not suit otherwise.

    Values are never read as templates: a citizen's text may hold braces.
    """
    whole = plain(template.format_map(values))
    return whole if suits(whole) else plain(template.format_map(_Clipped(values)))


def draw(title: str, lines: Sequence[Line]) -> str:
    """A screen as text: the title, then a line for each key."""
    return "\n".join([title, *(f"{key}. {label}" for key, label in lines)])


def how_many(labels: Sequence[str], extra: Sequence[Line], more: str, room: Callable[[Sequence[Line]], bool]) -> int:
    """How many of the labels, from the first, stand on one page; the rest follow on the next.

    The page also carries `extra` (None of these, Back), and a line for the next page (`more`) unless it holds all.
    `room` tells whether the lines fit under the title. A label too long for any page stands alone on its own.
    """
    for count in range(min(len(labels), MOST_LINES), 1, -1):
        lines = [(str(key), label) for key, label in enumerate(labels[:count], 1)]
        tail = [(MORE, more)] if count < len(labels) else []
        if room([*lines, *tail, *extra]):
            return count
    return min(len(labels), 1)


class _Clipped(dict[str, Any]):
    """Values cut to their budgets as they are asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._values = values

    def __missing__(self, name: str) -> str:
        value = str(self._values[name])
        return clip(value, BUDGETS[name]).rstrip(" ,") if name in BUDGETS else value
