"""The Python packages of a bundle: a wheel for everything in the lock, for each version of Python that it serves."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ussd_app.bundle.parts import Piece, Progress, said

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
MACHINES: Final = ("x86_64", "aarch64")
# Every system with Python 3.11 that we know of has glibc 2.34 or newer.
_GLIBC_MINORS: Final = range(34, 16, -1)
_MARKER: Final = re.compile(r" ;.*(?= \\$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that they are for: its versions of Python ("3.11"), its processor as `uname -m` names it."""

    pythons: tuple[str, ...]
    machine: str


def wheelhouse(lock: str, target: Target, work: Path, progress: Progress) -> Iterator[Piece]:
    """Fetch them into `work`, from wherever pip is set to look, each with a hash of the lock. Raises Refusal."""
    asked, fetched = work / "requirements.lock", work / "wheelhouse"
    asked.write_text(for_any_python(lock))
    amount = lock.count("==")
    for python in target.pythons:
        what = f"The packages for Python {python} on {target.machine} could not be fetched."
        with progress(f"Packages for Python {python}", amount) as step:
            for line in said(what, [*_PIP, "-r", asked, "-d", fetched, *_tags(python, target.machine)]):
                step(line.startswith("Collecting "))
    yield Piece("wheelhouse/pythons", " or ".join(target.pythons).encode() + b"\n")
    for wheel in sorted(fetched.glob("*.whl")):
        yield Piece(f"wheelhouse/{wheel.name}", wheel)


def for_any_python(lock: str) -> str:
    """The lock without its conditions: Debian's Python 3.11.2 needs a package that 3.11.3 and this one here do not."""
    return _MARKER.sub("", lock)


_PIP: Final = (
    sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--progress-bar", "off",
    "--require-hashes", "--no-deps", "--only-binary", ":all:",
)  # fmt: skip


def _tags(python: str, machine: str) -> Iterator[str]:
    yield from ("--implementation", "cp", "--python-version", python)
    for abi in ("cp" + python.replace(".", ""), "abi3", "none"):
        yield from ("--abi", abi)
    for platform in (*(f"manylinux_2_{minor}" for minor in _GLIBC_MINORS), "manylinux2014"):
        yield from ("--platform", f"{platform}_{machine}")
