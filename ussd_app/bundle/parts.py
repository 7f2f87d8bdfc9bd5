"""What a bundle is made of, and how its makers run the programs that fetch it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ussd_app.refusal import Refusal

# Shows how far a step is: given its name and its length, it gives what is told of each advance.
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]


@dataclass(frozen=True, slots=True)
class Piece:
    """One file: its path in the bundle, and its bytes or where they are."""

    name: str
    content: bytes | Path
    executable: bool = False

    def read(self) -> bytes:
        """Its bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def said(what: str, argv: Sequence[str | Path]) -> Iterator[str]:
    """The lines that a program prints. Raises Refusal when it fails: `what`, then the program's own words."""
    last: list[str] = []
    environ = {**os.environ, "LC_ALL": "C"}
    try:
        with subprocess.Popen(  # noqa: S603 - git, pip and apt, with arguments of ours
            argv,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as program:
            for line in program.stdout or ():
                last = [*last[-99:], line.rstrip()]
                yield last[-1]
    except FileNotFoundError:
        raise Refusal(what, f"{argv[0]} is not installed.") from None
    if program.returncode:
        marked = [line for line in last if line.startswith(("E:", "ERROR:", "fatal:"))]
        raise Refusal(what, *(marked or last)[-3:])
