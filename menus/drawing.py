"""Draws what stands on a screen, cut into pages where the network's limit makes that necessary. Pure.

A screen is a row of pieces: the words of its title, those of its text, a line for each key. A page takes as many of
them as fit, at least one. What a page begins with is remembered by the piece, not by a page's number: a hint may make
one page shorter, and the next one still goes on where it ended.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from menus import fit
from menus.fit import Line
from sms_gateway.encoding import plain, ussd_units

# Keys 1–8 number a list; 9 is left to "None of these" on every page, so that it never changes its meaning.
MOST_LINES: Final = 8

MOST_ON_A_LINE: Final = 48  # letters of an entry in a text to read: "20/11 Sent to Nairobi Water"

_WORD: Final = re.compile(r"\s*\S+")  # with the space or the new line before it
Room = Callable[[str], bool]  # whether a text fits the network's limit


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on a screen."""

    title: str  # a template
    values: Mapping[str, Any]  # for it
    text: str = ""  # to read, under the title
    lines: Sequence[Line] = ()
    listed: Sequence[str] = ()  # in place of lines: labels, numbered anew on each page under the title
    tail: Sequence[Line] = ()  # at the foot of every page
    more: str = ""  # what the key to the next page is called
    hint: str = ""
    hint_only: bool = False  # a hint stands in the place of the title


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a sheet: its text, the piece it begins with, and the one that the next page begins with if any."""

    text: str
    begins: int
    ends: int | None


def page(sheet: Sheet, begins: int, octets: int) -> Page:
    """The page of `sheet` that begins with this piece; the first if there is no such piece (any more)."""

    def room(text: str) -> bool:
        return fit.fits(text, octets)

    sheet = _plain(sheet)
    return _listed(sheet, begins, room) if sheet.listed else _flowing(sheet, begins, room)


def _plain(sheet: Sheet) -> Sheet:
    """All that is drawn, in the letters of every phone where they have some: once, and not for each try at a page."""
    return replace(
        sheet,
        text=plain(sheet.text),
        lines=[(key, plain(label)) for key, label in sheet.lines],
        listed=[plain(label) for label in sheet.listed],
        tail=[(key, plain(label)) for key, label in sheet.tail],
        more=plain(sheet.more),
        hint=plain(sheet.hint),
    )


def _listed(sheet: Sheet, begins: int, room: Room) -> Page:
    """A title, or the hint in its place, above as many labels as fit; a label too long for any page is cut."""
    begins = begins if begins < len(sheet.listed) else 0
    title = fit.fill_screen(sheet.title, sheet.values, lambda whole: room(fit.draw(whole, sheet.tail)))
    first, *others = (f"\n{key}. {label}" for key, label in enumerate(sheet.listed[begins:], 1))
    return _filled(sheet, begins, [_cut(first, _alone(sheet, room)), *others], (sheet.hint, title), room, MOST_LINES)


def _flowing(sheet: Sheet, begins: int, room: Room) -> Page:
    """All on one page where it fits; otherwise the words of the title and the text, then the lines, page by page."""

    def suits(top: str) -> bool:
        return room(fit.draw(top, [*sheet.lines, *sheet.tail]))

    title = fit.fill_screen(sheet.title, sheet.values, lambda whole: suits(_under(whole, sheet.text)))
    top = _under(title, sheet.text)
    if begins == 0 and suits(top):
        best = next(filter(suits, _hinted(sheet, top)), None) if sheet.hint else top
        if best is not None:
            return Page(fit.draw(best, [*sheet.lines, *sheet.tail]), 0, None)
    alone = _alone(sheet, room)
    words = list(_pieces(title, sheet.text))
    if words and not alone(max(words, key=ussd_units)):
        words = [part for word in words for part in _parts(word, alone)]
    pieces = [*words, *(_cut(f"\n{key}. {label}", alone) for key, label in sheet.lines)]
    begins = begins if begins < len(pieces) else 0
    return _filled(sheet, begins, pieces[begins:], (sheet.hint,), room, len(pieces))


def _filled(sheet: Sheet, begins: int, pieces: Sequence[str], heads: Sequence[str], room: Room, most: int) -> Page:
    """The first of the heads that leaves room for a piece, and under it as many pieces as fit, of at most `most`."""

    def drawn(head: str, count: int) -> str:
        return _draw(sheet, head, pieces[:count], goes_on=count < len(pieces))

    def suits(count: int) -> bool:
        return count <= most and room(drawn(head, count))

    head = next((head for head in heads if head and room(drawn(head, 1))), "")
    count = len(pieces)
    if not suits(count):  # the last page needs no key to the next: it may hold more than the count below finds
        counts = range(2, len(pieces))  # what fits, fits with a piece less
        count = 1 + bisect(counts, False, key=lambda count: not suits(count))
    return Page(drawn(head, count), begins, begins + count if count < len(pieces) else None)


def _draw(sheet: Sheet, head: str, pieces: Sequence[str], *, goes_on: bool) -> str:
    more = [(fit.MORE, sheet.more)] if goes_on else []
    return fit.draw(_under(head, "".join(pieces).strip()), [*more, *sheet.tail])


def _under(head: str, text: str) -> str:
    return "\n".join(filter(None, (head, text)))


def _hinted(sheet: Sheet, top: str) -> Sequence[str]:
    """What may stand above the lines of a single page, the best first. A text to read is never given up for a hint."""
    both = _under(sheet.hint, top)
    if sheet.text:
        return (both,)
    return (sheet.hint, top) if sheet.hint_only else (both, sheet.hint, top)


def _alone(sheet: Sheet, room: Room) -> Room:
    """Whether a piece fits a page of its own."""
    return lambda piece: room(_draw(sheet, "", [piece], goes_on=True))


def _parts(word: str, alone: Room) -> Iterator[str]:
    """The word; in parts if it is longer than a page."""
    while not alone(word) and len(word) > 1:
        head = _beginning(word, alone)
        yield head
        word = word[len(head) :]
    yield word


def _pieces(title: str, text: str) -> Iterator[str]:
    """What no page is to break: the words; of a text with lines, a short line."""
    yield from _WORD.findall(title)
    lines = text.split("\n") if text else []
    for line in lines:
        begun = f"\n{line}"
        yield from [begun] if len(lines) > 1 and len(line) <= MOST_ON_A_LINE else _WORD.findall(begun)


def _cut(line: str, alone: Room) -> str:
    return line if alone(line) else _beginning(line, alone).rstrip()


def _beginning(text: str, alone: Room) -> str:
    """The longest beginning that fits a page, but a letter of it in any case."""
    return next((text[:end] for end in range(len(text) - 1, 1, -1) if alone(text[:end])), text[:1])
