"""`./mlango` itself, in small trees of their own: real environments, a wheel made here, no network."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Final

import pytest

from ussd_app.settings import ROOT

NOBODY: Final = 65534
PYTHONS: Final = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")
PATIENCE_S: Final = 120


class Tree:
    """A project folder with nothing in it but the script, its locks, a wheelhouse and a command that shows itself."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "ussd_app").mkdir(parents=True)
        (root / "wheelhouse").mkdir()
        shutil.copy(ROOT / "mlango", root / "mlango")
        (root / "requirements-bootstrap.lock").write_text("")
        (root / "ussd_app" / "__main__.py").write_text(
            "import os, sys, hello\nprint(hello.VERSION, os.getcwd(), sys.argv[1:])\n"
        )
        self.lock("requirements.lock", "1.0")
        self.lock("requirements-dev.lock", "1.0")

    def lock(self, name: str, version: str) -> None:
        """Let a lock ask for this version of the package `hello`."""
        wheel = self.root / "wheelhouse" / f"hello-{version}-py3-none-any.whl"
        facts = f"hello-{version}.dist-info"
        with zipfile.ZipFile(wheel, "w") as out:
            out.writestr("hello.py", f"VERSION = {version!r}\n")
            out.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: hello\nVersion: {version}\n")
            out.writestr(f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            out.writestr(f"{facts}/RECORD", f"hello.py,,\n{facts}/METADATA,,\n{facts}/WHEEL,,\n{facts}/RECORD,,\n")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (self.root / name).write_text(f"hello=={version} \\\\\n    --hash=sha256:{digest}\n")

    def start(self, *arguments: str, cwd: Path | None = None, path: Path | None = None) -> subprocess.Popen[str]:
        search = f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]
        return subprocess.Popen(
            [self.root / "mlango", *arguments],
            cwd=cwd or self.root,
            env=dict(os.environ) | {"PATH": search},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def run(self, *arguments: str, cwd: Path | None = None, path: Path | None = None) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        process = self.start(*arguments, cwd=cwd, path=path)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "my project")


@pytest.fixture
def pythons(tmp_path: Path) -> Path:
    """A folder that hides every Python of this machine behind one that knows nothing; see `fake`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def fake(folder: Path, script: str) -> None:
    for name in PYTHONS:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


def test_an_environment_is_made_once_kept_brought_up_to_date_and_never_filled_with_another_hash(
    tree: Tree, tmp_path: Path
) -> None:
    code, out, err = tree.run("up", "--now", cwd=tmp_path)
    assert (code, out) == (0, f"1.0 {tmp_path} ['up', '--now']\n"), err
    assert "preparing .venv" in err

    began = time.monotonic()
    assert tree.run("up", cwd=tmp_path) == (0, f"1.0 {tmp_path} ['up']\n", "")
    assert time.monotonic() - began < 2

    tree.lock("requirements.lock", "1.1")
    code, out, err = tree.run("up")
    assert out.startswith("1.1 ")
    assert "preparing" not in err

    tree.lock("requirements-dev.lock", "2.0")
    assert tree.run("test")[1].startswith("2.0 ")
    assert tree.run("up") == (0, f"2.0 {tree.root} ['up']\n", "")  # the tools stay: they hold all that running needs
    assert not list(tree.root.rglob("ussd_app/__pycache__"))

    tree.lock("requirements-dev.lock", "3.0")
    (tree.root / "requirements-dev.lock").write_text(f"hello==3.0 \\\n    --hash=sha256:{'0' * 64}\n")
    code, out, err = tree.run("up")
    assert (code, out) == (1, "")
    assert "mlango: the packages could not be installed" in err.splitlines()[-1]


def test_an_environment_that_came_with_a_moved_tree_is_made_afresh_once_whatever_is_killed_or_started_twice(
    tree: Tree,
) -> None:
    (tree.root / ".venv" / "bin").mkdir(parents=True)
    (tree.root / ".venv" / "bin" / "python").symlink_to("/bin/false")
    lock = (tree.root / "requirements.lock").read_text()
    (tree.root / ".venv" / ".made-from-requirements.lock").write_text(f"/where/it/was/before\n{lock}")

    killed = tree.start("up")
    deadline = time.monotonic() + PATIENCE_S
    while not (tree.root / ".venv" / "pyvenv.cfg").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()

    both = [tree.start("up"), tree.start("up")]
    said = [process.communicate(timeout=PATIENCE_S) for process in both]
    assert [out for out, _ in said] == [f"1.0 {tree.root} ['up']\n"] * 2, said
    assert sum("preparing .venv with" in err for _, err in said) == 1
    assert sum("another ./mlango is preparing .venv; waiting" in err for _, err in said) == 1


def test_a_python_without_its_venv_module_names_the_package(tree: Tree, pythons: Path) -> None:
    fake(pythons, 'case "$2" in *ensurepip*) exit 1 ;; esac; echo "$0"')
    assert tree.run("up", path=pythons) == (
        1,
        "",
        f"mlango: {pythons}/python3 lacks its venv module; install the package python3-venv and run this again.\n",
    )


def test_a_python_that_is_too_old_is_one_sentence(tree: Tree, pythons: Path) -> None:
    fake(pythons, "exit 1")
    assert tree.run("up", path=pythons) == (
        1,
        "",
        "mlango: Python 3.11 or newer is needed; install the packages python3 and python3-venv and run this again.\n",
    )


def test_a_tree_that_cannot_be_written_is_one_sentence() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        tree, pythons = Tree(Path(folder) / "tree"), Path(folder) / "bin"
        pythons.mkdir()
        fake(pythons, 'echo "$0"')
        tree.root.chmod(0o555)
        refused = subprocess.run(
            [tree.root / "mlango", "up"],
            env={"PATH": f"{pythons}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            user=NOBODY if os.getuid() == 0 else None,  # nothing is read-only to root
        )
        tree.root.chmod(0o755)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[1:] == [
        f"mlango: {tree.root}/.venv cannot be made; is {tree.root} a folder you may write?"
    ]
