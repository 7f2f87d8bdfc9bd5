"""Slots: which days are due, and that none is run twice. On both databases."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packs import Pack
from packs.model import Calendar
from sms_gateway import heartbeat
from store import database
from sync import slots
from sync.models import ExchangeSlot
from sync.slots import LEASE_TICKS, Busy, Slot
from tests.box import soon

SIX = time(6)
DAY = timedelta(days=1)
WEEKDAYS = Calendar(
    "office", "Africa/Nairobi", dict.fromkeys(range(5), ((480, 1020),)), frozenset({date(2026, 12, 25)})
)


def nairobi(text: str) -> datetime:
    """A moment by the clock of Nairobi, in UTC."""
    return datetime.fromisoformat(f"{text}+03:00").astimezone(UTC)


def states(agency: str = "NCWSC") -> dict[str, str]:
    rows = ExchangeSlot.select().where(ExchangeSlot.agency == agency).order_by(ExchangeSlot.slot)
    return {row.slot: row.state for row in rows}


def lease() -> int:
    """At which tick the only slot's lease ends."""
    return ExchangeSlot.get().lease or 0


def beat(times: int, now: datetime) -> None:
    for _ in range(times):
        heartbeat.beat(now)


class TestDays:
    @pytest.mark.parametrize(
        ("moment", "due"),
        [
            ("2026-11-23T06:00", "2026-11-23"),  # a Monday, at its hour
            ("2026-11-23T05:59", "2026-11-20"),  # a minute before: Friday's
            ("2026-11-22T12:00", "2026-11-20"),  # a Sunday
            ("2026-12-25T12:00", "2026-12-24"),  # a holiday
            ("2026-11-24T00:30", "2026-11-23"),  # still Monday in UTC, and before the hour in Nairobi
        ],
    )
    def test_the_newest_working_day_whose_hour_has_come_is_due(self, moment: str, due: str) -> None:
        assert slots.day_due(WEEKDAYS, SIX, nairobi(moment)) == due

    def test_an_office_that_is_closed_for_good_has_no_day(self) -> None:
        closed = Calendar("never", "Africa/Nairobi", {})
        assert slots.day_due(closed, SIX, nairobi("2026-11-23T12:00")) is None

    def test_a_demonstration_has_a_slot_every_minute(self) -> None:
        assert slots.minute_due(WEEKDAYS, nairobi("2026-11-23T06:15:59")) == "2026-11-23T06:15"

    def test_the_days_between_are_working_days_and_a_month_of_them_at_most(self) -> None:
        assert slots.days_between(WEEKDAYS, "2026-12-23", "2026-12-29") == ["2026-12-24", "2026-12-28"]
        assert slots.days_between(WEEKDAYS, "2026-11-23", "2026-11-24") == []
        assert len(slots.days_between(WEEKDAYS, "2020-01-01", "2026-11-23")) == 20

    def test_an_office_is_behind_by_the_working_days_whose_hour_came_since(self) -> None:
        friday = nairobi("2026-11-20T06:00")
        since = [slots.days_since(WEEKDAYS, SIX, friday, friday + DAY * days) for days in range(6)]
        assert since == [0, 0, 0, 1, 2, 3]  # the weekend does not count

    @given(st.integers(0, 525_600))
    def test_a_day_that_is_due_has_come_and_none_is_left_out(self, minutes: int) -> None:
        now = nairobi("2026-01-01T00:00") + timedelta(minutes=minutes)
        due = slots.day_due(WEEKDAYS, SIX, now)
        assert due is not None
        moment = nairobi(f"{due}T06:00")
        assert moment <= now
        assert slots.days_since(WEEKDAYS, SIX, moment, now) == 0


class TestMakingDue:
    def test_a_day_is_due_once_however_often_somebody_looks(self, bound: str, now: datetime) -> None:
        assert [slots.make_due("NCWSC", "2026-11-23", now) for _ in range(3)] == [True, False, False]
        assert states() == {"2026-11-23": "due"}

    def test_after_a_standstill_the_newest_day_covers_those_that_were_missed(self, bound: str, now: datetime) -> None:
        slots.make_due("NCWSC", "2026-11-18", now)
        slots.make_due("NCWSC", "2026-11-23", now, missed=WEEKDAYS)
        assert states() == {
            "2026-11-18": "covered",
            "2026-11-19": "covered",
            "2026-11-20": "covered",
            "2026-11-23": "due",
        }

    def test_who_is_at_it_is_not_covered(self, bound: str, now: datetime) -> None:
        slots.make_due("NCWSC", "2026-11-20", now)
        (friday,) = slots.claimable()
        slots.claim(friday, now)
        slots.make_due("NCWSC", "2026-11-23", now)
        assert states() == {"2026-11-20": "running", "2026-11-23": "due"}

    @pytest.mark.parametrize("wrong", [-DAY, DAY])
    def test_a_clock_that_is_a_day_wrong_makes_no_day_run_twice(
        self, bound: str, wrong: timedelta, now: datetime
    ) -> None:
        ran = []
        for moment in (now, now + wrong, now, now + DAY, now + DAY + wrong, now + DAY, now + 2 * DAY):
            due = slots.day_due(WEEKDAYS, SIX, moment)
            assert due
            slots.make_due("NCWSC", due, moment, missed=WEEKDAYS)
            for slot in slots.claimable():
                taken = slots.claim(slot, moment)
                assert taken
                slots.finish(taken, moment)
                ran.append(slot.name)
        assert len(ran) == len(set(ran))
        assert {"2026-11-23", "2026-11-24", "2026-11-25"} <= set(ran)

    def test_offices_do_not_share_slots(self, bound: str, now: datetime) -> None:
        assert slots.make_due("NCWSC", "2026-11-23", now)
        assert slots.make_due("KPLC", "2026-11-23", now)
        assert len(slots.claimable()) == 2


class TestClaiming:
    @pytest.fixture
    def due(self, bound: str, now: datetime) -> Slot:
        heartbeat.beat(now)
        slots.make_due("NCWSC", "2026-11-23", now)
        (slot,) = slots.claimable()
        return slot

    def test_of_two_schedulers_one_gets_it(self, due: Slot, now: datetime) -> None:
        def claim(_: int) -> bool:
            try:
                return slots.claim(due, now) is not None
            finally:
                database.close()

        with ThreadPoolExecutor(4) as schedulers:
            assert sum(schedulers.map(claim, range(8))) == 1

    def test_who_was_killed_is_followed_by_another_when_the_lease_is_over(self, due: Slot, now: datetime) -> None:
        slots.claim(due, now)
        beat(LEASE_TICKS - 1, now)
        assert slots.claimable() == []
        beat(1, now)
        (left,) = slots.claimable()
        second = slots.claim(left, now)
        assert second is not None
        assert second.attempts == 2

    def test_a_clock_that_jumps_takes_no_lease_away(self, due: Slot, now: datetime) -> None:
        slots.claim(due, now)
        beat(1, now + timedelta(days=400))
        assert slots.claimable() == []
        assert slots.claim(due, now + timedelta(days=400)) is None

    def test_a_long_run_keeps_its_lease(self, due: Slot, now: datetime) -> None:
        taken = slots.claim(due, now)
        assert taken
        with slots.kept(taken, every_s=0.01):
            for _ in range(3):
                beat(LEASE_TICKS - 1, now)
                _soon_renewed(heartbeat.current_tick())
                assert slots.claimable() == []

    def test_who_lost_it_meanwhile_says_nothing_of_it_any_more(self, due: Slot, now: datetime) -> None:
        first = slots.claim(due, now)
        assert first
        beat(LEASE_TICKS, now)
        second = slots.claim(due, now)
        assert second
        slots.finish(first, now)
        assert states() == {"2026-11-23": "running"}
        slots.finish(second, now)
        assert states() == {"2026-11-23": "done"}

    def test_what_failed_is_tried_again_later_each_time(self, due: Slot, now: datetime) -> None:
        waited = []
        for _ in range(9):
            (slot,) = slots.claimable()
            taken = slots.claim(slot, now)
            assert taken
            slots.put_back(taken, now, "no room on the disk")
            waited.append((lease() - heartbeat.current_tick()) // 12)
            beat_to(lease(), now)
        assert waited == [1, 2, 4, 8, 16, 32, 60, 60, 60]  # minutes
        assert ExchangeSlot.get().error == "no room on the disk"


class TestByHand:
    def test_a_run_by_hand_has_a_slot_of_its_own_and_takes_none_of_the_days(self, bound: str, now: datetime) -> None:
        slot = slots.by_hand("NCWSC", now, "hand")
        assert slots.newest_of("NCWSC") is None
        assert slots.claimable() == []
        slots.finish(slot, now)
        assert slots.make_due("NCWSC", "2026-11-20", now)
        assert slots.last_by_hand("NCWSC", "hand") == now
        assert slots.last_by_hand("NCWSC", "stick") is None

    def test_one_that_failed_is_not_tried_again_by_itself(self, bound: str, now: datetime) -> None:
        slots.put_back(slots.by_hand("NCWSC", now, "stick"), now, "the stick was taken out")
        assert slots.claimable() == []
        assert slots.last_by_hand("NCWSC", "stick") is None

    def test_one_that_was_killed_is_noted_by_the_next(self, bound: str, now: datetime) -> None:
        killed = slots.by_hand("NCWSC", now, "hand")
        slots.by_hand("NCWSC", now, "hand")
        assert ExchangeSlot.get_by_id(killed.id).error == "It was interrupted."

    def test_old_ones_are_forgotten_but_the_newest_of_the_days_is_kept(self, bound: str, now: datetime) -> None:
        for day in ("2026-08-03", "2026-08-04"):
            slots.make_due("NCWSC", day, now)
            for slot in slots.claimable():
                taken = slots.claim(slot, now)
                assert taken
                slots.finish(taken, now)
        slots.finish(slots.by_hand("NCWSC", now, "hand"), now)
        slots.prune("NCWSC", now + DAY)
        assert states() == {"2026-08-04": "done"}


class TestHavingTheOfficeAlone:
    def test_another_run_is_told_so_until_the_first_has_ended(self, tmp_path: Path) -> None:
        folder = tmp_path / "NCWSC"
        with (
            slots.alone(folder, "NCWSC"),
            pytest.raises(Busy, match="for NCWSC"),
            slots.alone(folder, "NCWSC"),
        ):
            pass
        with slots.alone(folder, "NCWSC"):
            pass

    def test_who_is_killed_lets_go(self, tmp_path: Path) -> None:
        context = multiprocessing.get_context("fork")
        began = context.Event()
        holder = context.Process(target=_hold, args=(tmp_path, began))
        holder.start()
        assert began.wait(10)
        with pytest.raises(Busy), slots.alone(tmp_path, "NCWSC"):
            pass
        holder.kill()
        holder.join(10)
        with slots.alone(tmp_path, "NCWSC"):
            pass


def _hold(folder: Path, began: object) -> None:
    with slots.alone(folder, "NCWSC"):
        began.set()  # type: ignore[attr-defined]
        multiprocessing.Event().wait()


def beat_to(tick: int, now: datetime) -> None:
    """As if the relay had beaten that often."""
    database.run(database.main, "UPDATE tick SET count = ? WHERE id = 'relay'", tick - 1)
    heartbeat.beat(now)


def _soon_renewed(tick: int) -> None:
    soon(lambda: lease() >= tick + LEASE_TICKS, "the lease is not renewed")


def test_the_calendar_of_the_pack_has_working_days(ke: Pack) -> None:
    assert slots.is_working(ke.calendar(ke.unsure), date(2026, 11, 23))
    assert not slots.is_working(ke.calendar(ke.unsure), date(2026, 11, 22))
