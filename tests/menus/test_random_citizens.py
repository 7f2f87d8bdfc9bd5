"""Random citizens against the real store: they press and type anything, drop, dial again, wait days and text, while
offices work and the network repeats and reorders. Nothing fails, nothing overflows, no case is lost or made twice.

`MLANGO_TEST_CITIZENS=100` walks a hundred times as many of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Final

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from cases import replay
from cases.lifecycle import Action, NotAllowed
from cases.models import Case
from menus.fit import fits
from menus.sessions import Reply
from sms_gateway.encoding import segments
from store import database
from tests.menus.conftest import LINDI
from tests.menus.stage import Stage

MORE_OFTEN: Final = int(os.environ.get("MLANGO_TEST_CITIZENS", "1"))
NUMBER: Final = re.compile(r"\b(\d{3})-(\d{3})-(\d{3})\b")
TOLD: Final = re.compile(r"(?:Saved: |Case number |Number |Limehifadhiwa: |Nambari )(\d{3}-\d{3}-\d{3})")
OCTETS: Final = 140
_numbers = count(700_000_000)  # no two citizens of a run share a phone

# What they do: mostly keys, for nobody gets anywhere by typing alone
SECRETLY: Final = "*384*96*1*8*1*3*2#"
KEYS: Final = st.sampled_from([*"1122334456789", "0", "00", "98", "9"])
WORDS: Final = st.one_of(
    st.sampled_from(
        [
            "lindi",
            "kib",
            "nya",
            "kayole",
            "q",
            "no water since monday",
            "maji hakuna",
            "moto! nyumba inaungua",
            "1*2",
            "*",
            "#",
            "x" * 80,
            "y" * 400,
            "\u1230\u120b\u121d",
            "\u0129\u0169",
            "\U0001f62d",
            "{ref}",
            "482915633",
        ]
    ),
    st.text(max_size=20),
)
STEPS: Final = st.one_of(
    st.tuples(st.just("key"), KEYS),
    st.tuples(st.just("key"), KEYS),
    st.tuples(st.just("key"), KEYS),
    st.tuples(st.just("key"), KEYS),
    st.tuples(st.just("type"), WORDS),
    st.tuples(
        st.just("dial"),
        st.sampled_from(["*384*96#", "*384*96#", "*384*96*2#", "*384*96*1*1*1#", SECRETLY, "*384*96*9*9#"]),
    ),
    # these know their way, up to the last key or beyond
    st.tuples(
        st.just("hurry"),
        st.sampled_from(["*384*96*1*1*1#", "*384*96*1*1*2#", "*384*96*1*3*1#"]).map(lambda c: (c, "lindi", "1")),
    ),
    st.tuples(st.just("hurry"), st.sampled_from([(SECRETLY, "lindi"), (SECRETLY, "lindi", "1"), (SECRETLY, "1", "2")])),
    st.tuples(st.just("drop"), st.just("")),
    st.tuples(st.just("again"), st.just("")),
    st.tuples(st.just("late"), st.integers(0, 400)),
    st.tuples(st.just("number"), st.sampled_from(["own", "other", "pin"])),
    st.tuples(
        st.just("text"), st.sampled_from(["1", "2", "STATUS", "BADO", "5", "STOP", "START", "no water lindi", "NO"])
    ),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 60, 60 * 26, 60 * 24 * 8])),
    st.tuples(
        st.just("office"), st.sampled_from([Action.START, Action.ASK, Action.RESOLVE, Action.REJECT, Action.NOTE])
    ),
    st.tuples(st.just("change"), st.integers(0, 2)),
)
NOTE: Final = "We looked at it and wrote this long note."
FACTS: Final = {Action.RESOLVE: {"outcome": "fixed"}, Action.REJECT: {"reason": "abuse"}}


class Walk:
    """Three citizens, of whom one holds the phone at a time."""

    def __init__(self, stage: Stage, languages: tuple[str | None, ...]) -> None:
        self.stage = stage
        self.phones = [
            stage.phone(f"+254{next(_numbers)}", language, LINDI if language == "sw" else None)
            for language in languages
        ]
        self.here = self.phones[0]
        self.steps = 0
        self.told: dict[str, set[str]] = {phone.msisdn: set() for phone in self.phones}  # numbers they were told
        self.pins: dict[str, str] = {}
        self.open: set[str] = set()  # phones with a session that has not ended

    def take(self, what: str, detail: object) -> None:
        self.steps += 1
        before = self._count()
        reply = getattr(self, f"_{what}")(detail)
        assert self.stage.faults == [], (what, detail)
        if reply is not None:
            self._look_at(reply)
        if what in ("again", "drop", "wait", "change", "number", "late"):
            assert self._count() == before, f"{what} made a case"

    def _look_at(self, reply: Reply) -> None:
        assert fits(reply.text, OCTETS), reply.text
        assert reply.text.strip()
        (self.open.discard if reply.end else self.open.add)(self.here.msisdn)
        self.told[self.here.msisdn] |= {ref.replace("-", "") for ref in TOLD.findall(reply.text)}
        number, pin = NUMBER.search(reply.text), re.search(r"PIN (\d{4})", reply.text)
        if number and pin:
            self.pins["".join(number.groups())] = pin[1]

    def _key(self, key: object) -> Reply:
        return self._type(key)

    def _type(self, typed: object) -> Reply:
        return self.here.send(str(typed)) if self.here.msisdn in self.open else self.here.dial()

    def _dial(self, code: object) -> Reply:
        return self.here.dial(str(code))

    def _hurry(self, inputs: object) -> Reply:
        assert isinstance(inputs, tuple)
        code, *others = inputs
        reply = self._dial(code)
        for typed in others:
            self._look_at(reply)
            reply = self._type(typed)
        return reply

    def _drop(self, _: object) -> None:
        if self.here.session:
            self.here.drop()
            self.open.discard(self.here.msisdn)

    def _again(self, _: object) -> Reply | None:
        if not self.here.session:
            return None
        return self.here.again()

    def _late(self, upto: object) -> Reply | None:
        """An earlier request of the session comes once more."""
        if not self.here.session or not self.here.transcript:
            return None
        assert isinstance(upto, int)
        inputs = self.here.transcript.split("*")
        return self.here.late("*".join(inputs[: upto % (len(inputs) + 1)]))

    def _number(self, whose: object) -> Reply | None:
        """Look at a case by its number: one's own, another's, or a secret one with its PIN."""
        pool = {"own": self.told[self.here.msisdn], "other": set().union(*self.told.values()), "pin": set(self.pins)}
        if not pool[str(whose)]:
            return None
        ref = min(pool[str(whose)])
        self.here.dial()
        self.here.press(["00", "2"])
        reply = self.here.send(ref)
        return self.here.send(self.pins[ref]) if whose == "pin" else reply

    def _text(self, words: object) -> None:
        self.here.text(str(words))

    def _wait(self, minutes: object) -> None:
        assert isinstance(minutes, int)
        self.stage.pause(timedelta(minutes=minutes))
        self.stage.sweep()
        self.open.clear()

    def _office(self, action: object) -> None:
        assert isinstance(action, Action)
        case = Case.select().where(Case.citizen.in_(self.citizens())).order_by(Case.received_at.desc()).first()
        if case:
            with suppress(NotAllowed):
                self.stage.office(case.ref, action, NOTE, **FACTS.get(action, {}))

    def _change(self, whose: object) -> None:
        assert isinstance(whose, int)
        self.here = self.phones[whose]

    def citizens(self) -> list[str]:
        return [self.stage.citizens.meet(phone.msisdn, self.stage.now).id for phone in self.phones]

    def _count(self) -> int:
        return int(Case.select().count())

    def settle(self) -> None:
        """Every case was told to who made it; every number that was told is a case of theirs; SMS fit."""
        for phone in self.phones:
            citizen = self.stage.citizens.meet(phone.msisdn, self.stage.now).id
            made = {case.ref for case in Case.select().where(Case.citizen == citizen, Case.channel == "ussd")}
            own = {case.ref for case in Case.select().where(Case.citizen == citizen)}
            assert made <= self.told[phone.msisdn], "a case that its citizen was not told of"
            assert {ref for ref in self.told[phone.msisdn] if ref not in self.pins} <= own, "a number that is no case"
            assert all(segments(text).count <= 2 for text in phone.inbox())
        doubled = "SELECT source_key FROM cases GROUP BY source_key HAVING COUNT(*) > 1"
        assert database.rows(database.main, doubled) == []


@settings(
    max_examples=25 * MORE_OFTEN, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(STEPS, min_size=25, max_size=80),
    st.tuples(*[st.sampled_from(["en", "sw", None])] * 3),
)
def test_whatever_citizens_do_nothing_fails_and_no_case_is_lost_or_doubled(
    stage: Stage, steps: list[tuple[str, object]], languages: tuple[str | None, ...]
) -> None:
    walk = Walk(stage, languages)
    for what, detail in steps:
        walk.take(what, detail)
    walk.settle()
    event(f"{Case.select().where(Case.citizen.in_(walk.citizens())).count()} cases")
    event(f"{len(walk.pins)} secret ones")


@pytest.fixture(autouse=True)
def _histories_agree(stage: Stage) -> Iterator[None]:
    """At the end every row of a case is what its events say."""
    yield
    assert list(replay.differences()) == []
