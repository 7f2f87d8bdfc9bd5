"""The text format in which gammu keeps messages ("detail" of gammu-smsd): what we read of it, and what we write. Pure.

A file holds a section for each part of a message. Texts stand in it twice, as a comment and as UTF-16 in hexadecimal;
only the latter is read: a comment says whatever a stranger wanted it to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from sms_gateway.encoding import Encoding, segments

REPORT: Final = "Status_Report"  # in what we write: a report is asked for; in what we read: this is one
_CODINGS: Final[Mapping[Encoding, str]] = {"GSM-7": "Default_No_Compression", "UCS-2": "Unicode_No_Compression"}
_HEX_A_LINE: Final = 200
_MOST_PARTS: Final = 255

_SECTION: Final = re.compile(r"^\[SMSBackup\d+\][ \r]*$", re.MULTILINE)
_ENTRY: Final = re.compile(r"^(\w+) = (.*?)[ \r]*$", re.MULTILINE)
_REFERENCE: Final = re.compile(r"^MessageReference = (\d{1,3})[ \r]*$", re.MULTILINE)


class TooLong(Exception):
    """A text that no number of parts carries."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message, or a report. `at` is the network's time as gammu writes it: `20261123T091500`, or with Z.

    `text` is None where there is none that could be read: pictures, settings, a file that ends too early.
    """

    number: str
    at: str
    text: str | None
    is_report: bool
    reference: int | None  # of the message that a report is about; 0 to 255


def read(content: str) -> list[Part]:
    """The parts in a file, in order; none if it is not in this format."""
    return [_part(dict(_ENTRY.findall(section))) for section in _SECTION.split(content)[1:]]


def recorded_reference(content: str) -> int | None:
    """The reference that the network gave to a message of ours (to its last part): see `write`."""
    found = _REFERENCE.search(content)
    return int(found[1]) if found else None


def write(message_id: str, msisdn: str, text: str) -> str:
    """A message to send, cut into parts by our own rules and in the coding that they chose. A report is asked for.
    Raises TooLong.

    gammu-smsd notes the reference of each part that it sent at the first line that begins with `MessageReference`.
    Release 1.42 repeats everything after the file's first line when it does so: with the line where it stands here
    that is harmless, anywhere else it makes a long message go out garbled.
    """
    cut = segments(text)
    if cut.count > _MOST_PARTS:
        raise TooLong
    head = f"; {message_id}\nMessageReference = -\n"
    mark = crc32(message_id.encode()) & 0xFF  # by which a handset knows the parts of one message
    sections = []
    for number, part in enumerate(cut.parts):
        digits = part.encode("utf-16-be").hex().upper()
        sections += [
            f"[SMSBackup{number:03}]",
            f"PDU = {REPORT}",
            f'Number = "{msisdn}"',
            *([f"UDH = 050003{mark:02X}{cut.count:02X}{number + 1:02X}"] if cut.count > 1 else []),
            *(
                f"Text{line:02} = {digits[start : start + _HEX_A_LINE]}"
                for line, start in enumerate(range(0, len(digits), _HEX_A_LINE))
            ),
            f"Coding = {_CODINGS[cut.encoding]}",
            f"Length = {len(digits) // 4}",
            "Class = -1",
            "",
        ]
    return head + "\n".join(sections)


def _part(entries: Mapping[str, str]) -> Part:
    reference = entries.get("MessageReference", "")
    return Part(
        number=_from_hex(entries.get("NumberUnicode")) or entries.get("Number", "").strip('"'),
        at=entries.get("DateTime", ""),
        text=_text(entries),
        is_report=entries.get("PDU") == REPORT,
        reference=int(reference) if reference.isdecimal() else None,
    )


def _text(entries: Mapping[str, str]) -> str | None:
    lines = sorted(name for name in entries if re.fullmatch(r"Text\d+", name))
    text = _from_hex("".join(entries[line] for line in lines))
    if entries.get("Coding") not in _CODINGS.values() or text is None:
        return None
    units = len(text.encode("utf-16-be", "surrogatepass")) // 2
    return text if entries.get("Length") == str(units) else None


def _from_hex(digits: str | None) -> str | None:
    try:
        return bytes.fromhex(digits).decode("utf-16-be", "surrogatepass") if digits is not None else None
    except ValueError:
        return None
