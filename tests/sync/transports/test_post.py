"""Our mail to an office, against a real SMTP server."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import quote

import pytest

from packs.model import Exchange
from sync.transports.mail import Mail
from sync.transports.post import Post, Server
from tests.sync.transports.certificates import Certificate
from tests.sync.transports.conftest import Hub, fault
from tests.sync.transports.office_mail import PASSWORD, USER, OfficeMail

HUB = "hub@mlango.example.go.ke"
CLERK = "maji@office.example.go.ke"


@pytest.fixture
def office() -> Iterator[OfficeMail]:
    with OfficeMail() as server:
        yield server


def post(office: OfficeMail, scheme: str = "smtp", login: str = "") -> Post:
    return Post("NCWSC", CLERK, HUB, f"{scheme}://{login}127.0.0.1:{office.port}", idle_s=1)


def login(password: str) -> str:
    return f"{USER}:{quote(password, safe='')}@"


@pytest.fixture
def way(office: OfficeMail) -> Post:
    return post(office)


def test_the_files_of_a_run_go_in_one_message_to_the_octet(way: Post, office: OfficeMail, hub: Hub) -> None:
    files = [
        hub.file("work_NCWSC_20261123.csv"),
        hub.file("work_NCWSC_20261123.xlsx", b"PK\0\xff\r\n.\r\n"),
        hub.file("a.json"),
    ]
    way.send(files)
    (message,) = office.received
    assert [(part.get_filename(), part.get_payload(decode=True)) for part in message.iter_attachments()] == [
        (file.name, file.read_bytes()) for file in files
    ]
    assert [part.get_content_type() for part in message.iter_attachments()][::2] == ["text/csv", "application/json"]
    assert (message["From"], message["To"], message["Auto-Submitted"]) == (HUB, CLERK, "auto-generated")
    assert message["Subject"] == "Mlango NCWSC: work_NCWSC_20261123.csv (+2)"
    assert office.envelopes == [(HUB, [CLERK])]


@pytest.mark.parametrize(("language", "words"), [("en", "Fill in the worklist"), ("sw", "Jaza orodha ya kazi")])
def test_it_says_what_to_do_in_the_language_of_the_office(
    way: Post, office: OfficeMail, hub: Hub, language: str, words: str
) -> None:
    replace(way, language=language).send([hub.file("work.csv")])
    body = office.received[0].get_body()
    assert body
    assert words in body.get_content()
    assert "work.csv" in body.get_content()


def test_the_same_files_again_can_be_recognised(way: Post, office: OfficeMail, hub: Hub) -> None:
    for _ in range(2):
        way.send([hub.file("a.csv"), hub.file("b.csv", b"b")])
    way.send([hub.file("b.csv", b"b")])
    first, again, other = office.received
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{32}@mlango\.example\.go\.ke>", first["Message-ID"])
    ids = [[part["Content-ID"] for part in message.iter_attachments()] for message in office.received]
    assert ids[0] == ids[1]
    assert ids[0][1] == ids[2][0] != ids[0][0]


def test_what_is_too_much_for_one_message_goes_in_several(way: Post, office: OfficeMail, hub: Hub) -> None:
    files = [hub.file(f"{number}.csv", b"x" * 400) for number in range(5)]
    replace(way, most_octets=1000).send(files)
    names = [[part.get_filename() for part in message.iter_attachments()] for message in office.received]
    assert names == [["0.csv", "1.csv"], ["2.csv", "3.csv"], ["4.csv"]]


def test_a_server_that_takes_less_gets_less_at_a_time(hub: Hub) -> None:
    files = [hub.file(f"{number}.csv", b"x" * 4_000) for number in range(3)]
    with OfficeMail(size=10_000) as office:
        post(office).send(files)
        assert len(office.received) == 3


def test_a_file_too_large_for_any_message_is_for_a_person(way: Post, office: OfficeMail, hub: Hub) -> None:
    with fault("NCWSC needs another transport than mail", permanent=True):
        replace(way, most_octets=10).send([hub.file("a.csv")])
    assert office.received == []


@pytest.mark.parametrize(
    ("at", "answer", "words", "permanent"),
    [
        ("RCPT", "550 No such user here.", "refuses mail to maji@office.example.go.ke: 550 No such", True),
        ("RCPT", "450 Greylisted", "450 Greylisted", False),
        ("DATA", "552 Too much", "refuses our mail: 552 Too much", True),
        ("DATA", "452 Disk full", "refuses our mail: 452 Disk full", False),
        ("DATA", "421 Good bye", "421 Good bye", False),
    ],
)
def test_what_the_server_refuses_is_told_and_the_next_one_is_fine(
    way: Post, office: OfficeMail, hub: Hub, at: str, answer: str, words: str, permanent: bool
) -> None:
    office.answers[at].append(answer)
    with fault(words, permanent=permanent):
        way.send([hub.file("a.csv")])
    assert office.received == []
    way.send([hub.file("a.csv")])
    assert len(office.received) == 1


def test_a_server_that_falls_silent_is_told(way: Post, office: OfficeMail, hub: Hub) -> None:
    office.hold = 1.0
    with fault("127.0.0.1 is silent", permanent=False):
        replace(way, idle_s=0.2).send([hub.file("a.csv")])


def test_a_server_that_is_not_there_is_told(way: Post, hub: Hub) -> None:
    with OfficeMail() as office:
        pass
    with fault("or there is none", permanent=False):
        post(office).send([hub.file("a.csv")])


def test_a_name_that_nobody_knows_is_told(way: Post, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    with fault("The name 127.0.0.1 is not found", permanent=False):
        way.send([hub.file("a.csv")])


def _unknown(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_we_log_in_where_the_settings_say_so(hub: Hub) -> None:
    with OfficeMail(login=True) as office:
        post(office, login=login(PASSWORD)).send([hub.file("a.csv")])
        with fault("does not let mlango in", permanent=True):
            post(office, login=login("wrong")).send([hub.file("a.csv")])
        assert len(office.received) == 1


def test_over_a_network_mail_goes_encrypted_to_who_proves_who_it_is(
    certificate: Certificate, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.transports.post.is_this_machine", lambda host: False)
    with OfficeMail(certificate.server) as office:
        with fault("127.0.0.1 cannot prove who it is", permanent=True):
            post(office).send([hub.file("a.csv")])
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
        post(office).send([hub.file("a.csv")])
        assert len(office.received) == 1


def test_a_server_may_be_encrypted_from_the_first_octet(
    certificate: Certificate, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OfficeMail(certificate.server, from_first=True) as office:
        with fault("127.0.0.1 cannot prove who it is", permanent=True):
            post(office, "smtps").send([hub.file("a.csv")])
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
        post(office, "smtps").send([hub.file("a.csv")])
        assert len(office.received) == 1


def test_over_a_network_nothing_goes_to_a_server_without_encryption(
    office: OfficeMail, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.transports.post.is_this_machine", lambda host: False)
    with fault("offers no encryption", permanent=True):
        post(office, login=login(PASSWORD)).send([hub.file("a.csv")])


@pytest.mark.parametrize("address", ["", "http://host", "smtp://", "smtp://host:port", "smtp://[half"])
def test_an_address_that_is_none_is_told_without_its_password(way: Post, hub: Hub, address: str) -> None:
    with fault("MLANGO_EXCHANGE_SMTP must be set", permanent=True):
        replace(way, address=address).send([hub.file("a.csv")])


def test_a_hub_without_an_address_cannot_send(way: Post, hub: Hub) -> None:
    with fault("MLANGO_EXCHANGE_SENDER", permanent=True):
        replace(way, sender="").send([hub.file("a.csv")])


def test_no_password_shows_when_something_is_printed() -> None:
    address = f"smtps://{USER}:secret@host"
    assert "secret" not in repr(Post("NCWSC", CLERK, HUB, address)) + repr(Server.of(address, ["smtps"], "IT"))


def test_an_office_that_only_gets_mail_needs_no_mailbox_of_ours(office: OfficeMail, hub: Hub) -> None:
    exchange = Exchange("NCWSC", "mail", CLERK)
    with closing(Mail(exchange, f"smtp://127.0.0.1:{office.port}", "", HUB)) as way:
        way.put([hub.file("a.csv")])
        way.put([])
        assert hub.fetches(way) == {}
        way.took("a.csv")
    assert len(office.received) == 1
