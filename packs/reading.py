"""One reading of a pack's folder: opens its files, understands cells, gathers the faults."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from locales.gsm7 import septets
from packs import sheet
from packs.faults import Fault
from packs.model import Text
from packs.sheet import Columns, Row, Sheet

ALWAYS: Final = ("en", "sw")  # the languages that every text of a pack must have
YES: Final = frozenset({"yes", "y", "true", "1", "x"})
NO: Final = frozenset({"", "no", "n", "false", "0"})
DATE: Final = re.compile(r"(?P<y>\d{4})-(?P<m>\d\d?)-(?P<d>\d\d?)|(?P<d2>\d\d?)/(?P<m2>\d\d?)/(?P<y2>\d{4})")


def _with_all_languages(words: dict[str, str]) -> dict[str, str]:
    missing = [lang for lang in ALWAYS if not words.get(lang, "").strip()]
    if missing:
        raise ValueError(f"the words in {', '.join(missing)} are missing")
    return words


Words = Annotated[dict[str, str], AfterValidator(_with_all_languages)]


class Table(BaseModel):
    """A table of a TOML file: exactly the keys it names, no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyTable = TypeVar("AnyTable", bound=Table)
Choice = TypeVar("Choice", bound=str)


@dataclass
class Reading:
    """The folder being read and everything found wrong so far."""

    folder: Path
    faults: list[Fault] = field(default_factory=list)

    def sheet(self, file: str, columns: Columns) -> Sheet:
        return sheet.read(self.folder / file, self.name(file), columns, self.faults)

    def has(self, file: str) -> bool:
        """For files that a pack may do without."""
        return (self.folder / file).is_file()

    def name(self, file: str) -> str:
        return str(self.folder / file)

    def toml(self, file: str, shape: type[AnyTable]) -> AnyTable | None:
        """The file as `shape`; None if it can't be used."""
        try:
            content = (self.folder / file).read_bytes().decode("utf-8-sig")
            return shape.model_validate(tomllib.loads(content.replace("\r\n", "\n")))
        except FileNotFoundError:
            self.fault(file, "the file is missing.")
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self.fault(file, f"this is not TOML: {error}.")
        except ValidationError as error:
            for wrong in error.errors():
                key = ".".join(str(part) for part in wrong["loc"])
                message = wrong["msg"].removeprefix("Value error, ")
                self.fault(file, f"{message}.", key=key, line=_line_of(str(wrong["loc"][-1]), content))
        return None

    def fault(self, file: str, message: str, *, key: str = "", line: int = 0) -> None:
        self.faults.append(Fault(self.name(file), line, key, message))


def _line_of(key: str, content: str) -> int:
    """The first line that sets `key`, or 0. Good enough to find one's way in a short file."""
    pattern = re.compile(rf'\s*(\[+.*\b)?"?{re.escape(key)}\b')
    return next((n for n, line in enumerate(content.split("\n"), 1) if pattern.match(line)), 0)


def required(row: Row, column: str) -> str:
    """The cell, which must not be empty. (That its whole column is missing is said once, of the file.)"""
    if not row[column] and column in row.cells:
        row.fault(column, "this cell is empty.")
    return row[column]


def unique(row: Row, column: str, value: str, seen: dict[str, int]) -> bool:
    """Whether `value` is new here; `seen` keeps the line of each."""
    if not value:
        return False
    if value in seen:
        row.fault(column, f"“{value}” stands in line {seen[value]} already.")
        return False
    seen[value] = row.line
    return True


def matching(row: Row, column: str, pattern: re.Pattern[str], like: str) -> str:
    """The cell, which must have the form of `pattern`; `like` shows it."""
    value = required(row, column)
    if value and not pattern.fullmatch(value):
        row.fault(column, f"“{value}” does not look like {like}.")
    return value


def one_of(row: Row, column: str, choices: Sequence[Choice]) -> Choice:
    """The cell, which must be one of a few words; the first of them where it is not."""
    value = required(row, column)
    if value and value not in choices:
        row.fault(column, f"“{value}” is none of: {', '.join(choices)}.")
    return next((choice for choice in choices if choice == value), choices[0])


def reference(row: Row, column: str, known: Collection[str], kind: str, value: str | None = None) -> str:
    """The cell (or `value`, a part of it), which must name a known `kind` of thing; may be empty.

    If nothing is known, the file of those things could not be read, and that is said of it.
    """
    value = row[column] if value is None else value
    if value and known and value not in known:
        row.fault(column, f"there is no {kind} “{value}”.")
    return value


def flag(row: Row, column: str) -> bool:
    """Yes or no; empty is no."""
    value = row[column].lower()
    if value not in YES | NO:
        row.fault(column, f"“{row[column]}” should be yes or no.")
    return value in YES


def digits(row: Row, column: str, length: int) -> str:
    """A code of `length` digits, with the leading zeros that Excel drops; may be empty."""
    value = row[column]
    if not value:
        return ""
    if not (value.isascii() and value.isdigit() and len(value) <= length):
        row.fault(column, f"“{value}” should be {length} digits.")
    return value.zfill(length)


def day(row: Row, column: str) -> date | None:
    """A date, as 2026-12-31 or 31/12/2026."""
    value = required(row, column)
    found = DATE.fullmatch(value)
    try:
        if found:
            year, month, of_month = (int(found[part] or found[f"{part}2"]) for part in "ymd")
            return date(year, month, of_month)
    except ValueError:
        pass  # 31 April: the same sentence serves
    if value:
        row.fault(column, f"“{value}” is no date. Write it as 2026-12-31 or 31/12/2026.")
    return None


@dataclass(frozen=True, slots=True)
class Duration:
    """An amount of working time; a "d" is one working day of whatever calendar it is counted on."""

    amount: int
    unit: str

    def minutes(self, working_day: int) -> int:
        return self.amount * {"m": 1, "h": 60, "d": working_day}[self.unit]


def duration(row: Row, column: str) -> Duration:
    """The cell as working time: "45m", "4h", "3d"."""
    value = required(row, column)
    found = re.fullmatch(r"([1-9]\d{0,3})\s*([mhd])", value.lower())
    if value and not found:
        row.fault(column, f"“{value}” is no duration. Write 45m, 4h or 3d (working minutes, hours, days).")
    return Duration(int(found[1]), found[2]) if found else Duration(0, "m")


def text(row: Row, column: str, limit: int) -> Text:
    """The words in `column`_en, `column`_sw and any other language, each at most `limit` septets wide."""
    words: dict[str, str] = {}
    for lang in ALWAYS:
        required(row, f"{column}_{lang}")
    for name, value in row.cells.items():
        stem, _, lang = name.rpartition("_")
        if stem == column and value:
            words[lang] = value
            check_width(row, name, value, limit, plain=lang in ALWAYS)
    return words


def some_text(row: Row, column: str, limit: int) -> Text:
    """As `text`, of a cell that may be left empty: but in all the languages that always are, or in none."""
    return text(row, column, limit) if any(row[f"{column}_{lang}"] for lang in ALWAYS) else {}


def check_width(row: Row, column: str, words: str, limit: int, *, plain: bool = True) -> None:
    """`plain`: the words must be in GSM-7 as they stand; else they may be made so when sent, letter for letter."""
    if plain and (strange := strange_letter(words)):
        row.fault(column, f"“{strange}” is not a letter of GSM-7, so a phone may not show it.")
    if wrong := too_wide(words, limit):
        row.fault(column, wrong)


def too_wide(words: str, limit: int) -> str | None:
    """The sentence that says so, or None."""
    units = width(words)
    return f"“{words}” is {units} septets wide; {limit} fit." if units > limit else None


def width(words: str) -> int:
    """Septets of the words as they are sent: Latin letters lose the marks that GSM-7 lacks (ĩ, ê), œ and ŋ become two;
    a text in another script goes in UCS-2, where a character takes the room of two septets."""
    if (units := septets(words)) is not None:
        return units
    letters = unicodedata.normalize("NFKC", words)  # … is three
    return 2 * len(letters) if needs_ucs2(words) else len(letters) + sum(letter in "œŒŋŊ" for letter in letters)


def needs_ucs2(words: str) -> bool:
    """Whether some letter of the words has no likeness in GSM-7, as all Ethiopic ones."""
    return septets(words) is None and any(septets(letter) is None and _unlike_latin(letter) for letter in words)


def _unlike_latin(letter: str) -> bool:
    kind = unicodedata.category(letter)[0]
    return kind in "LS" and not unicodedata.name(letter, "").startswith(("LATIN", "MODIFIER"))


def strange_letter(words: str) -> str | None:
    """The first letter that GSM-7 lacks."""
    return next((letter for letter in words if septets(letter) is None), None) if septets(words) is None else None
