"""How an office's rows look when they come back: what programs do to a file, and what people do to a row.

A *dress* is how a program saves a table: the rows mean the same. A *slip* makes one row wrong; it comes back with a
sentence, and the office mends it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from random import Random
from typing import Final

from sync.mock.books import Row

DAY: Final = "%d/%m/%Y"


@dataclass(frozen=True, slots=True)
class Dress:
    """How a table is saved. `told` goes on from "saved"."""

    told: str
    encoding: str
    delimiter: str
    empty: int = 0  # empty columns at the right, and empty rows at the end

    def on(self, rows: Iterable[Sequence[str]]) -> bytes:
        """The file of these rows, the header first."""
        out, width = StringIO(newline=""), 0
        writer = csv.writer(out, delimiter=self.delimiter)
        for row in rows:
            width = len(row) + self.empty
            writer.writerow([*row, *[""] * self.empty])
        writer.writerows([[""] * width] * self.empty)
        return out.getvalue().encode(self.encoding, "replace")


DRESSES: Final = (
    Dress("as it should be", "utf-8-sig", ","),
    Dress("by Excel, with semicolons and the letters of Windows", "cp1252", ";"),
    Dress("by Excel as Unicode text, with tabs", "utf-16", "\t"),
    Dress("without its mark, with empty columns and rows", "utf-8", ",", empty=3),
)


@dataclass(frozen=True, slots=True)
class Slip:
    """A mistake that a row comes back for. `told` is how it is owned up to; `makes` gives the cells that are wrong."""

    told: str
    makes: Callable[[Row, datetime, Random], Row]
    fits: Callable[[Row], bool] = lambda _: True


def _exponent(row: Row, _: datetime, __: Random) -> Row:
    """What Excel shows of a long number in a narrow column, and then saves."""
    return {"case_ref": f"{int(row['case_ref']):.1E}"}


def _one_digit_off(row: Row, _: datetime, rng: Random) -> Row:
    ref, place = row["case_ref"], rng.randrange(1, 9)
    wrong = (int(ref[place]) + rng.randrange(1, 10)) % 10
    return {"case_ref": f"{ref[:place]}{wrong}{ref[place + 1 :]}"}


def _ahead(day: datetime) -> datetime:
    return day + timedelta(days=2)


# Of rows that a system sends, in the columns of `sync.columns.UPDATES`
OF_SYSTEMS: Final[Mapping[str, Slip]] = {
    "exponent": Slip("a case number as Excel shows long ones", _exponent),
    "digit": Slip("a wrong digit in a case number", _one_digit_off),
    "short": Slip(
        "a closing note of two letters",
        lambda *_: {"public_note": "ok"},
        lambda row: row["new_status"] == "resolved",
    ),
    "ahead": Slip(
        "a date that has not come yet",
        lambda _, now, __: {"occurred_at": _ahead(now).isoformat(timespec="seconds")},
    ),
    "status": Slip("a status that is none", lambda *_: {"new_status": "nearly"}),
}
# Of what a clerk writes into status, note and date
OF_CLERKS: Final[Mapping[str, Slip]] = {
    "short": Slip(
        "a closing note of two letters",
        lambda *_: {"note": "ok"},
        lambda row: row["status"].strip().lower() in {"3", "done"},
    ),
    "ahead": Slip("a date that has not come yet", lambda _, now, __: {"date": _ahead(now).strftime(DAY)}),
    "status": Slip("a status that is none", lambda *_: {"status": "7"}),
}


def slipped(row: Row, slips: Mapping[str, Slip], now: datetime, rng: Random) -> tuple[Row, str]:
    """The row with one of these mistakes in it, and which."""
    name = rng.choice([name for name, one in slips.items() if one.fits(row)])
    return row | slips[name].makes(row, now, rng), name


def as_typed(ref: str, rng: Random) -> str:
    """A case number as people copy it; all of these are read."""
    return rng.choice([ref, ref, f"{ref[:3]}-{ref[3:6]}-{ref[6:]}", f" {ref[:3]} {ref[3:6]} {ref[6:]}"])
