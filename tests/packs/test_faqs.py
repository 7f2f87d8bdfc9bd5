"""The questions people often ask: what a clerk may write, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

import packs
from packs import Faq
from tests.packs.conftest import write_tiny
from tests.packs.test_loader import faults

HEAD = "code,category,question_en,question_sw,answer_en,answer_sw,note\n"
BOIL = "boil,water,Is it safe?,Ni salama?,Boil it.,Chemsha.,\n"
HOURS = "hours,,When are you open?,Mnafungua lini?,From 8 to 5.,Kuanzia saa mbili.,\n"


def test_a_pack_may_do_without_questions(tmp_path: Path) -> None:
    assert packs.load(write_tiny(tmp_path)).faqs == ()


def test_questions_stand_in_the_order_of_their_lines_by_category(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path, faqs__csv=HEAD + HOURS + BOIL + BOIL.replace("boil,", "settle,")))
    boil = Faq("boil", "water", {"en": "Is it safe?", "sw": "Ni salama?"}, {"en": "Boil it.", "sw": "Chemsha."})
    assert pack.faqs_of("water")[0] == boil
    assert [faq.code for faq in pack.faqs_of("water")] == ["boil", "settle"]
    assert [faq.code for faq in pack.faqs_of(None)] == ["hours"]
    assert pack.faqs_of("id") == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("boil,", "Boil it,", "code (A): “Boil it” does not look like passport_renewal (small letters)."),
        ("boil,", "hours,", "code (A): “hours” stands in line 2 already."),
        ("water,", "fire,", "category (B): there is no category “fire”."),
        ("Is it safe?", "Is it safe to drink this now?", "question_en (C): “Is it safe to drink this now?” is 29"),
        ("Chemsha.", "", "answer_sw (F): this cell is empty."),
        ("Boil it.", "Boil it " * 61, "septets wide; 480 fit."),
    ],
)
def test_a_mistake_is_told_with_its_cell(tmp_path: Path, old: str, new: str, told: str) -> None:
    (fault,) = faults(write_tiny(tmp_path, faqs__csv=HEAD + HOURS + BOIL.replace(old, new, 1)))
    assert fault.startswith("faqs.csv:3 ")
    assert told in fault
