"""What carries files between this box and an office. One module of `sync.transports` for each way there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol


class LinkFault(Exception):
    """An office cannot be reached, in a sentence for an operator. What was under way is as if it had not begun.

    `permanent`: trying again is no use before a person has mended something (a refused password, another host key).
    """

    def __init__(self, sentence: str, *, permanent: bool = False) -> None:
        super().__init__(sentence)
        self.permanent = permanent


class Transport(Protocol):
    """The way to one office and back. Every method may raise LinkFault, and may be repeated after one."""

    def put(self, files: Sequence[Path]) -> None:
        """Bring files there in this order, each whole or not at all. What is there already, the same, is fine."""
        ...

    def fetch(self, into: Path, known: Callable[[str, str], bool]) -> Iterator[Path]:
        """Bring update files here one by one, each whole, into the folder `into`.

        `known(name, stamp)` says which of them we have: `stamp` is what the transport can tell of a file's content
        without reading it, and is the same for as long as the file is.
        """
        ...

    def took(self, name: str) -> None:
        """An update file was read and answered: the transport puts it away at the other end, as well as it can."""
        ...

    def close(self) -> None:
        """Let go of the line."""
        ...
