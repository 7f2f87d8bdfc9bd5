"""Plays a conversation file: a dialogue between a citizen and the service as a county officer can read and write it.

    citizen +254712345678 language sw place "Lindi"   whose phone the next lines are about
    at 2026-11-23 09:15                               the clock in Nairobi
    dial *384*96#                                     a new session; the lines with | are the screen
    key 1   /   type no water for 3 weeks             one input
    END                                               the screen below closes the session
    drop   /   hang up   /   later 4 min              the line is lost; nothing more comes; time passes
    text "STATUS"                                     the citizen's SMS
    sms from service                                  what arrived on this phone since the last look
    repeat last request   /   repeat last text        the network sends the same again
    late request 1*2                                  an old request comes again; "first" is the dialling itself
    network sends 1*2                                 a request with exactly this text, whatever came before
    case {ref} has note "…"                           the citizen's words are kept with the case
    case {ref} becomes closed                         its state is set, whatever the rules say
    office resolve {ref} outcome=fixed "…"            an office does something; DUPLICATE takes master={ref2}
    withdraw {ref}                                    somebody with this phone in hand takes the complaint back
    sweep                                             what time has brought is done
    remind                                            whoever left a complaint unfinished is reminded, if it is time
    notice 047 for 2 days en "…" sw "…"               a supervisor puts up a notice
    there are 2 cases                                 in all
    there is 1 call to make                           somebody waits to be called back
    languages en sw ki                                what the service speaks; without this line en sw

`{ref}` stands for the first case number that is seen, `{ref2}` for the second; in inputs for its digits, `{ref:5}` for
the last five of them. `{pin}` and `{pin2}` stand for PINs in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cases import callbacks
from cases.lifecycle import Action, NotAllowed
from cases.models import Case
from menus.fit import fits
from menus.sessions import Reply
from tests.menus.stage import VOICE, Phone, Stage, pack_and_places

NAIROBI: Final = ZoneInfo("Africa/Nairobi")
_ENDING: Final = re.compile(r"\b\d{5}\b")
_NUMBER: Final = re.compile(r"\b\d{3}-\d{3}-\d{3}\b")
_PIN: Final = re.compile(r"\bPIN (\d{4})\b")
_PLACEHOLDER: Final = re.compile(r"\{((?:ref|pin)\d*)(?::(\d))?\}")
_SEGMENT: Final = 160


class Script:
    """One file while it is played."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._phones: dict[str, Phone] = {}
        self._phone: Phone
        self._drawn: dict[str, str] = {}  # what is drawn at random: "ref" → nine digits, "pin" → four

    def play(self, text: str) -> str:
        """The file as the service speaks today. AssertionError if something it states is not so."""
        return "\n".join(self._lines(text.splitlines())) + "\n"

    def _lines(self, lines: list[str]) -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            if line == "END" or line.startswith("|"):
                continue  # what it said last time
            yield line
            if line.strip() and not line.startswith("#"):
                try:
                    yield from self._do(line)
                except AssertionError as fault:
                    raise AssertionError(f"line {number}, {line!r}: {fault}") from fault

    def _do(self, line: str) -> list[str]:
        for pattern, act in DIRECTIVES.items():
            found = re.fullmatch(pattern, line)
            if found:
                return [self._with_names(said) for said in act(self, *map(self._with_digits, found.groups(default="")))]
        raise AssertionError("no such directive; tests/conversations/script.py lists them")

    def _with_digits(self, typed: str) -> str:
        """`{ref}` in an input is what one types: digits."""

        def digits(found: re.Match[str]) -> str:
            whole = self._drawn[found[1]]
            return whole[-int(found[2]) :] if found[2] else whole

        return _PLACEHOLDER.sub(digits, typed)

    def _with_names(self, said: str) -> str:
        """Numbers of cases and PINs are drawn at random: `{ref}` for the first, `{ref2}` for the next."""

        def number(found: re.Match[str]) -> str:
            digits = found[0].replace("-", "")
            exists = Case.select().where(Case.ref == digits).exists()
            return f"{{{self._name('ref', digits)}}}" if exists else found[0]

        def pin(found: re.Match[str]) -> str:
            return f"PIN {{{self._name('pin', found[1])}}}"

        return _PIN.sub(pin, _ENDING.sub(self._ending, _NUMBER.sub(number, said)))

    def _name(self, kind: str, digits: str) -> str:
        """What these digits are called; new ones get the next name."""
        known = {drawn: name for name, drawn in self._drawn.items() if name.startswith(kind)}
        if digits not in known:
            known[digits] = f"{kind}{len(known) + 1}" if known else kind
            self._drawn[known[digits]] = digits
        return known[digits]

    def _ending(self, found: re.Match[str]) -> str:
        named = (name for name, digits in self._drawn.items() if name.startswith("ref") and digits.endswith(found[0]))
        return next((f"{{{name}:5}}" for name in named), found[0])

    # The directives

    def citizen(self, msisdn: str, language: str, place: str) -> list[str]:
        code = pack_and_places()[1].find(place)[0].code if place else None
        if msisdn not in self._phones:
            self._phones[msisdn] = self._stage.phone(msisdn, language or None, code)
        self._phone = self._phones[msisdn]
        return []

    def at(self, day: str, hour: str) -> list[str]:
        self._stage.now = datetime.fromisoformat(f"{day} {hour}").replace(tzinfo=NAIROBI).astimezone(UTC)
        return []

    def later(self, count: str, unit: str) -> list[str]:
        self._stage.pause(timedelta(**{{"min": "minutes", "h": "hours", "days": "days"}[unit]: int(count)}))
        return []

    def dial(self, code: str) -> list[str]:
        return self._screen(self._phone.dial(code))

    def send(self, typed: str) -> list[str]:
        return self._screen(self._phone.send(typed))

    def network_sends(self, text: str) -> list[str]:
        return self._screen(self._phone.network_sends(text))

    def late(self, text: str) -> list[str]:
        return self._screen(self._phone.late("" if text == "first" else text))

    def again(self) -> list[str]:
        return self._screen(self._phone.again())

    def drop(self) -> list[str]:
        self._phone.drop()
        return []

    def text(self, words: str) -> list[str]:
        self._phone.text(words)
        return self._no_faults()

    def text_again(self) -> list[str]:
        self._phone.text_again()
        return self._no_faults()

    def inbox(self) -> list[str]:
        texts = self._phone.inbox()
        for text in texts:
            assert len(text) <= _SEGMENT, f"longer than one SMS: {text}"
        return [f"| {line}" for text in texts for line in text.splitlines()] or ["| (nothing)"]

    def has_note(self, ref: str, words: str) -> list[str]:
        case = Case.get(Case.ref == ref)
        written = self._stage.words(case)
        assert any(words in note.splitlines() for note in written), f"the case has {written}"
        return []

    def becomes(self, ref: str, state: str) -> list[str]:
        changed = Case.update(state=state, state_since=self._stage.now).where(Case.ref == ref).execute()
        assert changed == 1, "there is no such case"
        return []

    def office(self, action: str, ref: str, name: str, value: str, words: str) -> list[str]:
        if name == "master":
            value = Case.get(Case.ref == value).id
        try:
            self._stage.office(ref, Action(action), words or None, **({name: value} if name else {}))
        except (ValueError, NotAllowed) as refusal:
            raise AssertionError(str(refusal)) from refusal
        return []

    def withdraw(self, ref: str) -> list[str]:
        self._phone.withdraw(ref)
        return []

    def blocked(self) -> list[str]:
        citizen = self._stage.citizens.meet(self._phone.msisdn, self._stage.now)
        self._stage.citizens.block(citizen.id, self._stage.now)
        return []

    def sweep(self) -> list[str]:
        self._stage.sweep()
        return self._no_faults()

    def remind(self) -> list[str]:
        self._stage.remind()
        return self._no_faults()

    def languages(self, codes: str) -> list[str]:
        self._stage.speak(tuple(codes.split()))
        return []

    def notice(self, area: str, days: str, english: str, swahili: str) -> list[str]:
        self._stage.notice(area, {"en": english, "sw": swahili}, timedelta(days=int(days)))
        return []

    def count(self, count: str) -> list[str]:
        assert len(self._stage.cases()) == int(count), f"there are {len(self._stage.cases())}"
        return []

    def calls(self, count: str) -> list[str]:
        assert callbacks.count() == int(count), f"there are {callbacks.count()}"
        return []

    def _screen(self, reply: Reply) -> list[str]:
        assert fits(reply.text, VOICE.octets), f"too long for the network: {reply.text}"
        closes = ["END"] if reply.end else []
        return self._no_faults() + closes + [f"| {line}".rstrip() for line in reply.text.split("\n")]

    def _no_faults(self) -> list[str]:
        assert not self._stage.faults, f"the service logged {self._stage.faults}"
        return []


DIRECTIVES: Final[dict[str, Callable[..., list[str]]]] = {
    r'citizen (\+\d+)(?: language (\w+))?(?: place "(.*)")?': Script.citizen,
    r"at (\d{4}-\d\d-\d\d) (\d\d:\d\d)": Script.at,
    r"later (\d+) (min|h|days)": Script.later,
    r"dial (\*\S+#)": Script.dial,
    r"(?:key|type) (.*)": Script.send,
    r"network sends (.*)": Script.network_sends,
    r"late request (.*)": Script.late,
    r"repeat last request": Script.again,
    r"drop|hang up": Script.drop,
    r'text "(.*)"': Script.text,
    r"repeat last text": Script.text_again,
    r"sms from service": Script.inbox,
    r'case (\{ref\d*\}) has note "(.*)"': Script.has_note,
    r"case (\{ref\d*\}) becomes (\w+)": Script.becomes,
    r'office (\w+) (\{ref\d*\})(?: (\w+)=(\S+))?(?: "(.*)")?': Script.office,
    r"withdraw (\{ref\d*\})": Script.withdraw,
    r"network blocks our sms": Script.blocked,
    r"sweep": Script.sweep,
    r"remind": Script.remind,
    r'notice (\S+) for (\d+) days en "(.*)" sw "(.*)"': Script.notice,
    r"there (?:is|are) (\d+) cases?": Script.count,
    r"there (?:is|are) (\d+) calls? to make": Script.calls,
    r"languages ((?:\w+ ?)+)": Script.languages,
}
