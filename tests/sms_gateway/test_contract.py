"""Every gateway × every promise: `./mlango test tests/sms_gateway/test_contract.py -vv` prints the table.

What a network cannot do is no gap in the table: its cell says why, and fails as soon as the rig can do it after all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from store import database
from tests.sms_gateway.contract import PROMISES, Promise
from tests.sms_gateway.rig_africastalking import AFRICASTALKING
from tests.sms_gateway.rig_gammu import GAMMU
from tests.sms_gateway.rig_kannel import KANNEL
from tests.sms_gateway.rig_null import NULL
from tests.sms_gateway.rig_simulator import SIMULATOR
from tests.sms_gateway.rigs import Behaviour, Line, Rig, Workshop

LINES: Final[tuple[Line, ...]] = (AFRICASTALKING, KANNEL, GAMMU, SIMULATOR, NULL)


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Iterator[Rig]:
    line: Line = request.param
    with line.open(Workshop(tmp_path, sqlite_template)) as opened:
        yield opened
    database.close()


def _cells() -> Iterator[Any]:
    for line in LINES:
        for promise in PROMISES:
            why_not = _why_not(line, promise)
            name = f"{line.name}-{promise.name}" + (f" (n/a: {why_not})" if why_not else "")
            keep = _is_not_applicable(promise) if why_not else promise.keep
            yield pytest.param(line, keep, id=name, marks=line.marks)


def _why_not(line: Line, promise: Promise) -> str:
    reasons = [line.lacks[behaviour] for behaviour in Behaviour if behaviour in promise.needs & set(line.lacks)]
    if not reasons and promise.state and promise.state not in line.states:
        reasons = [f"it has no word for {promise.state}"]
    return reasons[0] if reasons else ""


def _is_not_applicable(promise: Promise) -> Callable[[Rig], None]:
    def is_not_applicable(rig: Rig) -> None:
        with pytest.raises(NotImplementedError):
            promise.keep(rig)

    return is_not_applicable


@pytest.mark.parametrize(("rig", "keep"), list(_cells()), indirect=["rig"])
def test_contract(rig: Rig, keep: Callable[[Rig], None]) -> None:
    keep(rig)
