"""Puts the unpacked tree of a bundle in place. The installer runs this file alone, before any package is there:
`python3 -I settle.py NEW FOLDER`, where NEW is a folder inside FOLDER. Hence the standard library only.

The files that a bundle brought are in its manifest, `bundle.json`. What no bundle brought is left alone: `var/`,
settings, a pack of one's own. A file of the last bundle that was edited since is never lost: the data of a pack
(`packs/ke/…`) are the operator's and stay, with the new file beside them as NAME.new; any other becomes NAME.yours.

Stopped at any point, the same again brings it to its end.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

MANIFEST: Final = "bundle.json"
# Measured: 41 MB of wheels become an environment of 240 MB.
_GROWTH: Final = 6


class CannotSettle(Exception):
    """Why nothing was changed, in a sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle brought: its name for people, when it was committed (seconds since 1970), and its files.

    `files` has the SHA-256 of each by its path.
    """

    title: str = ""
    when: int = 0
    files: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """It as JSON, for `read`."""
        return json.dumps({"title": self.title, "when": self.when, "files": dict(self.files)}, indent=1) + "\n"

    @classmethod
    def read(cls, file: Path) -> Manifest:
        """The manifest in `file`. Raises OSError."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))


def settle(new: Path, folder: Path) -> Iterator[str]:
    """Bring `folder` to what is in `new`; yields what a person must know of it, a sentence each.

    Raises CannotSettle before anything was changed, OSError where the disk or the rights end.
    """
    ours, theirs = Manifest.read(new / MANIFEST), _installed(new, folder)
    if theirs.when > ours.when:
        raise CannotSettle(f"{folder} has {theirs.title}, which is newer; an older one cannot read its data.")
    _check_quiet(folder)
    _check_room(new, folder)
    if theirs.title not in ("", ours.title):
        yield f"It takes the place of {theirs.title}; the data in var/ stay as they are."
    os.sync()  # what is moved below is on the disk, whole
    shutil.rmtree(folder / ".venv", ignore_errors=True)  # made afresh, it has the packages of this version and no other
    for name, sum_ in ours.files.items():
        yield from _put(new, folder, name, (sum_, theirs.files.get(name)))
    for name in sorted(theirs.files.keys() - ours.files.keys()):
        yield from _remove(folder, name, theirs.files[name])
    os.sync()
    (new / MANIFEST).replace(folder / MANIFEST)
    shutil.rmtree(new)


def _installed(new: Path, folder: Path) -> Manifest:
    """What the last bundle brought. A first one leaves its mark at once, so that it can be taken up when it stops."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        if any(entry != new for entry in folder.iterdir()):
            raise CannotSettle(f"{folder} holds something that no bundle has put there; choose another with --to.")
        manifest.write_text(Manifest().text(), encoding="utf-8")
    try:
        return Manifest.read(manifest)
    except ValueError:  # the power failed while that mark was written; any other is on the disk before it is in place
        return Manifest()


def _check_quiet(folder: Path) -> None:
    own = os.fsencode(folder / ".venv" / "bin")
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended, or it is hidden from us
            if (process / "cmdline").read_bytes().startswith(own + b"/"):
                raise CannotSettle(f"Mlango runs from {folder} (process {process.name}); stop it and run this again.")


def _check_room(new: Path, folder: Path) -> None:
    needed = _GROWTH * sum(wheel.stat().st_size for wheel in (new / "wheelhouse").glob("*.whl"))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CannotSettle(f"{folder} has room for {free >> 20} MB; {needed >> 20} MB are needed.")


def _put(new: Path, folder: Path, name: str, known: tuple[str | None, ...]) -> Iterator[str]:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if _edited(target, known):
        if _operators(name):
            yield f"{name} was edited here and stays; the new one is {name}.new."
            target = folder / f"{name}.new"
        else:
            yield _keep(folder, name)
    (new / name).replace(target)


def _remove(folder: Path, name: str, known: str) -> Iterator[str]:
    target = folder / name
    if not _edited(target, (known,)):
        target.unlink(missing_ok=True)
        with suppress(OSError):  # until something else is in one of them
            for parent in target.relative_to(folder).parents[:-1]:
                (folder / parent).rmdir()
    elif not _operators(name):
        yield _keep(folder, name)


def _keep(folder: Path, name: str) -> str:
    (folder / name).replace(folder / f"{name}.yours")
    return f"{name} was edited here; yours is kept as {name}.yours."


def _operators(name: str) -> bool:
    """Whether it is data of a pack, like packs/ke/offices.csv; the code in packs/ is ours."""
    return name.startswith("packs/") and name.count("/") > 1


def _edited(target: Path, known: tuple[str | None, ...]) -> bool:
    return target.is_file() and sha256(target.read_bytes()).hexdigest() not in known


if __name__ == "__main__":
    try:
        for sentence in settle(*map(Path, sys.argv[1:])):
            print(f"mlango: {sentence}", file=sys.stderr)
    except (CannotSettle, OSError) as fault:
        sys.exit(f"mlango: {fault}")
