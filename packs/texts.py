"""The pack's own words for SMS about a case: `messages.csv`, one text an event and kind of problem.

The house has a text for every event. A pack may word one itself: for everything (`*`), for a category or for one
sub-category; the most specific line wins. What may stand in it, and how wide it may be, is checked when it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Final

from packs.model import ANY, Category, Pack, SubCategory, Text
from packs.reading import ALWAYS, Reading, needs_ucs2, one_of, required, strange_letter, width
from packs.sheet import Columns, Row

FILE: Final = "messages.csv"
SEGMENT: Final = 160  # septets of one SMS
TWO_PARTS: Final = 134  # UTF-16 units of two SMS: what scripts outside of GSM-7 get for the same
# The widest a value may be in an SMS, in septets; wider ones are cut when it is sent.
WIDTHS: Final[Mapping[str, int]] = {
    "service": 8,
    "code": 10,
    "ref": 11,
    "sub": 20,
    "place": 20,
    "agency": 20,
    "date": 10,
    "n": 5,
    "note": 57,  # 56 and a full stop: what an officer wrote, as far as one SMS holds it; more makes a second
}

_CASE: Final = frozenset({"service", "code", "ref", "agency", "date", "sub"})
_PLACED: Final = _CASE | {"place"}
_NOTED: Final = _CASE | {"note"}

# Which SMS a pack may word itself, and what it may say in each. Texts about confidential cases are not among them:
# they stay neutral whatever a pack says.
PLACEHOLDERS: Final[Mapping[str, frozenset[str]]] = {
    "received": _PLACED,
    "received_anywhere": _CASE,
    "known_issue": _PLACED | {"n"},
    "known_issue_anywhere": _CASE | {"n"},
    "assigned": _CASE,
    "moved": _CASE,
    "in_progress": _PLACED,
    "in_progress_anywhere": _CASE,
    "question": _NOTED,
    "waiting": _NOTED,
    "answered": _CASE,
    "resolved": _NOTED,
    "resolved_followed": _PLACED,
    "resolved_followed_anywhere": _CASE,
    "resolved_last_call": _CASE,
    "rate": _CASE,
    "thanks": _CASE,
    "reopened": _CASE,
    "breached": _CASE,
    "rejected": _NOTED,
    "appealed": _CASE,
    "upheld": _NOTED,
    "overturned": _NOTED,
    "withdrawn": _CASE,
    "restored": _CASE,
    "joined": _CASE,
    "released": _CASE,
}
# Without these a text would keep from the citizen what they are owed: which case, and the officer's own words
_OWED: Final = ("ref", "note")
_ASKS_NOTHING_OF: Final = frozenset({"thanks"})  # says nothing of one case


def own_text(pack: Pack, template: str, sub: str | None) -> Text | None:
    """The pack's own words for an SMS about a case of this sub-category; None where the house's text stands."""
    texts = pack.messages.get(template, {})
    scopes = (sub, pack.subs[sub].category, ANY) if sub else (ANY,)
    return next((texts[scope] for scope in scopes if scope in texts), None)


def read_texts(
    reading: Reading, categories: Mapping[str, Category], subs: Mapping[str, SubCategory]
) -> dict[str, dict[str, Text]]:
    """Template → scope → words by language, from `messages.csv`; a pack without that file has no words of its own."""
    if not (reading.folder / FILE).exists():
        return {}
    texts: dict[str, dict[str, Text]] = {}
    lines: dict[tuple[str, str], int] = {}
    for row in reading.sheet(FILE, Columns(("template", "scope", "text_en", "text_sw"), ("text_*",))):
        template, scope = one_of(row, "template", tuple(PLACEHOLDERS)), required(row, "scope")
        if scope and scope not in (ANY, *categories, *subs):
            row.fault("scope", f"“{scope}” is neither * nor a category nor a sub-category.")
        if lines.setdefault((template, scope), row.line) != row.line:
            row.fault("scope", f"line {lines[template, scope]} words this for “{scope}” already.")
        texts.setdefault(template, {})[scope] = _words(row, template)
    return texts


def mistake(template: str, words: str, *, plain: bool) -> str | None:
    """What is wrong with words for an SMS, as a sentence; None if nothing is. `plain`: they must be in GSM-7."""
    named = _named(words)
    if named is None:
        return "a { or } stands alone; names stand between both, as in {ref}."
    unknown = sorted(named - PLACEHOLDERS[template])
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS[template]))
        return f"“{template}” does not know {{{unknown[0]}}}. It knows: {known}."
    for name in _OWED:
        if name in PLACEHOLDERS[template] - named and template not in _ASKS_NOTHING_OF:
            return f"this text must say {{{name}}}."
    if plain and (strange := strange_letter(words)):
        return f"“{strange}” is not a letter of GSM-7, so a phone may not show it."
    return _too_wide(words.format_map({name: "x" * WIDTHS[name] for name in named}))


def _words(row: Row, template: str) -> Text:
    """The text in each language that the line has; English is never missing."""
    required(row, "text_en")
    columns = {name: words for name, words in row.cells.items() if name.startswith("text_") and words}
    for column, words in columns.items():
        if wrong := mistake(template, words, plain=column.removeprefix("text_") in ALWAYS):
            row.fault(column, wrong)
    return {column.removeprefix("text_"): words for column, words in columns.items()}


def _too_wide(widest: str) -> str | None:
    if needs_ucs2(widest):
        if len(widest) > TWO_PARTS:
            return f"with the widest values this is {len(widest)} characters; {TWO_PARTS} fit two SMS."
    elif (units := width(widest)) > SEGMENT:
        return f"with the widest values this is {units} septets; {SEGMENT} fit one SMS."
    return None


def _named(words: str) -> frozenset[str] | None:
    """The names between braces; None if a brace stands alone or more than a name stands between two."""
    names = set()
    try:
        for _, name, form, conversion in Formatter().parse(words):
            if name is not None:
                names.add(name)
                if form or conversion or not name.isidentifier():
                    return None
    except ValueError:
        return None
    return frozenset(names)
