"""Draws the pictures of the documentation from the real service: `python -m docs.pictures` (in the project's .venv).

`docs/conversation.svg`: a citizen who called before lodges a complaint in five inputs. The screens are those that the
code renders; a test draws the picture again and compares.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from cases import reference
from cases.casework import Change
from cases.lifecycle import Action
from cases.models import Case
from sms_gateway.encoding import segments
from sms_gateway.gateway import UssdRequest
from ussd_app import logs, wiring
from ussd_app.settings import Settings
from ussd_app.wiring import House

PICTURE: Final = Path(__file__).with_name("conversation.svg")
MOMENT: Final = datetime(2026, 11, 23, 6, 15, tzinfo=UTC)
MSISDN: Final = "+254712345678"
_KEYS: Final = ("*384*96#", "1", "1", "1", "1")
_SHOWN_REF: Final = "482-915-633"  # the number of the drawing; real ones are random

_WIDTH, _HEIGHT, _GAP, _LINE = 214, 196, 16, 17
_LETTERS: Final = 27  # of 12 px monospace in a screen

Panel = tuple[str, str]  # (what the citizen pressed, what they see)


def conversation(house: House) -> Iterator[Panel]:
    """A returning citizen, in Swahili, whose last problem was in Kibera: five inputs, and the SMS that follows."""
    citizen = house.citizens.meet(MSISDN, MOMENT)
    house.citizens.set_language(citizen.id, "sw")
    before = {"sub": "water.bill", "place": "kibera", "language": "sw"}
    lodged = house.casework.apply(Change(Action.LODGE, citizen, "ussd", "earlier", facts=before), MOMENT)
    Case.update(state="closed").where(Case.id == lodged.case.id).execute()
    text = ""
    for key in _KEYS:
        text = "" if key.startswith("*") else f"{text}*{key}".strip("*")
        request = UssdRequest("picture", "1", MSISDN, "Safaricom", "*384*96#", text)
        yield key, _with_fixed_number(house.conversation.hop(request, MOMENT).text)
    house.outbox.drain(lambda: MOMENT)
    assert house.handsets  # noqa: S101  demo mode has them
    yield "SMS", _with_fixed_number(str(house.handsets.inbox(MSISDN)[-1]["text"]))


def svg(panels: Sequence[Panel]) -> str:
    """The panels side by side, three in a row, as a picture that needs no fonts and no scripts."""
    columns, rows = 3, -(-len(panels) // 3)
    width, height = columns * (_WIDTH + _GAP) + _GAP, rows * (_HEIGHT + 2 * _GAP + 24) + _GAP
    drawn = [
        line
        for number, (key, screen) in enumerate(panels)
        for line in _panel(
            _GAP + number % columns * (_WIDTH + _GAP), _GAP + number // columns * (_HEIGHT + 2 * _GAP + 24), key, screen
        )
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
            'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">',
            "<title>Five inputs from dialling to a case number, and the SMS that follows</title>",
            f'<rect width="{width}" height="{height}" rx="12" fill="#f6f3ec"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def _panel(left: int, top: int, key: str, screen: str) -> Iterator[str]:
    is_sms = key == "SMS"
    colour = "#7a4a12" if is_sms else "#20544a"
    label = key if is_sms or key.startswith("*") else f"key {key}"
    yield f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="24" rx="12" fill="{colour}"/>'
    yield f'<text x="{left + _WIDTH // 2}" y="{top + 16}" fill="#fff" text-anchor="middle">{escape(label)}</text>'
    body = top + 30
    yield (
        f'<rect x="{left}" y="{body}" width="{_WIDTH}" height="{_HEIGHT}" rx="10" fill="#fff" stroke="{colour}" '
        'stroke-width="2"/>'
    )
    lines = [line for written in screen.split("\n") for line in _wrapped(written)]
    for row, line in enumerate(lines):
        yield f'<text x="{left + 12}" y="{body + 22 + row * _LINE}" fill="#14201d">{escape(line)}</text>'
    size = segments(screen)
    measure = f"{size.count} SMS, {size.units}/160" if is_sms else f"{size.units + 4}/160"
    yield (
        f'<text x="{left + _WIDTH - 10}" y="{body + _HEIGHT - 9}" fill="#8a8578" font-size="10" text-anchor="end">'
        f"{measure}</text>"
    )


def _wrapped(line: str) -> list[str]:
    return re.findall(rf"\S.{{0,{_LETTERS - 1}}}(?=\s|$)", line) or [""]


def _with_fixed_number(text: str) -> str:
    """Real numbers are random; the picture always shows the same one."""
    for case in Case.select(Case.ref):
        text = text.replace(reference.shown(case.ref), _SHOWN_REF)
    return text


def main(target: Path = PICTURE) -> None:
    """Draw the picture anew, in a service of its own that is thrown away."""
    logs.set_up("warning")
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.load({"MLANGO_HOME": home})
        wiring.prepare(settings, lambda _: None)
        target.write_text(svg(list(conversation(wiring.build(settings)))), encoding="utf-8")
    print(f"Drew {target}.")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
