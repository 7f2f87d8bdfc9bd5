"""The phone simulator's script, in a real browser without a window."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from desk import phone

pytestmark = pytest.mark.debian("chromium")

ASHA = "+254712345678"
# Presses what `?keys=` lists: ids of buttons, signs of the keypad, or `id=words` to fill a field in.
FINGERS = """
(async () => {
  for (const key of JSON.parse(new URLSearchParams(location.search).get("keys"))) {
    const [id, words] = key.split("=");
    if (words !== undefined) {
      const field = document.getElementById(id);
      field.value = words;
      field.dispatchEvent(new Event("change"));
    } else {
      (document.getElementById(id) || document.querySelector(`#keypad [value="${id}"]`)).click();
    }
    await new Promise((done) => setTimeout(done, 300));
  }
})();
"""


class Page(HTMLParser):
    """The texts of a page by the id of their nearest element that has one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.state = ""
        self._texts: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []
        self.feed(page)

    def __getitem__(self, element_id: str) -> str:
        return self._texts.get(element_id, "").strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.state = given.get("data-state") or self.state
        outer = self._open[-1][1] if self._open else ""
        if tag not in ("input", "meta", "link"):
            self._open.append((tag, given.get("id") or outer))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open:
            element_id = self._open[-1][1]
            self._texts[element_id] = self._texts.get(element_id, "") + data


class Service:
    """The callbacks and the simulator's page on a port of this machine; `press` opens the page and presses keys."""

    def __init__(self, profile: Path) -> None:
        self.hops: list[dict[str, str]] = []
        self.ends: list[dict[str, str]] = []
        self.tokens: list[str | None] = []
        self.screens = {"": "CON Karibu\n1. Maji", "1": "END Nambari 482-915-633"}
        self.url = ""
        self._profile = profile
        self._inbox: list[dict[str, object]] = []

    def app(self) -> Flask:
        app = Flask(__name__)
        app.register_blueprint(phone.blueprint(lambda msisdn: self._inbox if msisdn == ASHA else []))
        app.add_url_rule("/callbacks/africastalking/<name>", "callback", self._callback, methods=["POST"])
        app.add_url_rule("/fingers.js", "fingers", lambda: Response(FINGERS, mimetype="text/javascript"))
        app.after_request(_with_fingers)
        return app

    def _callback(self, name: str) -> str:
        form = request.form.to_dict()
        self.tokens.append(request.args.get("token"))
        if name == "sms":
            when = "2026-11-23T06:15:00+00:00"
            answer = {"id": "m0", "from": "MLANGO", "text": f"Jibu: {form['text']}", "segments": 2, "sent_at": when}
            self._inbox.append(answer)
        elif name == "ussd-events":
            self.ends.append(form)
        else:
            self.hops.append(form)
            return self.screens[form["text"]]
        return ""

    def press(self, *keys: str, **query: str) -> Page:
        """The page after all keys were pressed."""
        flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
        switches = ["--disable-component-update", "--disable-sync", f"--user-data-dir={self._profile}"]
        address = f"{self.url}/phone?{urlencode({'keys': json.dumps(keys), **query})}"
        # Virtual time stands still while a request is under way: the pauses between keys cost nothing.
        browser = ["chromium", *flags.split(), *switches, "--virtual-time-budget=6000", "--dump-dom", address]
        done = subprocess.run(browser, capture_output=True, text=True, timeout=60, check=True)
        return Page(done.stdout)


def _with_fingers(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.set_data(
            response.get_data(as_text=True).replace("</body>", '<script src="/fingers.js" defer></script></body>')
        )
    return response


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "profile")
    server = make_server("127.0.0.1", 0, service.app(), threaded=True)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_citizen_dials_replies_and_reads_the_answer_to_an_sms(service: Service) -> None:
    page = service.press("green", "1", "green", "text=Hakuna maji", "send-sms")

    assert [hop["text"] for hop in service.hops] == ["", "1"]
    assert page.state == "ended"
    assert page["screen"] == "Nambari 482-915-633"
    assert page["used"] == "23/160"
    assert [end["status"] for end in service.ends] == ["Success"]
    assert page["inbox"].index("Hakuna maji") < page["inbox"].index("×2") < page["inbox"].index("Jibu: Hakuna maji")


def test_dropping_and_hanging_up_end_the_session_as_the_network_reports_it(service: Service) -> None:
    page = service.press("green", "drop", "typed=*384*96*1#", "green", "typed=*384*96#", "green", "red")

    assert [hop["text"] for hop in service.hops] == ["", "1", ""]
    assert [end["status"] for end in service.ends] == ["Failed", "Success", "Incomplete"]
    assert page.state == "idle"


def test_an_answer_that_the_network_would_not_take_is_shown_as_a_fault(service: Service) -> None:
    service.screens[""] = "Karibu"

    page = service.press("green")

    assert page.state == "fault"
    assert "neither CON nor END" in page["screen"]
    assert [end["status"] for end in service.ends] == ["Failed"]


def test_the_address_of_the_page_chooses_the_handset_and_carries_the_token(service: Service) -> None:
    service.press("green", token="old token", msisdn="+254733000111")

    assert [hop["phoneNumber"] for hop in service.hops] == ["+254733000111"]
    assert set(service.tokens) == {"old token"}
