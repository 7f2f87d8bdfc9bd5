"""What programs do to a table means the same; what people do to a row comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from sync import sheet
from sync.columns import UPDATES, WORKLIST
from sync.faults import RowFault
from sync.mock.handwriting import DRESSES, OF_CLERKS, OF_SYSTEMS, Dress, as_typed
from sync.updates import Kind, Update, understand

NOW = datetime(2026, 11, 23, 6, 15, tzinfo=UTC)
NAIROBI = ZoneInfo("Africa/Nairobi")
FROM_SYSTEM = dict.fromkeys(UPDATES, "") | {
    "agency_update_id": "NCWSC-000001",
    "case_ref": "482915633",
    "new_status": "resolved",
    "outcome_code": "fixed",
    "public_note": "Tumebadilisha bomba lililopasuka; maji yamerudi.",
    "occurred_at": "2026-11-23T08:00:00+03:00",
}
FROM_CLERK = dict.fromkeys(WORKLIST, "") | {
    "case_ref": "482-915-633",
    "status": "3",
    "note": "Tumebadilisha bomba lililopasuka; maji yamerudi.",
    "update_key": "W20261123-482915633-2",
    "base_version": "2",
}
CODES: dict[str, str | dict[Kind, str]] = {
    "exponent": "E_REF_SCI",
    "digit": "E_REF_CHECK",
    "short": "E_NOTE_REQUIRED",
    "ahead": "E_TIME_FUTURE",
    "status": {Kind.UPDATES: "E_NEW_STATUS", Kind.WORKLIST: "E_STATUS"},
}


def seeded(number: int) -> Random:
    return Random(number)  # noqa: S311  a play, no secret


def understood(kind: Kind, row: dict[str, str]) -> Update | RowFault | None:
    return understand(kind, sheet.Row(2, row), now=NOW, zone=NAIROBI)


@pytest.mark.parametrize("dress", DRESSES, ids=lambda dress: dress.told)
def test_a_table_means_the_same_in_every_dress(dress: Dress, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(dress.on([UPDATES, [FROM_SYSTEM[name] for name in UPDATES]]))
    (row,) = sheet.read(path)
    assert {name: row.cells[name] for name in UPDATES} == FROM_SYSTEM


@pytest.mark.parametrize("name", OF_SYSTEMS)
def test_every_slip_of_a_system_comes_back(name: str) -> None:
    for seed in range(20):
        fault = understood(Kind.UPDATES, FROM_SYSTEM | OF_SYSTEMS[name].makes(FROM_SYSTEM, NOW, seeded(seed)))
        assert isinstance(fault, RowFault)
        assert fault.code == _code(name, Kind.UPDATES)


@pytest.mark.parametrize("name", OF_CLERKS)
def test_every_slip_of_a_clerk_comes_back(name: str) -> None:
    fault = understood(Kind.WORKLIST, FROM_CLERK | OF_CLERKS[name].makes(FROM_CLERK, NOW, seeded(1)))
    assert isinstance(fault, RowFault)
    assert fault.code == _code(name, Kind.WORKLIST)


@pytest.mark.parametrize("seed", range(4))
def test_a_number_is_read_however_it_is_copied(seed: int) -> None:
    update = understood(Kind.UPDATES, FROM_SYSTEM | {"case_ref": as_typed("482915633", seeded(seed))})
    assert isinstance(update, Update)
    assert update.ref == "482915633"


def _code(name: str, kind: Kind) -> str:
    code = CODES[name]
    return code if isinstance(code, str) else code[kind]
