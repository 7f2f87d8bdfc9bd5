"""What is wrong in a pack's files: every fault at once, each with the place where a clerk finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`line` counts from 1 as an editor does, 0 for the file as a whole; `column` is "name_sw (D)" or ""."""

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where} {self.column}: {self.message}" if self.column else f"{where}: {self.message}"


class PackFaults(Exception):
    """The files of a pack can't be used; `faults` has all that was found, in the order of files and lines."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
