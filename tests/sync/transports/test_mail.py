"""What offices send us by e-mail, from the mailbox of a real IMAP server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from packs.model import Exchange
from sync.transports import mailbox
from sync.transports.mail import Mail
from tests.sync.transports.certificates import Certificate
from tests.sync.transports.conftest import ROWS, Hub, contents, fault
from tests.sync.transports.dovecot import DOVECOT, Box, Dovecot, dovecot

pytestmark = pytest.mark.debian(DOVECOT)

CLERK: Final = "Clerk@office.example.go.ke"
EXCHANGE: Final = Exchange("NCWSC", "mail", "maji@office.example.go.ke", senders=(CLERK, "second@office.example.go.ke"))
_names = count(1)


@pytest.fixture(scope="module")
def server(certificate: Certificate) -> Iterator[Dovecot]:
    with dovecot(certificate) as running:
        yield running


@pytest.fixture
def box(server: Dovecot) -> Box:
    """A mailbox with nothing in it yet."""
    return server.box(f"hub{next(_names)}@mlango.example.go.ke")


def reading(address: str, hub: Hub, exchange: Exchange = EXCHANGE) -> Mail:
    return Mail(exchange, "", address, "hub@mlango.example.go.ke", idle_s=5, log=hub.log)


@pytest.fixture
def way(box: Box, hub: Hub) -> Iterator[Mail]:
    with closing(reading(box.address(), hub)) as transport:
        yield transport


def message(
    *names: str, content: bytes = ROWS, sender: str = CLERK, subject: str = "Re: Mlango NCWSC: a.csv"
) -> EmailMessage:
    """A clerk's answer with a sheet under each of the names."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = f"Karani wa Maji <{sender}>", "hub@mlango.example.go.ke", subject
    made.set_content("Tazama kiambatisho. Asante.")
    for name in names:
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made


def test_a_clerks_sheet_comes_whole_and_the_message_is_seen_when_it_was_taken(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(message("work_NCWSC_20261123.xlsx", content=ROWS * 5000))
    for path in way.fetch(hub.into, hub.known):
        assert path.read_bytes() == ROWS * 5000
        assert box.unread() == [1]
        way.took(path.name)
    assert box.unread() == []
    assert hub.fetches(way) == {}


def test_a_message_is_seen_only_when_all_its_sheets_were_taken(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(message("a.csv", "b.csv", "picture.jpg", "work.zip"))
    assert hub.fetches(way, took=False).keys() == {"a.csv", "b.csv"}
    way.took("a.csv")
    assert box.unread() == [1]
    way.took("b.csv")
    assert box.unread() == []


def test_messages_come_in_the_order_in_which_they_were_sent(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(message("b.csv", sender="SECOND@office.example.go.ke"), message("a.csv"), message("c.csv"))
    assert list(hub.fetches(way)) == ["b.csv", "a.csv", "c.csv"]


def test_what_nobody_answered_comes_again_and_what_we_have_does_not(box: Box, hub: Hub) -> None:
    box.receive(message("a.csv"))
    with closing(reading(box.address(), hub)) as way:
        assert hub.fetches(way, took=False) == {"a.csv": ROWS}
    with closing(reading(box.address(), hub)) as way:
        hub.remembers_all(way)
        assert box.unread() == [1]
    with closing(reading(box.address(), hub)) as way:
        assert hub.fetches(way) == {}
    assert box.unread() == []


def test_of_two_sheets_with_one_name_the_second_waits_until_the_first_was_taken(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(message("work.xlsx", content=b"first"), message("work.xlsx", content=b"second"))
    assert hub.fetches(way, took=False) == {"work.xlsx": b"first"}
    way.took("work.xlsx")
    assert hub.fetches(way) == {"work.xlsx": b"second"}
    assert box.unread() == []


def test_of_two_with_one_name_in_one_message_both_come(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(message("work.xlsx", "work.xlsx"))
    assert hub.fetches(way).keys() == {"work.xlsx", "work~2.xlsx"}


@pytest.mark.parametrize(
    ("name", "lands"),
    [
        ("ግ.xlsx", "\ufffd\ufffd\ufffd.xlsx"),  # not as mail should be written
        ("../../etc/cron.d/a.csv", "_.._etc_cron.d_a.csv"),
        ("C:\\Users\\Karani\\a.csv", "C:_Users_Karani_a.csv"),
        ("=?utf-8?B?a2F6aSDhjI0uY3N2?=", "kazi ግ.csv"),
        ("=?no-such?Q?a?=.csv", "=?no-such?Q?a?=.csv"),
        ("a\tb.csv", "a_b.csv"),
    ],
)
def test_a_name_as_any_program_writes_it_is_made_fit_for_a_folder(
    way: Mail, box: Box, hub: Hub, name: str, lands: str
) -> None:
    raw = message("NAME").as_bytes()
    encoded = name.encode().replace(b"\\", b"\\\\")
    box.receive(raw.replace(b'filename="NAME"', b'filename="' + encoded + b'"'))
    assert list(hub.fetches(way)) == [lands]
    assert contents(hub.into) == {lands: ROWS}


def test_letters_of_all_scripts_survive_in_names(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(message("kazi ya leo ግዕዝ.xlsx"))
    assert hub.fetches(way) == {"kazi ya leo ግዕዝ.xlsx": ROWS}


def test_a_stranger_who_answers_for_the_office_is_reported_once_and_stays_unread(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(message("a.csv", sender="somebody@example.com"))
    for _ in range(3):
        assert hub.fetches(way) == {}
    assert hub.logged == [("exchange_mail_left_unread", {"agency": "NCWSC", "message": 1})]
    assert box.unread() == [1]


def test_mail_for_other_offices_is_left_alone(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(
        message("a.csv", sender="stima@example.go.ke", subject="Re: Mlango KPLC: a.csv"),
        message("a.csv", sender="stima@example.go.ke", subject="Mlango NCWSC2: a.csv"),
    )
    assert hub.fetches(way) == {}
    assert hub.logged == []
    assert box.unread("UNKEYWORD", mailbox.LOOKED_AT) == [1, 2]


@pytest.mark.parametrize(
    "forged",
    [
        message("a.csv", sender=f"not{CLERK}"),
        message("a.csv", sender=f"{CLERK}.example.com"),
        b"From: Clerk@office.example.go.ke, else@example.com\r\n" + message("a.csv").as_bytes().partition(b"\n")[2],
        b"From: else@example.com\r\n" + message("a.csv").as_bytes(),
        b"Authentication-Results: mx; spf=fail; dmarc=fail (p=none)\r\n" + message("a.csv").as_bytes(),
    ],
)
def test_who_only_looks_like_a_clerk_sends_nothing(way: Mail, box: Box, hub: Hub, forged: EmailMessage | bytes) -> None:
    box.receive(forged)
    assert hub.fetches(way) == {}
    assert box.unread() == [1]
    assert hub.events == ["exchange_mail_left_unread"]


def test_our_own_server_is_believed_before_what_a_sender_wrote_below(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(
        b"Authentication-Results: ours; dmarc=pass\r\nAuthentication-Results: theirs; dmarc=fail\r\n"
        + message("a.csv").as_bytes()
    )
    assert hub.fetches(way) == {"a.csv": ROWS}


@pytest.mark.parametrize(
    "raw",
    [
        message().as_bytes(),
        message("a.pdf").as_bytes(),
        b"From: Clerk@office.example.go.ke\r\n\r\n",
        message("a.csv").as_bytes().replace(b"boundary", b"bound"),
        b'From: Clerk@office.example.go.ke\r\nContent-Type: multipart/mixed; boundary="\xff\r\n\r\n--\xff\0',
    ],
)
def test_a_clerks_message_without_a_sheet_is_for_a_person(way: Mail, box: Box, hub: Hub, raw: bytes) -> None:
    box.receive(raw.replace(b"\0", b"."))
    for _ in range(2):
        assert hub.fetches(way) == {}
    assert hub.events == ["exchange_mail_left_unread"]
    assert box.unread() == [1]


def test_a_message_too_large_for_anybody_is_left_unread(
    way: Mail, box: Box, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "_LARGEST", 10_000)
    box.receive(message("film.csv", content=b"x" * 10_000), message("a.csv"))
    assert hub.fetches(way) == {"a.csv": ROWS}
    assert hub.events == ["exchange_mail_left_unread"]
    assert box.unread() == [1]


def test_a_server_that_goes_away_while_we_work_on_a_sheet_is_asked_again(
    way: Mail, server: Dovecot, box: Box, hub: Hub
) -> None:
    box.receive(message("a.csv"), message("b.csv"))
    came = []
    for path in way.fetch(hub.into, hub.known):
        server.end()
        server.start()
        way.took(path.name)
        came.append(path.name)
    assert came == ["a.csv", "b.csv"]
    assert box.unread() == []


def test_a_server_that_is_not_there_is_told_and_the_sheet_comes_later(
    way: Mail, server: Dovecot, box: Box, hub: Hub
) -> None:
    box.receive(message("a.csv"))
    server.end()
    with fault("or there is none", permanent=False):
        hub.fetches(way)
    server.start()
    assert hub.fetches(way) == {"a.csv": ROWS}


def test_a_mailbox_that_was_made_anew_means_other_messages_by_its_numbers(box: Box, hub: Hub) -> None:
    post = replace(box, name="Maji")
    _make(post)
    post.receive(message("a.csv"))
    with closing(reading(post.address(), hub)) as way:
        assert hub.fetches(way, took=False) == {"a.csv": ROWS}
        way.close()
        _make(post)
        post.receive(message("b.csv"))
        way.took("a.csv")
    assert post.unread() == [1]


def _make(box: Box) -> None:
    """An empty one, in the place of any other."""
    with replace(box, name="INBOX").open() as imap:
        imap.delete(box.name)
        imap.create(box.name)


def test_a_wrong_password_or_mailbox_is_told(box: Box, hub: Hub) -> None:
    for address, words in {
        box.address(password="wrong"): f"does not let {box.user} in",
        replace(box, name="No such").address(): "There is no mailbox No such",
    }.items():
        with closing(reading(address, hub)) as way, fault(words, permanent=True):
            hub.fetches(way)


@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_over_a_network_we_log_in_encrypted_to_who_proves_who_it_is(
    box: Box, hub: Hub, scheme: str, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "is_this_machine", lambda host: False)
    box.receive(message("a.csv"))
    with closing(reading(box.address(scheme), hub)) as way, fault("cannot prove who it is", permanent=True):
        hub.fetches(way)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    with closing(reading(box.address(scheme), hub)) as way:
        assert hub.fetches(way) == {"a.csv": ROWS}


def test_a_full_disk_on_our_side_is_told_and_the_sheet_comes_later(way: Mail, box: Box, hub: Hub) -> None:
    box.receive(message("a.csv"))
    with fault("A file on this box cannot be written", permanent=False):
        list(way.fetch(Path("/nowhere"), hub.known))
    assert hub.fetches(way) == {"a.csv": ROWS}
