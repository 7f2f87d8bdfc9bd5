"""Locks name what is installed, by version and hash, and nothing about where from: they hold on every machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = sorted(ROOT.glob("requirements*.lock"))
PIN: Final = re.compile(
    r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?==\S+( ; [a-z0-9_'.<>=! ()]+)?( --hash=sha256:[0-9a-f]{64})+", re.I
)


def pins(lock: Path) -> list[str]:
    """Each requirement on one line."""
    return lock.read_text().replace(" \\\n    ", " ").splitlines()


def names(lock: Path) -> set[str]:
    return {pin.partition("==")[0] for pin in pins(lock)}


def test_there_is_a_lock_for_each_list_of_requirements() -> None:
    assert {lock.stem for lock in LOCKS} == {wish.stem for wish in ROOT.glob("requirements*.in")} != set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_is_a_version_with_its_hashes_and_nothing_else(lock: Path) -> None:
    strange = [pin for pin in pins(lock) if not PIN.fullmatch(pin)]
    assert not strange, f"{lock.name} holds an address, a path, an option or an unpinned line: {strange[:3]}"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_names_a_place(lock: Path) -> None:
    assert not re.search(r"://|--index|find-links|(^|\s)[~/]|\bfile:|@", lock.read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_what_is_wished_for_is_locked(lock: Path) -> None:
    wishes = [line for line in lock.with_suffix(".in").read_text().splitlines() if not line.startswith(("#", "-r"))]
    assert {wish.lower() for line in wishes for wish in re.findall(r"^[\w.-]+", line)} <= names(lock)


def test_one_version_of_a_package_runs_on_every_python() -> None:
    """A bundle has one wheel of each, and takes no notice of conditions."""
    running = [pin.partition("==")[0] for pin in pins(ROOT / "requirements.lock")]
    assert len(running) == len(set(running))


def test_the_tools_come_on_top_of_exactly_what_runs() -> None:
    running, with_tools = pins(ROOT / "requirements.lock"), pins(ROOT / "requirements-dev.lock")
    assert set(running) <= set(with_tools)
