"""What can be wrong with a row or a file that an office sends, in sentences that its clerk understands. Pure.

The tables below are the whole of it; `docs/offices.md` prints them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cases.lifecycle import State
from packs.model import Text, text
from sync.columns import label

FAULTS: Final[Mapping[str, Text]] = {
    "E_REF_CHECK": {
        "en": "Row {row}: case number {value} has a typing mistake. Copy it again from our list.",
        "sw": "Mstari {row}: nambari {value} ina kosa. Inakili tena kutoka orodha yetu.",
    },
    "E_REF_SCI": {
        "en": "Row {row}: Excel changed the case number to {value}. Type the 9 digits again.",
        "sw": "Mstari {row}: Excel imebadilisha nambari kuwa {value}. Andika tena tarakimu 9.",
    },
    "E_REF_MISSING": {
        "en": "Row {row}: the case number is missing. Copy it from our list.",
        "sw": "Mstari {row}: nambari ya lalamiko haipo. Inakili kutoka orodha yetu.",
    },
    "E_NOT_OWNER": {
        "en": "Row {row}: {value} is not with your office now. Delete the row, or phone the helpdesk.",
        "sw": "Mstari {row}: {value} haliko kwa ofisi yenu sasa. Futa mstari huu, au pigia kituo cha usaidizi.",
    },
    "E_TRANSITION": {
        "en": "Row {row}: a case that is '{state}' cannot become '{value}'. Allowed now: {allowed}.",
        "sw": "Mstari {row}: lalamiko lililo '{state}' haliwezi kuwa '{value}'. Inaruhusiwa sasa: {allowed}.",
    },
    "E_STATUS": {
        "en": "Row {row}: '{value}' is not a status. Write 1 (working on it), 2 (waiting), 3 (done) or ask.",
        "sw": "Mstari {row}: '{value}' si hali. Andika 1 (tunashughulikia), 2 (tunasubiri), 3 (limekamilika) au uliza.",
    },
    "E_NEW_STATUS": {
        "en": "Row {row}: '{value}' is not a new_status. Write one of: {allowed}.",
        "sw": "Mstari {row}: '{value}' si new_status. Andika mojawapo: {allowed}.",
    },
    "E_OUTCOME": {
        "en": "Row {row}: '{value}' is not an outcome of a resolved case. Write one of: {allowed}.",
        "sw": "Mstari {row}: '{value}' si tokeo la lalamiko lililotatuliwa. Andika mojawapo: {allowed}.",
    },
    "E_NOTE_REQUIRED": {
        "en": "Row {row}: write what was done, for the citizen to read, at least 20 letters. Now: '{value}'.",
        "sw": "Mstari {row}: andika kilichofanywa ili mwananchi asome, angalau herufi 20. Sasa: '{value}'.",
    },
    "E_QUESTION": {
        "en": "Row {row}: write in the note what you ask the citizen.",
        "sw": "Mstari {row}: andika kwenye maelezo swali lenu kwa mwananchi.",
    },
    "E_WAIT": {
        "en": "Row {row}: write in the note whom or what you are waiting for.",
        "sw": "Mstari {row}: andika kwenye maelezo mnasubiri nani au nini.",
    },
    "E_DATE": {
        "en": "Row {row}: the date '{value}' cannot be read. Write it day/month/year, or leave it empty for today.",
        "sw": "Mstari {row}: tarehe '{value}' haisomeki. Andika siku/mwezi/mwaka, au acha wazi kwa leo.",
    },
    "E_MOMENT": {
        "en": "Row {row}: '{value}' is not a time. Write date, time and offset, like 2026-11-22T10:30:00+03:00.",
        "sw": "Mstari {row}: '{value}' si wakati. Andika tarehe, saa na ukanda wake, kama 2026-11-22T10:30:00+03:00.",
    },
    "E_TIME_FUTURE": {
        "en": "Row {row}: the date {value} has not come yet. Write it day/month/year, or leave it empty for today.",
        "sw": "Mstari {row}: tarehe {value} haijafika. Andika siku/mwezi/mwaka, au acha wazi kwa leo.",
    },
    "E_ASSIGNEE": {
        "en": "Row {row}: '{value}' is not an officer of your office. Write the officer's code, or leave it empty.",
        "sw": "Mstari {row}: '{value}' si afisa wa ofisi yenu. Andika msimbo wa afisa, au acha wazi.",
    },
    "E_KEY": {
        "en": "Row {row}: agency_update_id '{value}' must be 1 to 64 letters, digits or . _ : / - and nothing else.",
        "sw": "Mstari {row}: agency_update_id '{value}' iwe na herufi, tarakimu au . _ : / - pekee, 1 hadi 64.",
    },
    "E_KEY_MISSING": {
        "en": "Row {row}: the key at the far right is missing or was changed. Take a fresh worklist.",
        "sw": "Mstari {row}: ufunguo ulio mwisho kulia haupo au umebadilishwa. Tumia orodha mpya.",
    },
    "E_KEY_MIXED": {
        "en": "Row {row}: the key at the far right is of another case. Was a part of the list sorted alone? "
        "Take a fresh worklist.",
        "sw": "Mstari {row}: ufunguo ulio mwisho kulia ni wa lalamiko lingine. Je, sehemu tu ya orodha ilipangwa upya? "
        "Tumia orodha mpya.",
    },
    "E_KEY_REUSED": {
        "en": "Row {row}: this row was sent before with other words ('{old}'). Take a fresh worklist.",
        "sw": "Mstari {row}: mstari huu ulitumwa awali ukiwa na maneno mengine ('{old}'). Tumia orodha mpya.",
    },
    "E_STALE": {
        "en": "Row {row}: the citizen reopened {value} after your list was made. Your note is kept; "
        "take a fresh worklist.",
        "sw": "Mstari {row}: mwananchi alifungua tena {value} baada ya orodha yenu. Maelezo yamehifadhiwa; "
        "tumia orodha mpya.",
    },
    "E_VERSION": {
        "en": "Row {row}: '{value}' in {field} is not a whole number. Copy it again from our list.",
        "sw": "Mstari {row}: '{value}' katika {field} si nambari kamili. Inakili tena kutoka orodha yetu.",
    },
    "E_SCHEMA": {
        "en": "Row {row}: '{value}' is no schema_version that we know. Write 1.",
        "sw": "Mstari {row}: hatujui schema_version '{value}'. Andika 1.",
    },
    "E_CELL": {
        "en": "Row {row}: the text in {field} has {length} letters. Shorten it to {most}.",
        "sw": "Mstari {row}: maandishi katika {field} yana herufi {length}. Yafupishe hadi {most}.",
    },
    "E_FORMULA": {
        "en": "Row {row}: Excel made '{value}' of what was typed in {field}. Type it again, without = + - @ before it.",
        "sw": "Mstari {row}: Excel imegeuza ulichoandika kwenye {field} kuwa '{value}'. Andika tena, bila = + - au @ "
        "mwanzoni.",
    },
    "E_ROW": {
        "en": 'Row {row} cannot be read. Look for one quotation mark (") too many, or for a text without end.',
        "sw": 'Mstari {row} hausomeki. Tafuta alama ya kunukuu (") iliyozidi, au maandishi yasiyo na mwisho.',
    },
    "E_COLUMNS": {
        "en": 'Row {row} has more cells than the list has columns. Put quotation marks (") around text with commas.',
        "sw": 'Mstari {row} una seli nyingi kuliko safu za orodha. Weka alama za kunukuu (") kwa maandishi yenye koma.',
    },
}

# Of a whole file, which is then not read at all
FILE_FAULTS: Final[Mapping[str, Text]] = {
    "F_EMPTY": {
        "en": "The file is empty. Send it again.",
        "sw": "Faili ni tupu. Itume tena.",
    },
    "F_XLS": {
        "en": "This is an old Excel file (.xls), or one with a password. Save it as .xlsx without a password, "
        "and send that.",
        "sw": "Hii ni faili ya Excel ya zamani (.xls), au yenye nywila. Ihifadhi kama .xlsx bila nywila, kisha itume.",
    },
    "F_OTHER": {
        "en": "This is no list but {what}. Save the list as .xlsx or CSV, and send that.",
        "sw": "Hii si orodha bali ni {what}. Hifadhi orodha kama .xlsx au CSV, kisha itume.",
    },
    "F_DAMAGED": {
        "en": "The Excel file is damaged or did not arrive whole. Open it, save it as .xlsx, and send it again.",
        "sw": "Faili ya Excel imeharibika au haikufika yote. Ifungue, ihifadhi kama .xlsx, kisha itume tena.",
    },
    "F_TOO_BIG": {
        "en": "The file holds far more than a list of cases does. Take a fresh worklist.",
        "sw": "Faili ina mengi kupita kiasi kwa orodha ya malalamiko. Tumia orodha mpya.",
    },
    "F_HEADER": {
        "en": "No row with the names of the columns was found. They must be the first row: {columns}.",
        "sw": "Mstari wenye majina ya safu haukupatikana. Uwe wa kwanza: {columns}.",
    },
    "F_COLUMN_MISSING": {
        "en": "These columns are missing: {columns}. Take a fresh worklist, or put them back.",
        "sw": "Safu hizi hazipo: {columns}. Tumia orodha mpya, au zirudishe.",
    },
    "F_COLUMN_TWICE": {
        "en": "There are two columns called {columns}. Delete one of them.",
        "sw": "Kuna safu mbili zinazoitwa {columns}. Futa moja.",
    },
}

# Where a case stands, as an office reads it
STATES: Final[Mapping[str, Text]] = {
    State.RECEIVED: {"en": "received", "sw": "limepokelewa"},
    State.ASSIGNED: {"en": "not started", "sw": "halijaanza kushughulikiwa"},
    State.IN_PROGRESS: {"en": "in progress", "sw": "linashughulikiwa"},
    State.PENDING_CITIZEN: {"en": "waiting for the citizen", "sw": "linasubiri mwananchi"},
    State.PENDING_THIRD_PARTY: {"en": "waiting for somebody else", "sw": "linasubiri wengine"},
    State.APPEALED: {"en": "under appeal", "sw": "liko kwenye rufaa"},
    State.RESOLVED: {"en": "done", "sw": "limekamilika"},
    State.CLOSED: {"en": "closed", "sw": "limefungwa"},
    State.REJECTED: {"en": "not accepted", "sw": "halikukubaliwa"},
    State.DUPLICATE: {"en": "joined to another case", "sw": "limeunganishwa na lingine"},
    State.WITHDRAWN: {"en": "withdrawn by the citizen", "sw": "limeondolewa na mwananchi"},
}

# What else people send by mistake: how its first bytes tell it
OTHER_FILES: Final[Mapping[str, Text]] = {
    "pdf": {"en": "a PDF", "sw": "PDF"},
    "page": {"en": "a web page", "sw": "ukurasa wa wavuti"},
    "document": {"en": "another kind of document", "sw": "hati ya aina nyingine"},
}

_NOTHING: Final[Text] = {"en": "nothing", "sw": "hakuna"}
_SHOWN: Final = 60  # characters of a cell that a sentence quotes


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row was not taken.

    `row` is the number that a spreadsheet shows beside it (the header's is 1); `field` the column's name in code;
    `value` what stood there; `cells` the row as it came, by column name. `more` fills the sentence's other
    placeholders: states (`state`; `allowed`, joined by commas) by their names in code, the rest as it is to be read.
    """

    row: int
    code: str
    field: str
    value: str
    cells: Mapping[str, str]
    more: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def sentence(self, language: str) -> str:
        """What the clerk reads, in `en` or `sw`; any other language falls back to one of them."""
        given = {name: _short(told) for name, told in {**self.more, "value": self.value}.items() if name != "allowed"}
        given |= {"row": str(self.row), "field": label(self.field, language), "allowed": self.more.get("allowed", "")}
        if self.code == "E_TRANSITION":
            given |= {name: _states(given[name], language) for name in ("value", "state", "allowed")}
        return text(FAULTS[self.code], language).format_map(given)


class Unreadable(Exception):
    """A whole file that is refused: none of its rows count. As a string, the English sentence."""

    def __init__(self, code: str, **more: str) -> None:
        self.code, self.more = code, more
        super().__init__(self.sentence("en"))

    def sentence(self, language: str) -> str:
        """What the clerk reads, in `en` or `sw`."""
        kind = OTHER_FILES.get(self.more.get("what", ""))
        given = self.more | ({"what": text(kind, language)} if kind else {})
        return text(FILE_FAULTS[self.code], language).format_map(given)


def state(name: str, language: str) -> str:
    """Where a case stands, in an office's words; what is no state comes back as it is."""
    return text(STATES[name], language) if name in STATES else name


def _states(names: str, language: str) -> str:
    if not names:
        return text(_NOTHING, language)
    return ", ".join(state(name, language) for name in names.replace(" ", "").split(","))


def _short(told: str) -> str:
    """One line of what stood there, so that a sentence stays one."""
    line = " ".join(told.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
