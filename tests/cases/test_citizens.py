from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime

import pytest

import packs
from cases.casework import Casework
from cases.citizens import Caller, Citizens
from cases.models import Citizen
from store import database
from store.sealing import KEY_BYTES, Keyring, Unreadable
from tests.cases.conftest import lodging
from tests.together import at_once

NUMBER = "+254712345678"


def test_a_stranger_is_nobody(citizens: Citizens) -> None:
    assert citizens.find(NUMBER) is None


def test_a_citizen_once_met_is_found_again_with_the_same_key(citizens: Citizens, amina: Caller) -> None:
    found = citizens.find(NUMBER)
    assert found is not None
    assert (found.id, found.msisdn, found.language, found.place, found.stopped) == (amina.id, NUMBER, None, None, False)
    assert found.key.open("a.b", "1", amina.key.seal("a.b", "1", "words")) == "words"


def test_many_first_contacts_at_once_make_one_citizen(citizens: Citizens, now: datetime) -> None:
    met = at_once(*[lambda: citizens.meet(NUMBER, now)] * 8)
    assert len({caller.id for caller in met}) == Citizen.select().count() == 1
    sealed = met[0].key.seal("a.b", "1", "words")
    assert {caller.key.open("a.b", "1", sealed) for caller in met} == {"words"}


def test_citizens_are_found_by_id_with_their_numbers(citizens: Citizens, amina: Caller, juma: Caller) -> None:
    found = citizens.by_id([amina.id, juma.id, amina.id, "f" * 32])
    assert {caller_id: caller.msisdn for caller_id, caller in found.items()} == {
        amina.id: amina.msisdn,
        juma.id: juma.msisdn,
    }
    assert citizens.by_id([]) == {}


def test_a_forgotten_citizen_is_found_by_no_id_and_no_number(
    citizens: Citizens, amina: Caller, juma: Caller, now: datetime
) -> None:
    citizens.set_language(amina.id, "sw")
    citizens.stop(amina.id, now)
    assert citizens.forget(amina.id)
    assert set(citizens.by_id([amina.id, juma.id])) == {juma.id}
    assert citizens.find(NUMBER) is None
    row = Citizen.get_by_id(amina.id)
    assert (bytes(row.msisdn), row.data_key, row.language, row.place, row.stopped_at) == (b"", None, None, None, None)


def test_nothing_is_remembered_of_who_was_forgotten(citizens: Citizens, amina: Caller, now: datetime) -> None:
    citizens.forget(amina.id)
    citizens.set_language(amina.id, "sw")  # of a request that had begun before
    citizens.stop(amina.id, now)
    assert (Citizen.get().language, Citizen.get().stopped_at) == (None, None)


def test_a_citizen_is_forgotten_once(citizens: Citizens, amina: Caller) -> None:
    assert citizens.forget(amina.id)
    assert not citizens.forget(amina.id)
    assert not citizens.forget("f" * 32)


def test_who_was_forgotten_is_met_as_somebody_new(
    citizens: Citizens, amina: Caller, juma: Caller, now: datetime
) -> None:
    citizens.forget(amina.id)
    citizens.forget(juma.id)
    again = citizens.meet(NUMBER, now)
    assert again.id not in (amina.id, juma.id)
    found = citizens.find(NUMBER)
    assert found is not None
    assert found.id == again.id


def test_a_fingerprint_that_outlived_its_key_stands_in_nobodys_way(
    citizens: Citizens, amina: Caller, now: datetime
) -> None:
    Citizen.update(data_key=None).where(Citizen.id == amina.id).execute()
    assert citizens.find(NUMBER) is None
    met = at_once(*[lambda: citizens.meet(NUMBER, now)] * 4)
    assert len({caller.id for caller in met} - {amina.id}) == 1
    found = citizens.find(NUMBER)
    assert found is not None
    assert found.id == met[0].id


def test_a_language_chosen_and_a_stop_are_remembered(citizens: Citizens, amina: Caller, now: datetime) -> None:
    citizens.set_language(amina.id, "sw")
    citizens.stop(amina.id, now)
    stopped = citizens.meet(NUMBER, now)
    assert (stopped.language, stopped.stopped) == ("sw", True)
    citizens.start(amina.id)
    assert not citizens.meet(NUMBER, now).stopped


def test_whom_the_network_blocks_is_stopped_too_and_stays_so_when_the_block_is_lifted(
    citizens: Citizens, amina: Caller, now: datetime
) -> None:
    assert not amina.blocked
    citizens.block(amina.id, now)
    blocked = citizens.meet(NUMBER, now)
    assert (blocked.blocked, blocked.stopped) == (True, True)
    citizens.unblock(amina.id)
    lifted = citizens.meet(NUMBER, now)
    assert (lifted.blocked, lifted.stopped) == (False, True)


def test_the_pace_of_texts_is_known_by_citizen_and_begins_anew_each_day(
    citizens: Citizens, amina: Caller, juma: Caller, now: datetime
) -> None:
    with database.transaction():
        assert citizens.paces([amina.id, juma.id]) == dict.fromkeys([amina.id, juma.id], (None, None, 0))
        citizens.begin_texting([amina.id], now)
        citizens.count_texts([amina.id], "2026-11-22")
        citizens.count_texts([amina.id, juma.id], "2026-11-22")
        assert citizens.paces([amina.id, juma.id]) == {
            amina.id: (now, "2026-11-22", 2),
            juma.id: (None, "2026-11-22", 1),
        }
        citizens.count_texts([amina.id], "2026-11-23")
        assert citizens.paces([amina.id])[amina.id] == (now, "2026-11-23", 1)


def test_the_pace_and_the_block_are_forgotten_with_the_citizen(
    citizens: Citizens, amina: Caller, now: datetime
) -> None:
    citizens.block(amina.id, now)
    citizens.begin_texting([amina.id], now)
    citizens.count_texts([amina.id], "2026-11-22")
    citizens.forget(amina.id)
    row = Citizen.get_by_id(amina.id)
    assert (row.blocked_at, row.texted_at, row.texts_day, row.texts) == (None, None, None, 0)


def test_without_the_master_key_a_citizen_is_not_readable(amina: Caller, keyring: Keyring) -> None:
    stranger = Citizens(replace(keyring, masters={"other": bytes(KEY_BYTES)}, current="other"))
    with pytest.raises(Unreadable):
        stranger.find(NUMBER)


def test_after_rotation_old_and_new_citizens_are_both_readable(amina: Caller, keyring: Keyring, now: datetime) -> None:
    rotated = Citizens(replace(keyring, masters={**keyring.masters, "2027": b"n" * KEY_BYTES}, current="2027"))
    new = rotated.meet("+254798765432", now)
    assert {caller.msisdn for caller in rotated.by_id([amina.id, new.id]).values()} == {NUMBER, "+254798765432"}


def test_a_citizen_does_not_print_the_number_or_the_key(amina: Caller) -> None:
    assert "712345678" not in repr(amina)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
class TestHold:
    def test_a_second_request_of_a_citizen_waits_for_the_first(self, citizens: Citizens, amina: Caller) -> None:
        order: list[str] = []
        held = threading.Event()

        def first() -> None:
            with database.transaction():
                citizens.hold(amina.id)
                held.set()
                threading.Event().wait(0.1)
                order.append("first")

        def second() -> None:
            held.wait(5)
            with database.transaction():
                citizens.hold(amina.id)
                order.append("second")

        at_once(first, second)
        assert order == ["first", "second"]

    def test_rows_that_refer_to_a_held_citizen_are_inserted_meanwhile(
        self, citizens: Citizens, amina: Caller, now: datetime
    ) -> None:
        lodged = threading.Event()

        def hold() -> None:
            with database.transaction():
                citizens.hold(amina.id)
                assert lodged.wait(4)

        def lodge() -> None:
            Casework(packs.current, citizens).apply(lodging(amina, "test:1", place=None), now)
            lodged.set()

        at_once(hold, lodge)


def test_whom_no_phone_reaches_is_known_by_a_name_and_sent_nothing(citizens: Citizens, now: datetime) -> None:
    one, other = (citizens.meet_without_phone(name, now) for name in ("open311/app/1", "open311/app/2"))
    assert one.id != other.id
    assert (one.msisdn, one.stopped) == ("", True)
    again = citizens.meet_without_phone("open311/app/1", now)
    assert (again.id, again.msisdn, again.stopped) == (one.id, "", True)
    assert citizens.find("") is None
    assert citizens.find("open311/app/1") is None
