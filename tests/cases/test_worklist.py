"""Who may see which case. A second, plain telling of the rules is compared with what every question answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from cases import lookup, reference, worklist
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, Role, State
from cases.models import Case, Citizen
from cases.worklist import ERASED, MOST_LISTED, UNREADABLE, Filters, Viewer
from store import database
from store.model import Insert, new_id
from store.sealing import KEY_BYTES, Keyring
from tests.cases.conftest import Lodge, Officer

ADMIN = Viewer(Role.ADMIN)
OFFICES = ("NCWSC", "COUNTY-047")
KIN = {"COUNTY-047": {"COUNTY-047", "COUNTY-047-HEALTH"}, "COUNTY-047-HEALTH": {"COUNTY-047", "COUNTY-047-HEALTH"}}
VIEWERS = [Viewer(role, office) for role, office in product(Role, (None, *OFFICES, "COUNTY-047-HEALTH", "EACC"))]
ALL = Filters()


def copies(case: Case, different: Sequence[dict[str, Any]]) -> list[Case]:
    """Cases like `case` in the same database, each with some columns of its own."""
    rows = []
    for number, columns in enumerate(different):
        payload = f"{20_000_000 + number:08d}"
        ref = next(payload + digit for digit in "0123456789" if reference.is_valid(payload + digit))
        own = {"id": new_id(), "ref": ref, "source_key": f"copy:{number}", "events": 0, "chain": ""}
        rows.append({**case.__data__, **own, **columns})
    Insert(Case)(rows)
    return [Case.get_by_id(row["id"]) for row in rows]


def one_of_each(case: Case) -> list[Case]:
    kinds = product(
        OFFICES, ("public", "confidential", "anonymous"), (None, *OFFICES), (State.ASSIGNED, State.APPEALED)
    )
    return copies(
        case,
        [
            {"agency": agency, "visibility": visibility, "about": about, "state": state}
            for agency, visibility, about, state in kinds
        ],
    )


def may_see(viewer: Viewer, case: Case) -> bool:
    """The rules again, in words of their own."""
    if viewer.agency is not None and case.about in KIN.get(viewer.agency, {viewer.agency}):
        return False
    match viewer.role:
        case Role.OWNER | Role.SUPERVISOR | Role.SYNC:
            return viewer.agency == case.agency
        case Role.AGENT:
            return case.visibility == "public"
        case Role.APPEAL_OFFICER:
            return case.state == "appealed"
        case Role.ADMIN | Role.AUDITOR:
            return True
        case _:
            return False


def refs(cases: Sequence[Case]) -> list[str]:
    return [case.ref for case in cases]


# Who sees what


def test_every_question_gives_every_role_the_same_answer(lodge: Lodge, citizens: Citizens) -> None:
    lodged = lodge(words="Hakuna maji.").case
    cases = [lodged, *one_of_each(lodged)]
    for viewer in VIEWERS:
        theirs = {case.ref for case in cases if may_see(viewer, case)}
        assert set(refs(worklist.listed(viewer, ALL, MOST_LISTED))) == theirs, viewer
        assert worklist.count(viewer, ALL) == len(theirs), viewer
        for case in cases:
            seen = case.ref in theirs
            assert (worklist.find(viewer, case.ref) is not None) == seen, (viewer, case.ref)
            assert (worklist.by_id(viewer, case.id) is not None) == seen, (viewer, case.ref)
            hidden = ("anonymous", "confidential") if viewer.role is Role.SYNC else ("anonymous",)
            known = seen and case.visibility not in hidden
            assert (worklist.phone(viewer, case, citizens) is not None) == known, (viewer, case.ref)
        assert bool(worklist.history(viewer, lodged, citizens)) == (lodged.ref in theirs), viewer


def test_no_filter_shows_more_than_the_viewer_may_see(lodge: Lodge) -> None:
    cases = one_of_each(lodge().case)
    filters = [Filters(agency="NCWSC"), Filters(is_open=True), Filters(county="047"), Filters(states=(State.APPEALED,))]
    for viewer, wanted in product(VIEWERS, filters):
        shown = worklist.listed(viewer, wanted, MOST_LISTED)
        assert all(may_see(viewer, case) for case in shown)
        assert worklist.count(viewer, wanted) == len(shown)
    assert len(cases) == 36


def test_a_confidential_case_is_never_seen_by_the_office_that_it_is_about(lodge: Lodge, citizens: Citizens) -> None:
    case = lodge(sub="bribery.asked", visibility="confidential", about="COUNTY-047").case
    assert case.agency != "COUNTY-047"
    holder = Viewer(Role.SUPERVISOR, case.agency)
    assert worklist.find(holder, case.ref) == case
    for role, office in product(Role, ("COUNTY-047", "COUNTY-047-HEALTH")):
        accused = Viewer(role, office)
        assert worklist.find(accused, case.ref) is None
        assert worklist.listed(accused, ALL) == []
        assert worklist.count(accused, ALL) == 0
        assert worklist.history(accused, case, citizens) == []


def test_what_is_typed_may_look_like_a_number_on_paper(lodge: Lodge) -> None:
    case = lodge().case
    for typed in (reference.shown(case.ref), f" #{case.ref} ", f"'{case.ref[:3]} {case.ref[3:]}'"):
        assert worklist.find(ADMIN, typed) == case
    for typed in ("", "maji", case.ref[-5:], case.ref + "0", "482915633"):
        assert worklist.find(ADMIN, typed) is None


def test_a_case_that_was_appealed_stays_with_the_appeal_officer_until_it_is_overturned(lodge: Lodge) -> None:
    case, viewer = lodge().case, Viewer(Role.APPEAL_OFFICER)
    for state, appealed, seen in (
        ("closed", 0, False),
        ("appealed", 1, True),
        ("closed", 1, True),
        ("assigned", 0, False),
    ):
        Case.update(state=state, appealed=appealed).where(Case.id == case.id).execute()
        assert (worklist.find(viewer, case.ref) is not None) == seen


# What is looked for


@pytest.fixture
def mixed(lodge: Lodge, now: datetime) -> dict[str, Case]:
    """Five cases of Nairobi Water, each with something to find it by."""
    names = ("plain", "old", "taken", "queued", "closed")
    columns: list[dict[str, Any]] = [
        {},
        {"due_at": now - timedelta(days=3), "received_at": now - timedelta(days=9), "escalation": 150},
        {"owner": "ncwsc-2", "category": "power", "ward": "1387", "county": "001"},
        {"queue": "triage", "master": "m" * 32},
        {"state": "closed", "due_at": now - timedelta(days=9)},
    ]
    base = lodge().case
    made = copies(base, [{"owner": None, "ward": None, **own} for own in columns])
    with database.transaction():
        Case.update(agency="KPLC", county="002", due_at=now + timedelta(days=9)).where(Case.id == base.id).execute()
    return dict(zip(names, made, strict=True))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(agency="NCWSC"), {"plain", "old", "taken", "queued", "closed"}),
        (Filters(agency="NCWSC", is_open=True), {"plain", "old", "taken", "queued"}),
        (Filters(states=(State.CLOSED,)), {"closed"}),
        (Filters(owner="ncwsc-2"), {"taken"}),
        (Filters(mine=True), {"taken"}),
        (Filters(queue="triage"), {"queued"}),
        (Filters(category="power"), {"taken"}),
        (Filters(ward="1387"), {"taken"}),
        (Filters(county="001"), {"taken"}),
        (Filters(master="m" * 32), {"queued"}),
        (Filters(escalated=100), {"old"}),
        (Filters(escalated=200), set()),
        (Filters(agency="NCWSC", is_open=True, category="water"), {"plain", "old", "queued"}),
    ],
)
def test_filters_find_what_they_say(filters: Filters, found: set[str], mixed: dict[str, Case]) -> None:
    viewer = Viewer(Role.ADMIN, None, "ncwsc-2")
    assert set(refs(worklist.listed(viewer, filters))) == {mixed[name].ref for name in found}
    assert worklist.count(viewer, filters) == len(found)


def test_filters_by_time(mixed: dict[str, Case], now: datetime) -> None:
    assert refs(worklist.listed(ADMIN, Filters(overdue_at=now))) == [mixed["old"].ref]
    assert mixed["old"].ref not in refs(worklist.listed(ADMIN, Filters(since=now)))
    assert worklist.count(ADMIN, Filters(since=now - timedelta(days=9))) == 6


def test_mine_is_nothing_to_somebody_without_a_name(mixed: dict[str, Case]) -> None:
    assert worklist.listed(ADMIN, Filters(mine=True)) == []


@pytest.mark.parametrize(
    ("due", "paused", "overdue"),
    [
        (-1, None, True),
        (0, None, False),
        (1, None, False),
        (-1, -2, False),  # the clock stood still before it ran out
        (-2, -1, True),  # it had run out already
        (-1, -1, True),
    ],
)
def test_overdue_is_what_ran_out_of_time_that_counted(
    lodge: Lodge, now: datetime, due: int, paused: int | None, overdue: bool
) -> None:
    hour = timedelta(hours=1)
    (case,) = copies(
        lodge().case, [{"due_at": now + due * hour, "paused_at": None if paused is None else now + paused * hour}]
    )
    assert worklist.is_overdue(case, now) == overdue
    assert (case.ref in refs(worklist.listed(ADMIN, Filters(overdue_at=now)))) == overdue


# Pages


def test_pages_show_each_case_once_in_the_order_in_which_they_are_due(lodge: Lodge, now: datetime) -> None:
    base = lodge().case
    made = copies(base, [{"due_at": now + timedelta(hours=number % 3)} for number in range(8)])
    seen: list[Case] = []
    for size in (3, 3, 3, 0):
        page = worklist.listed(ADMIN, ALL, 3, seen[-1] if seen else None)
        assert len(page) == size
        seen += page
    assert sorted(refs(seen)) == sorted(refs([base, *made]))
    assert [case.due_at for case in seen] == sorted(case.due_at for case in seen)


def test_a_page_has_an_end_whatever_is_asked_for(lodge: Lodge) -> None:
    made = copies(lodge().case, [{}] * (MOST_LISTED + 1))
    assert len(worklist.listed(ADMIN, ALL, 10_000)) == MOST_LISTED < len(made)


def test_an_office_finds_its_list_by_an_index(lodge: Lodge) -> None:
    explain = "EXPLAIN" if database.is_postgres() else "EXPLAIN QUERY PLAN"
    if database.is_postgres():
        database.run(database.main, "SET enable_seqscan = off")
    where = worklist._all(worklist._terms(Viewer(Role.OWNER, "NCWSC", "ncwsc-1"), Filters(is_open=True, mine=True)))
    plan = database.rows(
        database.main, f"{explain} SELECT * FROM cases WHERE {where.sql} ORDER BY due_at, id LIMIT 20", *where.values
    )
    assert "cases_worklist" in str(plan)


# What they read of it


def test_a_history_tells_who_did_what_and_in_which_words(
    lodge: Lodge, officer: Officer, citizens: Citizens, now: datetime
) -> None:
    case, later = lodge(words="Hakuna maji tangu Jumatatu.").case, now + timedelta(hours=1)
    officer(case, Action.NOTE, "The valve is shut.", actor="ncwsc-1", office="NCWSC", at=later)
    first, second, third = worklist.history(Viewer(Role.OWNER, "NCWSC"), case, citizens)
    assert (first.kind, first.role, first.words, first.at) == ("lodge", "citizen", "Hakuna maji tangu Jumatatu.", now)
    assert (second.kind, second.facts["agency"], second.words) == ("assign", "NCWSC", None)
    assert (third.kind, third.actor, third.source, third.words) == ("note", "ncwsc-1", "cli", "The valve is shut.")
    assert [first.seq, second.seq, third.seq, third.at] == [1, 2, 3, later]


def test_after_erasure_the_history_stays_and_the_words_are_gone(
    lodge: Lodge, amina: Caller, citizens: Citizens
) -> None:
    case = lodge(words="Hakuna maji.").case
    Citizen.update(data_key=None).where(Citizen.id == amina.id).execute()
    assert [entry.words for entry in worklist.history(ADMIN, case, citizens)] == [ERASED, None]
    assert worklist.phone(ADMIN, case, citizens) is None


def test_a_box_without_the_key_says_that_it_cannot_read(lodge: Lodge) -> None:
    case = lodge(words="Hakuna maji.").case
    elsewhere = Citizens(Keyring({"other": bytes(KEY_BYTES)}, "other", bytes(KEY_BYTES)))
    assert [entry.words for entry in worklist.history(ADMIN, case, elsewhere)] == [UNREADABLE, None]
    assert worklist.phone(ADMIN, case, elsewhere) is None


def test_what_is_read_is_what_the_citizen_sees(lodge: Lodge, amina: Caller) -> None:
    case = lodge().case
    own = lookup.own_case(amina.id, case.ref)
    assert own is not None
    found = worklist.find(ADMIN, case.ref)
    assert found is not None
    assert found.__data__ == own.__data__


# What of a case goes into files


@pytest.mark.parametrize(
    ("visibility", "guarded", "shared", "leaves"),
    [
        ("public", None, None, True),
        ("public", 1, None, False),
        ("public", 1, 1, True),
        ("confidential", None, None, False),
        ("confidential", None, 1, True),
        ("anonymous", None, None, False),
        ("anonymous", None, 1, True),
    ],
)
def test_words_said_in_confidence_leave_only_when_an_officer_released_them(
    visibility: str, guarded: int | None, shared: int | None, leaves: bool
) -> None:
    assert worklist.words_leave(visibility, guarded, shared) is leaves
    assert worklist.contact_leaves(visibility, guarded) is (visibility == "public" and not guarded)


def test_an_officer_releases_the_words_of_a_case(lodge: Lodge, officer: Officer) -> None:
    case = lodge(sub="bribery.asked", visibility="confidential", about="NPS").case
    assert not worklist.words_leave(case.visibility, case.guarded, case.shared)
    released = officer(case, Action.SHARE, office=case.agency, actor=case.owner).case
    assert released.shared == 1
    assert worklist.words_leave(released.visibility, released.guarded, released.shared)
