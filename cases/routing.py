"""Which office answers? The most specific rule of the pack wins. Pure."""

from __future__ import annotations

from typing import NamedTuple

from packs.model import ANY, COUNTY_GOVERNMENT, Pack, Place, Route


class Candidate(NamedTuple):
    """A rule that covers the case: how specific it is, and the office that it names here."""

    weight: int
    rule: Route
    agency: str


def route(pack: Pack, sub: str | None, place: Place | None, about: str | None = None) -> str:
    """The code of the agency for a sub-category (None: not known yet) at a place (None: not known or not needed).

    `about` is the office that the case complains about in confidence: it never gets it; the next rule does. What no
    rule covers goes to the pack's service desk, never nowhere.
    """
    best, weight = pack.desk, -1
    for found in _covering(pack, sub, place, about):
        if found.weight > weight:
            best, weight = found.agency, found.weight
    return best


def candidates(pack: Pack, sub: str | None, place: Place | None, about: str | None = None) -> list[Candidate]:
    """All rules that cover the case, the one that decides first."""
    return sorted(_covering(pack, sub, place, about), key=lambda found: -found.weight)


def _covering(pack: Pack, sub: str | None, place: Place | None, about: str | None) -> list[Candidate]:
    """A rule that names the sub-category beats one for the category, that beats `*`; among equals one that names the
    county beats one that does not."""
    category = pack.subs[sub].category if sub else None
    county = place.county if place else None
    found = []
    for rule in pack.routes:
        if rule.category not in (ANY, category) or rule.sub not in (ANY, sub) or rule.county not in (ANY, county):
            continue
        agency = f"{COUNTY_GOVERNMENT}-{county}" if rule.agency == COUNTY_GOVERNMENT else rule.agency
        if agency in pack.agencies and not pack.agencies[agency].retired and agency != about:
            weight = 4 * (rule.sub != ANY) + 2 * (rule.category != ANY) + (rule.county != ANY)
            found.append(Candidate(weight, rule, agency))
    return found
