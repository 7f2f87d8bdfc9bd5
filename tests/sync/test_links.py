"""Links: how long a dead one rests, and what was read of an office that cannot put it away. On both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sync import links
from sync.links import FIRST_REST, LONGEST_REST, Link, Seen
from sync.transport import LinkFault

DEAD = LinkFault("The line is dead.")
HOUR = timedelta(hours=1)


def least(shortest: float, _: float) -> float:
    return shortest


# Where it is not about SQL, one database is enough
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def rest(now: datetime) -> timedelta:
    retry_at = links.of("NCWSC").retry_at
    assert retry_at
    return retry_at - now


@on_sqlite
def test_an_office_that_was_never_tried_has_a_link_without_a_past(bound: str, now: datetime) -> None:
    link = links.of("NCWSC")
    assert link == Link("NCWSC")
    assert not link.rests(now)


def test_a_dead_link_rests_a_minute_and_then_twice_as_long_each_time(bound: str, now: datetime) -> None:
    rests = []
    for _ in range(11):
        links.failed("NCWSC", DEAD, now, least)
        rests.append(rest(now) / FIRST_REST)
    assert rests == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]


@on_sqlite
def test_offices_behind_one_dead_line_do_not_come_back_at_once(bound: str, now: datetime) -> None:
    for agency in ("NCWSC", "KPLC", "COUNTY-047"):
        links.failed(agency, DEAD, now)
    assert len({links.of(agency).retry_at for agency in ("NCWSC", "KPLC", "COUNTY-047")}) == 3


@on_sqlite
def test_what_only_a_person_can_mend_is_not_tried_every_minute(bound: str, now: datetime) -> None:
    links.failed("NCWSC", LinkFault("Another host key.", permanent=True), now, least)
    assert rest(now) == LONGEST_REST
    assert links.of("NCWSC").error == "Another host key."


@on_sqlite
def test_it_rests_until_its_time_has_come(bound: str, now: datetime) -> None:
    links.failed("NCWSC", DEAD, now, least)
    link = links.of("NCWSC")
    assert link.rests(now)
    assert not link.rests(now + FIRST_REST)


@on_sqlite
def test_a_clock_that_was_ahead_makes_no_link_rest_for_days(bound: str, now: datetime) -> None:
    links.failed("NCWSC", DEAD, now + timedelta(days=1))
    assert not links.of("NCWSC").rests(now)


def test_it_is_known_since_when_it_fails_and_forgotten_when_it_works(bound: str, now: datetime) -> None:
    for hours in range(3):
        links.failed("NCWSC", DEAD, now + HOUR * hours)
    assert (links.of("NCWSC").failing_since, links.of("NCWSC").failures) == (now, 3)
    links.works("NCWSC", now + 3 * HOUR)
    assert links.of("NCWSC") == Link("NCWSC", last_ok_at=now + 3 * HOUR)


def test_an_operator_is_told_once(bound: str, now: datetime) -> None:
    links.alerted("NCWSC", now)
    assert links.of("NCWSC").alerted_at == now
    links.alerted("NCWSC", None)
    assert links.of("NCWSC").alerted_at is None


class TestSeen:
    def test_a_file_that_cannot_be_put_away_is_read_once(self, bound: str) -> None:
        seen = Seen("NCWSC")
        assert not seen.knows("in_NCWSC_20261123_1.csv", "10-1")
        seen.keep("in_NCWSC_20261123_1.csv")
        later = Seen("NCWSC")
        assert later.knows("in_NCWSC_20261123_1.csv", "10-1")
        assert not later.knows("in_NCWSC_20261123_1.csv", "12-7")  # saved anew

    def test_what_is_put_away_may_come_again_under_its_name(self, bound: str) -> None:
        seen = Seen("NCWSC")
        seen.knows("work.xlsx", "10-1")
        seen.keep("work.xlsx")
        seen.forget("work.xlsx")
        assert not Seen("NCWSC").knows("work.xlsx", "10-1")

    def test_its_memory_has_an_end(self, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(links, "_MOST_SEEN", 2)
        seen = Seen("NCWSC")
        for name in ("1.csv", "2.csv", "3.csv"):
            seen.knows(name, "1-1")
            seen.keep(name)
        assert [Seen("NCWSC").knows(name, "1-1") for name in ("1.csv", "2.csv", "3.csv")] == [False, True, True]
