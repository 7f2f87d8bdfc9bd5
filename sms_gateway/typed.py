"""Words and numbers as people type them: folded words, and case numbers with O for 0, gaps, or spelled out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from unicodedata import category, digit, normalize

from cases.reference import DIGITS, LEAST_DIGITS, is_valid


class Word(NamedTuple):
    """A word of a text, folded, and where it stands there."""

    folded: str
    start: int
    end: int


def fold(word: str) -> str:
    """Caseless, without marks (people write û, ū and u for ũ), every script's digits as 0 to 9."""
    if word.isascii():
        return word.lower()
    return "".join(str(digit(c, c)) for c in normalize("NFKD", word.casefold()) if category(c) != "Mn")


def words(text: str) -> Iterator[Word]:
    """The words of `text`, a word with a number stuck to it (`STATUS482915633`, `ref12345`) being two."""
    for found in _WORD.finditer(text):
        glued = _GLUED.fullmatch(found[0])
        if glued and not _LOOKALIKE.fullmatch(fold(glued[1])):
            middle = found.start() + len(glued[1])
            yield Word(fold(glued[1]), found.start(), middle)
            yield Word(fold(glued[2]), middle, found.end())
        else:
            yield Word(fold(found[0]), found.start(), found.end())


@dataclass(slots=True)
class Run:
    """Groups of digits in a row; `at` is the index of its first word, `ends` how many words it has taken after each."""

    at: int
    groups: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @property
    def digits(self) -> str:
        return "".join(self.groups)

    @property
    def length(self) -> int:
        """In words."""
        return self.ends[-1] if self.ends else 0


def runs(said: Sequence[Word], *, phones: bool = False) -> Iterator[Run]:
    """The numbers among the words, but for those of `phones`. Digits that are spelled out count where at least four
    stand together, and so do O, I and l between digits."""
    index = 0
    while index < len(said):
        if said[index].folded not in _TIMES and figure(said[index].folded) is None:
            index += 1
            continue
        run, spelled = _run(said, index)
        is_number = run.groups and (len(run.digits) >= LEAST_DIGITS or not spelled)
        if is_number and (phones or not _PHONE.fullmatch(run.digits)):
            yield run
        index += max(run.length, 1)


def number_in(said: Sequence[Word]) -> str | None:
    """The case number among the words, digits only. Nine digits are preferred wherever they stand, since that is what
    our numbers have, above all with the right check digit; otherwise the first number of four digits or more, or the
    first there is."""
    found = list(runs(said))
    whole = [nine for run in found for nine in _nines(run)]
    if whole or not found:
        return next(filter(is_valid, whole), whole[0] if whole else None)
    return next((run.digits for run in found if len(run.digits) >= LEAST_DIGITS), found[0].digits)


def case_digits(text: str) -> str | None:
    """The case number in `text`, digits only, however it was typed: `482 915-633`, `#4829I5633`, `four eight two …`.

    None if there is no digit.
    """
    return number_in(list(words(text)))


def leading(said: Sequence[Word]) -> tuple[str, int] | None:
    """The number that the words begin with, of nine digits at most, and how many words it takes."""
    run = next(runs(said), None)
    if run is None or run.at:
        return None
    taken = 0
    for count in range(1, min(len(run.groups), DIGITS) + 1):
        if len("".join(run.groups[:count])) > DIGITS:
            break
        taken = count
    return ("".join(run.groups[:taken]), run.ends[taken - 1]) if taken else None


def reference_in(said: Sequence[Word]) -> str | None:
    """A number among the words that can only be ours: nine digits, and the check digit right."""
    return next((nine for run in runs(said) for nine in _nines(run) if is_valid(nine)), None)


def only_digits(said: Sequence[Word]) -> bool:
    """Whether the words are one or more numbers and nothing else."""
    return bool(said) and sum(run.length for run in runs(said)) == len(said)


def figure(folded: str) -> str | None:
    """The digits that one word stands for: `4829i5` is 482915, `nne` is 4; None for other words."""
    return folded.translate(_FIGURES) if _NUMBER.fullmatch(folded) else SPELLED.get(folded)


def _run(said: Sequence[Word], at: int) -> tuple[Run, bool]:
    """The digits that begin there, and whether any of them are spelled out."""
    run, spelled, times = Run(at), False, 1
    for index in range(at, len(said)):
        word = said[index].folded
        if word in _TIMES and times == 1 and index + 1 < len(said) and said[index + 1].folded in SPELLED:
            times = _TIMES[word]
            continue
        digits = figure(word)
        if digits is None and run.groups and _LOOKALIKE.fullmatch(word) and _goes_on(said, index + 1):
            digits = word.translate(_FIGURES)
        if digits is None:
            break
        spelled |= word in SPELLED
        run.groups.append(digits * times)
        run.ends.append(index + 1 - at)
        times = 1
    return run, spelled


def _goes_on(said: Sequence[Word], index: int) -> bool:
    return index < len(said) and figure(said[index].folded) is not None


def _nines(run: Run) -> Iterator[str]:
    """Nine digits that begin and end with a group of the run."""
    for start in range(len(run.groups)):
        digits = ""
        for group in run.groups[start : start + DIGITS]:
            digits += group
            if len(digits) >= DIGITS:
                break
        if len(digits) == DIGITS:
            yield digits


_WORD: Final = re.compile(r"[^\W_]+(?:[\u0300-\u036f'’]+[^\W_]+)*")
_GLUED: Final = re.compile(r"([^\W\d_]{1,20})(\d[\doil]*)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[oil]*[0-9][0-9oil]*")
_LOOKALIKE: Final = re.compile(r"[oil]{1,2}")
_FIGURES: Final = str.maketrans("oil", "011")
_PHONE: Final = re.compile(r"(?:0|(?:00)?254)[17]\d{8}")  # a mobile number of Kenya
_TIMES: Final[Mapping[str, int]] = {"double": 2, "triple": 3}

# English and Swahili; the others write figures
SPELLED: Final[Mapping[str, str]] = {
    word: str(value)
    for value, names in enumerate(
        (
            "zero oh nought sifuri ziro",
            "one moja",
            "two mbili",
            "three tatu",
            "four nne",
            "five tano",
            "six sita",
            "seven saba",
            "eight nane",
            "nine tisa",
        )
    )
    for word in names.split()
}
