"""The words by which free text is understood: what a clerk may write, and what Kenya's hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import packs
from packs import Pack, Term
from packs.model import LANGUAGE, NOTHING, SENSITIVE, SIGNS, URGENT
from tests.packs.conftest import write_tiny
from tests.packs.test_loader import faults

HEADER = "words,language,means,weight\n"
LEXICON = (
    HEADER
    + """
maji|Wota,sw,water,2
Maĩ,ki,water,2
transfo*,any,water.none|urgent,3
maji|water + hakuna|imeka*,any,water.none,2
wants + #,en,nothing,0
""".lstrip()
)


def test_a_line_is_one_term_with_its_words_folded(tmp_path: Path) -> None:
    pack = packs.load(write_tiny(tmp_path, lexicon__csv=LEXICON))
    assert pack.lexicon == (
        Term((("maji", "wota"),), "sw", ("water",), 2),
        Term((("mai",),), "ki", ("water",), 2),
        Term((("transfo*",),), "any", ("water.none", "urgent"), 3),
        Term((("maji", "water"), ("hakuna", "imeka*")), "any", ("water.none",), 2),
        Term((("wants",), ("#",)), "en", ("nothing",), 0),
    )


def test_a_pack_may_do_without_a_lexicon(tmp_path: Path) -> None:
    assert packs.load(write_tiny(tmp_path)).lexicon == ()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (",sw,water,2", ":2 words (A): this cell is empty."),
        ("maji + *,sw,water,2", ":2 words (A): “maji + *” has a part without letters or digits."),
        ("maji + ,sw,water,2", ":2 words (A): “maji +” has a part without letters or digits."),
        ("maji|MAJI,sw,water,2", ":2 words (A): “maji” stands in line 2 already."),
        ("maji,Swahili,water,2", ":2 language (B): “Swahili” does not look like sw (or any)."),
        ("maji,sw,wter,2", ":2 means (C): there is no category, sub-category or sign “wter”."),
        ("maji,sw,water|hurry,2", ":2 means (C): there is no category, sub-category or sign “hurry”."),
        ("maji,sw,,2", ":2 means (C): this cell is empty."),
        ("maji,sw,water,10", ":2 weight (D): “10” does not look like a weight from 0 to 9."),
        ("maji,sw,water,", ":2 weight (D): this cell is empty."),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, line: str, told: str) -> None:
    assert faults(write_tiny(tmp_path, lexicon__csv=f"{HEADER}{line}\n")) == [f"lexicon.csv{told}"]


def test_the_same_words_in_two_lines_are_told(tmp_path: Path) -> None:
    lines = "maji,sw,water,2\nmaji + taka,sw,water,2\nMAJI,sw,id,2\nmaji + taka,sw,id,2\n"
    assert faults(write_tiny(tmp_path, lexicon__csv=HEADER + lines)) == [
        "lexicon.csv:4 words (A): “maji” stands in line 2 already.",
        "lexicon.csv:5 words (A): “maji + taka” stands in line 3 already.",
    ]


def test_kenyas_has_words_for_every_category_and_nearly_every_sub_category(ke: Pack) -> None:
    means = {meaning for term in ke.lexicon for meaning in term.means}
    assert set(ke.categories) - means <= {"water", "cash", "id"} | {
        sub.category for sub in ke.subs.values() if sub.code in means
    }
    named = {sub.code for sub in ke.subs.values() if not sub.code.endswith(".other")}
    assert named - means <= {"roads.town", "bribery.refused"}  # only the place or the story tells these
    assert set(SIGNS) <= means


def test_kenyas_knows_the_languages_of_the_country(ke: Pack) -> None:
    words = Counter(term.language for term in ke.lexicon for part in term.parts for _ in part)
    assert min(words["en"], words["sw"]) > 200
    assert {"ki", "luo", "so", "om", "kam", "luy", "kln"} <= words.keys()


def test_only_signs_weigh_nothing(ke: Pack) -> None:
    light = [term for term in ke.lexicon if term.weight == 0]
    assert all(set(term.means) <= {NOTHING, LANGUAGE, URGENT, SENSITIVE} for term in light)


def test_words_of_a_language_are_single_or_short(ke: Pack) -> None:
    assert all(len(term.parts) == 1 for term in ke.lexicon if LANGUAGE in term.means)
