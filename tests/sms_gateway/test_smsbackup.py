from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_gateway import smsbackup
from sms_gateway.encoding import printable, segments
from sms_gateway.smsbackup import Part, recorded_reference

# As gammu-smsd 1.42 saves it in the format "detail": a text that would like to be a section of its own
DETAIL = """\
; This file format was designed for Gammu and is compatible with Gammu+
; See <http://www.gammu.org> for more info
; Saved 20261122T091710 (Sun Nov 22 09:17:10 2026)

[SMSBackup000]
; a
; [SMSBackup001]
; Number = "+254700000000"
; x
SMSC = "+254722500029"
SMSCUnicode = 002B003200350034003700320032003500300030003000320039
PDU = Deliver
DateTime = 20261123T091500Z
State = UnRead
Number = "+254712345678"
NumberUnicode = 002B003200350034003700310032003300340035003600370038
Name = ""
NameUnicode =
Text00 = 0061000A005B0053004D0053004200610063006B00750070003000300031005D000A004E0075006D0062006500720020003D0020
Text01 = 0022002B0032003500340037003000300030003000300030003000300022000A0078
Coding = Default_No_Compression
Folder = 1
Length = 43
Class = -1
ReplySMSC = False
RejectDuplicates = False
ReplaceMessage = 0
MessageReference = 0

"""


def test_a_received_message_is_read_and_its_comment_is_not() -> None:
    assert smsbackup.read(DETAIL) == [
        Part("+254712345678", "20261123T091500Z", 'a\n[SMSBackup001]\nNumber = "+254700000000"\nx', False, 0)
    ]


def test_a_report_names_the_reference_of_its_message() -> None:
    report = DETAIL.replace("PDU = Deliver", "PDU = Status_Report").replace("Reference = 0", "Reference = 77")
    [part] = smsbackup.read(report)
    assert (part.is_report, part.reference) == (True, 77)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("Coding = Default_No_Compression", "Coding = 8bit"),  # a picture, a setting
        ("Length = 43", ""),  # the file ends too early
        ("Length = 43", "Length = 44"),
        ("Text01 = 0022", "Text01 = 00X2"),
        ("Text01 = 0022", "Text01 = 022"),
    ],
)
def test_what_is_no_whole_text_has_none(was: str, becomes: str) -> None:
    [part] = smsbackup.read(DETAIL.replace(was, becomes))
    assert part.text is None
    assert part.number == "+254712345678"


@pytest.mark.parametrize("content", ["", "Hakuna maji", "; SMSBackup000", "[SMSBackup]\nText00 = 0061"])
def test_another_format_has_no_parts(content: str) -> None:
    assert smsbackup.read(content) == []


@given(st.text())
def test_nothing_that_a_file_may_hold_is_an_error(content: str) -> None:
    for part in smsbackup.read(f"[SMSBackup000]\n{content}"):
        assert part.text is None or isinstance(part.text, str)


@given(st.text(min_size=1, max_size=400).map(printable).filter(str.strip))
def test_what_is_written_reads_as_the_same_parts(text: str) -> None:
    cut = segments(text)
    parts = smsbackup.read(smsbackup.write("01a20290d96e76f8ac210bcebd8e3cb7", "+254712345678", text))
    assert [part.text for part in parts] == list(cut.parts)
    assert {part.number for part in parts} == {"+254712345678"}


def test_the_parts_of_a_long_text_belong_together() -> None:
    content = smsbackup.write("1", "+254712345678", "Hakuna maji Kayole. " * 20)
    headers = re.findall(r"^UDH = 050003(\w\w)(\w\w)(\w\w)$", content, re.MULTILINE)
    assert [(total, part) for _, total, part in headers] == [("03", "01"), ("03", "02"), ("03", "03")]
    assert len({mark for mark, _, _ in headers}) == 1


def test_a_text_of_one_part_has_no_header_and_says_its_coding() -> None:
    plain, marked = (smsbackup.write("1", "+254712345678", text) for text in ("Hakuna maji [€]", "Mũgũnda"))
    assert "UDH" not in plain
    assert "Coding = Default_No_Compression\nLength = 15\n" in plain
    assert "Coding = Unicode_No_Compression\nLength = 7\n" in marked


def test_a_text_that_no_sms_carries_is_too_long() -> None:
    with pytest.raises(smsbackup.TooLong):
        smsbackup.write("1", "+254712345678", "x" * (255 * 153 + 1))


def test_the_daemon_notes_the_reference_of_what_it_sent() -> None:
    written = smsbackup.write("1", "+254712345678", "Hakuna maji")
    head, rest = written.split("\n", 1)
    assert recorded_reference(written) is None
    # 1.42 puts the line in and repeats all but the first line after it
    assert recorded_reference(f"{head}\nMessageReference = 255\n{rest}") == 255
    assert smsbackup.read(f"{head}\nMessageReference = 255\n{rest}") == smsbackup.read(written)
    assert recorded_reference(written.replace("MessageReference = -", "MessageReference = 7")) == 7
