"""The run with faults counts what it should, and finds what it must not find."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bench import sms
from bench.network import Network
from bench.sms import End, Faults
from sms_gateway.gateway import State
from sms_gateway.message import Lane

KEPT = {State.DELIVERED, State.UNDELIVERABLE, State.REJECTED, State.EXPIRED, State.UNKNOWN}
DELIVERED = End(State.DELIVERED, Lane.RECEIPT, resent=False)


@pytest.fixture
def settled() -> Faults:
    return Faults(
        messages=3,
        kills=1,
        requests=4,
        faults={"HTTP 500": 1, "answered": 3},
        before={"delivered": 2, "sending": 1},
        rows={"delivered": (2, 1, 1), "unknown": (1, 0, 0)},
        lost=0,
        twice=1,
        unmarked=0,
        doubtful=1,
        minutes=6.4,
    )


def test_every_message_ends_in_a_final_state_though_networks_fail_and_workers_are_killed(
    sqlite_template: Path, tmp_path: Path
) -> None:
    steps: list[int] = []
    with sms._box(shutil.copytree(sqlite_template, tmp_path / "home")) as settings:
        faults = sms.with_faults(settings, 60, 1, Random(3), lambda: steps.append(1))  # noqa: S311
    assert sum(count for count, _, _ in faults.rows.values()) == 60
    assert set(faults.rows) <= KEPT
    assert (faults.lost, faults.unmarked) == (0, 0)
    assert faults.rows[State.DELIVERED][0] > 30
    assert len(steps) <= 100


def test_the_table_has_a_line_for_each_state_and_says_what_matters(settled: Faults) -> None:
    header, delivered, sending, unknown, *told = settled.table.splitlines()
    assert header.split() == ["state", "at", "once", "in", "the", "end", "arrived", "once", "more", "often", "never"]
    assert delivered.split() == ["delivered", "2", "2", "1", "1", "0"]
    assert sending.split() == ["sending", "1", "0", "0", "0", "0"]
    assert unknown.split() == ["unknown", "0", "1", "0", "0", "1"]
    assert told == [
        "3 messages in 4 requests and 6 minutes, waiting included. Workers killed: 1. Lost: 0. Arrived more",
        "than once: 1, of these unmarked: 0. Receipts that are in doubt and never arrived: 1.",
        "The network: 1 × HTTP 500, 3 × answered.",
    ]


def test_what_is_held_for_delivered_but_never_arrived_is_lost() -> None:
    ends = {"+254700000001": DELIVERED, "+254700000002": DELIVERED}
    with _with_arrivals("+254700000001") as net:
        assert sms._counted(net, ends, Counter(), 0, 0.0).lost == 1


def test_what_was_forgotten_in_the_queue_is_lost_though_it_arrived() -> None:
    with _with_arrivals("+254700000001") as net:
        assert sms._counted(net, {"+254700000001": DELIVERED._replace(state=State.QUEUED)}, Counter(), 0, 0.0).lost == 1


def test_what_arrived_twice_without_a_mark_is_told() -> None:
    ends = {"+254700000001": DELIVERED, "+254700000002": DELIVERED._replace(resent=True)}
    with _with_arrivals(*ends, *ends) as net:
        counted = sms._counted(net, ends, Counter(), 0, 0.0)
    assert (counted.twice, counted.unmarked) == (2, 1)


@pytest.mark.parametrize(("lane", "doubtful"), [(Lane.RECEIPT, 1), (Lane.BULK, 0)])
def test_a_receipt_that_nobody_knows_of_is_told(lane: Lane, doubtful: int) -> None:
    ends = {"+254700000001": End(State.UNKNOWN, lane, resent=True), "+254700000002": DELIVERED}
    with _with_arrivals("+254700000002") as net:
        counted = sms._counted(net, ends, Counter(), 0, 0.0)
    assert (counted.doubtful, counted.lost) == (doubtful, 0)


def _with_arrivals(*msisdns: str) -> Network:
    net = Network(Random(1))  # noqa: S311
    net.handsets.update(msisdns)
    return net
