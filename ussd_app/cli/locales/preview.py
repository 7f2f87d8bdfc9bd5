"""The screens of a language as a phone shows them, each in a frame with its name and how full it is."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

from menus import fit
from menus.engine import End, Scene, World
from menus.rehearsal import keys
from menus.screens import FLOW
from menus.walk import Broken, Visit, walk
from sms_gateway.encoding import segments, ussd_units

_COLUMNS: Final = 34  # as wide as a small phone's display, roughly


def previews(here: World, only: str | None = None) -> Iterator[str]:
    """Every screen of the flow in a language, in the order of the flow, in each form that it takes; or those of one."""
    found: dict[str, dict[Form, Visit]] = {name: {} for name in FLOW}
    for visit in walk(FLOW, here):
        match visit:
            case Broken(screen, what):
                yield f"The screen “{screen}” cannot be drawn: {what}"
            case Visit(state) if visit.moves or not found[state.screen]:
                found[state.screen].setdefault(_form(here, visit), visit)
    for name in [only] if only else FLOW:
        for visit in found[name].values():
            for number, page in enumerate(visit.pages, 1):
                title = f"{name}, page {number}" if len(visit.pages) > 1 else name
                yield framed(page.text, title, here.octets)


Form = tuple[str, tuple[str, ...]]


def _form(here: World, visit: Visit) -> Form:
    """What sets one form of a screen apart for a translator: its title before it is filled in, and its keys."""
    screen = FLOW[visit.state.screen]
    title = screen.title if isinstance(screen.title, str) else screen.title(Scene(here, visit.state))
    offered = {key for page in visit.pages for key in keys(page)}
    return title, () if isinstance(screen, End) else tuple(key for key in screen.keys if key in offered)


def framed(text: str, title: str, octets: int) -> str:
    """A screen in its frame."""
    lines = [part for line in text.split("\n") for part in wrap(line, _COLUMNS) or [""]]
    below = f" {_fullness(text, octets)} "
    top = f"┌ {title} ".ljust(_COLUMNS + 3, "─") + "┐"
    body = [f"│ {line:<{_COLUMNS}} │" for line in lines]
    return "\n".join([top, *body, "└" + below.rjust(_COLUMNS + 2, "─") + "┘"])


def _fullness(text: str, octets: int) -> str:
    """How much of the screen's room a text takes, what the network puts before it included."""
    whole = fit.PREFIX + text
    bits = 7 if segments(whole).encoding == "GSM-7" else 16
    return f"{ussd_units(whole)} of {octets * 8 // bits}"
