"""The exchange with every office: by the clock, by hand, by stick.

By the clock an office has its turn once on every working day, at its hour (`sync.slots`), and a link that failed is
tried again when it has rested (`sync.links`). The rows of the slots say what there is to do: nothing here needs Redis.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from packs.model import Exchange, Pack
from store import database
from store.model import Select, to_micros
from sync import erasure, extent, files, links, manifest, outbound, slots, status
from sync.inbound import Taken
from sync.manifest import Manifest
from sync.models import ExchangeFile
from sync.slots import Busy, Slot
from sync.transports.notes import is_update_file
from sync.turn import Open, Progress, Ran, Turn, Workshop, copied, quiet
from sync.worklists import KIND as WORK

STICK_FOLDER: Final = "mlango"  # on a stick: in it a folder for each office

Clock = Callable[[], datetime]

log = structlog.get_logger("mlango")


class NoStick(Exception):
    """There is no stick, or nothing of ours on it; the message says so in a sentence."""


class Exchanges:
    """The exchange with every office. `workshop` has who makes, reads and talks; `open_transport` reaches an office.

    `alert` is called where an operator should look. `by_minute`: a slot in every minute in which there is something
    to do, so that a demonstration need not wait until tomorrow.
    """

    def __init__(
        self,
        pack: Callable[[], Pack],
        workshop: Workshop,
        open_transport: Open,
        *,
        alert: Callable[..., None] = log.error,
        by_minute: bool = False,
    ) -> None:
        self._pack, self.workshop, self._open_transport = pack, workshop, open_transport
        self._alert, self._by_minute = alert, by_minute

    # By the clock

    def look(self, clock: Clock) -> list[Ran]:
        """Do what is due; what came of each turn. Any number of processes may look at any time."""
        for exchange in self._offices():
            self._note_what_is_due(exchange, clock())
        ran = [self._run_slot(slot, clock()) for slot in slots.claimable()]
        ran += [self._try_again(exchange, clock()) for exchange in self._offices()]
        return [one for one in ran if one]

    def _note_what_is_due(self, exchange: Exchange, now: datetime) -> None:
        calendar = self._pack().exchange_days(exchange)
        if not self._by_minute:
            due = slots.day_due(calendar, exchange.local_time, now)
        else:
            due = slots.minute_due(calendar, now) if self._has_news(exchange) else None
        if due and slots.make_due(exchange.agency, due, now, missed=None if self._by_minute else calendar):
            slots.prune(exchange.agency, now - slots.KEEP)

    def _has_news(self, exchange: Exchange) -> bool:
        """Whether a turn would do anything: a demonstration would fill the disk with empty files otherwise."""
        newest = slots.newest_of(exchange.agency)
        if newest is None or exchange.transport != "folder" or exchange.address:
            return True
        arrived = any(map(is_update_file, os.listdir(files.in_(self.workshop.home, exchange.agency))))
        return arrived or _is_fed_since(exchange.agency, newest.due_at)

    def _run_slot(self, slot: Slot, now: datetime) -> Ran | None:
        """A turn for a slot, unless somebody else has the slot or is at work in the office's folders."""
        exchange = self._pack().exchanges.get(slot.agency, Exchange(slot.agency, files=()))
        try:
            with self._alone(slot.agency):
                taken = slots.claim(slot, now)
                if taken is None:
                    return None
                done = _kinds_since(slot.agency, taken.due_at) if taken.attempts > 1 else frozenset[str]()
                turn = Turn(self.workshop, exchange, now)
                with slots.kept(taken):
                    self._carry(turn, exchange, set(exchange.files) - done, is_patient=True)
                return self._settled(taken, turn)
        except Busy:
            return None

    def _try_again(self, exchange: Exchange, now: datetime) -> Ran | None:
        """Another try with a link that failed and has rested; nothing is made for it."""
        link = links.of(exchange.agency)
        if not link.failures or link.rests(now):
            return None
        turn = Turn(self.workshop, exchange, now)
        try:
            with self._alone(exchange.agency):
                self._carry(turn, exchange)
        except Busy:
            return None
        return turn.ran

    # By hand

    def run(self, agency: str, now: datetime, *, since: datetime | None = None, progress: Progress = quiet) -> Ran:
        """A whole turn with one office now, whatever became of its link before. Raises Busy.

        `since`: it also gets a repeat of what it was sent since then.
        """
        exchange = self._pack().exchange(agency)
        turn = Turn(self.workshop, exchange, now, progress)
        with self._by_hand(agency, now) as slot:
            self._carry(turn, exchange, exchange.files, since)
            return self._settled(slot, turn)

    def rehearse(self, agency: str, now: datetime, *, since: datetime | None = None, progress: Progress = quiet) -> Ran:
        """What a turn would do. Nothing is changed, here or there. Raises Busy."""
        exchange = self._pack().exchange(agency)
        turn = Turn(self.workshop, exchange, now, progress, dry_run=True)
        with self._alone(agency):
            self._carry(turn, exchange, exchange.files, since)
        return turn.ran

    def export(
        self, agency: str, to: Path, now: datetime, *, since: datetime | None = None, progress: Progress = quiet
    ) -> Ran:
        """Write what is new for an office, or a repeat of what it was sent since then, and copy it to a folder.

        Raises Busy. No transport is needed; where there is one, it delivers the files all the same.
        """
        exchange = self._pack().exchange(agency)
        turn = Turn(self.workshop, exchange, now, progress)
        with self._by_hand(agency, now) as slot:
            if since:
                turn.repeat(since)
            else:
                turn.make(exchange.files)
            turn.copy(to, is_all=agency not in self._pack().exchanges)
            return self._settled(slot, turn)

    def again(self, agency: str, number: int, to: Path) -> list[Path]:
        """Copy an event file of before, with its manifest, to a folder. Raises NotKept."""
        made = self.workshop.exporter.again(agency, number)
        return copied([made.path, made.manifest], to)

    def take(
        self, path: Path, agency: str | None, now: datetime, *, dry_run: bool = False, progress: Progress = quiet
    ) -> Taken:
        """Import a file that somebody brought; `agency` where its name does not say whose it is."""
        count = progress(path.name, extent.rows(path))
        return self.workshop.importer.take(path, agency, now, dry_run=dry_run, progress=count)

    def by_stick(self, stick: Path, agency: str, now: datetime, progress: Progress = quiet) -> Ran:
        """A whole turn with one office by a folder on a stick. When it returns, all is safely there.

        Raises Busy, NoStick.
        """
        base = _made(stick / STICK_FOLDER / agency)
        exchange = self._pack().exchange(agency)
        turn = Turn(self.workshop, replace(exchange, transport="folder", address=str(base)), now, progress)
        with self._by_hand(agency, now, "stick") as slot:
            turn.fetch(self._open_transport)
            turn.make(exchange.files)
            turn.put(self._open_transport, also=self._not_carried(exchange))
            turn.sync(base)
            return self._settled(slot, turn)

    def offices_on(self, stick: Path, named: Sequence[str] = ()) -> list[str]:
        """The offices that a stick is for: those that are named, else those with a folder on it. Raises NoStick."""
        if not stick.is_dir():
            raise NoStick(f"There is no folder {stick}. Is the stick plugged in?")
        found = [agency for agency in self._pack().agencies if (stick / STICK_FOLDER / agency).is_dir()]
        if not (named or found):
            raise NoStick(f"Nothing on {stick} is for an office yet. Name those it goes to with --agency.")
        return list(named or found)

    def _not_carried(self, exchange: Exchange) -> list[ExchangeFile]:
        """What was put into our own folder of an office since the last stick: nobody but a stick may have taken it."""
        if exchange.transport != "folder" or exchange.address:
            return []
        delivered = _delivered_since(exchange.agency, slots.last_by_hand(exchange.agency, "stick"))
        lists = [file for file in [*delivered, *files.undelivered(exchange.agency)] if file.kind == WORK]
        newest = {Path(file.name).stem for file in lists[-1:]}
        return [file for file in delivered if file.kind != WORK or Path(file.name).stem in newest]

    # How it stands

    def tend(self, now: datetime) -> None:
        """What time brings: alarms, rows of offices that waited for their case, files that have to go."""
        self.watch(now)
        self.workshop.importer.retry_held(now)
        self.workshop.importer.expire(now)
        self.clean(now)
        outbound.prune(self._pack(), self.workshop.home, now)

    def clean(self, now: datetime) -> Counter[str]:
        """Go through files for what they may tell of citizens who were erased; how many were removed, or made anew."""
        return erasure.clean(self.workshop.exporter, self._pack(), self.workshop.home, now)

    def check(self, path: Path) -> Manifest:
        """What the manifest beside a file of ours says. Raises BadManifest; OSError if one of them is not there."""
        return manifest.check(path, self.workshop.keys)

    def key_for(self, agency: str) -> str:
        """The key that an office checks our manifests with: its id, a colon, and hex."""
        keys = self.workshop.keys
        return f"{keys.current}:{keys.key_for(agency).hex()}"

    def watch(self, now: datetime) -> None:
        """Tell an operator, once, of an office that falls behind, and of one that caught up."""
        for lag in status.lags(self._pack(), now):
            if lag.alarms and not lag.link.alerted_at:
                self._alert("exchange_behind", agency=lag.agency, why=lag.alarms)
                links.alerted(lag.agency, now)
            elif not lag.alarms and lag.link.alerted_at:
                log.info("exchange_caught_up", agency=lag.agency)
                links.alerted(lag.agency, None)

    # The parts of a turn

    def _offices(self) -> list[Exchange]:
        return list(self._pack().exchanges.values())

    def _carry(
        self,
        turn: Turn,
        exchange: Exchange,
        kinds: Collection[str] = (),
        since: datetime | None = None,
        *,
        is_patient: bool = False,
    ) -> None:
        """Both directions; `is_patient`: a link that rests is left alone, and the files wait."""
        is_left_alone = is_patient and links.of(exchange.agency).rests(turn.now)
        if exchange.transport == "open311":
            if not is_left_alone:
                turn.talk()
                turn.note_link()
            return
        if not is_left_alone:
            turn.fetch(self._open_transport)
        turn.make(kinds)
        if since:
            turn.repeat(since)
        if not is_left_alone:
            turn.put(self._open_transport)
            turn.note_link()

    @contextmanager
    def _by_hand(self, agency: str, now: datetime, how: str = "hand") -> Iterator[Slot]:
        with self._alone(agency):
            yield slots.by_hand(agency, now, how)

    def _alone(self, agency: str) -> AbstractContextManager[None]:
        return slots.alone(files.folder(self.workshop.home, agency), agency)

    def _settled(self, slot: Slot, turn: Turn) -> Ran:
        """What failed on this box is tried again; what failed on the way is the link's affair."""
        ran = turn.ran
        if ran.faults:
            slots.put_back(slot, turn.now, ran.error or "")
        else:
            slots.finish(slot, turn.now, ran.error)
        return ran


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoStick(f"{folder} cannot be written: {error.strerror}.") from None
    return folder


def _is_fed_since(agency: str, since: datetime) -> bool:
    """Whether anything happened since then to a case of an office, who may be one that gets no event files."""
    newest = "SELECT recorded_at FROM feed WHERE agency = ? AND file_id IS NULL ORDER BY id DESC LIMIT 1"
    found = database.rows(database.main, newest, agency)
    return bool(found) and found[0][0] > to_micros(since)


def _kinds_since(agency: str, since: datetime) -> frozenset[str]:
    """What was made for an office since then: a slot that is taken up again does not make it twice."""
    made = "SELECT DISTINCT kind FROM exchange_file WHERE agency = ? AND direction = 'out' AND state <> 'making'"
    found = database.rows(database.main, f"{made} AND made_at >= ?", agency, to_micros(since))
    return frozenset(kind for (kind,) in found)


def _delivered_since(agency: str, since: datetime | None) -> list[ExchangeFile]:
    delivered = "WHERE agency = ? AND direction = 'out' AND state = 'delivered' AND removed_at IS NULL AND made_at > ?"
    return _files(f"{delivered} ORDER BY made_at, id", agency, to_micros(since) if since else 0)


_files: Final = Select(ExchangeFile)
