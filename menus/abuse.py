"""Whether a text is answered, done in silence, or only kept: floods, loops of machines, spam. Asked before all else.

Every text is stored. Whoever sends without a pause gets five answers to free text; keywords and answers to us are
answered beside, each a few times an hour. What they ask for is done all the same, and the numbers of new complaints
follow when they pause. Past all measure a number is banned for a day: its texts are kept and can be handled once the
ban is over. STOP always works, and danger always gets the emergency numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cases import triage
from cases.citizens import Caller, Citizens
from menus import bans, campaigns, numbers, strangers
from menus.bans import Ban
from menus.echoes import is_echo
from menus.messages import TEMPLATES
from packs.model import Pack
from packs.places import PlaceIndex, fold
from sms_gateway.keywords import A_NUMBER_ALONE, Command, Intent, addressed, answer, understand
from sms_gateway.message import Message
from store import database
from store.model import from_micros, to_micros

MOST_ANSWERS: Final = 5  # to the free text of whoever does not pause
MOST_REPEATS: Final = 3  # answers to one and the same keyword or answer in an hour, to the same
RESPITE: Final = timedelta(minutes=10)  # no machine that answers by itself waits so long
MOST_AN_HOUR: Final = 40  # texts of a number that are answered, whatever they say
MOST_AT_ONCE: Final = 60  # texts of a number …
AT_ONCE: Final = timedelta(minutes=10)  # … in this time
MOST_A_DAY: Final = 100
BANNED_FOR: Final = timedelta(days=1)
MOST_ALIKE: Final = 100  # numbers that are answered the very same text in a day
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

# What a banned number may still ask for
_ALWAYS: Final = frozenset({Intent.STOP, Intent.START})
# What may be said any number of times, and so tells no person from a machine
_FREE_TEXT: Final = frozenset({Intent.TEXT, Intent.COMPLAIN, Intent.GREETING, Intent.ACK})
HOW_TO_ATTACH: Final = "attach"  # the SMS that may follow a receipt
HELPLINE: Final = "helpline"  # the SMS that gives the emergency numbers and speaks of no case
_WITH_NUMBERS: Final = tuple(name for name, text in TEMPLATES.items() if "112" in text or "{emergency}" in text)


class Fate(StrEnum):
    """What becomes of a text that was received."""

    HANDLED = "handled"
    HELD = bans.HELD  # its sender is banned: kept, to be handled later
    IGNORED = "ignored"  # there is nothing to do about it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about a text, and why.

    `brief`: one SMS must do. `silent`: handled, but not answered; `numbers_at`: when they are told the numbers of the
    complaints that it makes all the same. `in_danger`: whatever else happens, its sender is told whom to call.
    """

    fate: Fate = Fate.HANDLED
    brief: bool = False
    silent: bool = False
    why: str | None = None
    numbers_at: datetime | None = None
    in_danger: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """What an operator should know: numbers banned, texts held, texts of no phone turned away today."""

    banned: int
    held: int
    turned_away: int


class Guard:
    """Judges texts inside the transaction that handles them. `packs` gives the pack in force with its place index."""

    def __init__(
        self, citizens: Citizens, packs: Callable[[], tuple[Pack, PlaceIndex]], log: Callable[..., None]
    ) -> None:
        self._citizens, self._packs, self._log = citizens, packs, log

    def judge(self, message: Message, caller: Caller, text: str, now: datetime) -> Verdict:
        """What to do about this text of theirs; may ban them. The citizen is held meanwhile: of texts that come at
        once, one is judged after the other."""
        if message.error:  # it was held once: whoever lifts a ban wants no hundred answers sent
            return Verdict(silent=True, why="held before", numbers_at=now + RESPITE)
        pack, _ = self._packs()
        if is_echo(text, pack):
            return Verdict(Fate.IGNORED, why="our own words")
        verdict = self._judge(message, caller, text, now)
        if verdict.fate is Fate.HANDLED and not verdict.silent:
            return verdict
        return replace(verdict, in_danger=self._is_in_danger(caller, text, now))

    def _judge(self, message: Message, caller: Caller, text: str, now: datetime) -> Verdict:
        command = understand(text, caller.language)
        may_be_held = command.intent not in _ALWAYS or command.confirm
        ban = bans.latest(caller.id)
        if ban and ban.stands(now) and may_be_held:
            return _held(ban)
        earlier, twice = _earlier(message, ban.lifted_at if ban else None)
        why = _excess(earlier, message.created_at)
        if why and may_be_held:
            return _held(self._ban(caller, why, now))
        answers, turn = len(earlier) + twice, _turn(text, command, caller.language)
        if answers >= MOST_ANSWERS and self._is_flood(message, caller, turn, earlier, twice):
            return Verdict(silent=True, why="too many texts", numbers_at=now + RESPITE)
        if command.intent in _FREE_TEXT and self._is_campaign(caller, text, now):
            return Verdict(silent=True, why="the same from many numbers")
        return Verdict(brief=answers >= MOST_ANSWERS - 1)

    def _ban(self, caller: Caller, why: str, now: datetime) -> Ban:
        ban = bans.make(caller.id, now + BANNED_FOR, why, bans.BY_ITSELF, now)
        numbers.forget(caller.id, now)
        self._log("number_banned", citizen=caller.id, ban=ban.id, why=why)
        return ban

    def _is_flood(
        self, message: Message, caller: Caller, turn: str | None, earlier: Sequence[datetime], twice: int
    ) -> bool:
        """Whether more comes from this number than a person in a conversation sends: free text after free text, or the
        same move again and again. Four different moves between two complaints are a conversation."""
        at = message.created_at
        if sum(at - one < _HOUR for one in earlier) >= MOST_AN_HOUR:
            return True
        if at - earlier[0] >= RESPITE:
            return False
        made = _turns(message, caller)
        return made.count(turn) >= MOST_REPEATS if turn else made.count(None) + twice >= MOST_ANSWERS

    def _is_campaign(self, caller: Caller, text: str, now: datetime) -> bool:
        """Many with one petition are all heard; the bill for answering them has an end."""
        numbers = campaigns.say(self._citizens, caller.id, text, now, most=MOST_ALIKE + 2)
        if numbers == MOST_ALIKE + 1:
            self._log("many_send_the_same", numbers=numbers, citizen=caller.id)
        return numbers > MOST_ALIKE

    def _is_in_danger(self, caller: Caller, text: str, now: datetime) -> bool:
        """Whether the text speaks of danger, and its sender was not told within a day whom to call."""
        pack, places = self._packs()
        return triage.suggest(pack, places, text).urgent and not _was_told(caller.id, now)


def counts(now: datetime) -> Counts:
    """For the operator, as it stands now."""
    return Counts(bans.count(now), bans.count_held(), sum(one.texts for one in strangers.seen(now)))


def prune(now: datetime) -> int:
    """Forget what is no longer counted; how many rows."""
    return campaigns.prune(now) + strangers.prune(now)


def _held(ban: Ban) -> Verdict:
    return Verdict(Fate.HELD, why=f"banned: {ban.why}"[: Message.error.max_length])


def _excess(earlier: Sequence[datetime], at: datetime) -> str | None:
    """Why the sender of so many texts is banned; None if they are not."""
    if len(earlier) >= MOST_A_DAY:
        return f"more than {MOST_A_DAY} texts in a day"
    if sum(at - one < AT_ONCE for one in earlier) >= MOST_AT_ONCE:
        return f"more than {MOST_AT_ONCE} texts in {AT_ONCE // timedelta(minutes=1)} minutes"
    return None


def _turn(text: str, command: Command, language: str | None) -> str | None:
    """What a text is as a move in a conversation: a keyword, with a number or not, or an answer as it was given; None
    for free text."""
    if command.intent not in _FREE_TEXT or (command.number and command.why != A_NUMBER_ALONE):
        return f"{command.intent} {'of one case' if command.number else ''}"
    is_answer = command.why == A_NUMBER_ALONE or answer(text, language) or addressed(text, language)
    return fold(text) if is_answer else None


def _turns(message: Message, caller: Caller) -> list[str | None]:
    """The moves that this number made in the hour before, free text among them."""
    found = database.rows(
        database.main,
        "SELECT id, body FROM message WHERE citizen_id = ? AND created_at > ? AND created_at <= ? AND id <> ? "
        "AND direction = 'mo' AND length(body) > 0 ORDER BY created_at DESC LIMIT ?",
        caller.id,
        to_micros(message.created_at - _HOUR),
        to_micros(message.created_at),
        message.id,
        MOST_AN_HOUR,
    )
    said = [caller.key.open("message.body", row_id, body) for row_id, body in found]
    return [_turn(text, understand(text, caller.language), caller.language) for text in said]


def _earlier(message: Message, forgiven: datetime | None) -> tuple[list[datetime], int]:
    """When this number texted in the day before, after it was forgiven, the newest first, no more than count; and how
    many of these texts were answered twice.

    What came later and was judged sooner is among them: of a thousand at once, no more than five are answered.
    """
    at = to_micros(message.created_at)
    since = max(message.created_at - _DAY, forgiven or message.created_at - _DAY)
    found = database.rows(
        database.main,
        "SELECT created_at, direction FROM message WHERE citizen_id = ? AND created_at > ? "
        "AND (direction = 'mo' OR template = ?) AND id <> ? "
        "AND (created_at < ? OR created_at = ? AND id < ? OR state <> 'received') "
        "ORDER BY created_at DESC LIMIT ?",
        message.__data__["citizen"],
        to_micros(since),
        HOW_TO_ATTACH,
        message.id,
        at,
        at,
        message.id,
        MOST_A_DAY,
    )
    texts = [from_micros(at) for at, direction in found if direction == "mo"]
    return texts, len(found) - len(texts)


def _was_told(citizen_id: str, now: datetime) -> bool:
    found = database.rows(
        database.main,
        "SELECT 1 FROM message WHERE citizen_id = ? AND created_at > ? AND direction = 'mt' "
        f"AND template IN ({', '.join('?' * len(_WITH_NUMBERS))}) LIMIT 1",
        citizen_id,
        to_micros(now - _DAY),
        *_WITH_NUMBERS,
    )
    return bool(found)
