"""Citizens: known by their phone, their data sealed with a key of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from peewee import IntegrityError

from cases.models import Citizen
from store import database
from store.model import Insert, from_micros, new_id, to_micros
from store.sealing import DataKey, Keyring

_COLUMNS: Final = "id, data_key, msisdn, language, place, stopped_at, letters, blocked_at"
_TOLD_EVERY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Caller:
    """A citizen as the conversation needs them: who they are, and the key to what is theirs."""

    id: str
    msisdn: str = field(repr=False)
    key: DataKey = field(repr=False)
    language: str | None
    place: str | None
    stopped: bool
    letters: str = "auto"  # how they want them in SMS: auto, plain, marks
    blocked: bool = False  # the network takes no SMS of ours for them


class Citizens:
    """Finds and makes citizens. The only place that turns a phone number into a row and back."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._insert = Insert(Citizen)

    def find(self, msisdn: str) -> Caller | None:
        """The citizen with this number (E.164), or None if it never asked us anything."""
        return self._find(msisdn, msisdn)

    def meet(self, msisdn: str, now: datetime) -> Caller:
        """The citizen with this number, made on first contact, and anew after they were erased.

        Two first contacts at once make one citizen.
        """
        return self._meet(msisdn, msisdn, now)

    def meet_without_phone(self, name: str, now: datetime) -> Caller:
        """Whom no phone reaches: known by a name that another system gave them, otherwise as `meet`.

        Their number is empty, and nothing is ever sent to them.
        """
        return self._meet(f"name:{name}", "", now, stopped_at=now)

    def _find(self, known_by: str, msisdn: str) -> Caller | None:
        found = database.rows(
            database.main,
            f"SELECT {_COLUMNS} FROM citizen WHERE msisdn_index = ? AND data_key IS NOT NULL",
            self._keyring.index(known_by),
        )
        return self._caller(found[0], msisdn) if found else None

    def _meet(self, known_by: str, msisdn: str, now: datetime, stopped_at: datetime | None = None) -> Caller:
        known = self._find(known_by, msisdn)
        if known:
            return known
        citizen_id = new_id()
        key, wrapped = self._keyring.new_data_key(citizen_id)
        row = {
            "id": citizen_id,
            "msisdn_index": self._keyring.index(known_by),
            "msisdn": key.seal("citizen.msisdn", citizen_id, msisdn),
            "data_key": wrapped,
            "stopped_at": stopped_at,
            "created_at": now,
        }
        try:
            with database.transaction():
                self._insert([row])
        except IntegrityError:  # somebody met them a moment ago, or their fingerprint outlived their key
            database.run(
                database.main,
                "UPDATE citizen SET msisdn_index = id WHERE msisdn_index = ? AND data_key IS NULL",
                row["msisdn_index"],
            )
            return self._find(known_by, msisdn) or self._meet(known_by, msisdn, now, stopped_at)
        return Caller(citizen_id, msisdn, key, None, None, stopped=stopped_at is not None)

    def by_id(self, ids: Iterable[str]) -> dict[str, Caller]:
        """The citizens with these ids, by id; erased ones are missing."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        marks = ", ".join("?" * len(wanted))
        rows = database.rows(
            database.main, f"SELECT {_COLUMNS} FROM citizen WHERE id IN ({marks}) AND data_key IS NOT NULL", *wanted
        )
        return {row[0]: self._caller(row) for row in rows}

    def fingerprint(self, value: str) -> str:
        """A keyed fingerprint under which `value` can be counted but not guessed (32 hex digits)."""
        return self._keyring.index(value)

    def hold(self, citizen_id: str) -> None:
        """Keep every other holder of this citizen waiting until the transaction ends (SQLite holds all writers).

        Rows that only refer to the citizen may be inserted meanwhile: who has locked a case and writes a message
        never waits here for one who waits for that case.
        """
        if database.is_postgres():
            database.rows(database.main, "SELECT id FROM citizen WHERE id = ? FOR NO KEY UPDATE", citizen_id)

    def paces(self, ids: Iterable[str]) -> dict[str, tuple[datetime | None, str | None, int]]:
        """By citizen: when an SMS to them last began to leave, the last day of one (ISO), and how many left that day.

        In the caller's transaction, which these citizens' paces wait for.
        """
        wanted = sorted(set(ids))
        lock = "FOR NO KEY UPDATE" if database.is_postgres() else ""
        found = database.rows(
            database.main,
            f"SELECT id, texted_at, texts_day, texts FROM citizen WHERE id IN ({', '.join('?' * len(wanted))}) "
            f"ORDER BY id {lock}",
            *wanted,
        )
        return {row[0]: (from_micros(row[1]) if row[1] is not None else None, row[2], row[3]) for row in found}

    def begin_texting(self, ids: Collection[str], now: datetime) -> None:
        """An SMS to these citizens begins to leave; their paces are held."""
        database.run(
            database.main,
            f"UPDATE citizen SET texted_at = ? WHERE id IN ({', '.join('?' * len(ids))})",
            to_micros(now),
            *ids,
        )

    def count_texts(self, ids: Collection[str], day: str) -> None:
        """An SMS to each of these citizens left on that day (ISO); their paces are held."""
        database.run(
            database.main,
            "UPDATE citizen SET texts = CASE WHEN texts_day = ? THEN texts + 1 ELSE 1 END, texts_day = ? "
            f"WHERE id IN ({', '.join('?' * len(ids))})",
            day,
            day,
            *ids,
        )

    def set_language(self, citizen_id: str, language: str) -> None:
        """Remember the language they chose."""
        remember = "UPDATE citizen SET language = ? WHERE id = ? AND data_key IS NOT NULL"
        database.run(database.main, remember, language, citizen_id)

    def set_letters(self, citizen_id: str, letters: str) -> None:
        """Remember how they want the letters of their language: auto, plain or marks."""
        remember = "UPDATE citizen SET letters = ? WHERE id = ? AND data_key IS NOT NULL"
        database.run(database.main, remember, letters, citizen_id)

    def stop(self, citizen_id: str, now: datetime) -> None:
        """They sent STOP: nothing unsolicited goes out from now on."""
        remember = "UPDATE citizen SET stopped_at = ? WHERE id = ? AND data_key IS NOT NULL"
        database.run(database.main, remember, to_micros(now), citizen_id)

    def block(self, citizen_id: str, now: datetime) -> None:
        """The network refuses our messages to them, as they asked it to: that is a STOP as well."""
        self.stop(citizen_id, now)
        remember = "UPDATE citizen SET blocked_at = ? WHERE id = ? AND data_key IS NOT NULL"
        database.run(database.main, remember, to_micros(now), citizen_id)

    def unblock(self, citizen_id: str) -> None:
        """A text of theirs came through: the network may take ours again. What they said of STOP stands."""
        database.run(database.main, "UPDATE citizen SET blocked_at = NULL WHERE id = ?", citizen_id)

    def tell_of_block(self, citizen_id: str, now: datetime) -> bool:
        """Whether they are to be told now that their network blocks our SMS: once a day, however often they dial."""
        claim = (
            "UPDATE citizen SET blocked_told_at = ? WHERE id = ? AND blocked_at IS NOT NULL "
            "AND (blocked_told_at IS NULL OR blocked_told_at <= ?)"
        )
        claimed = database.run(database.main, claim, to_micros(now), citizen_id, to_micros(now - _TOLD_EVERY))
        return bool(claimed.rowcount == 1)

    def start(self, citizen_id: str) -> None:
        """They sent START: messages are welcome again."""
        database.run(database.main, "UPDATE citizen SET stopped_at = NULL WHERE id = ?", citizen_id)

    def forget(self, citizen_id: str) -> bool:
        """Throw away their key and all that is known of them, for ever; False if that was done before.

        The row stays, for what refers to it: it holds nothing about a person, and no number finds it.
        """
        forgotten = database.run(
            database.main,
            "UPDATE citizen SET data_key = NULL, msisdn_index = id, msisdn = ?, language = NULL, place = NULL, "
            "stopped_at = NULL, blocked_at = NULL, blocked_told_at = NULL, reminded_at = NULL, letters = NULL, "
            "texted_at = NULL, texts_day = NULL, texts = 0 WHERE id = ? AND data_key IS NOT NULL",
            b"",
            citizen_id,
        )
        return bool(forgotten.rowcount == 1)

    def _caller(self, row: tuple[Any, ...], msisdn: str | None = None) -> Caller:
        citizen_id, wrapped, sealed, language, place, stopped, letters, blocked = row
        key = self._keyring.unwrap(citizen_id, wrapped)
        return Caller(
            id=citizen_id,
            msisdn=msisdn or key.open("citizen.msisdn", citizen_id, sealed),
            key=key,
            language=language,
            place=place,
            stopped=stopped is not None,
            letters=letters or "auto",
            blocked=blocked is not None,
        )
