"""`./mlango sms`: the words of citizens explained, the parts of a text drawn. Without a database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from menus.messages import TEMPLATES
from ussd_app.cli.sms import command
from ussd_app.refusal import Refusal
from ussd_app.settings import ROOT

INTENTS: Final = {"COMPLAIN", "STATUS", "HELP", "STOP", "START", "LANG", "RATE", "REOPEN", "AGENT", "APPEAL", "TEXT"}
NOISE: Final = [
    b"",
    b" ",
    b"\x00\x01\x1b[2J",
    b"\xff\xfe not utf-8 \xc3",
    "😀🔥".encode(),
    b"\xed\xa0\x80 half a surrogate",
    b"482915633 " * 20_000,
    b"a" * 1_000_000,
    b"STOP" + b" " * 100_000 + b"not",
    b'{"text": "maji"}',
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLANGO_HOME", str(tmp_path / "home"))


def run(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(command, arguments, input=given)


def lines(*arguments: str, given: bytes = b"") -> list[Any]:
    result = run(*arguments, given=given)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return [json.loads(line) for line in result.stdout.splitlines()]


def told(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout.splitlines()


def test_a_text_is_explained_with_the_words_it_was_found_by() -> None:
    assert told("explain", "maji", "hakuna", "Kayole") == [
        "intent        TEXT",
        "why           no keyword",
        "text          maji hakuna Kayole",
        "case number   none",
        "category      water (Water)",
        "place         kayole (Kayole, Nairobi)",
        "because of    maji hakuna",
    ]


def test_what_is_only_likely_is_said_to_be_asked_about() -> None:
    first, why, text, number, *_ = told("explain", "STOP 482915633")
    assert first.endswith("STOP, asked about first")
    assert why.endswith("STOP with a case number (en)")
    assert (text.split()[-1], number.split()[-1]) == ("482915633", "482-915-633")
    assert told("explain", "status 15633")[3].endswith("15633 (the end of one)")


def test_danger_and_what_is_sensitive_are_said() -> None:
    assert told("explain", "Nisaidie mume wangu ananipiga")[-2:] == [
        "It may be urgent: the emergency numbers come first.",
        "It may be sensitive: a person decides.",
    ]


def test_one_line_in_is_one_object_out() -> None:
    texts = "maji hakuna Kayole\nSTOP\nstatus 482 915 633\nsitaki msg zenu\nComplian road imeharibika"
    found = lines("explain", "--json", given=texts.encode())
    assert [list(one) for one in found] == [["intent", "case_number", "confirm", "category", "place", "why"]] * 5
    assert [(one["intent"], one["case_number"], one["confirm"]) for one in found] == [
        ("TEXT", None, False),
        ("STOP", None, False),
        ("STATUS", "482915633", False),
        ("STOP", None, True),
        ("COMPLAIN", None, True),
    ]
    assert [(one["category"], one["place"]) for one in found] == [
        ("water", "kayole"),
        (None, None),
        (None, None),
        (None, None),
        ("roads", None),
    ]


@pytest.mark.parametrize(
    ("text", "intent", "number"),
    [
        ("Habari yako", "HELP", None),
        ("HELP water", "HELP", None),
        ("Nisaidie ananipiga", "TEXT", None),
        ("asante sana", "TEXT", None),
        ("me too 482915633", "TEXT", "482915633"),
        ("482-915-633", "STATUS", "482915633"),
        ("1", "TEXT", None),
        ("BADO", "REOPEN", None),
        ("2", "TEXT", None),
        ("bado 482915633", "REOPEN", "482915633"),
        ("RUFAA 482915633", "APPEAL", "482915633"),
        ("rate five", "RATE", None),
        ("lugha kiswahili", "LANG", None),
    ],
)
def test_the_intents_are_the_ten_that_others_know(text: str, intent: str, number: str | None) -> None:
    (found,) = lines("explain", "--json", text)
    assert (found["intent"], found["case_number"]) == (intent, number)


def test_keywords_of_one_language_need_it() -> None:
    assert lines("explain", "--json", "--lang", "luo", given=b"we")[0]["intent"] == "STOP"
    assert lines("explain", "--json", given=b"we")[0]["intent"] == "TEXT"
    assert isinstance(run("explain", "--lang", "xx", "we").exception, Refusal)
    assert isinstance(run("explain").exception, Refusal)


def test_no_line_whatever_ends_it() -> None:
    found = lines("explain", "--json", given=b"\n".join([*NOISE, b"STOP"]))
    assert len(found) == len(NOISE) + 1
    assert {one["intent"] for one in found} <= INTENTS
    assert found[-1]["intent"] == "STOP"


def test_who_waits_for_an_answer_gets_it_before_the_next_line() -> None:
    arguments = [sys.executable, "-m", "ussd_app", "sms", "explain", "--json"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(arguments, cwd=ROOT, env=dict(os.environ), bufsize=0, **pipes) as process:
        assert process.stdin
        assert process.stdout
        for text, intent in ((b"STOP\n", "STOP"), (b"msaada\n", "HELP")):
            process.stdin.write(text)
            assert json.loads(process.stdout.readline())["intent"] == intent
        process.stdin.close()
        assert process.wait(20) == 0


def test_the_parts_of_a_text_are_drawn() -> None:
    assert told("segments", "Asante sana") == ["GSM-7, 11 septets, 1 part", "  1  Asante sana"]
    first, *parts, advice, strange = told("segments", "Nĩ wega mũno. " * 6)
    assert first == "UCS-2, 84 UTF-16 units, 2 parts"
    assert len(parts) == 2
    assert advice == "With --degrade, as the service sends it: GSM-7, 84 septets, 1 part"
    assert strange == "Not in GSM-7: ĩ (0129), ũ (0169)"
    assert told("segments", "--degrade", "Nĩ wega mũno. " * 6)[0] == "GSM-7, 84 septets, 1 part"
    assert isinstance(run("segments").exception, Refusal)


def test_segments_of_json_strings_one_a_line() -> None:
    given = [json.dumps(text) for text in ("maji", "mũgũnda", "x" * 161, "", "€" * 81, "Nĩ wega mũno. " * 6)]
    found = lines("segments", "--json", given="\n".join(given).encode())
    assert [tuple(one.values()) for one in found] == [
        ("GSM-7", 1, 4),
        ("UCS-2", 1, 7),
        ("GSM-7", 2, 161),
        ("GSM-7", 1, 0),
        ("GSM-7", 2, 162),
        ("UCS-2", 2, 84),
    ]
    assert list(found[0]) == ["encoding", "segments", "units"]
    assert lines("segments", "--json", "--degrade", given=given[-1].encode()) == [
        {"encoding": "GSM-7", "segments": 1, "units": 84}
    ]


def test_what_is_no_json_string_is_said_in_its_place() -> None:
    found = lines("segments", "--json", given=b'"a"\nmaji\n\n[1]\n"\\ud83d"\n\xff\n' + b"[" * 50_000 + b'\n"b"')
    assert ["error" in one for one in found] == [False, True, True, True, False, True, True, False]


def test_every_sms_of_the_service_is_measured_in_its_language() -> None:
    header, columns, *rows = told("templates", "--language", "sw")
    assert "38496" in header
    assert columns.split() == ["SMS", "language", "encoding", "units", "parts"]
    assert {row.split()[0] for row in rows} == set(TEMPLATES)
    assert isinstance(run("templates", "--language", "xx").exception, Refusal)


def test_templates_as_json() -> None:
    found = lines("templates", "--language", "en", "--json")
    received = next(one for one in found if (one["template"], one["scope"]) == ("received", ""))
    assert received["sender"] == "38496"
    assert (received["encoding"], received["segments"], received["units"]) == ("GSM-7", 1, len(received["text"]))
