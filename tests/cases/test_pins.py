"""A secret case opens by its number and PIN, from any phone; who guesses learns nothing and soon has to wait."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

import packs
from cases import pins
from cases.casework import Casework, Change
from cases.citizens import Caller, Citizens
from cases.lifecycle import Action, State
from cases.models import Case
from cases.pins import WINDOW, WRONG_PER_NUMBER, CasePin, Locked, PinAttempt
from cases.reference import is_valid, shown
from store import database
from store.sealing import Unreadable
from tests.cases.conftest import Ear, lodging
from tests.together import at_once

Try = Callable[..., Case | Locked | None]
SECOND = timedelta(seconds=1)


@pytest.fixture
def casework(citizens: Citizens, ear: Ear) -> Casework:
    return Casework(packs.current, citizens, [ear, pins.give])


@pytest.fixture
def secret(casework: Casework, amina: Caller, now: datetime) -> Case:
    """Amina's: a policeman asked for money."""
    told = lodging(amina, "secret", sub="bribery.asked", visibility="confidential", about="NPS")
    return casework.apply(told, now).case


@pytest.fixture
def pin(amina: Caller, secret: Case) -> str:
    known = pins.pin_of(amina, secret)
    assert known
    return known


@pytest.fixture
def tried(citizens: Citizens, now: datetime) -> Try:
    def tried(who: Caller, number: str, pin: str, at: datetime = now) -> Case | Locked | None:
        return pins.opens(citizens, who, number, pin, at)

    return tried


def wrong(pin: str) -> str:
    return f"{(int(pin) + 1) % 10_000:04d}"


def absent(secret: Case) -> str:
    """A number that could be one, and is none."""
    return next(ref for number in range(10**8) if is_valid(ref := f"{200_000_000 + number}") and ref != secret.ref)


# Which cases have one


def test_a_secret_case_lodged_by_keys_has_four_digits_that_only_its_citizen_is_told(
    secret: Case, amina: Caller, juma: Caller
) -> None:
    told = pins.pin_of(amina, secret)
    assert told is not None
    assert re.fullmatch(r"\d{4}", told)
    assert pins.pin_of(amina, Case.get_by_id(secret.id)) == told  # a repeated hop shows the same
    assert pins.pin_of(juma, secret) is None


def test_no_byte_of_the_table_shows_a_pin_and_no_other_key_opens_it(secret: Case, pin: str, juma: Caller) -> None:
    row = CasePin.get()
    assert pin.encode() not in bytes(row.sealed)
    with pytest.raises(Unreadable):
        juma.key.open("case_pin.sealed", row.id, bytes(row.sealed))


@pytest.mark.parametrize(
    ("source", "facts", "given"),
    [
        ("ussd", {}, 0),
        ("ussd", {"visibility": "anonymous"}, 1),
        ("ussd", {"visibility": "confidential"}, 1),
        ("ussd", {"about": "NCWSC"}, 1),
        ("sms", {"visibility": "confidential"}, 0),
    ],
)
def test_only_what_is_secret_and_came_by_keys_gets_a_pin(
    casework: Casework, amina: Caller, now: datetime, source: str, facts: dict[str, Any], given: int
) -> None:
    case = casework.apply(
        Change(Action.LODGE, amina, source, "1", facts={"sub": "water.none", "place": "kibera", **facts}), now
    ).case
    assert CasePin.select().where(CasePin.case == case.id).count() == given
    assert (pins.pin_of(amina, case) is not None) == bool(given)


def test_what_happens_later_and_a_repeat_give_no_second_pin(
    casework: Casework, secret: Case, amina: Caller, now: datetime
) -> None:
    assert casework.apply(lodging(amina, "secret"), now).repeated
    casework.apply(Change(Action.ADD_WORDS, amina, "ussd", "more", secret.id, words="Jana pia."), now)
    assert CasePin.select().count() == 1


def test_a_case_that_is_not_saved_leaves_no_pin(citizens: Citizens, amina: Caller, now: datetime) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    casework = Casework(packs.current, citizens, [pins.give, fail])
    with pytest.raises(RuntimeError):
        casework.apply(lodging(amina, "secret", visibility="confidential"), now)
    assert CasePin.select().count() == Case.select().count() == 0


def test_pins_are_drawn_from_all_ten_thousand(
    casework: Casework, amina: Caller, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []

    def drawn(limit: int) -> int:
        limits.append(limit)
        return min(limit - 1, 7)

    monkeypatch.setattr(secrets, "randbelow", drawn)
    case = casework.apply(lodging(amina, "secret", visibility="anonymous"), now).case
    assert pins.pin_of(amina, case) == "0007"
    assert limits[-1] == 10_000


# Opening


def test_number_and_pin_open_it_from_any_phone(secret: Case, pin: str, amina: Caller, juma: Caller, tried: Try) -> None:
    for who in (amina, juma):
        assert tried(who, secret.ref, pin) == secret
        assert tried(who, f" {shown(secret.ref)}", " ".join(pin).replace("0", "O").replace("1", "l")) == secret
    assert PinAttempt.select().count() == 0


def test_whoever_opened_it_can_act_as_its_citizen(
    casework: Casework, citizens: Citizens, secret: Case, pin: str, juma: Caller, tried: Try, now: datetime
) -> None:
    case = tried(juma, secret.ref, pin)
    assert isinstance(case, Case)
    owner = citizens.by_id([case.__data__["citizen"]])[case.__data__["citizen"]]
    withdrawn = casework.apply(Change(Action.WITHDRAW, owner, "ussd", "w", case.id), now).case
    assert withdrawn.state == State.WITHDRAWN


@pytest.mark.parametrize("typed", ["", "000", "words", "12345", "0" * 500, "\x00", "١٢٣٤", "' OR '1'='1"])
def test_what_is_no_pin_opens_nothing(secret: Case, juma: Caller, tried: Try, typed: str) -> None:
    assert tried(juma, secret.ref, typed) is None


def test_a_right_pin_opens_only_what_is_secret_now(secret: Case, pin: str, amina: Caller, tried: Try) -> None:
    Case.update(visibility="public").execute()
    assert tried(amina, secret.ref, pin) is None


def test_a_case_whose_citizen_was_erased_opens_no_more(
    secret: Case, pin: str, citizens: Citizens, amina: Caller, juma: Caller, tried: Try
) -> None:
    assert pins.forget(juma.id) == 0
    citizens.forget(amina.id)
    assert tried(juma, secret.ref, pin) is None
    assert pins.forget(amina.id) == 1
    assert CasePin.select().count() == 0


# Guessing


def numbers(secret: Case, casework: Casework, caller: Caller, now: datetime) -> dict[str, str]:
    """A number of each sort that must look alike."""
    public = casework.apply(lodging(caller, "public"), now).case
    by_sms = Change(Action.LODGE, caller, "sms", "by sms", facts={"sub": "bribery.asked", "visibility": "confidential"})
    return {
        "secret": secret.ref,
        "absent": absent(secret),
        "public": public.ref,
        "secret without a PIN": casework.apply(by_sms, now).case.ref,
        "no number at all": "maji",
    }


def test_every_number_is_answered_alike_after_the_same_queries(
    casework: Casework,
    citizens: Citizens,
    secret: Case,
    pin: str,
    amina: Caller,
    now: datetime,
    tried: Try,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    run = database.run

    def overheard(handle: Any, sql: str, *values: Any) -> Any:
        asked.append(sql)
        return run(handle, sql, *values)

    sorts = numbers(secret, casework, amina, now)
    monkeypatch.setattr(database, "run", overheard)
    ways: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    for count, number in enumerate(sorts.values()):
        stranger, answers, queries = citizens.meet(f"+25470000000{count}", now), [], []
        for second in range(4):
            asked.clear()
            answers.append(repr(tried(stranger, number, wrong(pin), now + second * SECOND)))
            queries += asked
        ways.add((tuple(answers), tuple(queries)))
    ((alike, _),) = ways
    assert alike == ("None", "None", "None", repr(Locked(now + WINDOW)))


def test_after_three_wrong_tries_at_any_numbers_a_phone_waits_a_day(
    secret: Case, pin: str, amina: Caller, juma: Caller, tried: Try, now: datetime
) -> None:
    hour = timedelta(hours=1)
    assert tried(juma, secret.ref, wrong(pin)) is None
    assert tried(juma, absent(secret), pin, now + hour) is None
    assert tried(juma, "maji", pin, now + 2 * hour) is None
    assert tried(juma, secret.ref, pin, now + 3 * hour) == Locked(now + WINDOW)
    assert tried(amina, secret.ref, pin, now + 3 * hour) == secret  # another phone's
    assert tried(juma, secret.ref, pin, now + WINDOW - SECOND) == Locked(now + WINDOW)
    assert tried(juma, secret.ref, pin, now + WINDOW) == secret
    assert PinAttempt.select().count() == 3  # who waits tries nothing


def test_a_right_pin_in_between_takes_no_wrong_try_back(
    casework: Casework, secret: Case, pin: str, amina: Caller, now: datetime, tried: Try
) -> None:
    other = casework.apply(lodging(amina, "other", visibility="anonymous"), now).case
    own = pins.pin_of(amina, other)
    assert own
    for _ in range(2):
        assert tried(amina, secret.ref, wrong(pin)) is None
        assert tried(amina, other.ref, own) == other
    assert tried(amina, secret.ref, wrong(pin)) is None
    assert isinstance(tried(amina, other.ref, own), Locked)


@pytest.mark.parametrize("at", ["secret", "absent"])
def test_after_ten_wrong_tries_at_a_number_it_is_closed_to_every_phone(
    citizens: Citizens, secret: Case, pin: str, amina: Caller, tried: Try, now: datetime, at: str
) -> None:
    number = secret.ref if at == "secret" else absent(secret)
    for count in range(WRONG_PER_NUMBER):
        stranger = citizens.meet(f"+2547000000{count:02d}", now)
        assert tried(stranger, shown(number) if count % 2 else number, wrong(pin), now + count * SECOND) is None
    assert tried(amina, number, pin, now + timedelta(hours=1)) == Locked(now + WINDOW)
    assert tried(amina, number, pin, now + WINDOW) == (secret if at == "secret" else None)


def test_tries_that_are_made_at_once_count_one_after_the_other(
    secret: Case, pin: str, juma: Caller, tried: Try
) -> None:
    answers = at_once(*[lambda: tried(juma, secret.ref, wrong(pin))] * 6)
    assert [answer is None for answer in answers].count(True) == 3
    assert PinAttempt.select().count() == 3


def test_a_number_that_was_tried_cannot_be_read_from_the_table(secret: Case, juma: Caller, tried: Try) -> None:
    tried(juma, secret.ref, "")
    row = PinAttempt.get()
    assert secret.ref not in row.number_index
    assert re.fullmatch(r"[0-9a-f]{32}", row.number_index)


def test_tries_are_thrown_away_once_they_count_no_more(secret: Case, juma: Caller, tried: Try, now: datetime) -> None:
    tried(juma, secret.ref, "", now - WINDOW)
    tried(juma, secret.ref, "", now - WINDOW + SECOND)
    assert (pins.prune(now), PinAttempt.select().count()) == (1, 1)
    assert pins.prune(now) == 0
