"""How many messages leave in a second, and does any get lost when everything goes wrong?

The first half sends receipts through the simulated network, beside a floor that only writes the same rows in
transactions of the same size, with the same durability. The second half sends receipts, news and bulk texts through a
network that misbehaves (`bench/network.py`) while workers are killed: there the counts matter. Its clock leaps over all
waiting, and at the end over the 72 hours in which a report may still come.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from random import Random
from statistics import median
from textwrap import fill
from typing import Any, Final, NamedTuple

import packs
from bench.network import Network
from bench.plan import Plan, Report
from cases.citizens import Caller
from menus.messages import Renderer
from sms_gateway import africastalking, heartbeat, outbox, reports
from sms_gateway.africastalking import AfricasTalking
from sms_gateway.channels import RATES, Channels
from sms_gateway.gateway import FINALS, State
from sms_gateway.message import Draft, Lane, post
from sms_gateway.outbox import CLAIM, LEASE_TICKS, Outbox
from sms_gateway.reports import REPORT_WINDOW
from store import database, migrate
from store.clock import utcnow
from store.model import new_id
from ussd_app import logs, wiring
from ussd_app.processes import end_with_the_parent
from ussd_app.refusal import Refusal
from ussd_app.settings import Settings

MESSAGES: Final = 5_000
KILLS: Final = 20
_LANES: Final = (Lane.RECEIPT, Lane.RECEIPT, Lane.RECEIPT, Lane.STATUS, Lane.BULK)  # of five messages
_LONGEST_S: Final = 3_600.0  # on a busy machine; a tenth of that on an idle one
_LOOK_EVERY_S: Final = 0.05
_LEAP_S: Final = 0.25  # the first; each one more with nothing to do is twice as long
_LONGEST_LEAP_S: Final = 600.0
_PROCESSES: Final = multiprocessing.get_context("forkserver")


def steps(plan: Plan) -> int:
    """For each round the floor and ourselves; then a hundred parts of the run with faults."""
    return 2 * plan.rounds + 100


def run(plan: Plan, folder: Path, further: Callable[[], None]) -> Report:
    """`plan.seconds` has no meaning here; a quick run has a tenth of the messages."""
    logs.set_up("critical")  # every refusal would be a line
    _PROCESSES.set_forkserver_preload([__name__])
    messages, kills = (MESSAGES // 10, KILLS // 10) if plan.quick else (MESSAGES, KILLS)
    seconds: dict[str, list[float]] = {"rows only": [], "Mlango": []}
    for number in range(plan.rounds):
        with _box(folder / f"well-{number}") as settings:
            seconds["rows only"].append(_floor(messages))
            further()
            seconds["Mlango"].append(_through_the_simulator(settings, messages))
            further()
    with _box(folder / "faults") as settings:
        faults = with_faults(settings, messages, kills, Random(7), further)  # noqa: S311 - the same faults each time
    record = {"messages": messages, "seconds": seconds, "faults": asdict(faults)}
    return Report(f"{_speed_table(messages, seconds)}\n\n{faults.table}", record)


@contextmanager
def _box(home: Path) -> Iterator[Settings]:
    """A box of its own, with the pack in force."""
    settings = Settings.load({"MLANGO_HOME": str(home)})
    wiring.bind(settings)
    migrate.run()
    wiring.publish_pack(settings)
    yield settings
    database.close()


# A network that is well: how fast


def _post(settings: Settings, count: int, lanes: Sequence[Lane], now: datetime) -> dict[str, str]:
    """Put `count` messages into the outbox, to a number each; the ids by MSISDN."""
    citizens, ids = wiring.build(settings).citizens, dict[str, str]()
    for start in range(0, count, 500):
        with database.transaction():
            callers = [citizens.meet(_msisdn(number), now) for number in range(start, min(start + 500, count))]
            drafts = [_draft(caller, start + number, lanes) for number, caller in enumerate(callers)]
            ids |= zip((caller.msisdn for caller in callers), post(drafts, now), strict=True)
    return ids


def _draft(caller: Caller, number: int, lanes: Sequence[Lane]) -> Draft:
    """A text of its own for each; bulk has the same for all."""
    lane = lanes[number % len(lanes)]
    ref = 0 if lane is Lane.BULK else number
    return Draft(caller, "received_neutral", {"ref": f"{ref:09}"}, lane=lane)


def _msisdn(number: int) -> str:
    return f"+254700{number:06}"


def _through_the_simulator(settings: Settings, count: int) -> float:
    ids = _post(settings, count, (Lane.RECEIPT,), utcnow())
    house, began = wiring.build(settings), time.perf_counter()
    while outbox.anything_due(utcnow()):
        if not house.outbox.drain(utcnow):
            raise Refusal("The outbox sends nothing although something is due.")
    seconds = time.perf_counter() - began
    if _states(ids) != {State.DELIVERED: count}:
        raise Refusal(f"Not all of {count:,} messages were delivered: {dict(_states(ids))}.")
    return seconds


def _floor(count: int) -> float:
    """For each message three updates of its row and the rows that stand for its steps, its arrival and its report; in
    the four transactions that a batch takes. Nothing is chosen, opened, rendered or sealed."""
    database.run(database.main, "CREATE TABLE floor_message (id TEXT PRIMARY KEY, state TEXT, body BLOB, sent BLOB)")
    database.run(database.main, "CREATE TABLE floor_row (id TEXT PRIMARY KEY, of TEXT, body BLOB)")
    ids = [new_id() for _ in range(count)]
    with database.transaction():
        for message_id in ids:
            database.run(database.main, "INSERT INTO floor_message VALUES (?, 'queued', ?, NULL)", message_id, _BODY)
    size, began = CLAIM[Lane.RECEIPT], time.perf_counter()
    for start in range(0, count, size):
        batch = ids[start : start + size]
        for state in ("claimed", "sending", "submitted", "delivered"):
            with database.transaction():
                for message_id in batch:
                    _touch(message_id, state)
    return time.perf_counter() - began


_BODY: Final = b"x" * 150


def _touch(message_id: str, state: str) -> None:
    database.run(database.main, "UPDATE floor_message SET state = ?, sent = ? WHERE id = ?", state, _BODY, message_id)
    if state != "claimed":
        database.run(database.main, "INSERT INTO floor_row VALUES (?, ?, ?)", new_id(), message_id, _BODY)


class End(NamedTuple):
    """What became of a message; `resent`: it was marked as perhaps sent twice."""

    state: State
    lane: Lane
    resent: bool


def _ends(ids: dict[str, str]) -> dict[str, End]:
    """What became of each message, by MSISDN."""
    found = database.rows(database.main, "SELECT id, state, lane, resent FROM message")
    rows = {key: End(State(state), Lane(lane), bool(resent)) for key, state, lane, resent in found}
    return {msisdn: rows[message_id] for msisdn, message_id in ids.items()}


def _states(ids: dict[str, str]) -> Counter[str]:
    return Counter(str(end.state) for end in _ends(ids).values())


def _speed_table(messages: int, seconds: dict[str, list[float]]) -> str:
    medians = {name: median(taken) for name, taken in seconds.items()}
    lines = [f"{'':<12}{'seconds':>9}{'messages/s':>12}{'× rows only':>13}"]
    for name, taken in medians.items():
        lines.append(f"{name:<12}{taken:>9.1f}{messages / taken:>12.0f}{medians['rows only'] / taken:>13.2f}")
    return "\n".join(lines)


# A network that is not: what becomes of each message


@dataclass(frozen=True, slots=True)
class Faults:
    """What became of `messages`. `rows` has for each state: how many, of these arrived once, arrived more often."""

    messages: int
    kills: int
    requests: int
    faults: dict[str, int]
    before: dict[str, int]  # by state, when the last one had left; `rows` is after 72 more hours
    rows: dict[str, tuple[int, int, int]]
    lost: int  # held for sent, and never arrived; or forgotten
    twice: int
    unmarked: int  # of these: not marked as perhaps sent twice
    doubtful: int  # receipts that ended in UNKNOWN, and never arrived
    minutes: float  # by the leaping clock, until the last one had left

    @property
    def table(self) -> str:
        """For a terminal."""
        lines = [f"{'state':<16}{'at once':>9}{'in the end':>12}{'arrived once':>14}{'more often':>12}{'never':>7}"]
        for state in sorted({*self.before, *self.rows}):
            count, once, more = self.rows.get(state, (0, 0, 0))
            arrived = f"{once:>14,}{more:>12,}{count - once - more:>7,}"
            lines.append(f"{state:<16}{self.before.get(state, 0):>9,}{count:>12,}{arrived}")
        told = ", ".join(f"{count:,} × {fault}" for fault, count in sorted(self.faults.items()))
        summary = (
            f"{self.messages:,} messages in {self.requests:,} requests and {self.minutes:,.0f} minutes, waiting "
            f"included. Workers killed: {self.kills}. Lost: {self.lost}. Arrived more than once: {self.twice}, "
            f"of these unmarked: {self.unmarked}. Receipts that are in doubt and never arrived: {self.doubtful}."
        )
        return "\n".join([*lines, fill(summary, 100), fill(f"The network: {told}.", 100)])


@dataclass(slots=True)
class LeapingClock:
    """A clock for all processes that goes as usual, and leaps where somebody would only wait."""

    start: datetime
    began: float
    skipped: Synchronized[float]  # seconds

    def __call__(self) -> datetime:
        return self.start + timedelta(seconds=time.monotonic() - self.began + self.skipped.value)

    def leap(self, seconds: float) -> None:
        with self.skipped:
            self.skipped.value += seconds


def with_faults(settings: Settings, messages: int, kills: int, chance: Random, further: Callable[[], None]) -> Faults:
    """Send `messages` through a network that misbehaves, by one worker at a time, which is killed `kills` times."""
    clock = LeapingClock(utcnow(), time.monotonic(), _PROCESSES.Value("d", 0.0))
    ids = _post(settings, messages, _LANES, clock())
    thresholds = sorted(chance.sample(range(1, messages * 4 // 5), kills))
    with Network(chance) as network:
        with _worker(settings, network.url, clock) as worker:
            _until_all_has_left(network, worker, thresholds, clock, _progress(messages, further))
        before, minutes = _states(ids), (clock() - clock.start).total_seconds() / 60
        clock.leap((REPORT_WINDOW + timedelta(hours=1)).total_seconds())
        while outbox.sweep(clock()):
            pass
        return _counted(network, _ends(ids), before, kills, minutes)


class Worker:
    """A process that sends, and can be killed and replaced."""

    def __init__(self, *about: Any) -> None:
        self._about = about
        self.start()

    def start(self) -> None:
        self._process = _PROCESSES.Process(target=_work, args=self._about, daemon=True)
        self._process.start()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    @property
    def lives(self) -> bool:
        return self._process.is_alive()


@contextmanager
def _worker(*about: Any) -> Iterator[Worker]:
    worker = Worker(*about)
    try:
        yield worker
    finally:
        worker.kill()


def _work(settings: Settings, url: str, clock: LeapingClock) -> None:
    """A worker's whole life."""
    end_with_the_parent()
    logs.set_up("critical")
    wiring.bind(settings)
    gateway = AfricasTalking("bench", "key", settings.short_code, url, timeout=(1.0, 0.3))
    sender = Outbox(
        wiring.build(settings).citizens,
        Channels([gateway], rates=RATES),
        Renderer(packs.current, settings.service_name, settings.service_code),
        lambda *_, **__: None,
        sleep=clock.leap,
    )
    leap = _LEAP_S
    while True:
        if sender.ready(clock()):
            sender.drain(clock)
            leap = _LEAP_S
        else:
            clock.leap(leap)
            leap = min(2 * leap, _LONGEST_LEAP_S)
            time.sleep(0.001)


def _until_all_has_left(
    network: Network,
    worker: Worker,
    thresholds: list[int],
    clock: LeapingClock,
    progress: Callable[[int], None],
) -> None:
    """Do what the relay does, and kill the worker each time when so many messages have arrived."""
    deadline = time.monotonic() + _LONGEST_S
    while waiting := _waiting():
        if time.monotonic() > deadline or not worker.lives:
            raise Refusal(f"{waiting:,} messages had not left when the worker ended or the time was over.")
        _take_reports(network, clock)
        if thresholds and network.handsets.total() >= thresholds[0]:
            thresholds.pop(0)
            worker.kill()
            for _ in range(LEASE_TICKS + 1):
                heartbeat.beat(clock())
            outbox.sweep(clock())
            worker.start()
        progress(waiting)
        time.sleep(_LOOK_EVERY_S)
    _take_reports(network, clock)


def _take_reports(network: Network, clock: LeapingClock) -> None:
    for form in network.reports():
        reports.report(africastalking.parse_report(form), clock())


def _waiting() -> int:
    """Messages that have not left yet, or are just leaving."""
    (row,) = database.rows(
        database.main,
        f"SELECT COUNT(*) FROM message WHERE state IN ('{State.QUEUED}', '{State.CLAIMED}') OR lease IS NOT NULL",
    )
    return int(row[0])


def _progress(messages: int, further: Callable[[], None]) -> Callable[[int], None]:
    """Says `further` a hundred times while the waiting become none."""
    said = 0

    def progress(waiting: int) -> None:
        nonlocal said
        while said < 100 * (messages - waiting) // messages:
            said += 1
            further()

    return progress


def _counted(network: Network, ends: dict[str, End], before: Counter[str], kills: int, minutes: float) -> Faults:
    rows: dict[str, tuple[int, int, int]] = {}
    arrived = {msisdn: network.handsets[msisdn] for msisdn in ends}
    for msisdn, end in ends.items():
        count, once, more = rows.get(end.state, (0, 0, 0))
        rows[str(end.state)] = (count + 1, once + (arrived[msisdn] == 1), more + (arrived[msisdn] > 1))
    missing = [end for msisdn, end in ends.items() if not arrived[msisdn]]
    twice = [end for msisdn, end in ends.items() if arrived[msisdn] > 1]
    requests = {fault: count for fault, count in network.faults.items() if not fault.startswith("recipient")}
    return Faults(
        messages=len(ends),
        kills=kills,
        requests=sum(requests.values()),
        faults=dict(network.faults),
        before=dict(before),
        rows=rows,
        lost=sum(end.state not in FINALS for end in ends.values())
        + [end.state for end in missing].count(State.DELIVERED),
        twice=len(twice),
        unmarked=sum(not end.resent for end in twice),
        doubtful=sum(end.lane is Lane.RECEIPT and end.state is State.UNKNOWN for end in missing),
        minutes=minutes,
    )
