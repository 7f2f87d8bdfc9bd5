"""Cases that may be one are found by sketches that nobody can read; staff alone join them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packs
from cases import clusters
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.clusters import ALIKE, MOST_COMPARED, SAME_SPOT, WINDOW, CaseSketch, Sketching, similarity, sketch
from cases.lifecycle import Action, Role
from cases.models import Case
from packs.model import Pack, Place
from store import database
from store.model import to_micros

SECRET = b"a secret of this box"
Lodge = Callable[..., Case]


@pytest.fixture
def reported() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def casework(citizens: Citizens, reported: list[dict[str, Any]]) -> Casework:
    def report(event: str, **facts: Any) -> None:
        reported.append({"event": event, **facts})

    return Casework(packs.current, citizens, [Sketching(packs.current, SECRET, report)])


@pytest.fixture
def lodge(casework: Casework, amina: Caller, now: datetime) -> Lodge:
    """One case more: no water in Lindi unless said otherwise."""

    def lodge(words: str | None = None, at: datetime = now, **facts: Any) -> Case:
        facts = {"sub": "water.none", "place": "1387"} | facts
        key = f"test:{Case.select().count()}"
        return casework.apply(Change(Action.LODGE, amina, "ussd", key, facts=facts, words=words), at).case

    return lodge


@pytest.fixture
def lindi(ke: Pack) -> Place:
    return ke.places["1387"]


# Sketches


def drawn(words: str, secret: bytes = SECRET) -> bytes:
    """The sketch of words that are enough for one."""
    found = sketch(words, secret)
    assert found is not None
    return found


def test_texts_alike_have_sketches_alike() -> None:
    one = drawn("maji hakuna kwa mtaa wetu karibu na soko")
    near = drawn("Hakuna maji mtaa wetu, karibu na soko!!")
    far = drawn("bili imekuja kubwa sana mwezi huu")
    assert similarity(one, one) == 1
    assert similarity(one, near) > 0.6
    assert similarity(one, far) < ALIKE


def test_a_misspelt_word_changes_little() -> None:
    assert similarity(drawn("transformer imelipuka"), drawn("transfoma imelipuka")) > ALIKE


@pytest.mark.parametrize("words", ["", "ok", "0712345678", "maji", "a b c d e f g", "123 456 789"])
def test_of_too_little_nothing_is_kept(words: str) -> None:
    assert sketch(words, SECRET) is None


def test_numbers_never_go_into_a_sketch() -> None:
    assert sketch("maji hakuna 0712345678 plot 44b", SECRET) == sketch("maji hakuna plot", SECRET)


def test_words_that_are_passed_over_say_nothing() -> None:
    assert sketch("maji hakuna kabisa hapa", SECRET, frozenset({"hapa"})) == sketch("maji hakuna kabisa", SECRET)


def test_without_the_secret_of_the_box_a_sketch_can_not_be_tried() -> None:
    words = "maji hakuna kwa mtaa wetu karibu na soko"
    assert similarity(drawn(words), drawn(words, b"guessed")) < ALIKE


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_similarity_is_the_share_of_equal_places_less_what_chance_gives(one: bytes, other: bytes) -> None:
    equal = sum(a == b for a, b in zip(one.hex(), other.hex(), strict=True)) / 64
    assert similarity(one, other) == pytest.approx(max(0, (equal - 1 / 16) / (15 / 16)))
    assert similarity(one, other) == similarity(other, one)


def test_a_public_case_leaves_a_sketch_of_its_words_alone(lodge: Lodge, now: datetime) -> None:
    case = lodge("maji hakuna kwa mtaa wetu karibu na soko")
    lodge("askari anataka chai kila siku asubuhi", sub="bribery.asked", visibility="confidential")
    lodge(None)
    (one,) = CaseSketch.select()
    assert (one.case.id, len(bytes(one.sketch)), one.made_at) == (case.id, 32, now)
    assert b"maji" not in bytes(one.sketch)


def test_a_fault_in_sketching_is_reported_and_the_case_is_lodged(
    lodge: Lodge, reported: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> bytes:
        raise ValueError("maji hakuna")

    monkeypatch.setattr(clusters, "sketch", fail)
    case = lodge("maji hakuna kabisa")
    assert Case.get_by_id(case.id).agency == "NCWSC"
    assert reported == [{"event": "sketch_failed", "case": case.id, "error": "ValueError"}]


def test_sketches_go_with_the_window_and_with_the_citizen(lodge: Lodge, amina: Caller, now: datetime) -> None:
    lodge("maji hakuna kabisa hapa", at=now)
    lodge("maji hakuna kabisa hapa", at=now + timedelta(days=3))
    assert clusters.prune(now + WINDOW) == 0
    assert clusters.prune(now + WINDOW + timedelta(seconds=1)) == 1
    assert clusters.forget("somebody else") == 0
    assert clusters.forget(amina.id) == 1
    assert CaseSketch.select().count() == 0


# Clusters


def test_cases_of_one_kind_and_ward_that_read_alike_are_one_cluster(
    ke: Pack, lodge: Lodge, lindi: Place, now: datetime
) -> None:
    first = lodge("hakuna maji lindi tangu jumapili bomba zote kavu", at=now - timedelta(days=2))
    second = lodge("Tangu jumapili hakuna maji lindi, bomba kavu", at=now - timedelta(days=1))
    lodge("mita yangu inaonyesha vibaya na fundi haonekani")  # something else
    (cluster,) = clusters.suggested(ke, "water", lindi, now)
    assert [case.id for case in cluster.cases] == [first.id, second.id]
    assert (cluster.since, cluster.master.ref) == (now - timedelta(days=2), first.ref)
    assert ALIKE <= cluster.similarity <= 1


def test_without_words_the_same_kind_and_place_count_for_less(
    ke: Pack, lodge: Lodge, lindi: Place, now: datetime
) -> None:
    lodge()
    lodge()
    lodge(sub="water.burst")
    (cluster,) = clusters.suggested(ke, "water", lindi, now)
    assert (len(cluster.cases), cluster.similarity) == (2, SAME_SPOT)


def test_a_chain_of_likenesses_is_one_cluster(ke: Pack, lodge: Lodge, lindi: Place, now: datetime) -> None:
    words = "maji hakuna tangu jumapili karibu na soko"
    cases = [lodge(words), lodge(None), lodge(words), lodge(None, sub="water.dirty")]
    (cluster,) = clusters.suggested(ke, "water", lindi, now)
    assert {case.id for case in cluster.cases} == {case.id for case in cases[:3]}
    assert SAME_SPOT < cluster.similarity < 1


def test_other_kinds_are_not_the_same_however_they_read(ke: Pack, lodge: Lodge, lindi: Place, now: datetime) -> None:
    words = "maji ya bomba ni shida kubwa kwa mtaa wetu"
    lodge(words, sub="water.dirty")
    lodge(words, sub="water.bill")
    assert clusters.suggested(ke, "water", lindi, now) == []


def test_a_texting_citizens_other_may_be_any_kind_if_it_reads_so(
    ke: Pack, lodge: Lodge, lindi: Place, now: datetime
) -> None:
    lodge("bomba limepasuka karibu na soko la lindi", sub="water.burst")
    lodge("karibu na soko la lindi bomba limepasuka", sub="water.other")
    lodge(None, sub="water.other")
    (cluster,) = clusters.suggested(ke, "water", lindi, now)
    assert [case.sub for case in cluster.cases] == ["water.burst", "water.other"]


@pytest.mark.parametrize(
    "different",
    [
        {"place": "1388"},  # another ward
        {"sub": "power.none"},
        {"visibility": "confidential"},
        {"visibility": "anonymous"},
    ],
)
def test_what_lies_elsewhere_or_is_secret_is_never_compared(
    ke: Pack, lodge: Lodge, lindi: Place, now: datetime, different: dict[str, str]
) -> None:
    lodge()
    lodge(**different)
    assert clusters.suggested(ke, "water", lindi, now) == []


def test_what_is_over_or_old_is_never_compared(
    ke: Pack, lodge: Lodge, casework: Casework, amina: Caller, lindi: Place, now: datetime
) -> None:
    lodge(at=now - WINDOW - timedelta(seconds=1))
    withdrawn = lodge()
    casework.apply(Change(Action.WITHDRAW, amina, "ussd", "withdraw", withdrawn.id), now)
    lodge()
    assert clusters.suggested(ke, "water", lindi, now) == []


def test_where_no_ward_is_known_people_share_the_place_they_named(ke: Pack, lodge: Lodge, now: datetime) -> None:
    assert ke.places["kibera"].ward is None
    lodge(place="kibera")
    lodge(place="kibera")
    lodge(place="kayole")
    (cluster,) = clusters.suggested(ke, "water", ke.places["kibera"], now)
    assert [case.place for case in cluster.cases] == ["kibera", "kibera"]


def test_the_case_that_others_follow_leads(
    ke: Pack, lodge: Lodge, casework: Casework, lindi: Place, now: datetime
) -> None:
    lodge(at=now - timedelta(hours=2))
    leading, follower = lodge(at=now - timedelta(hours=1)), lodge()
    join = Change(
        Action.DUPLICATE, None, "cli", "join", follower.id, Role.SUPERVISOR, {"master": leading.id}, office="NCWSC"
    )
    casework.apply(join, now)
    (cluster,) = clusters.suggested(ke, "water", lindi, now)
    assert len(cluster.cases) == 2  # who follows is no longer open
    assert (cluster.master.id, cluster.master.followers) == (leading.id, 1)


def test_the_largest_cluster_comes_first(ke: Pack, lodge: Lodge, lindi: Place, now: datetime) -> None:
    for sub, amount in (("water.burst", 2), ("water.none", 3)):
        for _ in range(amount):
            lodge(sub=sub)
    assert [len(one.cases) for one in clusters.suggested(ke, "water", lindi, now)] == [3, 2]


def test_the_busiest_spots_are_counted(lodge: Lodge, now: datetime) -> None:
    for place, amount in (("1387", 2), ("kibera", 3), ("kayole", 1)):
        for _ in range(amount):
            lodge(place=place)
    lodge(sub="power.none")
    lodge(sub="power.none", at=now - WINDOW - timedelta(days=1))
    assert clusters.busiest(now) == [("water", None, "kibera", 3), ("water", "1387", None, 2)]
    assert clusters.busiest(now, limit=1) == [("water", None, "kibera", 3)]
    assert clusters.busiest(now, category="power") == []


def test_cases_like_one_case_come_likeliest_first(ke: Pack, lodge: Lodge, now: datetime) -> None:
    own = lodge("maji hakuna tangu jumapili karibu na soko la lindi")
    near = lodge("tangu jumapili hakuna maji karibu na soko la lindi")
    silent = lodge(None)
    lodge("mita yangu inaonyesha vibaya na fundi haonekani")
    found = clusters.similar_to(ke, own.id, now)
    assert [case.id for case, _ in found] == [near.id, silent.id]
    assert found[0][1] > found[1][1] == SAME_SPOT


@pytest.mark.parametrize("facts", [{"sub": None}, {"place": None}, {"visibility": "confidential"}])
def test_nothing_is_like_a_case_of_unknown_kind_or_place_or_a_secret_one(
    ke: Pack, lodge: Lodge, now: datetime, facts: dict[str, Any]
) -> None:
    lodge()
    assert clusters.similar_to(ke, lodge(**facts).id, now) == []


def test_nothing_is_like_a_case_that_is_not_there(ke: Pack, bound: str, now: datetime) -> None:
    assert clusters.similar_to(ke, "0" * 32, now) == []


def test_candidates_are_found_by_an_index_and_never_more_than_can_be_compared(bound: str, now: datetime) -> None:
    assert MOST_COMPARED <= 500
    if database.is_postgres():
        database.run(database.main, "SET enable_seqscan = off")  # on an empty table it would not bother
    for spot, index in (("ward = '1387'", "cases_nearby"), ("ward IS NULL AND place = 'kibera'", "cases_nearby_place")):
        sql = (
            f"SELECT id FROM cases WHERE {clusters._CANDIDATES} AND {spot} AND category = 'water' "
            "ORDER BY received_at DESC LIMIT 300"
        )
        plan = database.rows(
            database.main,
            f"EXPLAIN {'' if database.is_postgres() else 'QUERY PLAN '}{sql}",
            to_micros(now),
        )
        assert f"{index} " in " ".join(str(line) for line in plan) + " ", plan


def test_a_pack_that_has_changed_since_still_compares_its_old_cases(
    ke: Pack, lodge: Lodge, lindi: Place, now: datetime
) -> None:
    lodge()
    lodge()
    retired = {code: replace(sub, retired=True) for code, sub in ke.subs.items()}
    assert len(clusters.suggested(replace(ke, subs=retired), "water", lindi, now)) == 1
