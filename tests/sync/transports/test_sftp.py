"""SFTP as the way to an office, against a server that misbehaves; against OpenSSH in `test_openssh`."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath

import asyncssh
import pytest

from sync.transports.notes import READ_ME
from sync.transports.sftp import Place, Sftp
from tests.sync.transports.conftest import ROWS, Hub, contents, fault
from tests.sync.transports.office_sftp import KEY, OTHER_KEY, PASSWORD, Before, OfficeSftp, cut, hang, line_of, refuse

Way = Callable[..., Sftp]
BIG = ROWS * 3000  # several pieces


@pytest.fixture
def office(tmp_path: Path) -> Iterator[OfficeSftp]:
    (tmp_path / "office").mkdir()
    with OfficeSftp(tmp_path / "office") as server:
        yield server


@pytest.fixture
def way(office: OfficeSftp, hub: Hub) -> Iterator[Sftp]:
    with closing(quick(office, hub)) as transport:
        yield transport


def quick(office: OfficeSftp, hub: Hub, host_key: str = line_of(KEY), password: str = PASSWORD) -> Sftp:
    return Sftp(office.address, host_key, password, connect_s=2, idle_s=1, settle_s=0.02, log=hub.log)


def test_files_are_put_whole_and_a_repeat_carries_nothing_again(way: Sftp, office: OfficeSftp, hub: Hub) -> None:
    files = [hub.file("out_1.csv", BIG), hub.file("empty.csv", b""), hub.file("out_1.manifest.json", b"{}")]
    way.put(files)
    assert contents(office.folder / "out") == {"out_1.csv": BIG, "empty.csv": b"", "out_1.manifest.json": b"{}"}
    assert office.done.count("posix_rename") == office.done.count("fsync") == 3
    assert b"in/done/" in (office.folder / READ_ME).read_bytes()
    office.done.clear()
    way.put(files)
    assert {"open", "write", "posix_rename"}.isdisjoint(office.done)


def test_a_file_made_anew_takes_the_place_of_the_old_one(way: Sftp, office: OfficeSftp, hub: Hub) -> None:
    way.put([hub.file("work.csv", b"old")])
    file = hub.file("work.csv", b"new")
    os.utime(file, (file.stat().st_atime, file.stat().st_mtime + 5))
    way.put([file])
    assert contents(office.folder / "out") == {"work.csv": b"new"}


def test_update_files_come_in_order_and_are_put_away(way: Sftp, office: OfficeSftp, hub: Hub) -> None:
    way.put([])
    for name, content in {"in_10.csv": BIG, "in_9.csv": b"", "kazi ya leo ግ.xlsx": ROWS}.items():
        (office.folder / "in").mkdir(exist_ok=True)
        (office.folder / "in" / name).write_bytes(content)
    assert list(hub.fetches(way).items()) == [("in_9.csv", b""), ("in_10.csv", BIG), ("kazi ya leo ግ.xlsx", ROWS)]
    assert contents(office.folder / "in") == {}
    assert contents(office.folder / "in" / "done") == contents(hub.into)


@pytest.fixture
def inbox(office: OfficeSftp) -> Path:
    (office.folder / "in").mkdir()
    return office.folder / "in"


def test_what_we_have_is_put_away_and_only_comes_again_as_another_one(way: Sftp, inbox: Path, hub: Hub) -> None:
    (inbox / "work.csv").write_bytes(ROWS)
    hub.remembers_all(way)
    assert hub.fetches(way) == {}
    assert contents(inbox / "done") == {"work.csv": ROWS}
    (inbox / "work.csv").write_bytes(b"newer")
    assert hub.fetches(way) == {"work.csv": b"newer"}


def test_the_same_name_twice_loses_nothing_among_what_is_done(way: Sftp, inbox: Path, hub: Hub) -> None:
    for content in (b"1", b"22", b"333"):
        (inbox / "work.xlsx").write_bytes(content)
        hub.fetches(way)
    assert contents(inbox / "done") == {"work.xlsx": b"1", "work~2.xlsx": b"22", "work~3.xlsx": b"333"}


def test_a_sheet_that_was_written_anew_meanwhile_is_not_put_away(way: Sftp, inbox: Path, hub: Hub) -> None:
    (inbox / "work.xlsx").write_bytes(b"first")
    for path in way.fetch(hub.into, hub.known):
        (inbox / "work.xlsx").write_bytes(b"second thoughts")
        way.took(path.name)
    assert contents(inbox) == {"work.xlsx": b"second thoughts"}


def test_links_folders_and_unfinished_files_are_left_alone(way: Sftp, inbox: Path, hub: Hub) -> None:
    (inbox / "in_1.csv").symlink_to("/etc/passwd")
    (inbox / "in_2.csv").mkdir()
    for name in ("~$work.xlsx", ".in_3.csv.part", "in_4.csv.part", "Ng\udce9.csv"):
        (inbox / name).write_bytes(b"x")
    assert hub.fetches(way) == {}


def test_a_file_that_still_grows_waits_for_the_next_time(office: OfficeSftp, inbox: Path, hub: Hub) -> None:
    (inbox / "whole.csv").write_bytes(ROWS)
    ended, begun = threading.Event(), threading.Event()

    def upload_slowly() -> None:
        with (inbox / "slow.csv").open("wb", buffering=0) as file:
            while not ended.wait(0.01):
                file.write(b"x" * 1000)
                begun.set()

    client = threading.Thread(target=upload_slowly)
    client.start()
    begun.wait()
    try:
        with closing(Sftp(office.address, line_of(KEY), PASSWORD, settle_s=0.2)) as way:
            assert hub.fetches(way) == {"whole.csv": ROWS}
    finally:
        ended.set()
        client.join()


def test_a_file_that_changes_while_it_is_read_is_not_half_taken(
    way: Sftp, office: OfficeSftp, inbox: Path, hub: Hub
) -> None:
    (inbox / "in_1.csv").write_bytes(BIG)
    office.before["read"] = lambda _: (inbox / "in_1.csv").write_bytes(BIG[:-5])
    assert hub.fetches(way) == {}
    assert contents(hub.into) == {}


def test_a_file_that_is_taken_back_is_no_fault(way: Sftp, office: OfficeSftp, inbox: Path, hub: Hub) -> None:
    (inbox / "in_1.csv").write_bytes(ROWS)
    office.before["open"] = lambda _: (inbox / "in_1.csv").unlink(missing_ok=True)
    assert hub.fetches(way) == {}
    way.took("in_1.csv")


def test_a_file_too_large_for_anybody_is_reported_and_holds_up_no_other(
    way: Sftp, inbox: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.transports.sftp.MOST_OCTETS", 1000)
    (inbox / "film.csv").write_bytes(b"x" * 1001)
    (inbox / "in_1.csv").write_bytes(ROWS)
    assert hub.fetches(way) == {"in_1.csv": ROWS}
    assert hub.events == ["exchange_file_too_large"]


def test_a_server_that_knows_only_the_oldest_of_sftp_is_good_enough(way: Sftp, office: OfficeSftp, hub: Hub) -> None:
    office.before = {
        "posix_rename": refuse(asyncssh.SFTPOpUnsupported),
        "fsync": refuse(asyncssh.SFTPOpUnsupported),
        "setstat": refuse(asyncssh.SFTPFailure),
    }
    for content in (b"old", b"newer"):
        way.put([hub.file("work.csv", content)])
        assert contents(office.folder / "out") == {"work.csv": content}


@pytest.mark.parametrize(
    ("operation", "happens", "words", "permanent"),
    [
        ("open", refuse(asyncssh.SFTPPermissionDenied), "may not read and write", True),
        ("mkdir", refuse(asyncssh.SFTPPermissionDenied), "may not read and write", True),
        ("mkdir", refuse(asyncssh.SFTPNoSuchFile), "has no folder", True),
        ("write", refuse(asyncssh.SFTPFailure), "Perhaps its disk is full", False),
        ("posix_rename", refuse(asyncssh.SFTPFailure), "Perhaps its disk is full", False),
        ("write", cut, "The line to 127.0.0.1 broke", False),
        ("fsync", cut, "The line to 127.0.0.1 broke", False),
        ("posix_rename", cut, "The line to 127.0.0.1 broke", False),
        ("write", hang, "was silent for 1 seconds", False),
    ],
)
def test_what_goes_wrong_with_a_put_leaves_no_half_file_and_the_next_one_is_fine(
    way: Sftp, office: OfficeSftp, hub: Hub, operation: str, happens: Before, words: str, permanent: bool
) -> None:
    office.before[operation] = happens
    file = hub.file("out_1.csv", BIG)
    with fault(words, permanent=permanent):
        way.put([file])
    out = office.folder / "out"
    there = contents(out) if out.exists() else {}
    assert all(content == BIG for name, content in there.items() if not name.startswith("."))
    office.before.clear()
    way.put([file])
    assert contents(out) == {"out_1.csv": BIG}


def test_a_server_that_does_not_keep_all_of_a_file_does_not_get_to_show_it(
    way: Sftp, office: OfficeSftp, hub: Hub
) -> None:
    office.before["setstat"] = lambda _: os.truncate(office.folder / "out" / ".out_1.csv.part", 10)
    with fault("did not keep all of out_1.csv", permanent=False):
        way.put([hub.file("out_1.csv")])
    assert contents(office.folder / "out").keys() == {".out_1.csv.part"}


@pytest.mark.parametrize(
    ("happens", "words"), [(cut, "broke"), (hang, "was silent"), (refuse(asyncssh.SFTPFailure), "refuses")]
)
def test_what_goes_wrong_with_a_fetch_leaves_no_half_file_and_the_next_one_is_fine(
    way: Sftp, office: OfficeSftp, inbox: Path, hub: Hub, happens: Before, words: str
) -> None:
    (inbox / "in_1.csv").write_bytes(BIG)
    office.before["read"] = happens
    with fault(words, permanent=False):
        hub.fetches(way)
    assert contents(hub.into) == {}
    office.before.clear()
    assert hub.fetches(way) == {"in_1.csv": BIG}


def test_a_line_that_breaks_while_we_work_on_a_file_is_made_anew(
    way: Sftp, office: OfficeSftp, inbox: Path, hub: Hub
) -> None:
    for number in range(3):
        (inbox / f"in_{number}.csv").write_bytes(ROWS)
    came = []
    for path in way.fetch(hub.into, hub.known):
        office.cut()
        time.sleep(0.1)  # until we hear of it
        way.took(path.name)
        came.append(path.name)
    assert came == sorted(contents(inbox / "done")) == ["in_0.csv", "in_1.csv", "in_2.csv"]


def test_a_full_disk_on_our_side_is_told(way: Sftp, inbox: Path, hub: Hub) -> None:
    (inbox / "in_1.csv").write_bytes(ROWS)
    with fault("A file on this box cannot be read or written", permanent=False):
        list(way.fetch(hub.folder / "nowhere", hub.known))


def test_another_host_key_ends_everything_before_a_word_is_said(office: OfficeSftp, hub: Hub) -> None:
    both = f"{KEY.get_fingerprint()} instead of {OTHER_KEY.get_fingerprint()}"
    with closing(quick(office, hub, line_of(OTHER_KEY))) as way, fault(both, permanent=True):
        way.put([hub.file("a.csv")])
    assert list(office.folder.iterdir()) == []


def test_without_a_host_key_we_say_which_one_to_ask_the_office_about(office: OfficeSftp, hub: Hub) -> None:
    with closing(quick(office, hub, host_key="")) as way, fault(line_of(KEY), permanent=True):
        way.put([hub.file("a.csv")])
    assert list(office.folder.iterdir()) == []


def test_of_several_host_keys_the_server_shows_the_one_we_know(tmp_path: Path, hub: Hub) -> None:
    rsa, curve = asyncssh.generate_private_key("ssh-rsa"), asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    with OfficeSftp(tmp_path, rsa, curve, KEY) as office:
        for key in (rsa, curve, KEY):
            with closing(quick(office, hub, f"{line_of(key)} root@office")) as way:
                way.put([hub.file("a.csv")])


def test_a_wrong_password_is_told(office: OfficeSftp, hub: Hub) -> None:
    for password in ("wrong", ""):
        with closing(quick(office, hub, password=password)) as way, fault("does not let mlango in", permanent=True):
            way.put([hub.file("a.csv")])


def test_we_log_in_with_our_key(tmp_path: Path, hub: Hub) -> None:
    ours = tmp_path / "key"
    OTHER_KEY.write_private_key(ours)
    (tmp_path / "office").mkdir()
    with OfficeSftp(tmp_path / "office", guest=OTHER_KEY) as office:
        with closing(Sftp(office.address, line_of(KEY), key_file=ours)) as way:
            way.put([hub.file("a.csv")])
        assert contents(office.folder / "out") == {"a.csv": ROWS}


@pytest.mark.parametrize("content", [b"", b"not a key", OTHER_KEY.export_private_key("pkcs8-pem", passphrase="secret")])
def test_a_key_that_cannot_be_used_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with fault("cannot be used", permanent=True):
        Sftp("sftp://mlango@office.go.ke/", line_of(KEY), key_file=tmp_path / "key")
    with fault("cannot be used", permanent=True):
        Sftp("sftp://mlango@office.go.ke/", line_of(KEY), key_file=tmp_path / "nowhere")


def test_a_host_key_that_is_none_is_told() -> None:
    with fault("host_key must be a public key", permanent=True):
        Sftp("sftp://mlango@office.go.ke/", "ssh-ed25519 AAAA")


def test_an_office_that_is_not_there_or_says_nothing_is_told(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"sftp://mlango@127.0.0.1:{silent.getsockname()[1]}/"
        dumb = Sftp(address, line_of(KEY), PASSWORD, idle_s=0.2)
        with closing(dumb) as way, fault("127.0.0.1", permanent=False):
            way.put([hub.file("a.csv")])
    with closing(Sftp(address, line_of(KEY), PASSWORD)) as way, fault("does not answer", permanent=False):
        way.put([hub.file("a.csv")])


def test_a_name_that_nobody_knows_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    way = Sftp("sftp://mlango@office.example.go.ke/", line_of(KEY), PASSWORD)
    with closing(way), fault("The name office.example.go.ke is not found", permanent=False):
        way.put([hub.file("a.csv")])


def _unknown(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("path", "folder"), [("", "."), ("/", "."), ("/~/a/b", "a/b"), ("/srv/mlango/", "/srv/mlango"), ("/a%20b", "/a b")]
)
def test_a_path_begins_at_the_root_or_where_we_log_in(path: str, folder: str) -> None:
    place = Place.of(f"sftp://some%40body@office.go.ke:2222{path}")
    assert place == Place("office.go.ke", 2222, "some@body", PurePosixPath(folder))


@pytest.mark.parametrize(
    "address",
    [
        *("https://mlango@office.go.ke/", "sftp://office.go.ke/", "sftp://mlango@/", "sftp://mlango@[half/"),
        *("sftp://mlango@office.go.ke:ssh/", "sftp://mlango:password@office.go.ke/", ""),
    ],
)
def test_an_address_that_is_none_is_told(address: str) -> None:
    with fault("must be like sftp://user@host:22/path", permanent=True):
        Place.of(address)
