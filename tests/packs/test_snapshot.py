"""A pack as bytes: whatever it holds comes back."""

from __future__ import annotations

import zlib
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packs import (
    Agency,
    Calendar,
    Category,
    Emergency,
    Faq,
    Pack,
    Place,
    Route,
    Sla,
    SubCategory,
    Subject,
    Term,
    snapshot,
)

minutes = st.integers(0, 2**40)
codes = st.text(max_size=6)
some_codes = st.lists(codes, max_size=2).map(tuple)
spellings = st.lists(some_codes, max_size=2).map(tuple)
words = st.dictionaries(st.sampled_from(["en", "sw", "ki"]), st.text(max_size=8))
intervals = st.lists(st.tuples(minutes, minutes), max_size=2).map(tuple)
calendars = st.builds(Calendar, hours=st.dictionaries(st.integers(0, 6), intervals, max_size=3))


def by_code(entries: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(codes, entries, max_size=2)


any_pack = st.builds(
    Pack,
    menu_title=words,
    more=words,
    agencies=by_code(st.builds(Agency, name=words)),
    categories=by_code(st.builds(Category, name=words, title=words)),
    subs=by_code(st.builds(SubCategory, name=words, ask=words)),
    slas=by_code(st.builds(Sla, minutes, minutes, minutes)),
    places=by_code(st.builds(Place)),
    calendars=by_code(calendars),
    holiday_years=st.tuples(minutes, minutes),
    emergency=st.lists(st.builds(Emergency, name=words), max_size=2).map(tuple),
    routes=st.lists(st.builds(Route, line=minutes), max_size=2).map(tuple),
    members=st.dictionaries(codes, some_codes, max_size=2),
    lexicon=st.lists(st.builds(Term, spellings, means=some_codes, weight=minutes), max_size=2).map(tuple),
    subjects=st.lists(st.builds(Subject, name=words), max_size=2).map(tuple),
    faqs=st.lists(st.builds(Faq, question=words, answer=words), max_size=2).map(tuple),
)


@given(any_pack)
@settings(max_examples=50, deadline=None)
def test_a_snapshot_gives_back_the_very_pack(pack: Pack) -> None:
    assert snapshot.restore(snapshot.dump(pack)) == pack


def test_the_pack_of_kenya_survives_too(ke: Pack) -> None:
    again = snapshot.restore(snapshot.dump(ke))
    assert again == ke
    assert snapshot.fingerprint(again) == ke.version
    assert len(snapshot.dump(ke)) < 200_000


def test_a_snapshot_of_a_release_before_is_still_read(ke: Pack) -> None:
    tree = orjson.loads(zlib.decompress(snapshot.dump(ke)))
    for field in ("members", "lexicon", "messages", "subjects", "faqs"):
        del tree[field]
    for route in tree["routes"]:
        del route["line"], route["about"]
    for agency in tree["agencies"].values():
        del agency["under"]
    for sub in tree["subs"].values():
        del sub["danger"], sub["ask"]
    again = snapshot.restore(zlib.compress(orjson.dumps(tree)))
    assert (again.members, again.lexicon, again.messages, again.subjects, again.faqs) == ({}, (), {}, (), ())
    assert not again.subs["power.fallen_line"].danger
    assert again.kin("COUNTY-047-ENV") == ke.kin("COUNTY-047-ENV")
    assert again.places == ke.places


def test_the_fingerprint_does_not_count_the_version_itself(ke: Pack) -> None:
    assert snapshot.fingerprint(replace(ke, version="another")) == ke.version
    assert snapshot.fingerprint(replace(ke, service="Other")) != ke.version


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="not a snapshot of a pack"):
        snapshot.restore(b"PK\x03\x04")
