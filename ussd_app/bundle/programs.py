"""The Debian packages of a bundle: programs with everything that they need, as a small repository for apt."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from ussd_app.bundle.parts import Piece, Progress, said
from ussd_app.refusal import Refusal

PROGRAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "gammu": ("gammu", "gammu-smsd"),
    "kannel": ("kannel",),
    "python": ("python3", "python3-venv"),
}
FOLDER: Final = "debian-packages"
_FAILED: Final = "The Debian packages could not be fetched (`apt-get update`, as root, may help)."
_PYTHON: Final = re.compile(r"/python3_(\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class Programs:
    """Packages to install by name, the release that they are for ("debian 12"), and the repository they are in."""

    names: tuple[str, ...] = ()
    release: str = ""
    pieces: tuple[Piece, ...] = ()

    @property
    def python(self) -> str | None:
        """The version of Python among them."""
        return next((found[1] for piece in self.pieces if (found := _PYTHON.search(piece.name))), None)


def fetch(wanted: tuple[str, ...], work: Path, progress: Progress) -> Programs:
    """Fetch what `wanted` (keys of PROGRAMS) needs on a machine of this release and kind that has nothing yet.

    Needs no root: apt works in `work` and takes this machine for an empty one. Raises Refusal.
    """
    system = platform.freedesktop_os_release()
    names = tuple(package for program in wanted for package in PROGRAMS[program])
    (work / "status").touch()
    (work / "archives" / "partial").mkdir(parents=True)
    with progress("Debian packages", 100) as step:
        done = 0
        for line in said(_FAILED, [*_apt(work), *names]):
            if line.startswith("dlstatus:"):
                percent = int(float(line.split(":")[2]))
                step(percent - done)
                done = percent
        step(100 - done)
    pieces = tuple(repository(work / "archives"))
    if missing := [name for name in names if not any(f"/{name}_" in piece.name for piece in pieces)]:
        raise Refusal(_FAILED, f"apt fetched no copy of {', '.join(missing)}; is its source a folder of this machine?")
    return Programs(names, f"{system['ID']} {system.get('VERSION_ID', '')}", pieces)


def _apt(work: Path) -> Iterator[str]:
    yield from ("apt-get", "--yes", "--quiet=2", "--no-install-recommends", "--download-only", "install")
    for option in (
        f"Dir::State::status={work}/status",
        f"Dir::Cache::archives={work}/archives",
        "Dir::Cache::pkgcache=",
        "Dir::Cache::srcpkgcache=",
        "Debug::NoLocking=1",
        "APT::Status-Fd=1",
        "APT::Sandbox::User=",
    ):
        yield from ("-o", option)


def repository(archives: Path) -> Iterator[Piece]:
    """The packages in a folder, and last the index by which apt finds them."""
    index = []
    for file in sorted(archives.glob("*.deb")):
        name, content = file.name.replace("%3a", "-"), file.read_bytes()  # apt would read %3a as a colon
        control = "\n".join(said(_FAILED, ["dpkg-deb", "--field", file]))
        digest = sha256(content).hexdigest()
        index.append(f"{control}\nFilename: ./{name}\nSize: {len(content)}\nSHA256: {digest}\n")
        yield Piece(f"{FOLDER}/{name}", file)
    yield Piece(f"{FOLDER}/Packages", "\n".join(index).encode())
