"""Which languages a box offers: by the texts that are there, by who has reviewed them, by its settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import packs
from locales.catalogue import Coverage, Review
from packs import Pack, wording
from packs.wording import Translation, wordings
from tests.locales.conftest import catalogue, folder, forget
from tests.packs.conftest import write_tiny
from ussd_app.languages import coverage, of_the_pack, offered, reviewed
from ussd_app.settings import BadSettings, Settings

__all__ = ["folder"]  # the fixture: a registry with Kigiryama (nyf), of three texts


@pytest.fixture
def tiny(folder: Path, tmp_path: Path) -> Iterator[tuple[Pack, Path]]:
    """A small pack and where its files are, and Kigiryama with all texts of the conversation."""
    catalogue(folder, "nyf", "#, fuzzy", Back="Uya", More="Zaidi", Yes="Ee")
    forget()
    (tmp_path / "tiny").mkdir()
    write_tiny(tmp_path / "tiny")
    yield packs.load(tmp_path / "tiny"), tmp_path / "tiny"
    forget()


def translate(pack: Pack, folder: Path, **more: str) -> None:
    """All of the pack in Kigiryama, with this `reviewer` or `confidence`."""
    wording.save(folder, "nyf", {one.id: Translation("Madzi", **more) for one in wordings(pack)})  # type: ignore[arg-type]


def test_a_language_is_offered_when_the_pack_speaks_it_too(tiny: tuple[Pack, Path]) -> None:
    assert offered(True, *tiny) == ("en", "sw")
    translate(*tiny)
    assert offered(True, *tiny) == ("en", "sw", "nyf")


def test_placeholders_for_translators_do_not_count(tiny: tuple[Pack, Path]) -> None:
    translate(*tiny, confidence="weak")
    assert of_the_pack("nyf", *tiny) == Coverage(texts=len(wordings(tiny[0])))


def test_a_language_that_nobody_has_reviewed_is_for_who_asks_for_it(tiny: tuple[Pack, Path], folder: Path) -> None:
    translate(*tiny)
    assert offered(False, *tiny) == ("en", "sw")
    translate(*tiny, reviewer="Kazungu, 2026-12-01", confidence="good")
    assert offered(False, *tiny) == ("en", "sw")
    catalogue(folder, "nyf", "# reviewed by Kazungu, 2026-12-01", Back="Uya", More="Zaidi", Yes="Ee")
    assert offered(False, *tiny) == ("en", "sw", "nyf")
    assert coverage("nyf", *tiny).reviewed_share == 1.0


def test_the_pack_is_always_there_in_english_and_swahili(tiny: tuple[Pack, Path]) -> None:
    every = len(wordings(tiny[0]))
    assert of_the_pack("en", *tiny) == Coverage(every, every, every)
    assert of_the_pack("sw", *tiny) == Coverage(every, every, 0)


def test_who_stands_for_a_text_of_the_pack() -> None:
    assert reviewed(Translation("Madzi", "Kazungu, Malindi, 2026-12-01")) == Review("Kazungu, Malindi", "2026-12-01")
    assert reviewed(Translation("Madzi")) is None


@pytest.mark.parametrize(("given", "offers"), [("", True), ("1", True), ("0", False), ("no", False)])
def test_the_demo_offers_what_waits_for_review_unless_it_is_told_not_to(
    given: str, offers: bool, tmp_path: Path
) -> None:
    environ = {"MLANGO_HOME": str(tmp_path), "MLANGO_OFFER_UNREVIEWED": given}
    assert Settings.load(environ).offers_unreviewed is offers


def test_production_does_not_unless_it_is_told_to(tmp_path: Path) -> None:
    demo = Settings.load({"MLANGO_HOME": str(tmp_path)})
    assert not demo.model_copy(update={"mode": "production"}).offers_unreviewed
    assert demo.model_copy(update={"mode": "production", "offer_unreviewed": True}).offers_unreviewed


def test_anything_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="MLANGO_OFFER_UNREVIEWED must be 1 or 0, not 'maybe'"):
        Settings.load({"MLANGO_HOME": str(tmp_path), "MLANGO_OFFER_UNREVIEWED": "maybe"})
