"""The modem's gateway and its spool, with files as gammu-smsd leaves them; the daemon itself is in test_gammu_real."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from sms_gateway import smsbackup
from sms_gateway.gammu import IDLE_AFTER, Gammu
from sms_gateway.gateway import Accepted, GatewayFault, Mo, Mt, Policy, Polled, Refused, Report, State
from sms_gateway.spool import GIVE_UP_AFTER, Outgoing
from store.clock import utcnow
from store.model import new_id
from tests.conftest import NOW

ASHA: Final = "+254712345678"
JUMA: Final = "+254722000111"
FOLDERS: Final = ("inbox", "outbox", "sent", "error")
AT: Final = "20261123_091500"


class Killed(BaseException):
    """The process ended here."""


class Modem:
    """A spool, the gateway on it, and what the daemon does with its files. `now` may be moved."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, NOW
        for name in FOLDERS:
            (folder / name).mkdir(parents=True)
        self.gateway = self.restarted()
        self._cursor = ""

    def restarted(self) -> Gammu:
        self.gateway = Gammu("gammu", self.folder, "0711000000", lambda: self.now)
        return self.gateway

    def files(self, folder: str) -> list[Path]:
        return sorted(self.folder.joinpath(folder).glob("*"))

    def all_files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def send(self, *texts: str, to: str = ASHA) -> list[str]:
        """Put texts into the spool; their ids."""
        mts = [Mt(new_id(), to, text, None) for text in texts]
        assert all(isinstance(outcome, Accepted) for outcome in self.gateway.send(mts))
        return [mt.id for mt in mts]

    def daemon_moves(self, to: str, reference: int | None = None) -> None:
        """The daemon tries what lies in the outbox."""
        for path in self.files("outbox"):
            if reference is not None:
                first, rest = path.read_text().split("\n", 1)
                path.write_text(f"{first}\nMessageReference = {reference}\n{rest}")
            path.rename(self.folder / to / path.name)

    def saves(self, name: str, content: bytes | str) -> Path:
        """The daemon saves what came, long enough ago."""
        path = self.folder / "inbox" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def reports(self, number: str, word: str, reference: int, serial: int = 0) -> None:
        content = smsbackup.write("x", number, word).replace("Class = -1", f"MessageReference = {reference}")
        self.saves(f"IN{AT}_{serial:02}_{number}_00.txt", content)

    def peek(self) -> Polled:
        """What is new; it is not stored."""
        return self.gateway.poll(self._cursor)

    def poll(self) -> tuple[list[Mo], list[Report]]:
        """What is new; it is stored at once."""
        polled = self.peek()
        self._cursor = polled.cursor
        return list(polled.messages), list(polled.reports)

    def states(self) -> list[tuple[str, State, str]]:
        return [(report.provider_id, report.state, report.raw) for report in self.poll()[1]]


@pytest.fixture
def modem(tmp_path: Path) -> Modem:
    return Modem(tmp_path / "spool")


def detail(number: str, text: str, at: str = "20261123T091500Z") -> str:
    """A received message in the format "detail"."""
    return smsbackup.write("x", number, text).replace(
        "PDU = Status_Report", f"PDU = Deliver\nDateTime = {at}\nMessageReference = 0"
    )


def unicode_(text: str) -> bytes:
    return b"\xfe\xff" + text.encode("utf-16-be")


# Sending


def test_a_message_is_a_file_that_only_the_daemons_group_may_read(modem: Modem) -> None:
    [message_id] = modem.send("Hakuna maji")
    [path] = modem.files("outbox")
    assert re.fullmatch(rf"OUTC20261123_061500_\d{{6}}_{message_id}_00\.smsbackup", path.name)
    assert len(path.name) < 100  # gammu-smsd has no room for more
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert [part.text for part in smsbackup.read(path.read_text())] == ["Hakuna maji"]
    assert ASHA not in path.name


def test_names_keep_the_order_though_the_clock_stands_still_or_goes_back(modem: Modem) -> None:
    ids = modem.send("a", "b", "c")
    modem.now -= timedelta(hours=3)
    ids += modem.send("d")
    assert [path.name.split("_")[3] for path in modem.files("outbox")] == ids


def test_a_message_that_lies_in_the_spool_is_not_put_there_again(modem: Modem) -> None:
    mt = Mt(new_id(), ASHA, "Hakuna maji", None)
    for folder in ("outbox", "error", "sent"):
        modem.gateway.send([mt])
        assert len([path for path in modem.all_files() if mt.id in path.name]) == 1, folder
        for path in modem.files("outbox"):
            path.rename(modem.folder / "error" / path.name)
    modem.daemon_moves("sent")
    modem.gateway.poll("")
    assert modem.gateway.send([mt]) == [Accepted(mt.id, None)]
    assert modem.files("outbox") == []


def test_a_message_that_just_left_is_not_sent_again_but_later_it_may_be(modem: Modem) -> None:
    modem.now = utcnow()
    mt = Mt(new_id(), ASHA, "Hakuna maji", None)
    modem.gateway.send([mt])
    modem.daemon_moves("sent")
    modem.poll()
    modem.poll()
    modem.gateway.send([mt])
    assert modem.files("outbox") == []
    modem.now += timedelta(hours=2)
    modem.gateway.send([mt])
    assert len(modem.files("outbox")) == 1


def test_no_more_wait_in_the_outbox_than_can_soon_be_sent(modem: Modem) -> None:
    outcomes = modem.gateway.send([Mt(new_id(), ASHA, f"{number}", None) for number in range(32)])
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True] * 30 + [False] * 2
    assert outcomes[-1] == Refused(Policy.TRANSIENT, "outbox-full", "30 messages wait for the modem", throttled=True)


def test_a_daemon_that_sends_nothing_is_the_channels_fault(modem: Modem) -> None:
    modem.send("a")
    modem.now += IDLE_AFTER + timedelta(seconds=1)
    [outcome] = modem.gateway.send([Mt(new_id(), ASHA, "b", None)])
    assert isinstance(outcome, Refused)
    assert (outcome.policy, outcome.code) == (Policy.CHANNEL, "daemon-idle")
    assert outcome.detail == "gammu-smsd sent nothing since 2026-11-23 06:15 UTC"
    modem.daemon_moves("sent")
    modem.send("b")


def test_what_is_tried_again_does_not_make_the_daemon_look_idle(modem: Modem) -> None:
    modem.send("a")
    modem.daemon_moves("error")
    modem.now += timedelta(minutes=20)
    modem.poll()
    assert len(modem.files("outbox")) == 1
    modem.send("b")


def test_files_that_somebody_else_put_there_are_left_alone(modem: Modem) -> None:
    strangers = [modem.folder / folder / "OUT+254712345678.txt" for folder in ("outbox", "sent", "error")]
    strangers.append(modem.folder / "inbox" / "README")
    for path in strangers:
        path.write_text("a")
    modem.now += GIVE_UP_AFTER
    assert modem.poll() == ([], [])
    assert all(path.exists() for path in strangers)


@pytest.mark.parametrize("missing", ["outbox", "."])
def test_a_spool_that_is_not_there_is_the_channels_fault(modem: Modem, missing: str) -> None:
    shutil.rmtree(modem.folder / missing)
    [outcome] = modem.gateway.send([Mt(new_id(), ASHA, "a", None)])
    assert outcome == Refused(Policy.CHANNEL, "spool", "No such file or directory")
    with pytest.raises(GatewayFault, match=r"^The spool of gammu cannot be used: .+\.$"):
        modem.gateway.poll("")


def test_an_sms_of_more_than_255_parts_is_refused_for_good(modem: Modem) -> None:
    assert modem.gateway.send([Mt(new_id(), ASHA, "x" * 40_000, None)]) == [Refused(Policy.PERMANENT, "too-long")]
    assert modem.all_files() == []


# What becomes of a message


def test_a_message_that_was_sent_is_reported_and_its_words_leave_the_spool(modem: Modem) -> None:
    [message_id] = modem.send("Hakuna maji")
    modem.daemon_moves("sent", 17)
    assert modem.states() == [(message_id, State.SUBMITTED, "SendingOK")]
    assert modem.states() == []
    [left] = modem.all_files()
    assert (left.name, left.read_bytes()) == (f"{message_id}_{ASHA}_17", b"")


def test_a_message_that_the_modem_could_not_send_is_tried_again_later_each_time(modem: Modem) -> None:
    [message_id] = modem.send("Hakuna maji")
    for minutes in (1, 3, 7, 15, 31, 63, 127, 255, 511, 1023):
        modem.daemon_moves("error")
        for seconds, is_back in ((-1, False), (0, True)):
            modem.now = NOW + timedelta(minutes=minutes, seconds=seconds)
            assert modem.states() == []
            assert bool(modem.files("outbox")) is is_back
    modem.daemon_moves("error")
    modem.now = NOW + GIVE_UP_AFTER
    assert modem.states() == [(message_id, State.REJECTED, "SendingError")]
    modem.poll()
    assert modem.all_files() == []


def test_a_message_that_was_given_up_may_be_sent_by_hand(modem: Modem) -> None:
    mt = Mt(new_id(), ASHA, "Hakuna maji", None)
    modem.gateway.send([mt])
    modem.daemon_moves("error")
    modem.now += GIVE_UP_AFTER
    modem.poll()
    modem.poll()
    modem.gateway.send([mt])
    assert len(modem.files("outbox")) == 1


def test_a_message_that_nobody_tried_for_a_day_is_taken_back(modem: Modem) -> None:
    [message_id] = modem.send("Hakuna maji")
    modem.now += GIVE_UP_AFTER
    assert modem.states() == [(message_id, State.EXPIRED, "NeverSent")]
    assert modem.files("outbox") == []


@pytest.mark.parametrize("left", [0, 8, 120])
@pytest.mark.parametrize("folder", ["outbox", "error"])
def test_a_file_that_a_power_cut_damaged_does_not_stop_the_daemon(modem: Modem, folder: str, left: int) -> None:
    [message_id] = modem.send("Hakuna maji")
    [path] = modem.files("outbox")
    path.write_text(path.read_text()[:left])
    path.rename(modem.folder / folder / path.name)
    assert modem.states() == [(message_id, State.UNKNOWN, "Damaged")]
    assert modem.files(folder) == []


def test_a_sent_file_that_a_power_cut_left_empty_was_sent(modem: Modem) -> None:
    [message_id] = modem.send("Hakuna maji")
    modem.daemon_moves("sent")
    modem.files("sent")[0].write_text("")
    assert modem.states() == [(message_id, State.SUBMITTED, "SendingOK")]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Delivered", State.DELIVERED),
        ("Pending", State.BUFFERED),
        ("Failed", State.UNDELIVERABLE),
        ("Unknown", State.UNKNOWN),
        ("Teleported", State.UNKNOWN),
    ],
)
def test_a_report_finds_its_message_by_reference_and_number(modem: Modem, word: str, state: State) -> None:
    modem.send("a")
    modem.daemon_moves("sent", 16)
    [message_id] = modem.send("b")
    modem.daemon_moves("sent", 17)
    modem.send("c", to=JUMA)
    modem.daemon_moves("sent", 17)
    modem.poll()
    modem.reports(ASHA, word, 17)
    assert modem.states() == [(message_id, state, word)]


def test_a_pending_message_may_still_be_delivered(modem: Modem) -> None:
    [message_id] = modem.send("a")
    modem.daemon_moves("sent", 17)
    modem.poll()
    for word in ("Pending", "Delivered"):
        modem.reports(ASHA, word, 17)
        assert modem.states()[0][0] == message_id


def test_reports_without_a_known_reference_go_to_the_oldest_message_first(modem: Modem) -> None:
    ids = modem.send("a", "b")
    modem.daemon_moves("sent")
    modem.poll()
    modem.reports(ASHA, "Delivered", 5, serial=0)
    modem.reports(ASHA, "Delivered", 6, serial=1)
    assert [message_id for message_id, _, _ in modem.states()] == ids


def test_a_report_that_fits_no_message_of_ours_says_nothing(modem: Modem) -> None:
    modem.send("a")
    modem.daemon_moves("sent", 17)
    modem.poll()
    modem.reports(ASHA, "Delivered", 99)
    modem.reports(JUMA, "Delivered", 17)
    assert modem.states() == []


def test_a_report_that_is_read_again_is_about_the_same_message(modem: Modem) -> None:
    modem.send("a", "b")
    modem.daemon_moves("sent")
    modem.poll()
    modem.reports(ASHA, "Delivered", 5)
    first, again = modem.peek(), modem.peek()
    assert first.reports == again.reports
    assert len(first.reports) == 1


def test_a_message_is_forgotten_when_no_report_came_in_three_days(modem: Modem) -> None:
    modem.send("a")
    modem.daemon_moves("sent", 17)
    modem.poll()
    modem.now = utcnow() + timedelta(hours=73)
    modem.poll()
    assert modem.all_files() == []


# What comes


def test_a_message_in_detail_is_read(modem: Modem) -> None:
    modem.saves(f"IN{AT}_00_{ASHA}_00.txt", detail(ASHA, "Hakuna maji Kayole ĩ 😀"))
    [[mo], reports] = modem.poll()
    assert (mo.provider, mo.msisdn, mo.short_code, mo.text) == ("gammu", ASHA, "0711000000", "Hakuna maji Kayole ĩ 😀")
    assert mo.sent_at == datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
    assert reports == []


@pytest.mark.parametrize(
    "content",
    [
        unicode_("Maji ĩ"),
        b"\xff\xfe" + "Maji ĩ".encode("utf-16-le"),
        "Maji ĩ".encode(),
        unicode_("Maji ĩ") + b"\x00",
    ],
)
def test_the_plain_formats_are_read_too(modem: Modem, content: bytes) -> None:
    modem.saves(f"IN{AT}_00_{ASHA}_00.txt", content)
    assert [mo.text for mo in modem.poll()[0]] == ["Maji ĩ"]


def test_the_plain_format_of_an_old_locale_is_read(modem: Modem) -> None:
    modem.saves(f"IN{AT}_00_{ASHA}_00.txt", "Café".encode("latin-1"))
    assert [mo.text for mo in modem.poll()[0]] == ["Café"]


def test_the_parts_of_a_plain_message_are_joined_though_they_came_in_different_seconds(modem: Modem) -> None:
    for part, (at, text) in enumerate([("091500", "Hakuna "), ("091501", "maji "), ("091501", "Kayole")]):
        modem.saves(f"IN20261123_{at}_00_{ASHA}_{part:02}.txt", unicode_(text))
        modem.saves(f"IN20261123_{at}_00_{JUMA}_{part:02}.txt", unicode_(text.upper()))
    assert sorted(mo.text for mo in modem.poll()[0]) == ["HAKUNA MAJI KAYOLE", "Hakuna maji Kayole"]


def test_two_plain_messages_of_one_second_are_two(modem: Modem) -> None:
    for serial, text in enumerate(["Hakuna maji", "Kayole"]):
        modem.saves(f"IN{AT}_{serial:02}_{ASHA}_00.txt", unicode_(text))
    assert [mo.text for mo in modem.poll()[0]] == ["Hakuna maji", "Kayole"]


def test_half_a_message_is_left_until_the_daemon_has_written_it(modem: Modem) -> None:
    path = modem.saves(f"IN{AT}_00_{ASHA}_01.txt", unicode_("Kayole"))
    modem.saves(f"IN{AT}_00_{JUMA}_00.txt", unicode_("Stima"))
    os.utime(path, (NOW.timestamp() - 1, NOW.timestamp() - 1))
    assert [mo.text for mo in modem.poll()[0]] == ["Stima"]
    modem.now += timedelta(seconds=2)
    assert [mo.text for mo in modem.poll()[0]] == ["Kayole"]


def test_a_file_from_the_future_is_read_since_only_the_clock_went_back(modem: Modem) -> None:
    path = modem.saves(f"IN{AT}_00_{ASHA}_00.txt", unicode_("Maji"))
    os.utime(path, (NOW.timestamp() + 10_800, NOW.timestamp() + 10_800))
    assert [mo.text for mo in modem.poll()[0]] == ["Maji"]


def test_a_message_that_the_daemon_saved_twice_has_one_id(modem: Modem) -> None:
    for serial in range(2):
        modem.saves(f"IN{AT}_{serial:02}_{ASHA}_00.txt", detail(ASHA, "Hakuna maji"))
    first, second = modem.poll()[0]
    assert first == second


def test_the_same_words_a_second_later_are_another_message(modem: Modem) -> None:
    for at in range(2):
        content = detail(ASHA, "Hakuna maji", f"20261123T09150{at}Z")
        modem.saves(f"IN20261123_09150{at}_00_{ASHA}_00.txt", content)
    first, second = modem.poll()[0]
    assert first.provider_id != second.provider_id


@pytest.mark.parametrize("number", ["0712345678", "254712345678", "+254712345678"])
def test_a_number_however_the_network_writes_it_is_one_citizen(modem: Modem, number: str) -> None:
    modem.saves(f"IN{AT}_00_{number}_00.txt", detail(number, "Maji"))
    assert [mo.msisdn for mo in modem.poll()[0]] == [ASHA]


@pytest.mark.parametrize("sender", ["MPESA", "Safaricom", "KPLC_Ltd", "22141", "+254900123456", ""])
def test_what_no_citizen_sent_is_put_aside_for_the_operator(modem: Modem, sender: str) -> None:
    modem.saves(f"IN{AT}_00_{sender}_00.txt", detail(sender, "Your bundle ends today"))
    assert modem.poll() == ([], [])
    assert [path.name for path in modem.files("mlango/aside")] == [f"IN{AT}_00_{sender}_00.txt"]
    assert modem.files("inbox") == []


def test_of_what_is_put_aside_the_newest_200_are_kept(modem: Modem) -> None:
    for number in range(205):
        path = modem.saves(f"IN20261123_09{number // 60:02}{number % 60:02}_00_MPESA_00.txt", "Ksh 1")
        os.utime(path, (number, number))
    for _ in range(4):
        modem.poll()
    kept = modem.files("mlango/aside")
    assert len(kept) == 200
    assert kept[0].name.startswith("IN20261123_090005")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (f"IN{AT}_00_{ASHA}_00.bin", b"\x00\xff\x01"),
        (f"IN{AT}_00_{ASHA}_00.txt", detail(ASHA, "Hakuna maji").replace("Length", "Lost")),
    ],
)
def test_what_cannot_be_read_is_put_aside(modem: Modem, name: str, content: bytes | str) -> None:
    modem.saves(name, content)
    assert modem.poll() == ([], [])
    assert [path.name for path in modem.files("mlango/aside")] == [name]


def test_a_plain_text_that_looks_like_a_file_speaks_for_its_sender_only(modem: Modem) -> None:
    forged = detail(JUMA, "STOP")
    modem.saves(f"IN{AT}_00_{ASHA}_00.txt", forged)
    [mo] = modem.poll()[0]
    assert (mo.msisdn, mo.text) == (ASHA, forged)


def test_half_characters_are_left_out(modem: Modem) -> None:
    content = "Hakuna maji\ud83d".encode("utf-16-be", "surrogatepass")
    modem.saves(f"IN{AT}_00_{ASHA}_00.txt", b"\xfe\xff" + content)
    modem.saves(f"IN{AT}_00_{JUMA}_00.txt", detail(JUMA, "Hakuna majiX").replace("0058", "D83D"))
    for mo in modem.poll()[0]:
        assert re.fullmatch("Hakuna maji.?", mo.text)
        mo.text.encode()


def test_what_the_daemon_writes_behind_the_end_of_a_text_is_not_read(modem: Modem) -> None:
    modem.saves(f"IN{AT}_00_{ASHA}_00.txt", unicode_("Mũgũnda\x00臢灴"))
    assert [mo.text for mo in modem.poll()[0]] == ["Mũgũnda"]


@pytest.mark.parametrize("at", ["", "20261323T091500Z", "00000000T000000Z", "yesterday"])
def test_a_date_that_is_none_loses_no_message(modem: Modem, at: str) -> None:
    modem.saves(f"IN{AT}_00_{ASHA}_00.txt", detail(ASHA, "Maji", at))
    [mo] = modem.poll()[0]
    assert (mo.text, mo.sent_at) == ("Maji", None)


def test_a_flood_is_handed_over_in_pieces_and_keeps_messages_whole(modem: Modem) -> None:
    for number in range(70):
        for part in range(2):
            modem.saves(f"IN{AT}_00_+2547120000{number:02}_{part:02}.txt", unicode_(f"{number}.{part} "))
    seen: list[str] = []
    pieces = 0
    while found := modem.poll()[0]:
        seen += [mo.text for mo in found]
        pieces += 1
    assert pieces == 2
    assert sorted(seen) == sorted(f"{number}.0 {number}.1 " for number in range(70))


# Killed at any point


def dying(monkeypatch: pytest.MonkeyPatch, at: int) -> Callable[[], bool]:
    """Let the process end before its `at`-th change of the file system; whether it came so far."""
    steps, reached = count(), [False]

    def before(real: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **options: Any) -> Any:
            if next(steps) == at:
                reached[0] = True
                raise Killed
            return real(*arguments, **options)

        return changed

    for place, name in [
        (Path, "rename"),
        (Path, "touch"),
        (Path, "mkdir"),
        (os, "unlink"),
        (os, "rmdir"),
        (os, "fsync"),
        (os, "fchmod"),
    ]:
        monkeypatch.setattr(place, name, before(getattr(place, name)))
    return lambda: reached[0]


@pytest.mark.parametrize("at", range(40))
def test_a_relay_killed_at_any_point_loses_nothing(modem: Modem, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = modem.send("a", "b")
    modem.daemon_moves("sent", 17)
    texts = {f"Lalamiko {number}" for number in range(3)}
    for number, text in enumerate(sorted(texts)):
        modem.saves(f"IN{AT}_0{number}_{ASHA}_00.txt", detail(ASHA, text))
    modem.saves(f"IN{AT}_00_MPESA_00.txt", detail("MPESA", "Ksh 1"))
    modem.reports(ASHA, "Delivered", 17, serial=9)
    stored: dict[str, str] = {}
    reported: set[tuple[str, State]] = set()
    with monkeypatch.context() as patch:
        came_so_far = dying(patch, at)
        cursor = ""
        for _ in range(5):
            try:
                polled = modem.gateway.poll(cursor)
            except Killed:
                modem.restarted()
                continue
            stored |= {mo.provider_id: mo.text for mo in polled.messages}
            reported |= {(report.provider_id, report.state) for report in polled.reports}
            cursor = polled.cursor
    assert len(stored) == 3
    assert set(stored.values()) == texts
    assert reported == {(message_id, State.SUBMITTED) for message_id in sent} | {(sent[0], State.DELIVERED)}
    assert sorted(path.parent.name for path in modem.all_files()) == ["aside", "awaited"]
    assert came_so_far() or at > 25


@pytest.mark.parametrize("at", range(4))
def test_a_worker_killed_at_any_point_sends_once(modem: Modem, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    mt = Mt(new_id(), ASHA, "Hakuna maji", None)
    with monkeypatch.context() as patch:
        came_so_far = dying(patch, at)
        with pytest.raises(Killed):
            modem.gateway.send([mt])
        assert came_so_far()
    for path in modem.folder.joinpath("outbox").glob("OUT*"):
        assert [part.text for part in smsbackup.read(path.read_text())] == ["Hakuna maji"]
    assert modem.restarted().send([mt]) == [Accepted(mt.id, None)]
    assert [one.id for path in modem.files("outbox") if (one := Outgoing.of(path.name))] == [mt.id]
