"""The questions that people often ask, with their answers: `faqs.csv`, one a line, listed in the order of its lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from packs.model import Category, Faq
from packs.reading import Reading, matching, reference, text, unique
from packs.sheet import Columns

FILE: Final = "faqs.csv"
QUESTION: Final = 28  # septets: a line of a list
ANSWER: Final = 480  # septets: some four screens; who needs more is better called back

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{1,29}")


def read_faqs(reading: Reading, categories: Mapping[str, Category]) -> tuple[Faq, ...]:
    """What `faqs.csv` says; a pack without that file has no advice to give."""
    if not reading.has(FILE):
        return ()
    faqs: list[Faq] = []
    codes: dict[str, int] = {}
    columns = Columns(
        ("code", "category", "question_en", "question_sw", "answer_en", "answer_sw"), ("question_*", "answer_*")
    )
    for row in reading.sheet(FILE, columns):
        code = matching(row, "code", _CODE, "passport_renewal (small letters)")
        category = reference(row, "category", categories, "category") or None
        if unique(row, "code", code, codes):
            faqs.append(Faq(code, category, text(row, "question", QUESTION), text(row, "answer", ANSWER)))
    return tuple(faqs)
