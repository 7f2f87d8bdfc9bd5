from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from cases import notices
from cases.notices import WIDEST, Notice, Unfit
from packs.model import Pack, Place
from store import database

FLOOD: Final = {
    "en": "FLOOD: in danger call 999 or 112, free",
    "sw": "MAFURIKO: ukiwa hatarini piga 999 au 112",
}
NAIROBI: Final = "047"
KIBRA: Final = "047278"
LINDI: Final = "1387"
DAY: Final = timedelta(days=1)


@pytest.fixture(autouse=True)
def _as_a_fresh_process(bound: str) -> Iterator[None]:
    notices.forget()
    yield
    notices.forget()


@pytest.fixture
def lindi(ke: Pack) -> Place:
    return ke.places[LINDI]


def put(ke: Pack, now: datetime, area: str = NAIROBI, words: dict[str, str] | None = None, **when: Any) -> Notice:
    return notices.put(ke, area, words or FLOOD, until=when.pop("until", now + DAY), made_by="amina", now=now, **when)


def faults(ke: Pack, now: datetime, **different: Any) -> tuple[str, ...]:
    with pytest.raises(Unfit) as unfit:
        put(ke, now, **different)
    assert Notice.select().count() == 0
    return unfit.value.faults


@pytest.mark.parametrize("area", [NAIROBI, KIBRA, LINDI, "*"])
def test_a_notice_is_for_everybody_in_its_area(ke: Pack, lindi: Place, now: datetime, area: str) -> None:
    put(ke, now, area)
    assert notices.for_place(lindi, "en", now) == FLOOD["en"]
    assert notices.for_place(lindi, "sw", now) == FLOOD["sw"]
    elsewhere = ke.places["032"]
    assert notices.for_place(elsewhere, "en", now) == (FLOOD["en"] if area == "*" else None)
    assert notices.for_place(None, "en", now) == (FLOOD["en"] if area == "*" else None)


def test_a_place_that_may_lie_in_several_wards_gets_what_is_for_all_of_them(ke: Pack, now: datetime) -> None:
    put(ke, now, LINDI)
    assert notices.for_place(ke.places["kibera"], "en", now) is None
    put(ke, now, KIBRA, {"en": "Kibra", "sw": "Kibra"})
    assert notices.for_place(ke.places["kibera"], "en", now) == "Kibra"


def test_a_language_without_a_text_of_its_own_reads_the_one_it_falls_back_to(
    ke: Pack, lindi: Place, now: datetime
) -> None:
    put(ke, now)
    assert notices.for_place(lindi, "luo", now) == FLOOD["sw"]
    assert notices.for_place(lindi, "am", now) == FLOOD["en"]


def test_of_several_the_smallest_area_counts_and_of_those_the_newest(ke: Pack, lindi: Place, now: datetime) -> None:
    for area in ("*", KIBRA, LINDI, NAIROBI):
        put(ke, now, area, {"en": area, "sw": area})
    assert notices.for_place(lindi, "en", now) == LINDI
    put(ke, now, LINDI, {"en": "newer", "sw": "mpya"})
    assert notices.for_place(lindi, "en", now) == "newer"


def test_it_is_shown_from_its_beginning_until_its_end(ke: Pack, lindi: Place, now: datetime) -> None:
    notice = put(ke, now, start=now + DAY, until=now + 2 * DAY)
    assert notices.listed(now) == [notice]
    seen = [notices.for_place(lindi, "en", now + moment * DAY) for moment in (0, 0.99, 1, 1.99, 2, 3)]
    assert [one is not None for one in seen] == [False, False, True, True, False, False]
    assert notices.listed(now + 2 * DAY) == []


def test_a_notice_that_is_taken_down_is_gone_at_once_and_kept_in_the_table(
    ke: Pack, lindi: Place, now: datetime
) -> None:
    notice = put(ke, now)
    assert notices.for_place(lindi, "en", now)
    later = now + timedelta(hours=1)
    assert notices.end(notice.id[-8:], later) == notice
    assert notices.for_place(lindi, "en", later) is None
    assert (Notice.get().ended_at, Notice.get().words, Notice.get().made_by) == (later, FLOOD, "amina")


@pytest.mark.parametrize("ending", ["", "0", "000000000", "%" * 8])
def test_taking_down_what_is_not_there_says_so(ke: Pack, now: datetime, ending: str) -> None:
    put(ke, now)
    with pytest.raises(Unfit, match="No notice"):
        notices.end(ending, now)


def test_an_end_that_two_notices_share_takes_down_none(ke: Pack, now: datetime) -> None:
    for first in "ab":
        Notice.update(id=f"{first}{'0' * 31}").where(Notice.id == put(ke, now).id).execute()
    with pytest.raises(Unfit, match="2 notices"):
        notices.end("00000000", now)
    notices.end(f"a{'0' * 31}", now)
    assert len(notices.listed(now)) == 1


def test_what_is_over_cannot_be_taken_down(ke: Pack, now: datetime) -> None:
    notice = put(ke, now)
    with pytest.raises(Unfit):
        notices.end(notice.id, now + DAY)


def test_the_widest_line_fits_and_one_septet_more_does_not(ke: Pack, now: datetime) -> None:
    put(ke, now, words={"en": "x" * WIDEST, "sw": "[" * (WIDEST // 2)})
    Notice.delete().execute()
    assert faults(ke, now, words={"en": "x" * (WIDEST + 1), "sw": "[" * (WIDEST // 2 + 1)}) == (
        "The text in English takes 45 septets; 44 fit.",
        "The text in Kiswahili takes 46 septets; 44 fit.",
    )


def test_everything_that_is_wrong_is_told_at_once(ke: Pack, now: datetime) -> None:
    assert faults(ke, now, area="99", words={"en": "Don’t cross … ", "sw": " "}, until=now) == (
        "There is no county, constituency or ward '99'; \"*\" is the whole country.",
        "The text in English has letters that not every phone shows: ’…",
        "The text in Kiswahili is missing.",
        "It would end before it begins to be seen: until is in the past.",
    )
    assert faults(ke, now, words={"en": "one\ntwo", "sw": "moja"}) == ("The text in English must be one line.",)
    assert faults(ke, now, start=now + 2 * DAY) == ("It would end before it begins.",)


@pytest.mark.parametrize("area", ["kibera", "nyayo-house", "Nairobi", ""])
def test_an_area_is_a_county_a_constituency_or_a_ward(ke: Pack, now: datetime, area: str) -> None:
    (fault,) = faults(ke, now, area=area)
    assert fault.startswith("There is no county")


def test_the_table_is_asked_once_a_second_whatever_is_shown(
    ke: Pack, lindi: Place, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(notices, "monotonic", lambda: clock[0])
    asked: list[str] = []
    run = database.run

    def counted(handle: Any, sql: str, *values: Any) -> Any:
        asked.append(sql)
        return run(handle, sql, *values)

    monkeypatch.setattr(database, "run", counted)
    for _ in range(50):
        notices.for_place(lindi, "en", now)
    assert len(asked) == 1
    text, until = '{"en": "by another process", "sw": "x"}', now + DAY
    Notice.create(area="*", text=text, from_at=now, until_at=until, made_by="b", made_at=now)
    assert notices.for_place(lindi, "en", now) is None
    clock[0] += notices.CHECK_EVERY_S
    assert notices.for_place(lindi, "en", now) == "by another process"
    assert len(asked) == 2


def test_another_database_has_notices_of_its_own(
    ke: Pack, lindi: Place, now: datetime, tmp_path: Path, database_url: str
) -> None:
    put(ke, now)
    assert notices.for_place(lindi, "en", now)
    database.close()
    database.bind(f"sqlite:///{tmp_path}/another.sqlite3")
    database.main.create_tables([Notice])
    assert notices.for_place(lindi, "en", now) is None
    database.close()
    database.bind(database_url)
