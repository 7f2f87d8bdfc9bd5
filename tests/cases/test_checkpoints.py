"""Checkpoints, on both databases: what is done to whole cases is found out, with the keys of the box or without."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cases import checkpoints, events, reference
from cases.checkpoints import BadExport, Checkpoint, Signer, compare, read, seal, verify
from cases.models import Case, CaseEvent
from store import database
from store.clock import utcnow
from store.model import set_node
from store.sealing import KEY_BYTES
from tests.cases.conftest import Lodge
from tests.together import at_once

MASTERS = {"k1": bytes(range(KEY_BYTES))}


@pytest.fixture
def signer() -> Signer:
    return Signer(MASTERS)


@pytest.fixture
def soon() -> datetime:
    """When what happens in a test is old enough to be sealed: ids carry the time of the real clock."""
    return utcnow() + timedelta(minutes=2)


@pytest.fixture
def sealed(lodge: Lodge, signer: Signer, soon: datetime) -> Checkpoint:
    """Three cases of two events each, in one checkpoint."""
    for name in ("first", "second", "third"):
        lodge(name, words="Hakuna maji.")
    made = seal(signer, soon)
    assert made is not None
    return made


def case(source_key: str) -> Case:
    found: Case = Case.get(Case.source_key == source_key)
    return found


def faults(signer: Signer) -> list[str]:
    return list(verify(signer))


def name(one: Checkpoint) -> str:
    return f"Checkpoint {one.seq} of {one.node} ({one.sealed_at:%Y-%m-%d %H:%M} UTC)"


class TestSealing:
    def test_a_checkpoint_covers_what_is_there_in_order_of_the_ids(self, sealed: Checkpoint) -> None:
        ids = [event.id for event in CaseEvent.select().order_by(CaseEvent.id)]
        assert (sealed.seq, sealed.events, sealed.until_id) == (1, 6, ids[-1])
        assert sealed.previous == events.GENESIS
        assert Checkpoint.get().root == sealed.root
        assert bytes(Checkpoint.get().leaves)[::48] == bytes(bytes.fromhex(one)[0] for one in ids)

    def test_nothing_new_makes_no_checkpoint(self, sealed: Checkpoint, signer: Signer, soon: datetime) -> None:
        assert seal(signer, soon) is None
        assert Checkpoint.select().count() == 1

    def test_the_next_one_continues_the_last(
        self, sealed: Checkpoint, lodge: Lodge, signer: Signer, soon: datetime
    ) -> None:
        lodge("fourth")
        following = seal(signer, soon)
        assert following is not None
        assert (following.seq, following.events, following.previous) == (2, 2, sealed.root)
        assert faults(signer) == []

    def test_what_a_running_transaction_may_still_precede_waits(self, lodge: Lodge, signer: Signer) -> None:
        lodge("first")
        assert seal(signer, utcnow() + checkpoints.MARGIN - timedelta(seconds=5)) is None
        assert seal(signer, utcnow() + checkpoints.MARGIN + timedelta(seconds=1)) is not None

    def test_a_long_standstill_is_caught_up_in_bounded_steps(
        self, lodge: Lodge, signer: Signer, soon: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checkpoints, "MOST_EVENTS", 4)
        for number in range(5):
            lodge(f"case {number}")
        made = []
        while one := seal(signer, soon):
            made.append(one.events)
        assert made == [4, 4, 2]
        assert checkpoints.unsealed("test") == 0
        assert faults(signer) == []

    def test_two_sealers_at_once_make_one(self, lodge: Lodge, signer: Signer, soon: datetime) -> None:
        lodge("first")
        made = at_once(*[lambda: seal(signer, soon)] * 4)
        assert len([one for one in made if one]) == Checkpoint.select().count() == 1
        assert faults(signer) == []

    def test_each_box_seals_its_own(self, sealed: Checkpoint, lodge: Lodge, signer: Signer, soon: datetime) -> None:
        set_node("other")
        lodge("elsewhere")
        assert checkpoints.unsealed("other") == 2
        other = seal(signer, soon)
        assert other is not None
        assert (other.node, other.seq, other.events, other.previous) == ("other", 1, 2, events.GENESIS)
        assert faults(signer) == []
        assert [(one.node, one.seq) for one in checkpoints.in_order()] == [("other", 1), ("test", 1)]

    def test_an_event_that_is_not_of_this_house_stops_nobody(
        self, lodge: Lodge, signer: Signer, soon: datetime
    ) -> None:
        lodge("first")
        database.run(database.main, "UPDATE case_event SET hash = 'no hash at all' WHERE seq = 1")
        assert seal(signer, soon) is not None
        (fault,) = faults(signer)
        assert fault.endswith("event 1 was rewritten afterwards.")


class TestWhatIsFound:
    def test_nothing_where_nobody_was(self, sealed: Checkpoint, signer: Signer) -> None:
        assert faults(signer) == []

    def test_progress_hears_how_many_events_were_compared(self, sealed: Checkpoint, signer: Signer) -> None:
        compared: list[int] = []
        assert list(verify(signer, compared.append)) == []
        assert compared == [6]

    def test_a_whole_case_that_was_removed(self, sealed: Checkpoint, signer: Signer) -> None:
        gone = case("second")
        ids = remove(gone)
        assert list(events.verify()) == []  # the chains cannot know
        told = faults(signer)
        assert [fault.split(" (id ")[1] for fault in told] == [f"{event_id})." for event_id in ids]
        assert all(fault.startswith(f"{name(sealed)} does not match: an event of 20") for fault in told)

    def test_a_case_that_was_replaced_with_all_its_events(
        self, sealed: Checkpoint, signer: Signer, lodge: Lodge
    ) -> None:
        gone = case("second")
        ref, before = gone.ref, remove(gone)
        lodge("forged", sub="water.dirty")
        forged = case("forged")
        for old, event in zip(before, CaseEvent.select().where(CaseEvent.case == forged.id), strict=True):
            rewrite(event, id=old)
        chain_anew(forged)
        database.run(database.main, "UPDATE cases SET ref = ? WHERE id = ?", ref, forged.id)
        assert list(events.verify()) == []
        assert faults(signer) == [
            f"{name(sealed)} does not match: case {reference.shown(ref)}, event {seq} was rewritten afterwards."
            for seq in (1, 2)
        ]

    def test_an_event_that_was_rewritten_with_everything_that_hangs_on_it(
        self, sealed: Checkpoint, signer: Signer
    ) -> None:
        touched = case("first")
        rewrite(CaseEvent.get(CaseEvent.case == touched.id, CaseEvent.seq == 2), facts="{}")
        chain_anew(touched)
        assert list(events.verify()) == []
        assert faults(signer) == [
            f"{name(sealed)} does not match: case {reference.shown(touched.ref)}, event 2 was rewritten afterwards."
        ]

    def test_an_event_that_was_slipped_in(self, sealed: Checkpoint, signer: Signer, lodge: Lodge) -> None:
        lodge("late")
        late = case("late")
        for event in CaseEvent.select().where(CaseEvent.case == late.id):
            rewrite(event, id=f"{event.seq:032x}")
        chain_anew(late)
        assert {fault.partition("match: ")[2] for fault in faults(signer)} == {
            f"case {reference.shown(late.ref)}, event {seq} was added afterwards." for seq in (1, 2)
        }

    def test_many_at_once_are_named_up_to_a_limit(
        self, sealed: Checkpoint, signer: Signer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checkpoints, "MOST_NAMED", 4)
        for key in ("first", "second", "third"):
            remove(case(key))
        assert len(faults(signer)) == 5
        assert faults(signer)[-1] == f"{name(sealed)} does not match: 2 more events were touched."

    @pytest.mark.parametrize("column", ["until_id", "events", "sealed_at"])
    def test_a_changed_checkpoint(self, sealed: Checkpoint, signer: Signer, column: str) -> None:
        value = {"until_id": "f" * 32, "events": 7, "sealed_at": 0}[column]
        database.run(database.main, f"UPDATE checkpoint SET {column} = ?", value)
        assert f"{name(Checkpoint.get())} has a signature that is not of this house." in faults(signer)

    def test_a_checkpoint_that_was_made_to_fit_without_the_key(self, sealed: Checkpoint, signer: Signer) -> None:
        remove(case("second"))
        made_to_fit(sealed)
        assert faults(signer) == [f"{name(sealed)} has a signature that is not of this house."]

    def test_a_list_that_was_changed(self, sealed: Checkpoint, signer: Signer) -> None:
        remove(case("second"))
        rows = database.rows(database.main, "SELECT id, hash FROM case_event ORDER BY id")
        database.run(database.main, "UPDATE checkpoint SET leaves = ?", checkpoints._leaves(rows))
        assert faults(signer) == [
            f"{name(sealed)} was changed: its list of events is not the one that it was sealed with."
        ]

    def test_a_checkpoint_that_is_missing(
        self, sealed: Checkpoint, signer: Signer, lodge: Lodge, soon: datetime
    ) -> None:
        for key in ("fourth", "fifth"):
            lodge(key)
            seal(signer, soon)
        Checkpoint.delete().where(Checkpoint.seq == 2).execute()
        told = faults(signer)
        assert told[0].endswith("does not follow the one before it: number 2 is missing.")
        assert [fault.partition("match: ")[2][-17:] for fault in told[1:]] == ["added afterwards."] * 2

    def test_a_key_that_is_gone(self, sealed: Checkpoint) -> None:
        assert faults(Signer({"k2": b"n" * KEY_BYTES})) == [
            f"{name(sealed)} is signed with the key 'k1', which is not in MLANGO_MASTER_KEYS."
        ]

    def test_nothing_after_the_master_key_was_rotated(
        self, sealed: Checkpoint, lodge: Lodge, signer: Signer, soon: datetime
    ) -> None:
        rotated = Signer({"k2": b"n" * KEY_BYTES, **MASTERS})
        lodge("fourth")
        following = seal(rotated, soon)
        assert following is not None
        assert following.key_id == "k2"
        assert faults(rotated) == []


class TestOffTheBox:
    def test_an_exported_line_can_be_checked_with_the_public_key_alone(
        self, sealed: Checkpoint, signer: Signer
    ) -> None:
        line = json.loads(checkpoints.line(sealed))
        signature = bytes.fromhex(line.pop("signature"))
        signed = json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
        public = Ed25519PublicKey.from_public_bytes(signer.public_keys[line["key_id"]])
        public.verify(signature, signed)
        with pytest.raises(InvalidSignature):
            public.verify(signature, signed.replace(b'"events":6', b'"events":7'))

    def test_what_was_exported_is_still_the_same(self, sealed: Checkpoint, signer: Signer) -> None:
        assert list(compare(read([checkpoints.line(sealed), "\n"]), signer)) == []

    def test_who_rewrites_everything_with_the_keys_of_the_box_is_found_out(
        self, sealed: Checkpoint, signer: Signer, soon: datetime
    ) -> None:
        kept = read([checkpoints.line(sealed)])
        remove(case("second"))
        Checkpoint.delete().execute()
        assert seal(signer, soon) is not None
        assert [*events.verify(), *faults(signer)] == []  # nothing here gives them away
        (fault,) = compare(kept, signer)
        assert fault.startswith(f"Checkpoint 1 of test ({sealed.sealed_at:%Y-%m-%dT%H:%M:%SZ}) is not the one that was")
        assert "root" in fault

    def test_who_removes_the_newest_is_found_out(self, sealed: Checkpoint, signer: Signer) -> None:
        kept = read([checkpoints.line(sealed)])
        Checkpoint.delete().execute()
        assert faults(signer) == []
        (fault,) = compare(kept, signer)
        assert fault.endswith("was exported, but is not there any more.")

    def test_a_file_that_was_changed_is_no_proof_against_the_box(self, sealed: Checkpoint, signer: Signer) -> None:
        line = checkpoints.line(sealed).replace(sealed.signature, "00" * 64)
        (fault,) = compare(read([line]), signer)
        assert fault.endswith("in the exported file has a signature that is not of this house.")

    @pytest.mark.parametrize(
        ("line", "wrong"),
        [
            ("{", "line 2 is not JSON"),
            ("[]", "line 2 is not a checkpoint: it must have node, seq,"),
            ('{"node":"test"}', "line 2 is not a checkpoint: it must have node, seq,"),
        ],
    )
    def test_a_file_that_is_none_is_refused_with_the_line(self, line: str, wrong: str) -> None:
        with pytest.raises(BadExport, match=wrong):
            read(["", line])


# What somebody does who may do anything


def remove(gone: Case) -> list[str]:
    """A case and all its events, and every trace; the ids of the events."""
    rows = database.rows(database.main, "DELETE FROM case_event WHERE case_id = ? RETURNING id", gone.id)
    database.run(database.main, "DELETE FROM cases WHERE id = ?", gone.id)
    return sorted(row[0] for row in rows)


def rewrite(event: CaseEvent, **columns: object) -> None:
    for column, value in columns.items():
        database.run(database.main, f"UPDATE case_event SET {column} = ? WHERE id = ?", value, event.id)


def chain_anew(touched: Case) -> None:
    """Every hash of a case as it ought to be, and its head."""
    previous = events.GENESIS
    for event in CaseEvent.select().where(CaseEvent.case == touched.id).order_by(CaseEvent.seq):
        columns = {**event.__data__, "previous": previous}
        previous = events.link(columns)
        rewrite(event, previous=columns["previous"], hash=previous)
    database.run(database.main, "UPDATE cases SET chain = ? WHERE id = ?", previous, touched.id)


def made_to_fit(one: Checkpoint) -> None:
    """A checkpoint as the events are now; only its signature cannot be made."""
    rows = database.rows(database.main, "SELECT id, hash FROM case_event ORDER BY id")
    leaves = checkpoints._leaves(rows)
    Checkpoint.update(
        leaves=leaves, events=len(rows), until_id=rows[-1][0], root=checkpoints._root(one.previous, leaves)
    ).execute()
