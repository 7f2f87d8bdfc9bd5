"""The sheet that a clerk fills in: its columns, how they look, and what is said about them.

Everything that the clerk does not write is told in the language of the office, except codes; the three columns to write
in carry their own help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from packs.model import Text, text
from sync.columns import PROBLEM, WORKLIST, label
from sync.updates import CHOICES, LONGEST_NOTE
from sync.xlsx import Check, Column, Form, Kind, Manual, Shade

_TITLE: Final[Text] = {"en": "Worklist", "sw": "Orodha ya kazi"}
_TITLE_OF_ERRORS: Final[Text] = {"en": "Rows to correct", "sw": "Mistari ya kurekebisha"}
_HEADER: Final[Text] = {"en": "{office}: open cases, {day}", "sw": "{office}: malalamiko yaliyo wazi, {day}"}
_HEADER_OF_ERRORS: Final[Text] = {"en": "{office}: rows to correct", "sw": "{office}: mistari ya kurekebisha"}

_LOOKS: Final[Mapping[str, Column]] = {
    PROBLEM: Column("", 42, is_wrapped=True, tint=Shade.LATE),
    "case_ref": Column("", 13),
    "received": Column("", 12, Kind.DATE),
    "due": Column("", 11, Kind.DATE, is_shaded=True),
    "days_over": Column("", 10, Kind.NUMBER, is_shaded=True),
    "what": Column("", 24, is_wrapped=True),
    "place": Column("", 28, is_wrapped=True),
    "summary": Column("", 44, is_wrapped=True),
    "contact": Column("", 14),
    "state": Column("", 22, is_wrapped=True),
    "status": Column("", 20, is_wrapped=True),
    "note": Column("", 44, is_wrapped=True),
    "date": Column("", 12, Kind.DATE),
    "ward_code": Column("", 10, is_inner=True),
    "update_key": Column("", 28, is_inner=True),
    "base_version": Column("", 12, Kind.NUMBER, is_inner=True),
}

_PROMPTS: Final[Mapping[str, Text]] = {
    "status": {
        "en": "Pick from the list, or type 1, 2 or 3. Leave it empty if there is no news of this case.",
        "sw": "Chagua kwenye orodha, au andika 1, 2 au 3. Acha wazi kama lalamiko hili halina jipya.",
    },
    "note": {
        "en": "The citizen reads this by SMS: what was done, whom you wait for, or your question. When it is done, "
        "write at least 20 letters.",
        "sw": "Mwananchi atasoma haya kwa SMS: kilichofanywa, mnayemsubiri, au swali lenu. Likikamilika, andika "
        "angalau herufi 20.",
    },
    "date": {
        "en": "The day it happened, as day/month/year. Empty means today.",
        "sw": "Siku jambo lilipofanyika, kwa siku/mwezi/mwaka. Ukiacha wazi ni leo.",
    },
}
_DOUBTS: Final[Mapping[str, Text]] = {
    "status": {
        "en": "This is not on the list. 1, 2 and 3 are understood too; other words may come back to you.",
        "sw": "Hili halimo kwenye orodha. 1, 2 na 3 zinaeleweka pia; maneno mengine yanaweza kurudishwa kwenu.",
    },
    "note": {
        "en": "This is too long for the citizen: at most 1,000 letters.",
        "sw": "Maelezo ni marefu mno kwa mwananchi: yasizidi herufi 1,000.",
    },
    "date": {
        "en": "This does not look like a date. Write day/month/year, like 23/11/2026, or leave it empty for today.",
        "sw": "Hii haionekani kuwa tarehe. Andika siku/mwezi/mwaka, kama 23/11/2026, au acha wazi kwa leo.",
    },
}

_HOW_TO: Final[Text] = {"en": "How to fill in this list", "sw": "Jinsi ya kujaza orodha hii"}
_LINES: Final[Mapping[str, Sequence[str]]] = {
    "en": (
        "1. Write only in the three yellow columns: status, note and date. Leave the status of a case empty if there "
        "is no news of it.",
        "2. Status: {choices}. Pick from the list, or type 1, 2 or 3.",
        "3. Note: plain words for the citizen, who reads them by SMS: what was done, whom you wait for, or your "
        "question. When a case is done, write at least 20 letters.",
        "4. Date: the day it happened, as day/month/year. Empty means today.",
        "5. Save the file and send it back the way it came, as Excel or CSV. Rows with a mistake come back to you with "
        "the reason; correct them there and send that file.",
    ),
    "sw": (
        "1. Andika tu kwenye safu tatu za njano: hali, maelezo na tarehe. Kama lalamiko halina jipya, acha hali yake "
        "wazi.",
        "2. Hali: {choices}. Chagua kwenye orodha, au andika 1, 2 au 3.",
        "3. Maelezo: maneno rahisi ambayo mwananchi atasoma kwa SMS: kilichofanywa, mnayemsubiri, au swali lenu. "
        "Lalamiko likikamilika, andika angalau herufi 20.",
        "4. Tarehe: siku jambo lilipofanyika, kwa siku/mwezi/mwaka. Ukiacha wazi ni leo.",
        "5. Hifadhi faili na uirudishe kwa njia ileile, kama Excel au CSV. Mistari yenye makosa itarudishwa kwenu "
        "pamoja na sababu; irekebishe humo na utume faili hiyo.",
    ),
}
_MANUAL_TITLE: Final = "How to - Jinsi ya"


@dataclass(frozen=True, slots=True)
class Design:
    """One sheet, still without rows: the columns by name, and all that stands around them."""

    names: tuple[str, ...]
    title: str
    header: str
    language: str
    with_contact: bool

    @classmethod
    def of_worklist(cls, office: str, day: date, language: str, *, with_contact: bool) -> Design:
        """The open cases of an office, called by its name, on one day."""
        header = text(_HEADER, language).format(office=office, day=f"{day:%d/%m/%Y}")
        return cls(WORKLIST, text(_TITLE, language), header, language, with_contact)

    @classmethod
    def of_errors(cls, office: str, language: str) -> Design:
        """The rows that come back to it, with what is wrong before them."""
        header = text(_HEADER_OF_ERRORS, language).format(office=office)
        return cls((PROBLEM, *WORKLIST), text(_TITLE_OF_ERRORS, language), header, language, with_contact=False)

    @property
    def headings(self) -> tuple[str, ...]:
        return tuple(label(name, self.language) for name in self.names)

    def form(self) -> Form:
        """The Excel file, to be filled with rows."""
        return Form(self.title, self.header, [self._column(name) for name in self.names], _manual(self.language))

    def _column(self, name: str) -> Column:
        return replace(
            _LOOKS[name],
            heading=label(name, self.language),
            check=_check(name, self.language) if name in _PROMPTS else None,
            is_hidden=name == "contact" and not self.with_contact,
        )


def kind(name: str) -> Kind:
    """What stands in a column."""
    return _LOOKS[name].kind


def _manual(language: str) -> Manual:
    """How to fill in the sheet, in English and Swahili; the sheet's own language first."""
    spoken = sorted(_LINES, key=lambda code: code != language)
    parts = {
        _HOW_TO[code]: tuple(line.format(choices="; ".join(_choices(code))) for line in _LINES[code]) for code in spoken
    }
    return Manual(_MANUAL_TITLE, parts)


def _choices(language: str) -> tuple[str, ...]:
    return tuple(text(choice, language) for choice in CHOICES.values())


def _check(name: str, language: str) -> Check:
    return Check(
        label(name, language),
        text(_PROMPTS[name], language),
        text(_DOUBTS[name], language),
        _choices(language) if name == "status" else (),
        LONGEST_NOTE,
    )
