"""What a draft says: whether it is secret, whom it accuses, whether somebody may be in danger. Pure."""

from __future__ import annotations

from typing import Final

from cases.triage import suggest
from menus.engine import Draft
from packs.model import COUNTY_GOVERNMENT, Pack
from packs.places import PlaceIndex

SECRECY: Final = "secret"  # the field that holds how secret it is to be: confidential or anonymous
# Letters of one input: the fewest that a network carries, and the most; what is cut has a length in between
MAY_BE_CUT: Final = range(80, 183)


def is_secret(pack: Pack, draft: Draft) -> bool:
    """Whether nothing of this draft may be seen by who else picks up the phone."""
    if draft.get(SECRECY):
        return True
    category = pack.categories.get(draft.get("category", ""))
    return bool(category and category.sensitive) or is_sensitive(pack, draft.get("sub"))


def is_sensitive(pack: Pack, sub: str | None) -> bool:
    kind = pack.subs.get(sub or "")
    return bool(kind and (kind.sensitive or pack.categories[kind.category].sensitive))


def accused(pack: Pack, draft: Draft) -> str | None:
    """The office that a secret report is about: it must never see it. None if the citizen named none that we know."""
    about = _about(pack, draft)
    if about != COUNTY_GOVERNMENT:
        return about or None
    place = pack.places.get(draft.get("place", ""))
    return f"{COUNTY_GOVERNMENT}-{place.county}" if place and place.county else None


def accuses_by_place(pack: Pack, draft: Draft) -> bool:
    """Whether only the place says which office it is about: of 47 counties, the one it happened in."""
    return _about(pack, draft) == COUNTY_GOVERNMENT


def _about(pack: Pack, draft: Draft) -> str:
    return next((one.about for one in pack.subjects if one.code == draft.get("who")), "")


def tells_of_danger(pack: Pack, places: PlaceIndex, words: str) -> bool:
    """Whether the words speak of somebody who may be hurt."""
    return suggest(pack, places, words).urgent


def is_cut(typed: str) -> bool:
    """Whether the phone or the network may have cut what was typed."""
    return len(typed) in MAY_BE_CUT
