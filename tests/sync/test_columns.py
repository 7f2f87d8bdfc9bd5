from __future__ import annotations

import pytest

from sync.columns import COLUMNS, PROBLEM, TO_FILL, UPDATES, WORKLIST, called, fold, label


def test_what_is_told_apart_and_what_is_not() -> None:
    assert fold("  Katika-Kazi! ") == fold("KATIKA  kazi") == "katika kazi"
    assert fold("in_progress") == "in progress"
    assert fold("Muthĩga") == "muthiga"
    assert fold("ውሃ") != fold("ወሃ")


def test_a_clerk_has_three_columns_to_fill_and_the_keys_stand_far_right() -> None:
    assert [name for name in WORKLIST if name in TO_FILL] == ["status", "note", "date"]
    assert WORKLIST[-2:] == ("update_key", "base_version")
    assert PROBLEM not in WORKLIST


@pytest.mark.parametrize("name", [*COLUMNS, *UPDATES])
def test_every_column_is_known_by_its_name_and_by_its_headings(name: str) -> None:
    assert {called(name), called(label(name, "en")), called(label(name, "sw").upper())} == {name}


def test_a_strange_heading_stays_what_it_is() -> None:
    assert called("\ufeff Maoni ya bosi ") == "Maoni ya bosi"
    assert called("x" * 100_000) == "x" * 100_000
