"""HTTPS as the way to an office, against a server of its own that behaves and misbehaves."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sync.transports.https import Https
from tests.sync.transports.certificates import Certificate
from tests.sync.transports.conftest import ROWS, Hub, contents, fault
from tests.sync.transports.office_web import TOKEN, Answer, OfficeWeb, tag

IDLE = 0.3


@pytest.fixture
def office() -> Iterator[OfficeWeb]:
    with OfficeWeb() as server:
        yield server


@pytest.fixture
def way(office: OfficeWeb, hub: Hub) -> Iterator[Https]:
    with closing(Https(office.url, TOKEN, idle_s=IDLE, log=hub.log)) as transport:
        yield transport


def test_files_are_put_in_order_with_token_and_digest(way: Https, office: OfficeWeb, hub: Hub) -> None:
    files = [hub.file("out_NCWSC_20261123_1.csv"), hub.file("a name #2.csv", b""), hub.file("1.manifest.json", b"{}")]
    way.put(files)
    way.put(files)
    assert list(office.outbox.items()) == [(file.name, file.read_bytes()) for file in files]
    first = office.asked[0]
    assert first.path == "/mlango/out/out_NCWSC_20261123_1.csv"
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert (first.headers["content-length"], first.headers["content-type"]) == (
        str(len(ROWS)),
        "text/csv; charset=utf-8",
    )


def test_update_files_come_in_order_and_are_deleted_there(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.inbox = {"in_10.csv": ROWS * 5000, "in_9.csv": b"", "in 8#?ግ.csv": ROWS}
    assert list(hub.fetches(way).items()) == [("in 8#?ግ.csv", ROWS), ("in_9.csv", b""), ("in_10.csv", ROWS * 5000)]
    assert office.inbox == {}


def test_what_we_have_is_deleted_and_only_comes_again_as_another_one(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.inbox = {"in_1.csv": ROWS}
    hub.remembers_all(way)
    assert hub.fetches(way) == {}
    assert office.inbox == {}
    office.inbox = {"in_1.csv": ROWS + ROWS}
    assert hub.fetches(way) == {"in_1.csv": ROWS + ROWS}


def test_a_server_that_refuses_to_delete_holds_up_nothing(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.inbox = {"in_1.csv": ROWS}
    hub.remembers_all(way)
    office.inbox["in_2.csv"] = ROWS
    listed, has_first = Answer(body=b'["in_1.csv", "in_2.csv"]'), Answer(body=ROWS, headers={"ETag": tag(ROWS)})
    office.then(listed, has_first, Answer(403))
    assert hub.fetches(way) == {"in_2.csv": ROWS}


def test_a_server_without_etags_is_asked_for_length_and_date(way: Https, office: OfficeWeb, hub: Hub) -> None:
    dated = Answer(body=ROWS, headers={"Last-Modified": "Mon, 23 Nov 2026 06:00:00 GMT"})
    for _ in range(2):
        office.then(Answer(body=b'["in_1.csv"]'), dated)
    hub.remembers_all(way)
    assert hub.fetches(way) == {}


def test_from_a_server_that_tells_nothing_a_file_comes_until_it_is_gone(
    way: Https, office: OfficeWeb, hub: Hub
) -> None:
    for content in (b"one", b"two"):
        office.then(Answer(body=b'["in_1.csv"]'), Answer(body=content))
        hub.remembers_all(way)
        assert contents(hub.into) == {"in_1.csv": content}
    assert hub.have == set()  # as nothing would tell the two apart


def test_a_file_that_is_another_one_by_now_is_not_deleted(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.inbox = {"in_1.csv": ROWS}
    for path in way.fetch(hub.into, hub.known):
        office.inbox["in_1.csv"] = b"newer"
        way.took(path.name)
    assert office.inbox == {"in_1.csv": b"newer"}


def test_a_server_that_deletes_nothing_gets_a_marker(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.deletes = False
    office.inbox = {"in_1.csv": ROWS}
    assert hub.fetches(way) == {"in_1.csv": ROWS}
    assert office.inbox == {"in_1.csv": ROWS, "in_1.csv.done": b""}
    assert hub.fetches(way) == {}


def test_a_file_that_was_taken_back_or_away_is_no_fault(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.then(Answer(body=b'["in_1.csv"]'), Answer(410))
    assert hub.fetches(way) == {}
    way.took("in_1.csv")


def test_names_that_lead_out_of_the_folder_are_passed_over(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.then(Answer(body=b'["../../etc/a.csv", "/etc/b.csv", ".c.csv", "d\\\\e.csv", "f.exe"]'))
    assert hub.fetches(way) == {}
    assert office.methods == ["GET /mlango/in/"]


@pytest.mark.parametrize(
    ("answer", "words", "permanent"),
    [
        (Answer(500), "refuses (HTTP 500)", False),
        (Answer(429, headers={"Retry-After": "3600"}), "come again later (HTTP 429)", False),
        (Answer(429), "HTTP 429", False),
        (Answer(401), "does not accept our token", True),
        (Answer(403), "does not let our token do this", True),
        (Answer(404), "knows nothing at this address", True),
        (Answer(413), "takes no file so large", True),
        (
            Answer(301, headers={"Location": "http://elsewhere.example/?token=1"}),
            "on to http://elsewhere.example/;",
            True,
        ),
        (Answer(304), "HTTP 304", True),
        (Answer(silence=True), "was silent for", False),
        (Answer(reset=True), "The line to 127.0.0.1 broke", False),
    ],
)
def test_what_goes_wrong_with_a_put_is_told_and_the_next_one_is_fine(
    way: Https, office: OfficeWeb, hub: Hub, answer: Answer, words: str, permanent: bool
) -> None:
    office.then(answer)
    with fault(words, permanent=permanent):
        way.put([hub.file("a.csv"), hub.file("b.csv")])
    assert office.outbox == {}
    way.put([hub.file("a.csv"), hub.file("b.csv")])
    assert list(office.outbox) == ["a.csv", "b.csv"]


def test_who_is_busy_for_a_moment_is_asked_again_after_it(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.then(Answer(429, headers={"Retry-After": "0"}), Answer(503, headers={"Retry-After": "0"}))
    with fault("come again later", permanent=False):
        way.put([hub.file("a.csv")])
    office.then(Answer(503, headers={"Retry-After": "0"}))
    way.put([hub.file("a.csv")])
    assert office.outbox == {"a.csv": ROWS}


@pytest.mark.parametrize(
    "body", [b"<html>Your bundle is finished</html>", b"", b'{"files": []}', b'["a.csv", 1]', b'["a.csv"', b"\xff"]
)
def test_a_list_that_is_none_is_told(way: Https, office: OfficeWeb, hub: Hub, body: bytes) -> None:
    office.then(Answer(body=body, headers={"Content-Type": "text/html"}))
    with fault("should list its files as JSON", permanent=False):
        hub.fetches(way)


@pytest.mark.parametrize(
    ("answer", "words", "permanent"),
    [
        (Answer(body=ROWS, short=True), "The line to 127.0.0.1 broke", False),
        (Answer(body=ROWS, short=True, chunked=True), "The line to 127.0.0.1 broke", False),
        (Answer(body=ROWS, stall=True), "was silent for", False),
        (Answer(body=ROWS, stall=True, chunked=True), "was silent for", False),
        (Answer(body=ROWS, headers={"Content-Length": None}), "does not say how long in_1.csv is", True),
        (Answer(body=b"<html>", headers={"Content-Type": "text/html"}), "a web page instead of in_1.csv", False),
        (Answer(500), "HTTP 500", False),
    ],
)
def test_half_a_file_is_no_file(
    way: Https, office: OfficeWeb, hub: Hub, answer: Answer, words: str, permanent: bool
) -> None:
    office.inbox = {"in_1.csv": ROWS}
    office.then(Answer(body=b'["in_1.csv"]'), answer)
    with fault(words, permanent=permanent):
        hub.fetches(way)
    assert contents(hub.into) == {}
    assert hub.fetches(way) == {"in_1.csv": ROWS}


def test_a_body_in_pieces_is_whole(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.then(Answer(body=b'["in_1.csv"]'), Answer(body=ROWS * 9000, chunked=True))
    assert list(way.fetch(hub.into, hub.known)) == [hub.into / "in_1.csv"]
    assert contents(hub.into) == {"in_1.csv": ROWS * 9000}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_too_large_for_anybody_never_lands(
    way: Https, office: OfficeWeb, hub: Hub, chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.transports.https.MOST_OCTETS", 1000)
    office.then(Answer(body=b'["film.csv"]'), Answer(body=b"x" * 100_000, chunked=chunked))
    if chunked:
        with fault("does not come to an end", permanent=False):
            hub.fetches(way)
    else:
        assert hub.fetches(way) == {}
        assert hub.events == ["exchange_file_too_large"]
    assert contents(hub.into) == {}


def test_a_full_disk_on_our_side_is_told(way: Https, office: OfficeWeb, hub: Hub) -> None:
    office.inbox = {"in_1.csv": ROWS}
    with fault("A file on this box cannot be read or written", permanent=False):
        list(way.fetch(hub.folder / "nowhere", hub.known))


def test_an_office_that_is_not_there_is_told(hub: Hub) -> None:
    with OfficeWeb() as office:
        url = office.url
    with closing(Https(url, TOKEN)) as way, fault("or there is none", permanent=False):
        way.put([hub.file("a.csv")])


@pytest.mark.parametrize(
    ("address", "token", "words"),
    [
        ("http://office.go.ke/mlango/", TOKEN, "must begin with https"),
        ("https://user:password@office.go.ke/", TOKEN, "have no password in it"),
        ("ftp://office.go.ke/", TOKEN, "must be like https://host/path/"),
        ("https://[half/", TOKEN, "must be like https://host/path/"),
        ("https://office.go.ke/mlango/", "", "MLANGO_EXCHANGE_SECRETS"),
    ],
)
def test_an_address_that_gives_the_token_away_is_refused(address: str, token: str, words: str) -> None:
    with fault(words, permanent=True):
        Https(address, token)


def test_the_token_is_not_replaced_by_one_of_the_operators(
    way: Https, office: OfficeWeb, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine")
    monkeypatch.setenv("NETRC", str(netrc))
    way.put([hub.file("a.csv")])
    assert office.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_over_tls_only_an_office_that_proves_who_it_is_gets_anything(
    certificate: Certificate, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OfficeWeb(certificate.server) as office, closing(Https(office.url, TOKEN)) as way:
        with fault("127.0.0.1 cannot prove who it is", permanent=True):
            way.put([hub.file("a.csv")])
        assert office.asked == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.file))
        way.put([hub.file("a.csv")])
        assert office.outbox == {"a.csv": ROWS}
        assert certificate.server.minimum_version >= ssl.TLSVersion.TLSv1_2
