"""What the ways to an office have in common: which names are those of update files, and what we say about the rest."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final

from sync.transport import LinkFault

Log = Callable[..., None]
CONNECT_S: Final = 10.0
IDLE_S: Final = 30.0  # without a single octet
SETTLE_S: Final = 3.0  # that a file has to stay as it is to count as whole, where nothing else tells
CHUNK: Final = 64 * 1024
MOST_OCTETS: Final = 512 * 1024 * 1024  # of one update file; a million rows take less than half of it
MOST_NAMES: Final = 10_000  # of one listing
_SHEETS: Final = (".csv", ".xlsx", ".xlsm", ".xls", ".ods")
_LONGEST_NAME: Final = 200  # octets; file systems have room for 255, and we put something in front and behind

READ_ME: Final = "READ-ME.txt"
READ_ME_TEXT: Final = """\
Files between your office and Mlango
====================================
out/   from Mlango to you. Take what you need; you may delete what you have taken.
in/    from you to Mlango: the worklist that you filled in (.xlsx or .csv), or update files.
       While you copy a file here, let its name end in .part, and rename it when all of it is there.
       What Mlango has read moves to in/done/, and the answer to it comes into out/.

Faili kati ya ofisi yako na Mlango
==================================
out/   kutoka Mlango kuja kwako. Chukua unazohitaji; unaweza kufuta ulizochukua.
in/    kutoka kwako kwenda Mlango: orodha ya kazi uliyojaza (.xlsx au .csv), au faili za taarifa mpya.
       Unaponakili faili hapa, jina lake liishie .part, kisha ulibadilishe faili yote ikiwa imefika.
       Faili ambayo Mlango imesoma huhamia in/done/, na jibu lake huja kwenye out/.
""".replace("\n", "\r\n")  # for Notepad


def quiet(event: str, **facts: object) -> None:
    """A log that nobody reads."""


def is_update_file(name: str) -> bool:
    """Whether a file in `in/` is for us: a sheet with a plain name that nobody is still writing.

    Old and foreign sheets (`.xls`, `.ods`) are: who sent one hears how to save it. Hidden files, the lock files of
    office programs (`~$work.xlsx`) and unfinished ones (`.part`, `.tmp`) are not.
    """
    return (
        name.lower().endswith(_SHEETS)
        and not name.startswith((".", "~"))
        and all(is_letter(letter) for letter in name)
        and len(name.encode()) <= _LONGEST_NAME
    )


def is_letter(letter: str) -> bool:
    """Whether it may stand in a file's name: no separator, nothing unseen (controls, turned directions, half letters,
    which no database takes)."""
    return letter not in "/\\" and not unicodedata.category(letter).startswith("C")


def stamp(size: int | None, written: float | None) -> str:
    """How a file stands: its size and when it was last written, to the second, as SFTP tells it and sticks keep it."""
    return f"{size or 0}-{int(written or 0)}"


def size_of(stamp: str) -> int:
    """The size in a stamp."""
    return int(stamp.partition("-")[0])


def in_order(names: Iterable[str]) -> list[str]:
    """By name, with numbers in them by their value: 9 comes before 10."""

    def key(name: str) -> list[str | int]:
        return [int(part) if place % 2 else part for place, part in enumerate(re.split("([0-9]+)", name))]

    return sorted(names, key=key)


def nth_name(name: str, number: int) -> str:
    """`a.csv` for the first, then `a~2.csv`, `a~3.csv` …: where names have to differ, and no file may be lost."""
    stem, dot, ending = name.rpartition(".")
    return name if number == 1 else f"{stem}~{number}{dot}{ending}"


def is_this_machine(host: str) -> bool:
    """Whether a host name stands for the machine itself: there nobody can listen on the way."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def misconfigured(sentence: str) -> LinkFault:
    """A fault that only a person can mend."""
    return LinkFault(sentence, permanent=True)
