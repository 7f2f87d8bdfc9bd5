"""What an installer puts in place, what it leaves alone, and that it can be stopped anywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from ussd_app.bundle import settle as module
from ussd_app.bundle.settle import MANIFEST, CannotSettle, Manifest, settle

OLD = {
    "mlango": "old",
    "menus/gone.py": "1",
    "menus/engine.py": "1",
    "packs/ke/offices.csv": "a",
    "packs/model.py": "1",
}
NEW = {
    "mlango": "new",
    "menus/engine.py": "2",
    "packs/ke/offices.csv": "b",
    "packs/model.py": "2",
    "menus/fresh.py": "2",
}


def unpacked(folder: Path, files: Mapping[str, str], title: str = "Mlango 2", when: int = 2) -> Path:
    """A bundle's tree as the installer has unpacked it inside `folder`."""
    new = folder / ".new"
    for name, text in files.items():
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_text(text)
    sums = {name: sha256(text.encode()).hexdigest() for name, text in files.items()}
    (new / MANIFEST).write_text(Manifest(title, when, sums).text())
    return new


def tree(folder: Path) -> dict[str, str]:
    """Every file with its text; without the manifest and the interpreter."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name not in (MANIFEST, "python"))
    return {str(file.relative_to(folder)): file.read_text() for file in files}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Mlango 1, in use: with data, settings and an environment."""
    folder = tmp_path / "mlango"
    folder.mkdir()
    assert list(settle(unpacked(folder, OLD, "Mlango 1", 1), folder)) == []
    (folder / "var").mkdir()
    (folder / "var" / "mlango.sqlite3").write_text("cases")
    (folder / ".venv" / "bin").mkdir(parents=True)
    return folder


def test_a_first_installation_is_the_tree_and_its_manifest(tmp_path: Path) -> None:
    assert list(settle(unpacked(tmp_path, NEW), tmp_path)) == []
    assert tree(tmp_path) == NEW
    assert Manifest.read(tmp_path / MANIFEST).title == "Mlango 2"
    assert not (tmp_path / ".new").exists()


def test_an_upgrade_takes_the_place_of_the_old_files_and_keeps_the_data(folder: Path) -> None:
    told = list(settle(unpacked(folder, NEW), folder))
    assert told == ["It takes the place of Mlango 1; the data in var/ stay as they are."]
    assert tree(folder) == NEW | {"var/mlango.sqlite3": "cases"}
    assert not (folder / ".venv").exists()


def test_the_same_again_changes_nothing_and_says_nothing(folder: Path) -> None:
    before = tree(folder)
    assert list(settle(unpacked(folder, OLD, "Mlango 1", 1), folder)) == []
    assert tree(folder) == before


def test_data_of_a_pack_that_were_edited_stay_and_other_edits_are_kept_aside(folder: Path) -> None:
    for name in ("packs/ke/offices.csv", "packs/model.py", "menus/gone.py"):
        (folder / name).write_text("mine")
    told = list(settle(unpacked(folder, NEW), folder))[1:]
    assert told == [
        "packs/ke/offices.csv was edited here and stays; the new one is packs/ke/offices.csv.new.",
        "packs/model.py was edited here; yours is kept as packs/model.py.yours.",
        "menus/gone.py was edited here; yours is kept as menus/gone.py.yours.",
    ]
    kept = {"packs/ke/offices.csv": "mine", "packs/ke/offices.csv.new": "b", "packs/model.py.yours": "mine"}
    assert tree(folder) == NEW | kept | {"menus/gone.py.yours": "mine", "var/mlango.sqlite3": "cases"}


def test_an_edit_is_still_one_at_the_next_upgrade(folder: Path) -> None:
    (folder / "packs/ke/offices.csv").write_text("mine")
    list(settle(unpacked(folder, NEW), folder))
    list(settle(unpacked(folder, NEW | {"packs/ke/offices.csv": "c"}, "Mlango 3", 3), folder))
    assert (folder / "packs/ke/offices.csv").read_text() == "mine"
    assert (folder / "packs/ke/offices.csv.new").read_text() == "c"


def test_a_folder_that_is_empty_now_goes_and_one_with_something_of_ours_stays(folder: Path) -> None:
    list(settle(unpacked(folder, OLD | {"sync/a/b.py": "", "desk/c.py": ""}, "Mlango 2", 2), folder))
    (folder / "desk" / "notes.txt").write_text("ours")
    list(settle(unpacked(folder, OLD, "Mlango 3", 3), folder))
    assert not (folder / "sync").exists()
    assert (folder / "desk" / "notes.txt").read_text() == "ours"


@pytest.mark.parametrize("files", [{}, OLD], ids=["first", "upgrade"])
def test_stopped_at_any_file_the_same_again_brings_it_to_its_end(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before the n-th file is moved, for every n, with a pack that was edited."""
    replace, edited = Path.replace, dict.fromkeys(files.keys() & {"packs/ke/offices.csv"}, "mine")
    for stop in range(1, len(NEW) + 2):
        folder = tmp_path / str(stop)
        folder.mkdir()
        if files:
            list(settle(unpacked(folder, files, "Mlango 1", 1), folder))
        for name, text in edited.items():
            (folder / name).write_text(text)
        moves = iter(range(stop - 1))

        def interrupted(source: Path, target: Path, moves: object = moves) -> Path:
            if next(moves, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            return replace(source, target)

        new = unpacked(folder, NEW)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", interrupted)
            with pytest.raises(KeyboardInterrupt):
                list(settle(new, folder))
        list(settle(unpacked(folder, NEW), folder))
        aside = {f"{name}.new": NEW[name] for name in edited}
        assert tree(folder) == NEW | edited | aside
        assert Manifest.read(folder / MANIFEST).title == "Mlango 2"


def test_a_first_mark_that_the_power_cut_short_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).touch()
    list(settle(unpacked(tmp_path, NEW), tmp_path))
    assert Manifest.read(tmp_path / MANIFEST).title == "Mlango 2"


def refused(new: Path, folder: Path) -> str:
    """Why it is refused; nothing has changed."""
    before = tree(folder)
    with pytest.raises(CannotSettle) as refusal:
        list(settle(new, folder))
    assert tree(folder) == before
    return str(refusal.value)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    assert refused(unpacked(tmp_path, NEW), tmp_path) == (
        f"{tmp_path} holds something that no bundle has put there; choose another with --to."
    )


def test_an_older_one_does_not_take_the_place_of_a_newer(folder: Path) -> None:
    assert refused(unpacked(folder, NEW, "Mlango 0", 0), folder) == (
        f"{folder} has Mlango 1, which is newer; an older one cannot read its data."
    )


def test_nothing_is_replaced_under_a_service_that_runs(folder: Path) -> None:
    python = folder / ".venv" / "bin" / "python"
    python.symlink_to(sys.executable)
    service = subprocess.Popen([python, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert refused(unpacked(folder, NEW), folder) == (
            f"Mlango runs from {folder} (process {service.pid}); stop it and run this again."
        )
    finally:
        service.communicate(b"\n")
    list(settle(unpacked(folder, NEW), folder))


def test_a_disk_without_room_is_noticed_before_anything_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = unpacked(folder, NEW)
    (new / "wheelhouse").mkdir()
    with (new / "wheelhouse" / "big.whl").open("wb") as wheel:
        wheel.truncate(10 << 20)
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=20 << 20))
    assert refused(new, folder) == f"{folder} has room for 20 MB; 60 MB are needed."


def test_it_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-I", "-S", module.__file__, unpacked(tmp_path, NEW), tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert tree(tmp_path) == NEW
