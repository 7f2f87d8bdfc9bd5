"""Draws `docs/pictures/worklist.png`, a clerk's sheet as LibreOffice prints it: `python -m docs.worklist` (in the
project's .venv; needs the programs soffice and pdftoppm).

The cases are lodged and worked on in a service of its own that is thrown away, the sheet is the one that it makes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from openpyxl import load_workbook

import packs
from cases.casework import Casework, Change
from cases.citizens import Citizens
from cases.lifecycle import Action, Role
from cases.models import Case
from store import database, migrate
from store.sealing import KEY_BYTES, Keyring
from sync.columns import WORKLIST
from sync.worklists import Worklists

PICTURES: Final = Path(__file__).with_name("pictures")
MOMENT: Final = datetime(2026, 11, 23, 6, 15, tzinfo=UTC)
OFFICE: Final = "NCWSC"
_DOTS_PER_INCH, _WIDTH, _HEIGHT = 130, 1500, 290
# How many days ago; what; where; what the citizen wrote
_LODGED: Final = (
    (19, "water.burst", "1387", "Bomba kuu limepasuka karibu na shule ya msingi. Maji yanamwagika mchana na usiku."),
    (12, "water.bill", "kibera", "Bili ya mwezi huu ni 14,300, mwezi uliopita ilikuwa 900. Hatujabadilisha chochote."),
    (6, "water.none", "1386", "No water since Friday. We buy from vendors at 50 bob a jerrican."),
    (5, "water.dirty", "1388", "Maji yana rangi ya kutu na harufu."),
    (2, "water.none", "kibera", "Hakuna maji tangu jana asubuhi."),
    (1, "water.meter", "1389", "I paid for the connection in September and nobody came."),
)
_WRITTEN: Final = {
    (2, "status"): "3 done",
    (2, "note"): "Bomba limetengenezwa leo asubuhi na maji yamerudi",
    (3, "status"): "1",
    (4, "status"): "2 waiting for somebody else",
    (4, "note"): "Kenya Power are mending the pump at Kabete",
    (4, "date"): "20/11/2026",
}


def made(home: Path) -> Path:
    """The office's list of today, as an Excel file, in a service of its own below `home`."""
    database.bind(f"sqlite:///{home}/mlango.sqlite3")
    migrate.run()
    packs.publish(packs.load(Path(packs.__file__).with_name("ke")), MOMENT)
    citizens = Citizens(Keyring({"picture": bytes(KEY_BYTES)}, "picture", bytes(KEY_BYTES)))
    casework = Casework(packs.current, citizens)
    _live(casework, citizens)
    return Worklists(citizens, packs.current, home).make(OFFICE, MOMENT)[1]


def _live(casework: Casework, citizens: Citizens) -> None:
    requests = map(str, count())
    caller = citizens.meet("+254712345678", MOMENT)
    cases = []
    for days, sub, place, words in _LODGED:
        facts = {"sub": sub, "place": place}
        change = Change(Action.LODGE, caller, "ussd", next(requests), facts=facts, words=words)
        cases.append(casework.apply(change, MOMENT - timedelta(days=days)).case)
    acts: tuple[tuple[Case, Action, str | None], ...] = (
        (cases[0], Action.START, None),
        (cases[0], Action.WAIT, "Roads engineer must open the tarmac"),
        (cases[2], Action.START, None),
        (cases[3], Action.START, None),
        (cases[3], Action.ASK, "Which plot is it?"),
    )
    for case, action, said in acts:
        casework.apply(Change(action, None, "desk", next(requests), case.id, Role.OWNER, words=said), MOMENT)


def fill_in(workbook: Path) -> None:
    """What a clerk writes on a morning."""
    book = load_workbook(workbook)
    for (row, name), value in _WRITTEN.items():
        book.worksheets[0].cell(row, WORKLIST.index(name) + 1).value = value
    book.save(workbook)


def draw(workbook: Path, picture: Path) -> None:
    """The upper part of the first page of a workbook, as it is printed."""
    folder = workbook.parent
    soffice = ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", "pdf"]
    subprocess.run([*soffice, "--outdir", str(folder), str(workbook)], check=True, capture_output=True)
    page = ["pdftoppm", "-r", str(_DOTS_PER_INCH), "-png", "-singlefile", "-W", str(_WIDTH), "-H", str(_HEIGHT)]
    subprocess.run([*page, str(workbook.with_suffix(".pdf")), str(picture.with_suffix(""))], check=True)


def main(target: Path = PICTURES / "worklist.png") -> None:
    """Draw the picture anew."""
    with tempfile.TemporaryDirectory() as home:
        workbook = made(Path(home))
        fill_in(workbook)
        draw(workbook, target)
        database.close()
    print(f"Drew {target}.")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
