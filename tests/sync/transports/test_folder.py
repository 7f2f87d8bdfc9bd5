"""A folder, a stick or a share as the way to an office."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sync.transports import notes
from sync.transports.folder import Folder
from sync.transports.notes import READ_ME
from tests.sync.transports.conftest import ROWS, Hub, contents, fault

QUICK = 0.02


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "stick" / "NCWSC"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def way(base: Path, hub: Hub) -> Folder:
    return Folder(base, settle_s=QUICK, log=hub.log)


@pytest.fixture
def inbox(base: Path) -> Path:
    (base / "in").mkdir()
    return base / "in"


def test_files_are_put_whole_and_a_repeat_changes_nothing(way: Folder, hub: Hub, base: Path) -> None:
    files = [hub.file("out_NCWSC_20261123_1.csv"), hub.file("out_NCWSC_20261123_1.manifest.json", b"{}")]
    way.put(files)
    before = {path: path.stat().st_mtime_ns for path in (base / "out").iterdir()}
    way.put(files)
    assert contents(base / "out") == {files[0].name: ROWS, files[1].name: b"{}"}
    assert {path: path.stat().st_mtime_ns for path in (base / "out").iterdir()} == before


def test_a_file_made_anew_takes_the_place_of_the_old_one(way: Folder, hub: Hub, base: Path) -> None:
    way.put([hub.file("work_NCWSC_20261123.csv", b"old")])
    way.put([hub.file("work_NCWSC_20261123.csv", b"new")])
    assert contents(base / "out") == {"work_NCWSC_20261123.csv": b"new"}


def test_a_new_folder_says_what_it_is_for_until_somebody_takes_that_away(way: Folder, hub: Hub, base: Path) -> None:
    way.put([])
    told = (base / READ_ME).read_bytes().decode()
    assert "in/done/" in told
    assert "Faili kati ya ofisi yako na Mlango" in told
    (base / READ_ME).unlink()
    way.put([hub.file("a.csv")])
    assert not (base / READ_ME).exists()


def test_update_files_come_in_order_and_are_put_away(way: Folder, hub: Hub, inbox: Path) -> None:
    for name in ("in_NCWSC_20261123_10.csv", "in_NCWSC_20261123_9.csv"):
        (inbox / name).write_bytes(ROWS)
    assert hub.fetches(way) == dict.fromkeys(("in_NCWSC_20261123_9.csv", "in_NCWSC_20261123_10.csv"), ROWS)
    assert contents(inbox) == {}
    assert len(contents(inbox / "done")) == 2
    assert contents(hub.into) == contents(inbox / "done")


def test_what_nobody_answered_stays_and_comes_again(way: Folder, hub: Hub, inbox: Path) -> None:
    (inbox / "in_1.csv").write_bytes(ROWS)
    assert hub.fetches(way, took=False) == hub.fetches(way, took=False) == {"in_1.csv": ROWS}


def test_what_we_have_is_put_away_and_only_comes_again_as_another_one(way: Folder, hub: Hub, inbox: Path) -> None:
    (inbox / "work.csv").write_bytes(ROWS)
    hub.remembers_all(way)
    assert hub.fetches(way) == {}
    assert contents(inbox / "done") == {"work.csv": ROWS}
    (inbox / "work.csv").write_bytes(b"newer")
    assert hub.fetches(way) == {"work.csv": b"newer"}


def test_a_folder_that_may_only_be_read_holds_up_nothing(
    way: Folder, hub: Hub, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "in_1.csv").write_bytes(ROWS)
    hub.remembers_all(way)
    (inbox / "in_2.csv").write_bytes(ROWS)
    monkeypatch.setattr(Path, "rename", _read_only)
    assert hub.fetches(way, took=False) == {"in_2.csv": ROWS}
    with fault("may not be used", permanent=True):
        way.took("in_2.csv")


def _read_only(*_: Any) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def test_the_same_name_twice_loses_nothing_among_what_is_done(way: Folder, hub: Hub, inbox: Path) -> None:
    for content in (b"1", b"22", b"333"):
        (inbox / "work.xlsx").write_bytes(content)
        hub.fetches(way)
    assert contents(inbox / "done") == {"work.xlsx": b"1", "work~2.xlsx": b"22", "work~3.xlsx": b"333"}


def test_a_sheet_that_the_clerk_saved_anew_meanwhile_is_not_put_away(way: Folder, hub: Hub, inbox: Path) -> None:
    (inbox / "work.xlsx").write_bytes(b"first")
    for path in way.fetch(hub.into, hub.known):
        (inbox / "work.xlsx").write_bytes(b"second thoughts")
        way.took(path.name)
    assert contents(inbox) == {"work.xlsx": b"second thoughts"}


def test_after_a_restart_what_was_answered_is_put_away_by_its_name(base: Path, hub: Hub, inbox: Path) -> None:
    (inbox / "work.xlsx").write_bytes(ROWS)
    Folder(base).took("work.xlsx")
    Folder(base).took("work.xlsx")
    assert contents(inbox / "done") == {"work.xlsx": ROWS}


def test_links_folders_and_unfinished_files_are_left_alone(way: Folder, hub: Hub, inbox: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(b"ours")
    (inbox / "in_1.csv").symlink_to(secret)
    (inbox / "in_2.csv").mkdir()
    for name in ("~$work.xlsx", ".in_3.csv.part", "in_4.csv.part", "notes.txt", "Ng\udce9.csv"):
        (inbox / name).write_bytes(b"x")
    os.mkfifo(inbox / "in_5.csv")
    assert hub.fetches(way) == {}


def test_a_file_that_still_grows_waits_for_the_next_time(base: Path, hub: Hub, inbox: Path) -> None:
    (inbox / "done.csv").write_bytes(ROWS)
    ended = threading.Event()

    def copy_slowly() -> None:
        with (inbox / "slow.csv").open("wb", buffering=0) as file:
            while not ended.wait(0.01):
                file.write(b"x" * 1000)

    clerk = threading.Thread(target=copy_slowly)
    clerk.start()
    try:
        while not (inbox / "slow.csv").exists():
            time.sleep(0.01)
        assert hub.fetches(Folder(base, settle_s=0.1)) == {"done.csv": ROWS}
    finally:
        ended.set()
        clerk.join()
    assert list(hub.fetches(Folder(base, settle_s=QUICK))) == ["slow.csv"]


def test_a_file_that_grows_while_it_is_read_is_not_half_taken(
    way: Folder, hub: Hub, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "in_1.csv").write_bytes(ROWS)

    def known(name: str, stamp: str) -> bool:
        (inbox / "in_1.csv").write_bytes(ROWS * 2)
        return False

    assert list(way.fetch(hub.into, known)) == []
    assert contents(hub.into) == {}


def test_a_file_too_large_for_anybody_is_reported_and_holds_up_no_other(
    way: Folder, hub: Hub, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.transports.folder.MOST_OCTETS", 1000)
    (inbox / "film.csv").write_bytes(b"x" * 1001)
    (inbox / "in_1.csv").write_bytes(ROWS)
    assert hub.fetches(way) == {"in_1.csv": ROWS}
    assert hub.events == ["exchange_file_too_large"]


def test_in_our_own_folder_files_are_handed_out_where_they_lie(hub: Hub) -> None:
    way = Folder(hub.folder, settle_s=QUICK)
    out = hub.file("out_1.csv")
    (hub.into / "in_1.csv").write_bytes(ROWS)
    way.put([out])
    assert list(way.fetch(hub.into, hub.known)) == [hub.into / "in_1.csv"]
    way.took("in_1.csv")
    assert contents(hub.into / "done") == {"in_1.csv": ROWS}
    assert contents(out.parent) == {"out_1.csv": ROWS}


def test_a_stick_that_is_not_there_is_never_made_up(tmp_path: Path, hub: Hub) -> None:
    way = Folder(tmp_path / "media" / "stick", settle_s=QUICK)
    for attempt in (lambda: way.put([hub.file("a.csv")]), lambda: hub.fetches(way), lambda: way.put([])):
        with fault("Is the stick plugged in", permanent=False):
            attempt()
    assert not (tmp_path / "media").exists()


def test_a_path_that_depends_on_where_we_were_started_is_refused() -> None:
    with fault("beginning with /", permanent=True):
        Folder(Path("exchange/NCWSC"))


@pytest.mark.parametrize(
    ("number", "words", "permanent"),
    [
        (errno.ENOSPC, "no room left", False),
        (errno.EROFS, "may not be used", True),
        (errno.EACCES, "may not be used", True),
        (errno.EIO, "was the stick taken out?", False),
    ],
)
def test_a_stick_that_fails_in_the_middle_keeps_nothing_half(
    way: Folder, hub: Hub, base: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, permanent: bool
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with fault(words, permanent=permanent):
            way.put([hub.file("a.csv")])
    assert contents(base / "out") == {}
    way.put([hub.file("a.csv")])
    assert contents(base / "out") == {"a.csv": ROWS}


@pytest.mark.parametrize("full", [lambda hub: hub.folder / "in", lambda hub: hub.folder / "nowhere"])
def test_a_full_or_missing_folder_on_our_side_is_told_too(
    way: Folder, hub: Hub, inbox: Path, full: Callable[[Hub], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "in_1.csv").write_bytes(ROWS)
    monkeypatch.setattr("shutil.copyfileobj", _no_space)
    with fault(str(inbox.parent), permanent=False):
        list(way.fetch(full(hub), hub.known))
    assert hub.half_files == []


def _no_space(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_pause_for_a_file_to_settle_is_only_made_when_there_is_one(hub: Hub, base: Path) -> None:
    began = time.monotonic()
    assert hub.fetches(Folder(base)) == {}
    assert time.monotonic() - began < notes.SETTLE_S
