"""Which office answers? The most specific rule of the pack wins. Pure."""

from __future__ import annotations

from packs.model import Pack, Place

COUNTY = "COUNTY"  # in a rule: the government of the county where the problem is


def route(pack: Pack, sub: str | None, place: Place | None) -> str:
    """The code of the agency for a sub-category (None: not known yet) at a place (None: not known or not needed).

    A rule that names the sub-category beats one for the category, that beats `*`; among equals one that names the
    county beats one that does not. What no rule covers goes to the pack's service desk, never nowhere.
    """
    category = pack.subs[sub].category if sub else None
    county = place.county if place else None
    best, best_weight = pack.desk, -1
    for rule in pack.routes:
        if rule.category not in ("*", category) or rule.sub not in ("*", sub) or rule.county not in ("*", county):
            continue
        weight = 4 * (rule.sub != "*") + 2 * (rule.category != "*") + (rule.county != "*")
        agency = f"{COUNTY}-{county}" if rule.agency == COUNTY else rule.agency
        if weight > best_weight and agency in pack.agencies:
            best, best_weight = agency, weight
    return best
