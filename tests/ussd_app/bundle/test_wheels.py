"""The packages of a bundle: for the Python of the other machine, whatever runs here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.ussd_app.bundle.conftest import HERE, Project, silently
from ussd_app.bundle.wheels import Target, for_any_python, wheelhouse
from ussd_app.refusal import Refusal
from ussd_app.settings import ROOT

LOCK = (ROOT / "requirements.lock").read_text()


def test_what_only_another_patch_of_python_needs_is_brought_too() -> None:
    assert "async-timeout==5.0.1 ; python_full_version < '3.11.3' \\\n" in LOCK
    assert "async-timeout==5.0.1 \\\n" in for_any_python(LOCK)


def test_packages_and_hashes_stay_as_they_are_in_the_lock() -> None:
    everywhere = for_any_python(LOCK)
    assert ";" not in everywhere
    for kept in (r"^[\w.-]+==\S+", r"--hash=sha256:\w+", r" \\$"):
        assert re.findall(kept, everywhere, re.MULTILINE) == re.findall(kept, LOCK, re.MULTILINE)


def test_the_wheelhouse_says_which_versions_it_serves(project: Project, tmp_path: Path) -> None:
    lock = project.commit().files["requirements.lock"].read().decode()
    pieces = list(wheelhouse(lock, Target(("3.11", "3.13"), "aarch64"), tmp_path, silently))
    assert [piece.name for piece in pieces] == ["wheelhouse/pythons", "wheelhouse/hello-1.0-py3-none-any.whl"]
    assert pieces[0].read() == b"3.11 or 3.13\n"


def test_a_package_that_is_not_what_the_lock_says_is_refused(project: Project, tmp_path: Path) -> None:
    lock = re.sub(r"sha256:\w+", f"sha256:{'0' * 64}", project.commit().files["requirements.lock"].read().decode())
    with pytest.raises(Refusal) as refusal:
        list(wheelhouse(lock, HERE, tmp_path, silently))
    what, *why = refusal.value.faults
    assert what == f"The packages for Python {HERE.pythons[0]} on {HERE.machine} could not be fetched."
    assert "HASHES" in "".join(why)


def test_a_package_that_cannot_be_had_is_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"hello==9\.9"):
        list(wheelhouse(f"hello==9.9 --hash=sha256:{'0' * 64}\n", HERE, tmp_path, silently))
