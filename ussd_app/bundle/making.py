"""Makes a bundle: the project as it was last committed, its wheels, and Debian packages where they are wanted.

The same commit with the same packages gives the same file, byte for byte.
"""

from __future__ import annotations

import gzip
import io
import shlex
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from operator import attrgetter
from pathlib import Path
from shutil import copyfileobj
from typing import Final

from ussd_app.bundle.parts import Piece, Progress, said
from ussd_app.bundle.programs import Programs
from ussd_app.bundle.settle import MANIFEST, Manifest
from ussd_app.bundle.wheels import Target, wheelhouse
from ussd_app.settings import ROOT

_HEADER: Final = Path(__file__).with_name("header.sh")
_FACTS: Final = "#facts#\n"
_name: Final = attrgetter("name")


@dataclass(frozen=True, slots=True)
class Commit:
    """The project as it was last committed: its version ("0.1.0-83877d3"), when (seconds since 1970), its files."""

    version: str
    when: int
    files: Mapping[str, Piece]


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle that was made: its size in bytes, its SHA-256."""

    file: Path
    size: int
    sha256: str


def head(root: Path = ROOT) -> Commit:
    """The last commit of the project in `root`. Raises Refusal where git has none."""
    what = "A bundle holds what was last committed, and git cannot tell what that is."
    (line,) = said(what, ["git", "-C", root, "log", "-1", "--abbrev=7", "--format=%h %ct"])
    id_, when = line.split()
    archive = subprocess.run(["git", "-C", root, "archive", "--format=tar", id_], capture_output=True, check=True)  # noqa: S603, S607
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        files = {piece.name: piece for piece in _pieces(tar)}
    version = tomllib.loads(files["pyproject.toml"].read().decode())["project"]["version"]
    return Commit(f"{version}-{id_}", int(when), files)


def uncommitted(root: Path = ROOT) -> int:
    """How many files of the project are new or are not as they were last committed. Raises Refusal."""
    return sum(1 for _ in said("git cannot tell what was committed.", ["git", "-C", root, "status", "--porcelain"]))


def make(commit: Commit, target: Target, programs: Programs, file: Path, progress: Progress) -> Made:
    """Write the bundle to `file`, whole or not at all. Raises Refusal where a package cannot be had, OSError."""
    title = f"Mlango {commit.version}"
    with tempfile.TemporaryDirectory() as folder:
        lock = commit.files["requirements.lock"].read().decode()
        tree = [*commit.files.values(), *wheelhouse(lock, target, Path(folder), progress)]
        sums = {piece.name: sha256(piece.read()).hexdigest() for piece in sorted(tree, key=_name)}
        manifest = Piece(MANIFEST, Manifest(title, commit.when, sums).text().encode())
        payload = Path(folder) / "payload"
        _pack([manifest, *tree, *programs.pieces], commit.when, payload, progress)
        _join(_header(title, target, programs, _sum(payload)), payload, file)
    return Made(file, file.stat().st_size, _sum(file))


def _pieces(tar: tarfile.TarFile) -> Iterator[Piece]:
    for member in tar:
        if content := tar.extractfile(member):
            yield Piece(member.name, content.read(), executable=bool(member.mode & 0o100))


def _pack(pieces: Sequence[Piece], when: int, payload: Path, progress: Progress) -> None:
    """A tar.gz in the form that every tar reads; nothing in it tells who made it, or when."""
    with (
        payload.open("wb") as out,
        gzip.GzipFile("", "wb", 6, out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
        progress("Writing it", len(pieces)) as step,
    ):
        for piece in sorted(pieces, key=_name):
            content = piece.read()
            entry = tarfile.TarInfo(piece.name)
            entry.size, entry.mtime, entry.mode = len(content), when, 0o755 if piece.executable else 0o644
            tar.addfile(entry, io.BytesIO(content))
            step(1)


def _header(title: str, target: Target, programs: Programs, sum_: str) -> bytes:
    """The script at the front, told what follows it."""
    script = _HEADER.read_text(encoding="utf-8")
    facts = {
        "title": title,
        "machine": target.machine,
        "pythons": " or ".join(target.pythons),
        "programs": " ".join(programs.names),
        "release": programs.release,
        "sum": sum_,
    }
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in facts.items()]
    first = len(script.splitlines()) + len(lines) + 1  # of the lines after the script, which loses one and gets `skip`
    return script.replace(_FACTS, "".join([*lines, f"skip={first}\n"])).encode()


def _join(header: bytes, payload: Path, file: Path) -> None:
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as out, payload.open("rb") as packed:
            out.write(header)
            copyfileobj(packed, out)
        part.chmod(0o755)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _sum(file: Path) -> str:
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()
