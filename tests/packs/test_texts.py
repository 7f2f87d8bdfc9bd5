"""The pack's own words for SMS: what a clerk may write, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

import packs
from packs.texts import own_text
from tests.packs.conftest import write_tiny
from tests.packs.test_loader import faults

HEAD = "template,scope,text_en,text_sw\n"


def loaded(folder: Path, *lines: str) -> packs.Pack:
    return packs.load(write_tiny(folder, messages__csv=HEAD + "\n".join(lines)))


def told(folder: Path, *lines: str) -> list[str]:
    return faults(write_tiny(folder, messages__csv=HEAD + "\n".join(lines)))


def test_a_pack_needs_no_words_of_its_own(tmp_path: Path) -> None:
    assert packs.load(write_tiny(tmp_path)).messages == {}


def test_words_are_kept_by_template_and_scope(tmp_path: Path) -> None:
    pack = loaded(tmp_path, "received,water,Water {ref},Maji {ref}", "received,*,All {ref},", "thanks,*,Thank you,")
    assert pack.messages == {
        "received": {"water": {"en": "Water {ref}", "sw": "Maji {ref}"}, "*": {"en": "All {ref}"}},
        "thanks": {"*": {"en": "Thank you"}},
    }


@pytest.mark.parametrize(
    ("sub", "words"), [("water.none", "none {ref}"), ("water.bill", "water {ref}"), ("id.passport", "all {ref}")]
)
def test_the_most_specific_scope_wins(tmp_path: Path, sub: str, words: str) -> None:
    pack = loaded(tmp_path, "received,*,all {ref},", "received,water,water {ref},", "received,water.none,none {ref},")
    assert own_text(pack, "received", sub) == {"en": words}


def test_what_nobody_named_yet_has_the_words_for_everything_or_none(tmp_path: Path) -> None:
    pack = loaded(tmp_path, "received,*,all {ref},", "resolved,water,water {ref}: {note},")
    assert own_text(pack, "received", None) == {"en": "all {ref}"}
    assert own_text(pack, "resolved", None) is None
    assert own_text(pack, "rate", "water.none") is None


def test_words_are_part_of_the_packs_version(tmp_path: Path) -> None:
    before = packs.load(write_tiny(tmp_path)).version
    assert loaded(tmp_path, "received,*,all {ref},").version != before


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("recieved,*,All {ref},", "template (A): “recieved” is none of: received,"),
        ("neutral_news,*,All {ref},", "template (A): “neutral_news” is none of:"),
        ("received,fire,All {ref},", "scope (B): “fire” is neither * nor a category nor a sub-category."),
        ("received,,All {ref},", "scope (B): this cell is empty."),
        ("received,*,,Zote {ref}", "text_en (C): this cell is empty."),
        ("received,*,All {ref} {price},", "text_en (C): “received” does not know {price}."),
        ("received_anywhere,*,{ref} {place},", "text_en (C): “received_anywhere” does not know {place}."),
        ("received,*,All {ref,", "text_en (C): a { or } stands alone"),
        ("received,*,All {ref:>9},", "text_en (C): a { or } stands alone"),
        ("received,*,All {0},", "text_en (C): a { or } stands alone"),
        ("received,*,We got it,", "text_en (C): this text must say {ref}."),
        ("resolved,*,{ref} is done,", "text_en (C): this text must say {note}."),
        ("received,*,All {ref} ✓,", "text_en (C): “✓” is not a letter of GSM-7"),
        (
            f"received,*,{'x' * 150}{{ref}},",
            "text_en (C): with the widest values this is 161 septets; 160",
        ),
        (f"received,*,All {{ref}},{'y' * 150}{{ref}}", "text_sw (D): with the widest values this is 161 septets"),
    ],
)
def test_a_mistake_is_told_with_its_cell(tmp_path: Path, line: str, fault: str) -> None:
    assert any(f"messages.csv:2 {fault}" in one for one in told(tmp_path, line))


def test_the_same_scope_twice_is_told_with_the_first_line(tmp_path: Path) -> None:
    (fault,) = told(tmp_path, "received,*,All {ref},", "received,*,Each {ref},")
    assert fault == "messages.csv:3 scope (B): line 2 words this for “*” already."


def test_further_languages_are_columns_of_their_own(tmp_path: Path) -> None:
    words = "template,scope,text_en,text_sw,text_ki\nreceived,*,All {ref},,Maũndũ {ref}"
    pack = packs.load(write_tiny(tmp_path, messages__csv=words))
    assert pack.messages["received"]["*"] == {"en": "All {ref}", "ki": "Maũndũ {ref}"}
