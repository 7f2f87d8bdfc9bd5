"""A project of one package for a test: a git repository, the wheels beside it, and bundles made of them."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from ussd_app.bundle import making
from ussd_app.bundle.programs import Programs
from ussd_app.bundle.wheels import Target
from ussd_app.settings import ROOT

HERE: Final = Target((f"{sys.version_info.major}.{sys.version_info.minor}",), platform.machine())
PATIENCE_S: Final = 120
_COMMAND: Final = "import sys, hello\nprint(hello.VERSION, sys.argv[1:])\n"


@contextmanager
def silently(_label: str, _length: int) -> Iterator[Callable[[int], object]]:
    """A progress bar that shows nothing."""
    yield lambda _steps: None


class Project:
    """A git repository with the real `./mlango` and installer; its one package is `hello`, and its command shows it."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root, self._wheels = root, wheels
        for file in ("mlango", "ussd_app/bundle/settle.py"):
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, root / file)
        wheels.mkdir()
        self.write("ussd_app/__main__.py", _COMMAND)
        self.write("pyproject.toml", '[project]\nname = "mlango"\nversion = "0.1.0"\n')
        self.write("packs/ke/offices.csv", "nairobi\n")
        self.write("requirements-bootstrap.lock", "")
        self.asks_for("1.0")
        subprocess.run(["git", "init", "--quiet", root], check=True)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def asks_for(self, version: str) -> None:
        """Let the lock ask for this version of `hello`."""
        wheel = self._wheels / f"hello-{version}-py3-none-any.whl"
        facts = f"hello-{version}.dist-info"
        contents = {
            "hello.py": f"VERSION = {version!r}\n",
            f"{facts}/METADATA": f"Metadata-Version: 2.1\nName: hello\nVersion: {version}\n",
            f"{facts}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{facts}/RECORD": f"hello.py,,\n{facts}/METADATA,,\n{facts}/WHEEL,,\n{facts}/RECORD,,\n",
        }
        with zipfile.ZipFile(wheel, "w") as out:
            for name, text in contents.items():
                out.writestr(zipfile.ZipInfo(name), text)  # without the time: the same bytes each time
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        self.write("requirements.lock", f"hello=={version} \\\n    --hash=sha256:{digest}\n")

    def commit(self, when: int = 1_800_000_000) -> making.Commit:
        """Commit everything, at this second."""
        git = ["git", "-C", str(self.root), "-c", "user.name=Test", "-c", "user.email=test@example.org"]
        dated = os.environ | {"GIT_COMMITTER_DATE": f"{when} +0000", "GIT_AUTHOR_DATE": f"{when} +0000"}
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=Trial"], env=dated, check=True)
        return making.head(self.root)

    def bundle(self, file: Path, when: int = 1_800_000_000, programs: Programs | None = None) -> Path:
        """Commit everything, and make a bundle of it for this machine."""
        return making.make(self.commit(when), HERE, programs or Programs(), file, silently).file


@contextmanager
def fresh(folder: Path) -> Iterator[Project]:
    """A new project; pip finds its packages, and no others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder / "wheels"))
        yield Project(folder / "project", folder / "wheels")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with fresh(tmp_path) as project:
        yield project


@pytest.fixture(scope="session")
def nowhere() -> list[str]:
    """Starts a program where there is no network: in a namespace that has no interface, not even a working loopback.

    Where making one is forbidden, everything that would go out is sent to a port that nobody listens on.
    """
    namespace = ["unshare", "--map-root-user", "--net"]
    if (
        shutil.which("unshare")
        and subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0
    ):
        return namespace
    return ["env", *(f"{name}=http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "all_proxy"))]


@pytest.fixture
def run(nowhere: list[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program without a network and with nothing of this environment; both outputs are text."""

    def run(*argv: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | environ
        return subprocess.run(
            [*nowhere, *argv], env=clean, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    return run
