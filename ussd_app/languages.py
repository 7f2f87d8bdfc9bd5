"""How far each language is, the conversation's texts and the pack's together, and so which ones citizens may choose."""

from __future__ import annotations

from pathlib import Path

from locales import SOURCE, catalogue
from locales.catalogue import Coverage, Review
from packs.model import Pack
from packs.reading import ALWAYS
from packs.wording import Translation, translations, wordings


def offered(unreviewed: bool, pack: Pack, folder: Path) -> tuple[str, ...]:
    """The languages that citizens may choose; `folder` is where the files of `pack` are.

    With `unreviewed` also those that are complete but that no speaker has reviewed.
    """
    return catalogue.offered(unreviewed, lambda code: of_the_pack(code, pack, folder))


def coverage(code: str, pack: Pack, folder: Path) -> Coverage:
    """How far a language is, all its texts counted."""
    return catalogue.coverage(code) + of_the_pack(code, pack, folder)


def of_the_pack(code: str, pack: Pack, folder: Path) -> Coverage:
    """How far the pack's texts are in a language. Those in English and Swahili are always there."""
    ids = {wording.id for wording in wordings(pack)}
    if code in ALWAYS:
        return Coverage(len(ids), len(ids), len(ids) if code == SOURCE else 0)
    shown = [one for id, one in translations(folder, code).items() if id in ids and one.confidence != "weak"]
    return Coverage(len(ids), len(shown), sum(reviewed(one) is not None for one in shown))


def reviewed(translation: Translation) -> Review | None:
    """Who stands for a text of the pack: its file says it as `NAME, DATE`."""
    name, _, day = translation.reviewer.rpartition(", ")
    return Review(name, day) if name else None
