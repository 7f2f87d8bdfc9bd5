"""The phone in the terminal, against a small server that answers as Mlango's callbacks do."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from click.testing import CliRunner

from ussd_app.cli.phone import NoService, command

ROOT = Path(__file__).parents[2]
ASHA, JUMA = "+254712345678", "+254733000111"
END_FIELDS = {
    "date", "sessionId", "serviceCode", "networkCode", "phoneNumber", "status", "cost", "durationInMillis",
    "hopsCount", "hopsMetadata", "input", "lastAppResponse",
}  # fmt: skip


class Village:
    """A service that speaks the contract: screens by transcript, an inbox by handset, everything asked kept."""

    def __init__(self) -> None:
        self.screens = {
            "": "CON Karibu\n1. Maji\n2. Stima",
            "1": "CON Hakuna maji?\n1. Tuma",
            "1*1": "END Nambari 482-915-633",
            "2*482915633": "END Limepokelewa",
        }
        self.inboxes: dict[str, list[dict[str, Any]]] = {}
        self.status = 200
        self.hops: list[dict[str, str]] = []
        self.ends: list[dict[str, str]] = []
        self.texts: list[dict[str, str]] = []
        self.tokens: list[str | None] = []
        self.url = ""

    def deliver(self, text: str, msisdn: str = ASHA, segments: int = 1) -> None:
        inbox = self.inboxes.setdefault(msisdn, [])
        when = "2026-11-23T06:15:00+00:00"
        inbox.append({"id": f"m{len(inbox)}", "from": "MLANGO", "text": text, "segments": segments, "sent_at": when})

    def answer(self, path: str, form: dict[str, str]) -> str:
        if path == "/phone/messages.json":
            return json.dumps(self.inboxes.get(form["msisdn"], []))
        kept = {"ussd": self.hops, "ussd-events": self.ends, "sms": self.texts}[path.rpartition("/")[2]]
        kept.append(form)
        if path == "/callbacks/africastalking/sms":
            self.deliver(f"Tumepokea: {form['text']}", form["from"])
        if path != "/callbacks/africastalking/ussd":
            return ""
        screen = self.screens.get(form["text"], "CON Andika")
        if screen.startswith("END Nambari"):
            self.deliver("Mlango: Tumepokea lalamiko 482-915-633.", form["phoneNumber"])
        return screen


class _Door(BaseHTTPRequestHandler):
    village: Village

    def do_GET(self) -> None:
        self._reply(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._reply(dict(parse_qsl(body, keep_blank_values=True)))

    def _reply(self, form: dict[str, str]) -> None:
        asked = urlsplit(self.path)
        self.village.tokens.append(parse_qs(asked.query).get("token", [None])[0])
        body = self.village.answer(asked.path, form).encode()
        self.send_response(self.village.status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def village() -> Iterator[Village]:
    village = Village()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (_Door,), {"village": village})) as server:
        village.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield village
        server.shutdown()
        thread.join()


def script(village: Village, *lines: str, options: tuple[str, ...] = (), token: str | None = None) -> str:
    """What the phone prints when `lines` come through a pipe; raises what the phone raises."""
    typed = "".join(f"{line}\n" for line in lines)
    environment = {"MLANGO_CALLBACK_TOKEN": token, "MLANGO_SERVICE_CODE": None, "MLANGO_SHORT_CODE": None}
    result = CliRunner().invoke(command, ["--url", village.url, *options], typed, environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


# --- USSD -------------------------------------------------------------------------------------------------------------


def test_a_piped_conversation_reads_like_a_transcript(village: Village) -> None:
    assert script(village, "*384*96#", "1", "1").splitlines() == [
        "> *384*96#",
        "Karibu",
        "1. Maji",
        "2. Stima",
        "[27/160]",
        "> 1",
        "Hakuna maji?",
        "1. Tuma",
        "[24/160]",
        "> 1",
        "Nambari 482-915-633",
        "[23/160, end]",
        "SMS from MLANGO: Mlango: Tumepokea lalamiko 482-915-633.",
    ]


def test_every_hop_carries_all_inputs_of_one_session_as_the_network_sends_them(village: Village) -> None:
    script(village, "*384*96#", "1", "1")

    assert [hop["text"] for hop in village.hops] == ["", "1", "1*1"]
    assert len({hop["sessionId"] for hop in village.hops}) == 1
    assert village.hops[0].keys() == {"sessionId", "phoneNumber", "networkCode", "serviceCode", "text"}
    assert (village.hops[0]["phoneNumber"], village.hops[0]["serviceCode"]) == (ASHA, "*384*96#")
    assert village.hops[0]["networkCode"] == "63902"


def test_each_dial_is_a_session_of_its_own(village: Village) -> None:
    script(village, "*384*96#", "/hangup", "dial", "/hangup", "dial *384*96#")

    assert len({hop["sessionId"] for hop in village.hops}) == 3


def test_a_session_that_ends_is_reported_with_every_field_of_the_contract(village: Village) -> None:
    script(village, "*384*96#", "1", "1")

    (end,) = village.ends
    assert end.keys() == END_FIELDS
    assert (end["status"], end["hopsCount"], end["input"]) == ("Success", "3", "1*1")
    assert end["lastAppResponse"] == "END Nambari 482-915-633"
    assert end["sessionId"] == village.hops[0]["sessionId"]


def test_keys_after_the_service_code_arrive_as_the_first_input(village: Village) -> None:
    output = script(village, "*384*96*2*482915633#")

    assert [(hop["serviceCode"], hop["text"]) for hop in village.hops] == [("*384*96#", "2*482915633")]
    assert "Limepokelewa" in output


def test_another_service_code_is_dialled_whole(village: Village) -> None:
    script(village, "*483*1*2#")

    assert [(hop["serviceCode"], hop["text"]) for hop in village.hops] == [("*483*1*2#", "")]


def test_the_service_code_of_the_settings_is_the_one_that_deep_dialling_knows(village: Village) -> None:
    script(village, "*483*1*2#", options=("--service-code", "*483*1#"))

    assert [(hop["serviceCode"], hop["text"]) for hop in village.hops] == [("*483*1#", "2")]


@pytest.mark.parametrize(
    "words", ["drop", "hangup now", "help", "quit", "* # \"a\" {b} %41 é 😀 'c'", "*384*96#", "/nyumba 5"]
)
def test_in_a_session_whatever_is_no_slash_command_is_what_the_citizen_types(village: Village, words: str) -> None:
    script(village, "*384*96#", words)

    assert village.hops[-1]["text"] == words


def test_hanging_up_tells_the_service_that_the_session_is_incomplete(village: Village) -> None:
    output = script(village, "*384*96#", "1", "/hangup", "1")

    assert [(end["status"], end["input"]) for end in village.ends] == [("Incomplete", "1")]
    assert output.splitlines()[-4:] == [
        "> /hangup",
        "You hung up.",
        "> 1",
        "No session is open. Dial *384*96# first, or type help.",
    ]


def test_a_dropped_line_fails_the_session_and_says_why(village: Village) -> None:
    script(village, "*384*96#", "1", "/drop")

    (end,) = village.ends
    assert (end["status"], end["errorMessage"]) == ("Failed", "The line dropped.")


@pytest.mark.parametrize("last", ["1", "/quit", "/msisdn +254733000111", "/dial *384*96*2*482915633#"])
def test_a_session_left_open_is_hung_up(village: Village, last: str) -> None:
    script(village, "*384*96#", last)

    assert village.ends[0]["status"] == "Incomplete"
    assert village.ends[0]["sessionId"] == village.hops[0]["sessionId"]


def test_after_quit_nothing_more_is_read(village: Village) -> None:
    assert script(village, "quit", "*384*96#") == "> quit\n"


def test_a_screen_outside_gsm_7_is_counted_in_its_own_units(village: Village) -> None:
    village.screens[""] = "CON Mũgũnda"

    assert "[11/70 UCS-2]" in script(village, "*384*96#")


def test_nothing_on_a_screen_can_command_the_terminal(village: Village) -> None:
    village.screens[""] = "CON \x1b[2Jgone"

    assert "\x1b" not in script(village, "*384*96#")


@pytest.mark.parametrize("code", ["384*96#", "*384*96", "*abc#", "#"])
def test_what_is_no_service_code_is_not_dialled(village: Village, code: str) -> None:
    assert f"A service code looks like *384*96#: {code} cannot be dialled." in script(village, f"dial {code}")
    assert village.hops == []


@pytest.mark.parametrize("typed", ["dial", "*384*96#", "dial *100#"])
def test_where_there_is_no_ussd_the_phone_says_to_text(village: Village, typed: str) -> None:
    assert "This service has no USSD: send it an SMS (sms TEXT)." in script(
        village, typed, options=("--service-code", "none")
    )
    assert village.hops == []


# --- SMS --------------------------------------------------------------------------------------------------------------


def test_an_sms_arrives_at_the_short_code_with_the_fields_of_the_contract(village: Village) -> None:
    output = script(village, "sms Hakuna maji, Lindi")

    (mo,) = village.texts
    assert mo.keys() == {"date", "from", "id", "text", "to", "networkCode", "cost"}
    assert (mo["from"], mo["to"], mo["text"]) == (ASHA, "38496", "Hakuna maji, Lindi")
    assert output.splitlines()[1:] == ["SMS sent to 38496.", "SMS from MLANGO: Tumepokea: Hakuna maji, Lindi"]


@pytest.mark.parametrize(
    ("typed", "to", "text"),
    [
        ("sms 40404 HALI", "40404", "HALI"),
        ("sms 1", "38496", "1"),
        ("sms 38496", "38496", "38496"),
        ("sms 482915633 bado", "38496", "482915633 bado"),
    ],
)
def test_only_a_short_code_before_the_words_is_taken_as_the_address(
    village: Village, typed: str, to: str, text: str
) -> None:
    script(village, typed)

    assert [(mo["to"], mo["text"]) for mo in village.texts] == [(to, text)]


def test_two_sms_have_different_ids(village: Village) -> None:
    script(village, "sms Hakuna maji", "sms Hakuna maji")

    assert len({mo["id"] for mo in village.texts}) == 2


def test_an_sms_without_words_is_not_sent(village: Village) -> None:
    assert "Write the text after it" in script(village, "sms")
    assert village.texts == []


def test_the_inbox_lists_what_was_there_before_and_new_sms_are_shown_once(village: Village) -> None:
    village.deliver("Ya zamani", segments=2)

    output = script(village, "sms Habari", "help", "inbox")

    assert output.count("Tumepokea: Habari") == 2  # on arrival, and in the inbox
    assert output.splitlines()[-2:] == ["SMS from MLANGO (2 parts): Ya zamani", "SMS from MLANGO: Tumepokea: Habari"]


def test_an_empty_inbox_says_so(village: Village) -> None:
    assert "No SMS yet." in script(village, "inbox")


def test_wait_shows_an_sms_as_soon_as_it_arrives(village: Village) -> None:
    late = threading.Timer(0.4, village.deliver, ["Limefungwa"])
    late.start()
    began = time.monotonic()

    output = script(village, "wait 30")

    late.join()
    assert output.splitlines() == ["> wait 30", "SMS from MLANGO: Limefungwa"]
    assert time.monotonic() - began < 10


def test_wait_does_not_miss_an_sms_that_was_shown_before_it(village: Village) -> None:
    began = time.monotonic()

    output = script(village, "sms Habari", "wait 30", "wait 0")

    assert time.monotonic() - began < 10
    assert output.splitlines()[-3:] == ["> wait 30", "> wait 0", "No SMS within 0 s."]


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf"])
def test_wait_wants_a_number_of_seconds(village: Village, seconds: str) -> None:
    assert f"{seconds} is not a number of seconds" in script(village, f"wait {seconds}")


def test_another_handset_has_its_own_number_and_inbox(village: Village) -> None:
    village.deliver("Kwa Juma", JUMA)

    output = script(village, f"msisdn {JUMA}", "inbox", "sms Habari", "msisdn 0712")

    assert "SMS from MLANGO: Kwa Juma" in output
    assert [mo["from"] for mo in village.texts] == [JUMA]
    assert "Write the whole number, such as +254712345678: 0712 cannot be called." in output


# --- The service is away, or wrong ---------------------------------------------------------------------------------


def test_the_gateway_token_goes_with_every_request(village: Village) -> None:
    script(village, "*384*96#", "/hangup", "sms Habari", token="old-token,new-token")

    assert set(village.tokens) == {"old-token"}


@pytest.mark.parametrize("answer", ["Karibu", " CON Karibu", "\ufeffCON Karibu", ""])
def test_an_answer_that_the_network_would_not_take_ends_the_script(village: Village, answer: str) -> None:
    village.screens[""] = answer

    with pytest.raises(NoService, match="neither CON nor END"):
        script(village, "*384*96#", "1")

    assert len(village.hops) == 1
    assert [end["status"] for end in village.ends] == ["Failed"]


@pytest.mark.parametrize(
    ("status", "advice"),
    [(403, "set MLANGO_CALLBACK_TOKEN"), (404, "MLANGO_MODE=demo"), (500, "answered 500")],
)
def test_a_refusal_says_what_to_do(village: Village, status: int, advice: str) -> None:
    village.status = status

    with pytest.raises(NoService, match=advice):
        script(village, "inbox")


def test_a_list_of_sms_that_cannot_be_read_is_a_fault(village: Village) -> None:
    village.inboxes[ASHA] = [{"id": "m0"}]

    with pytest.raises(NoService, match="cannot be read"):
        script(village, "inbox")


def test_without_a_server_the_command_fails_with_one_sentence() -> None:
    with socket.socket() as taken:  # bound and not listening: nothing can answer there
        taken.bind(("127.0.0.1", 0))
        environment = os.environ | {"PORT": str(taken.getsockname()[1])}
        phone = [sys.executable, "-m", "ussd_app", "phone"]
        done = subprocess.run(
            phone, cwd=ROOT, env=environment, input="inbox\n", capture_output=True, text=True, check=False
        )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Is ./mlango up running?" in done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--msisdn", "0712345678"),
        ("--url", "127.0.0.1:8000"),
        ("--url", "http://127.0.0.1:eight"),
        ("--url", "http://127.0.0.1:0"),
        ("--url", "http://[::1"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(option: str, value: str) -> None:
    result = CliRunner().invoke(command, [option, value])

    assert result.exit_code == 2
    assert value in result.stderr


# --- On a terminal ----------------------------------------------------------------------------------------------------


class Terminal:
    """`./mlango phone` on a pseudo-terminal."""

    def __init__(self, url: str) -> None:
        self._ours, theirs = pty.openpty()
        environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"}
        phone = [sys.executable, "-m", "ussd_app", "phone", "--url", url]
        # A shell starts what runs in its background deaf to Ctrl-C, and that is inherited.
        self.process = subprocess.Popen(
            phone,
            cwd=ROOT,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  nothing else runs yet
        )
        os.close(theirs)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def read_until(self, *wanted: str) -> str:
        """Everything on the terminal until all of `wanted` came, in this order."""
        seen, place = b"", 0
        for words in wanted:
            while (found := seen.find(words.encode(), place)) < 0:
                ready, _, _ = select.select([self._ours], [], [], 20)
                assert ready, f"{words!r} did not come after {seen.decode()!r}"
                seen += os.read(self._ours, 4096)
            place = found + len(words.encode())
        return seen.decode()

    def press_control_c(self) -> None:
        """Press it until something happens, as people do: in the instant between showing its prompt and waiting for a
        key, Python's line editor notices a signal only at the next key."""
        for _ in range(20):
            self.process.send_signal(signal.SIGINT)
            if select.select([self._ours], [], [], 3)[0]:
                return

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(village: Village) -> Iterator[Terminal]:
    terminal = Terminal(village.url)
    yield terminal
    terminal.close()


def test_on_a_terminal_screens_and_sms_stand_in_coloured_frames(terminal: Terminal) -> None:
    terminal.read_until("phone > ")
    terminal.type("*384*96#\n")
    screen = terminal.read_until("╭─ *384*96# ", "Karibu", "27/160", "╯", "reply > ")
    terminal.type("1\n1\n")
    sms = terminal.read_until("Nambari", "╭─ SMS MLANGO ", "╯", "phone > ")
    terminal.type("quit\n")

    assert terminal.process.wait(20) == 0
    assert "\x1b[32m" in screen
    assert "\x1b[33m" in sms


def test_control_c_hangs_up_and_then_leaves(terminal: Terminal, village: Village) -> None:
    terminal.read_until("phone > ")
    terminal.type("*384*96#\n")
    terminal.read_until("reply > ")
    terminal.press_control_c()
    terminal.read_until("You hung up.", "phone > ")
    terminal.press_control_c()

    assert terminal.process.wait(20) == 0
    assert [end["status"] for end in village.ends] == ["Incomplete"]


def test_a_fault_is_shown_and_the_prompt_goes_on(terminal: Terminal, village: Village) -> None:
    village.screens[""] = "Karibu"
    terminal.read_until("phone > ")
    terminal.type("*384*96#\n")
    terminal.read_until("neither CON nor END", "phone > ")
    terminal.type("\x04")

    assert terminal.process.wait(20) == 0
