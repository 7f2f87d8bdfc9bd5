"""Through a whole journey, with mishaps, no log and no Redis ever holds a phone number, words or a secret."""

from __future__ import annotations

import io
import re
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Final

import pytest
from flask.testing import FlaskClient
from redis import Redis

from cases.casework import Casework
from menus import handling, texting
from store.clock import utcnow
from tests import box
from tests.box import CALLBACKS, Handset, soon, through
from ussd_app import privacy, wiring
from ussd_app.settings import Settings

PHONE: Final = "+254798765431"
WORDS: Final = "Zumaridi"
TOKEN: Final = "tok3nQ9xW2vB7nM4kL8pR"
WRONG_TOKEN: Final = "wr0ngJ5hG3fD1sA6zX2c"
# However it is written: 798 765 431, %2B254798765431 …
MARKERS: Final = re.compile(rf"798\W{{0,3}}765\W{{0,3}}431|{WORDS}|{TOKEN}|{WRONG_TOKEN}", re.IGNORECASE)


@contextmanager
def overhear(redis_socket: Path) -> Iterator[bytearray]:
    """Every command that anybody sends to this Redis."""
    heard = bytearray()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(redis_socket))
        line.sendall(b"MONITOR\r\n")

        def listen() -> None:
            while more := line.recv(65536):
                heard.extend(more)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            line.shutdown(socket.SHUT_RDWR)
            thread.join()


def job_contents(redis: Redis) -> str:
    """What the jobs in a Redis call, and with what: RQ packs it, so that overhearing does not show it."""
    jobs: list[dict[Any, Any]] = [redis.hgetall(key) for key in redis.scan_iter("rq:job:*")]
    return " ".join(f"{zlib.decompress(job[b'data'])!r} {job}" for job in jobs)


def mishaps(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in a day: strangers, garbage, faults of ours."""
    asha = Handset(through(client, f"?token={TOKEN}"), PHONE)

    def fail(*_: object) -> None:
        raise RuntimeError(f"{PHONE} {PHONE.removeprefix('+')} 0798 765 431 ?token={TOKEN}")

    for path in ("ussd", "sms", "delivery", "opt-out", "ussd-events"):
        form = {"from": f"x{PHONE}", "phoneNumber": f"x{PHONE}", "text": WORDS, "input": WORDS, "failureReason": WORDS}
        client.post(f"{CALLBACKS}/{path}?token={WRONG_TOKEN}", data=form)
        client.post(f"{CALLBACKS}/{path}?token={TOKEN}", data=form)
    with monkeypatch.context() as broken:
        broken.setattr(Casework, "apply", fail)
        assert asha.dial("1", "2", "1", "1").startswith("END ")
        broken.setattr(handling.Handling, "run", fail)
        assert asha.text(WORDS) == 200
        broken.setattr(texting.Texting, "receive", fail)
        assert asha.text(WORDS) == 503


def journey(client: FlaskClient) -> None:
    """Lodge, add words, ask, answer, stop, come back; the network reports what it reports."""
    asha = Handset(through(client, f"?token={TOKEN}"), PHONE)
    assert WORDS not in asha.dial("1", "1", "1", "1", "kibera", "9", "2", f"{WORDS} street", "1")
    assert asha.dial("3", "1").startswith("CON ")
    for words in (f"COMPLAIN {WORDS} broke the pipe", WORDS, "STATUS", f"STATUS {WORDS}", "STOP", "START", "LANG SW"):
        assert asha.text(words) == 200
    events = {"sessionId": "s1", "status": "Success", "phoneNumber": PHONE, "input": f"1*{WORDS}"}
    report = {"id": "x1", "status": "Failed", "phoneNumber": PHONE, "failureReason": f"{PHONE} is off"}
    for path, form in [("ussd-events", events), ("delivery", report), ("opt-out", {**report, "senderId": "38496"})]:
        assert client.post(f"{CALLBACKS}/{path}?token={TOKEN}", data=form).status_code == 200


def leave(settings: Settings) -> None:
    """Be erased, with the cases that are open."""
    house = wiring.build(settings)
    caller = house.citizens.find(PHONE)
    assert caller
    through = (house.casework, caller)
    assert privacy.erase(house.citizens, caller.id, reason="request", actor="test", now=utcnow(), withdraw=through)


def test_no_log_and_no_redis_ever_holds_what_is_private(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with box.short_folder() as folder:
        redis_socket, log, written = folder / "valkey.sock", tmp_path / "processes.log", io.StringIO()
        more = {"callback_token": TOKEN, "log_level": "debug", "redis_url": f"unix://{redis_socket}"}
        environ = box.environ(tmp_path / "home", database_url, **more)
        with (
            redirect_stderr(written),
            box.application(Settings.load(environ)) as app,
            box.valkey(redis_socket),
            Redis(unix_socket_path=str(redis_socket)) as redis,
            overhear(redis_socket) as heard,
            box.running(environ, log, "ussd_app", "worker"),
            box.running(environ, log, "ussd_app", "relay"),
        ):
            client = app.test_client()
            journey(client)
            mishaps(client, monkeypatch)
            inbox = f"/phone/messages.json?msisdn={PHONE.replace('+', '%2B')}"
            soon(lambda: len(client.get(inbox).get_json()) >= 5, "no SMS")
            soon(lambda: "outbox_drained" in log.read_text(), "the worker logs nothing")
            leave(Settings.load(environ))
            held = job_contents(redis) + heard.decode(errors="replace")
        told = written.getvalue() + log.read_text()
    assert "jobs.outbox.send" in held
    for event in ("case_changed", "withdraw", "hop_failed", "message_not_handled", "callback_not_stored"):
        assert event in told  # so there was something to say
    for name, text in {"A log": told, "Redis": held}.items():
        found = [text[max(0, hit.start() - 200) : hit.end() + 80] for hit in MARKERS.finditer(text)]
        assert not found, f"{name} held what is private: {found[0]}"
