"""`./mlango notice`, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from cases import notices
from cases.notices import Notice
from store import database
from store.clock import utcnow
from tests import box
from ussd_app.cli.notice import command
from ussd_app.refusal import Refusal

ENGLISH: Final = "FLOOD: in danger call 999 or 112, free"
SWAHILI: Final = "MAFURIKO: ukiwa hatarini piga 999 au 112"
UNTIL: Final = "2100-11-30T18:00"


@pytest.fixture(autouse=True)
def _box(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in box.environ(tmp_path / "home", database_url).items():
        monkeypatch.setenv(name, value)
    yield
    database.close()
    notices.forget()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def add(**different: str) -> Result:
    options = {"area": "047", "until": UNTIL, "en": ENGLISH, "sw": SWAHILI, **different}
    return run("add", *(part for name, value in options.items() for part in (f"--{name}", value)))


def refused(result: Result) -> tuple[str, ...]:
    assert isinstance(result.exception, Refusal), result.output
    return result.exception.faults


def test_a_notice_is_added_listed_and_taken_down() -> None:
    before = utcnow()
    told = add().output
    called = Notice.get().id[-8:]
    assert told.startswith(f"Notice {called} for Nairobi (county 047), ")
    assert told.endswith(" to 30/11/2100 18:00.\n")
    assert before <= Notice.get().from_at <= utcnow()
    first, *texts = run("list").output.splitlines()
    assert first.startswith(f"{called}  Nairobi (county 047), ")
    assert first.endswith(" to 30/11/2100 18:00 (up), by cli")
    assert texts == [f"          English: {ENGLISH}", f"          Kiswahili: {SWAHILI}"]
    assert run("end", called).output == f"Notice {called} for Nairobi (county 047) is taken down.\n"
    assert run("list").output == "No notice is up or to come.\n"


def test_times_are_local_unless_they_say_otherwise() -> None:
    add(**{"from": "2100-11-30T09:00+03:00", "area": "*"})
    notice = Notice.get()
    assert notice.until_at - notice.from_at == timedelta(hours=9)
    assert "the whole country, 30/11/2100 09:00 to 30/11/2100 18:00 (to come), by cli" in run("list").output


def test_who_answers_for_it_is_kept() -> None:
    add(by="Amina W.")
    assert Notice.get().made_by == "Amina W."
    assert refused(add(by="A" * 41)) == ("The name of who answers for it has 41 letters; 40 fit.",)


def test_what_does_not_fit_is_refused_with_every_reason() -> None:
    assert refused(add(en="x" * 45, area="Nairobi", until="2020-01-01T00:00")) == (
        "There is no county, constituency or ward 'Nairobi'; \"*\" is the whole country.",
        "The text in English takes 45 septets; 44 fit.",
        "It would end before it begins to be seen: until is in the past.",
    )
    assert Notice.select().count() == 0


@pytest.mark.parametrize("option", ["until", "from"])
def test_a_time_that_is_none_is_refused(option: str) -> None:
    assert refused(add(**{option: "tomorrow"})) == (
        f"--{option}: 'tomorrow' is no date and time; write 2026-11-30T18:00.",
    )


def test_an_unknown_notice_is_refused() -> None:
    assert refused(run("end", "12345678")) == ("No notice that is up or to come has an id that ends in '12345678'.",)
