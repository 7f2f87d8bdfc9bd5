"""Who texted the very same words: a petition, a spammer with many numbers, or a prank that goes around."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from peewee import CharField, ForeignKeyField

from cases.citizens import Citizens
from cases.models import Citizen
from store import database
from store.model import Model, UtcField, new_id, node_name, to_micros

ALIKE_WITHIN: Final = timedelta(days=1)
_FEWEST_LETTERS: Final = 20  # shorter texts ("hakuna maji") are the same by chance
_DIGIT: Final = re.compile(r"\d")


class SameWords(Model):
    """That a citizen texted these words: a keyed fingerprint, from which nobody can guess them."""

    words = CharField(max_length=32)
    citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
    said_at = UtcField(index=True)

    class Meta:
        table_name = "same_words"
        indexes = ((("words", "citizen"), True),)


TABLES: Final = (SameWords,)


def say(citizens: Citizens, citizen_id: str, text: str, now: datetime, most: int) -> int:
    """Note what a citizen texted; how many numbers texted the same within a day, this one too, counted up to `most`.

    Figures count as one another: a campaign numbers its texts. 1 for what is too short to tell.
    """
    words = " ".join(_DIGIT.sub("0", text.casefold()).split())
    if len(words) < _FEWEST_LETTERS:
        return 1
    fingerprint = citizens.fingerprint(f"words:{words}")
    database.run(
        database.main,
        "INSERT INTO same_words (id, node, words, citizen_id, said_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (words, citizen_id) DO UPDATE SET said_at = excluded.said_at",
        new_id(),
        node_name(),
        fingerprint,
        citizen_id,
        to_micros(now),
    )
    ((numbers,),) = database.rows(
        database.main,
        "SELECT COUNT(*) FROM (SELECT 1 FROM same_words WHERE words = ? AND said_at > ? LIMIT ?) alike",
        fingerprint,
        to_micros(now - ALIKE_WITHIN),
        most,
    )
    return int(numbers)


def prune(now: datetime, limit: int = 2_000) -> int:
    """Forget who texted what more than a day ago; how many rows."""
    old = "SELECT id FROM same_words WHERE said_at < ? ORDER BY said_at LIMIT ?"
    gone = database.run(
        database.main, f"DELETE FROM same_words WHERE id IN ({old})", to_micros(now - ALIKE_WITHIN), limit
    )
    return int(gone.rowcount)
