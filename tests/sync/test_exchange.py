"""Whole turns with an office: by the clock, by hand, by stick; what fails on the way keeps nothing else from going."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from packs.model import Exchange
from sync import links, slots
from sync.exchange import Exchanges, NoStick
from sync.inbound import Taken
from sync.links import Link
from sync.models import ExchangeFile, ExchangeSlot
from sync.slots import Busy
from sync.transport import LinkFault, Transport
from sync.transports import Access, open_transport
from sync.turn import Ran, Talked, Workshop
from sync.worklists import Worklists
from tests.sync.stage import POWER, WATER, Stage

DAY = timedelta(days=1)
# Where it is not about SQL, one database is enough
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@dataclass
class Reader:
    """An importer that notes what it is given."""

    read: list[str] = field(default_factory=list)
    breaks: bool = False

    def take(self, path: Path, agency: str | None, now: datetime, *, dry_run: bool, progress: object) -> Taken:
        if self.breaks:
            raise OSError("The disk is full.")
        self.read.append(path.name)
        rows = len(path.read_text().splitlines()) - 1
        return Taken(agency or "?", path.name, rows, rows, 0, 0, 0, 0, 0, 0, None, ())


@dataclass
class Line:
    """A transport whose line may be dead: then nothing goes there, and nothing comes."""

    dead: LinkFault | None = None
    there: list[str] = field(default_factory=list)
    coming: dict[str, str] = field(default_factory=dict)
    put_away: list[str] = field(default_factory=list)
    read_only: bool = False
    closed: int = 0

    def put(self, files: Sequence[Path]) -> None:
        self._try()
        self.there += [path.name for path in files]

    def fetch(self, into: Path, known: Callable[[str, str], bool]) -> Iterator[Path]:
        self._try()
        for name, text in sorted(self.coming.items()):
            if not known(name, str(len(text))):
                (into / name).write_text(text)
                yield into / name

    def took(self, name: str) -> None:
        if self.read_only:
            raise LinkFault("The folder may only be read.", permanent=True)
        self.coming.pop(name)
        self.put_away.append(name)

    def close(self) -> None:
        self.closed += 1

    def _try(self) -> None:
        if self.dead:
            raise self.dead


@dataclass
class Talker:
    """Speaks with an office that takes no files."""

    fault: LinkFault | None = None

    def run(self, exchange: Exchange, now: datetime) -> Talked:
        if self.fault:
            raise self.fault
        return Talked(told=3)


@dataclass
class Post:
    """A house that exchanges files with the water company, as its transport is told."""

    stage: Stage
    line: Line = field(default_factory=Line)
    reader: Reader = field(default_factory=Reader)
    talker: Talker = field(default_factory=Talker)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    by_minute: bool = False
    transport: Callable[[Exchange], Transport] | None = None

    @property
    def exchanges(self) -> Exchanges:
        stage = self.stage
        worklists = Worklists(stage.citizens, stage.pack, stage.home)
        workshop = Workshop(
            stage.exporter,
            worklists,
            self.reader,  # type: ignore[arg-type]
            self.talker,
            stage.keys,
            stage.home,
        )
        return Exchanges(
            stage.pack,
            workshop,
            self.transport or (lambda _: self.line),
            alert=lambda event, **facts: self.alerts.append({"event": event, **facts}),
            by_minute=self.by_minute,
        )

    def look(self, now: datetime) -> list[Ran]:
        return self.exchanges.look(lambda: now)

    def run(self, now: datetime) -> Ran:
        return self.exchanges.run(WATER, now)


@pytest.fixture
def post(bound: str, tmp_path: Path, keyring: Any, now: datetime) -> Post:
    return Post(Stage(tmp_path, keyring, now))


def names(post: Post, ending: str = "") -> list[str]:
    """What the office has got."""
    return [name for name in post.line.there if name.endswith(ending)]


class TestByTheClock:
    def test_on_a_working_day_the_office_gets_its_files_once(self, post: Post, now: datetime) -> None:
        post.stage.lodge("Hakuna maji tangu jana")
        (ran,) = post.look(now)
        assert post.look(now) == []
        assert post.look(now + DAY / 3) == []
        assert (ran.rows, ran.undelivered, ran.error) == (1, 0, None)
        assert names(post) == [
            "out_NCWSC_20261123_0001.csv",
            "out_NCWSC_20261123_0001.manifest.json",
            "work_NCWSC_20261123.csv",
            "work_NCWSC_20261123.xlsx",
        ]

    @on_sqlite
    def test_a_day_without_news_has_a_file_all_the_same(self, post: Post, now: datetime) -> None:
        assert [ran.rows for ran in post.look(now)] == [0]
        assert [ran.rows for ran in post.look(now + DAY)] == [0]
        assert len(names(post, ".manifest.json")) == 2

    @on_sqlite
    def test_after_a_week_without_power_one_run_brings_everything(self, post: Post, now: datetime) -> None:
        post.look(now)
        post.stage.lodge()
        (ran,) = post.look(now + 7 * DAY)
        assert ran.rows == 1
        states = {row.slot: row.state for row in ExchangeSlot.select()}
        assert states == {
            "2026-11-23": "done",
            **dict.fromkeys(("2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27"), "covered"),
            "2026-11-30": "done",
        }

    def test_two_relays_do_not_both_run_it(self, post: Post, now: datetime) -> None:
        first, second = post.exchanges, post.exchanges
        assert [len(one.look(lambda: now)) for one in (first, second)] == [1, 0]

    @on_sqlite
    def test_while_somebody_runs_it_by_hand_the_clock_waits(self, post: Post, now: datetime) -> None:
        with slots.alone(post.stage.home / "exchange" / WATER, WATER):
            assert post.look(now) == []
        assert len(post.look(now)) == 1

    def test_a_run_that_was_killed_is_taken_up_again_and_makes_nothing_twice(
        self, post: Post, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post.stage.lodge()
        with monkeypatch.context() as deadly:
            deadly.setattr(Line, "put", _die)
            with pytest.raises(SystemExit):
                post.look(now)
        assert names(post) == []
        assert post.look(now) == []  # its lease is not over
        ExchangeSlot.update(lease=0).execute()
        (ran,) = post.look(now)
        assert ran.made == ()
        assert names(post, ".csv") == ["out_NCWSC_20261123_0001.csv", "work_NCWSC_20261123.csv"]

    def test_in_a_demonstration_there_is_a_slot_in_every_minute_that_has_news(self, post: Post, now: datetime) -> None:
        post.by_minute = True
        assert len(post.look(now)) == 1  # the first
        assert post.look(now + timedelta(minutes=1)) == []
        post.stage.now = now + timedelta(minutes=1)
        post.stage.lodge()
        assert [ran.rows for ran in post.look(now + timedelta(minutes=2))] == [1]
        (post.stage.home / "exchange" / WATER / "in" / "in_NCWSC_20261123_1.csv").write_text("a\nb\n")
        assert len(post.look(now + timedelta(minutes=3))) == 1

    @on_sqlite
    def test_in_a_demonstration_a_clerk_gets_a_new_sheet_when_a_case_has_changed(
        self, post: Post, now: datetime
    ) -> None:
        post.by_minute = True
        post.stage.exchanges[WATER] = replace(post.stage.exchanges[WATER], files=("work",))
        post.look(now)
        post.stage.now = now + timedelta(minutes=1)
        post.stage.lodge()
        looks = [post.look(now + timedelta(minutes=minutes)) for minutes in (2, 3, 4)]
        assert [len(ran) for ran in looks] == [1, 0, 0]

    @on_sqlite
    def test_an_office_that_left_the_pack_is_not_waited_for(self, post: Post, now: datetime) -> None:
        post.look(now - DAY)
        slots.make_due(POWER, "2026-11-23", now)
        (ran,) = [ran for ran in post.look(now) if ran.agency == POWER]
        assert ran.made == ()


@on_sqlite
class TestWhatFails:
    def test_a_dead_line_keeps_no_file_from_being_made_and_everything_goes_in_order_when_it_is_back(
        self, post: Post, now: datetime
    ) -> None:
        post.line.dead = LinkFault("The line is dead.")
        for days in range(3):
            post.stage.lodge()
            (ran,) = [ran for ran in post.look(now + DAY * days) if ran.made]
            assert str(ran.link) == "The line is dead."
        assert ran.undelivered == 5  # three event files, but only the newest worklist
        post.line.dead = None
        (ran,) = post.look(now + 2 * DAY + timedelta(hours=7))
        assert ran.undelivered == 0
        assert names(post, ".manifest.json") == [
            f"out_NCWSC_202611{day}_000{number}.manifest.json" for number, day in enumerate((23, 24, 25), 1)
        ]

    def test_a_dead_line_is_left_alone_while_it_rests(self, post: Post, now: datetime) -> None:
        post.line.dead = LinkFault("The line is dead.")
        post.look(now)
        tried = post.line.closed
        for seconds in (5, 10, 15):
            assert post.look(now + timedelta(seconds=seconds)) == []
        assert post.line.closed == tried
        assert len(post.look(now + timedelta(minutes=2))) == 1
        assert links.of(WATER).failures == 2

    def test_who_mended_the_line_need_not_wait(self, post: Post, now: datetime) -> None:
        post.line.dead = LinkFault("Another host key.", permanent=True)
        post.look(now)
        post.line.dead = None
        assert post.run(now + timedelta(minutes=1)).undelivered == 0
        assert links.of(WATER).failing_since is None

    def test_a_file_that_breaks_the_reader_stays_there_and_is_read_the_next_time(
        self, post: Post, now: datetime
    ) -> None:
        post.line.coming = {"in_NCWSC_20261123_1.csv": "a\nb\n"}
        post.reader.breaks = True
        with structlog.testing.capture_logs():
            (ran,) = post.look(now)
        assert ran.faults == ("in_NCWSC_20261123_1.csv: The disk is full.",)
        assert names(post, "0001.csv")  # the rest was done
        assert ExchangeSlot.get().state == "due"
        post.reader.breaks = False
        ExchangeSlot.update(lease=0).execute()
        (ran,) = post.look(now)
        assert [taken.rows for taken in ran.taken] == [1]
        assert post.line.put_away == ["in_NCWSC_20261123_1.csv"]

    def test_what_cannot_be_put_away_is_not_read_every_day(self, post: Post, now: datetime) -> None:
        post.line.coming = {f"in_NCWSC_20261123_{number}.csv": "a\nb\n" for number in (1, 2)}
        post.line.read_only = True
        first, second = post.run(now), post.run(now + DAY)
        assert [len(ran.taken) for ran in (first, second)] == [2, 0]
        assert "may only be read" in str(first.link)

    def test_a_file_that_is_gone_from_the_disk_keeps_no_other_from_going(self, post: Post, now: datetime) -> None:
        post.line.dead = LinkFault("The line is dead.")
        (ran,) = post.look(now)
        ran.made[0].unlink()
        post.line.dead = None
        with structlog.testing.capture_logs() as logged:
            assert post.run(now + DAY).undelivered == 1
        assert [line["file"] for line in logged if line["log_level"] == "error"] == ["out_NCWSC_20261123_0001.csv"]
        assert names(post, "0002.csv")

    def test_the_line_is_closed_whatever_happens(self, post: Post, now: datetime) -> None:
        post.run(now)
        assert post.line.closed == 2
        post.line.dead = LinkFault("The line is dead.")
        post.run(now + DAY)
        assert post.line.closed == 4


@on_sqlite
class TestAlarms:
    def test_an_operator_hears_once_of_an_office_that_falls_behind(self, post: Post, now: datetime) -> None:
        post.line.dead = LinkFault("The line is dead.")
        for hours in range(0, 72, 6):
            post.look(now + timedelta(hours=hours))
            post.exchanges.watch(now + timedelta(hours=hours))
        (alert,) = post.alerts
        assert alert["event"] == "exchange_behind"
        assert alert["agency"] == WATER
        assert "1 working day behind" in alert["why"][0]

    def test_and_again_when_it_falls_behind_once_more(self, post: Post, now: datetime) -> None:
        for week in (now, now + 7 * DAY):
            post.line.dead = LinkFault("The line is dead.")
            post.look(week)
            post.exchanges.watch(week + DAY)
            post.line.dead = None
            post.look(week + DAY)
            post.exchanges.watch(week + DAY)
        assert len(post.alerts) == 2


@on_sqlite
class TestByHand:
    def test_a_run_by_hand_is_not_that_of_the_day(self, post: Post, now: datetime) -> None:
        post.run(now)
        assert len(post.look(now)) == 1

    def test_two_by_hand_do_not_meet(self, post: Post, now: datetime) -> None:
        with slots.alone(post.stage.home / "exchange" / WATER, WATER), pytest.raises(Busy):
            post.run(now)

    def test_what_was_sent_can_be_sent_once_more(self, post: Post, now: datetime) -> None:
        post.stage.lodge()
        post.run(now)
        ran = post.exchanges.run(WATER, now + DAY, since=now - DAY)
        assert ran.rows == 1
        assert names(post, ".csv")[-1].startswith("repeat_NCWSC_")

    def test_a_rehearsal_says_what_would_be_done_and_does_nothing(self, post: Post, now: datetime) -> None:
        post.stage.lodge()
        post.line.coming = {"in_NCWSC_20261123_1.csv": "a\nb\n"}
        ran = post.exchanges.rehearse(WATER, now)
        assert (ran.rows, len(ran.taken), ran.made, ran.delivered) == (1, 1, (), ())
        assert post.line.coming
        assert names(post) == []
        assert not ExchangeFile.select().count()
        assert links.of(WATER) == Link(WATER)
        assert post.run(now).rows == 1

    def test_an_export_needs_no_transport(self, post: Post, now: datetime, tmp_path: Path) -> None:
        post.stage.lodge()
        post.line.dead = LinkFault("The line is dead.")
        to = tmp_path / "desk"
        to.mkdir()
        ran = post.exchanges.export(WATER, to, now)
        assert ran.error is None
        assert sorted(path.name for path in to.iterdir()) == sorted(path.name for path in ran.made)
        assert ran.undelivered == 3  # its transport brings them, too

    def test_what_is_exported_for_an_office_without_a_transport_has_arrived(
        self, post: Post, now: datetime, tmp_path: Path
    ) -> None:
        assert post.exchanges.export(POWER, tmp_path, now).undelivered == 0

    def test_a_file_that_somebody_brought_is_read(self, post: Post, now: datetime, tmp_path: Path) -> None:
        (tmp_path / "work.csv").write_text("a\nb\n")
        assert post.exchanges.take(tmp_path / "work.csv", WATER, now).rows == 1


@on_sqlite
class TestByStick:
    @pytest.fixture
    def stick(self, tmp_path: Path, post: Post) -> Path:
        post.transport = lambda exchange: open_transport(exchange, Access(post.stage.home))
        (tmp_path / "stick").mkdir()
        return tmp_path / "stick"

    @staticmethod
    def on(stick: Path) -> list[str]:
        return sorted(path.name for path in (stick / "mlango" / WATER / "out").iterdir())

    def test_a_stick_takes_everything_once_and_what_is_new_the_next_time(
        self, post: Post, stick: Path, now: datetime
    ) -> None:
        post.look(now)
        post.exchanges.by_stick(stick, WATER, now + DAY / 24)
        assert "out_NCWSC_20261123_0001.csv" in self.on(stick)
        for path in (stick / "mlango" / WATER / "out").iterdir():
            path.unlink()  # the office has taken them
        post.look(now + DAY)
        post.exchanges.by_stick(stick, WATER, now + DAY + DAY / 24)
        assert [name for name in self.on(stick) if name.startswith("out_") and name.endswith(".csv")] == [
            "out_NCWSC_20261124_0003.csv",
            "out_NCWSC_20261124_0004.csv",
        ]

    def test_what_the_office_put_on_it_is_read_and_put_away(
        self, post: Post, stick: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("time.sleep", lambda _: None)
        (stick / "mlango" / WATER / "in").mkdir(parents=True)
        (stick / "mlango" / WATER / "in" / "in_NCWSC_20261123_1.csv").write_text("a\nb\n")
        ran = post.exchanges.by_stick(stick, WATER, now)
        assert [taken.rows for taken in ran.taken] == [1]
        assert (stick / "mlango" / WATER / "in" / "done" / "in_NCWSC_20261123_1.csv").exists()

    def test_of_worklists_only_the_newest_goes_on_a_stick(self, post: Post, now: datetime, stick: Path) -> None:
        for days in range(3):
            post.stage.lodge()
            post.look(now + DAY * days)
        post.exchanges.by_stick(stick, WATER, now + DAY * 2)
        assert [name for name in self.on(stick) if name.startswith("work_")] == [
            "work_NCWSC_20261125.csv",
            "work_NCWSC_20261125.xlsx",
        ]

    def test_a_stick_is_for_the_offices_that_are_on_it(self, post: Post, stick: Path) -> None:
        (stick / "mlango" / POWER).mkdir(parents=True)
        (stick / "mlango" / "PHOTOS").mkdir()
        assert post.exchanges.offices_on(stick) == [POWER]
        assert post.exchanges.offices_on(stick, [WATER]) == [WATER]

    def test_an_empty_stick_and_none_at_all_are_told_apart(self, post: Post, stick: Path) -> None:
        with pytest.raises(NoStick, match="--agency"):
            post.exchanges.offices_on(stick)
        with pytest.raises(NoStick, match="plugged in"):
            post.exchanges.offices_on(stick / "gone")

    def test_a_stick_that_is_pulled_out_loses_nothing(
        self, post: Post, stick: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post.transport = lambda _: post.line
        post.line.dead = LinkFault("The folder cannot be used (was the stick taken out?).")
        ran = post.exchanges.by_stick(stick, WATER, now)
        assert "taken out" in str(ran.error)
        assert ran.undelivered == 3
        assert links.of(WATER).failures == 0  # it says nothing of the office's own line


@on_sqlite
class TestWithoutFiles:
    def test_an_office_that_takes_no_files_is_spoken_to(self, post: Post, now: datetime) -> None:
        post.stage.exchanges[WATER] = replace(post.stage.exchanges[WATER], transport="open311")
        (ran,) = post.look(now)
        assert (ran.told, ran.made, ran.delivered) == (3, (), ())
        post.talker.fault = LinkFault("It does not answer.")
        (ran,) = post.look(now + DAY)
        assert str(ran.link) == "It does not answer."
        assert links.of(WATER).failures == 1


def _die(*_: object) -> None:
    raise SystemExit
