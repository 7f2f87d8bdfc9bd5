"""Citizens: known by their phone, their data sealed with a key of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from peewee import IntegrityError

from cases.models import Citizen
from store import database
from store.model import Insert, new_id, to_micros
from store.sealing import DataKey, Keyring

_COLUMNS: Final = "id, data_key, msisdn, language, place, stopped_at, letters"


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


class Citizens:
    """Finds and makes citizens. The only place that turns a phone number into a row and back."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._insert = Insert(Citizen)

    def find(self, msisdn: str) -> Caller | None:
        """The citizen with this number (E.164), or None if it never asked us anything."""
        found = database.rows(
            database.main,
            f"SELECT {_COLUMNS} FROM citizen WHERE msisdn_index = ? AND data_key IS NOT NULL",
            self._keyring.index(msisdn),
        )
        return self._caller(found[0], msisdn) if found else None

    def meet(self, msisdn: str, now: datetime) -> Caller:
        """The citizen with this number, made on first contact, and anew after they were erased.

        Two first contacts at once make one citizen.
        """
        known = self.find(msisdn)
        if known:
            return known
        citizen_id = new_id()
        key, wrapped = self._keyring.new_data_key(citizen_id)
        row = {
            "id": citizen_id,
            "msisdn_index": self._keyring.index(msisdn),
            "msisdn": key.seal("citizen.msisdn", citizen_id, msisdn),
            "data_key": wrapped,
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
            return self.find(msisdn) or self.meet(msisdn, now)
        return Caller(citizen_id, msisdn, key, None, None, stopped=False)

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
            "stopped_at = NULL, reminded_at = NULL, letters = NULL WHERE id = ? AND data_key IS NOT NULL",
            b"",
            citizen_id,
        )
        return bool(forgotten.rowcount == 1)

    def _caller(self, row: tuple[Any, ...], msisdn: str | None = None) -> Caller:
        citizen_id, wrapped, sealed, language, place, stopped, letters = row
        key = self._keyring.unwrap(citizen_id, wrapped)
        return Caller(
            id=citizen_id,
            msisdn=msisdn or key.open("citizen.msisdn", citizen_id, sealed),
            key=key,
            language=language,
            place=place,
            stopped=stopped is not None,
            letters=letters or "auto",
        )
