"""Files appear whole or not at all, and none is forgotten before it was delivered."""

from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sync import files
from sync.models import ExchangeFile


def made(home: Path, name: str, content: bytes, now: datetime, kind: str = "work") -> ExchangeFile:
    """A file of ours for the water company."""
    with files.publish(files.out(home, "NCWSC"), name) as out:
        out.write(content)
    return files.register("NCWSC", kind, files.out(home, "NCWSC") / name, 1, now)


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with files.publish(tmp_path, "a.csv") as out:
        out.write(b"half")
        assert not (tmp_path / "a.csv").exists()
        out.write(b" and half")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"half and half"


def test_a_file_that_could_not_be_written_leaves_nothing_and_the_old_one_as_it_was(tmp_path: Path) -> None:
    def fail() -> None:
        with files.publish(tmp_path, "a.csv") as out:
            out.write(b"new")
            raise OSError("disk is full")

    (tmp_path / "a.csv").write_bytes(b"old")
    with pytest.raises(OSError, match="disk is full"):
        fail()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_what_is_being_written_has_a_name_that_no_reader_takes(tmp_path: Path) -> None:
    with files.publish(tmp_path, "a.csv"):
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.name.startswith(".")
        assert unfinished.name.endswith(files.UNFINISHED)


@pytest.mark.parametrize("code", ["..", "../etc", "a/b", "", ".", "A\n"])
def test_what_is_no_code_of_an_office_has_no_folder(tmp_path: Path, code: str) -> None:
    with pytest.raises(ValueError, match="is not the code of an office"):
        files.out(tmp_path, code)


def test_one_at_a_time_makes_files_for_an_office(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with files.alone(tmp_path, "NCWSC"):
            order.append("second")

    with files.alone(tmp_path, "NCWSC"):
        waiting = threading.Thread(target=second)
        waiting.start()
        with files.alone(tmp_path, "KPLC"):
            order.append("another office")
        waiting.join(0.1)
        order.append("first")
    waiting.join()
    assert order == ["another office", "first", "second"]


def test_files_are_to_be_delivered_in_the_order_in_which_they_were_made(
    bound: str, tmp_path: Path, now: datetime
) -> None:
    first = made(tmp_path, "b.csv", b"1", now)
    second = made(tmp_path, "a.csv", b"2", now + timedelta(seconds=1))
    assert files.undelivered("NCWSC") == [first, second]
    files.delivered(first, now)
    assert files.undelivered("NCWSC") == [second]
    assert files.undelivered("KPLC") == []


def test_an_event_file_goes_before_its_manifest(bound: str, tmp_path: Path, now: datetime) -> None:
    file = made(tmp_path, "out_NCWSC_20261123_0001.csv", b"1", now, kind="events")
    assert [path.name for path in files.parts(tmp_path, file)] == [
        "out_NCWSC_20261123_0001.csv",
        "out_NCWSC_20261123_0001.manifest.json",
    ]


def test_what_could_not_be_delivered_stays_to_be_delivered_and_says_why(
    bound: str, tmp_path: Path, now: datetime
) -> None:
    files.failed(made(tmp_path, "a.csv", b"1", now), "The line is dead.", now + timedelta(minutes=1))
    (file,) = files.undelivered("NCWSC")
    assert (file.error, file.attempts, file.retry_at) == ("The line is dead.", 1, now + timedelta(minutes=1))


def test_a_file_that_is_made_anew_is_delivered_again(bound: str, tmp_path: Path, now: datetime) -> None:
    old = made(tmp_path, "a.csv", b"old", now)
    files.delivered(old, now)
    made(tmp_path, "a.csv", b"new", now)
    (file,) = files.undelivered("NCWSC")
    assert (file.id, file.bytes, file.delivered_at) == (old.id, 3, None)


def test_to_have_delivered_the_old_one_is_not_to_have_delivered_the_new_one(
    bound: str, tmp_path: Path, now: datetime
) -> None:
    old = made(tmp_path, "a.csv", b"old", now)
    made(tmp_path, "a.csv", b"new", now)
    files.delivered(old, now)
    assert len(files.undelivered("NCWSC")) == 1


def test_old_files_go_from_the_disk_but_never_one_that_was_not_delivered(
    bound: str, tmp_path: Path, now: datetime
) -> None:
    gone, waits = made(tmp_path, "gone.csv", b"1", now), made(tmp_path, "waits.csv", b"2", now)
    files.delivered(gone, now)
    later = now + timedelta(days=91)
    assert files.remove_old(tmp_path, later - timedelta(days=90), later) == 1
    assert files.remove_old(tmp_path, later - timedelta(days=90), later) == 0
    assert [path.name for path in files.out(tmp_path, "NCWSC").iterdir()] == [waits.name]
    known = files.find("NCWSC", "gone.csv")
    assert known is not None
    assert known.removed_at == later


def test_what_an_office_laid_down_long_ago_goes_too(bound: str, tmp_path: Path, now: datetime) -> None:
    done = files.in_(tmp_path, "NCWSC") / "done"
    done.mkdir()
    for name, age in (("old.csv", 91), ("new.csv", 89)):
        (done / name).touch()
        written = (now - timedelta(days=age)).timestamp()
        os.utime(done / name, (written, written))
    assert files.remove_old(tmp_path, now - timedelta(days=90), now) == 1
    assert [path.name for path in done.iterdir()] == ["new.csv"]
