"""Calls that citizens asked for: whoever cannot or will not type is called on their phone, free for them."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from peewee import CharField, ForeignKeyField, SmallIntegerField

from cases import sla
from cases.citizens import Caller
from cases.models import Case, Citizen
from cases.timers import office_hours
from packs.model import Pack
from store import database
from store.model import Model, Select, UtcField, new_id, node_name, to_micros

About = Literal["new", "case", "other"]
Outcome = Literal["reached", "missed", "cancelled"]

MOST_TRIES: Final = 3  # who misses the call is tried twice more
MOST_LISTED: Final = 500


class Callback(Model):
    """A citizen who wants to be called. Open until `done_at`; a citizen has one open at most."""

    citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
    case = ForeignKeyField(Case, null=True, on_delete="RESTRICT", index=False)  # what it is about, where it is one
    about = CharField(max_length=8)  # new | case | other
    asked_at = UtcField()
    by = UtcField(column_name="due_at")  # promised
    tries = SmallIntegerField(default=0)  # calls that they missed
    done_at = UtcField(null=True)
    outcome = CharField(max_length=12, null=True)  # reached | missed | cancelled

    class Meta:
        table_name = "callback"
        indexes = ((("citizen", "asked_at"), False),)


TABLES: Final = (Callback,)


def ask(caller: Caller, about: About, case_id: str | None, pack: Pack, now: datetime) -> Callback:
    """Promise to call, by the end of the next working day. Who asks again is still called once.

    It is about what they said last; a promise that is over is made anew. `case_id` is a case of theirs.
    """
    by = to_micros(sla.end_of_next_day(office_hours(pack), now))
    row = (new_id(), node_name(), caller.id, case_id, about, to_micros(now), by, to_micros(now))
    with database.transaction():  # nobody settles it before we have read it
        database.run(database.main, _ASK, *row)
        (open_,) = _callbacks(f"WHERE citizen_id = ? AND {_OPEN}", caller.id)
    return open_


def is_waited_for(citizen_id: str) -> bool:
    """Whether they asked for a call that is still to be made."""
    return bool(database.rows(database.main, f"SELECT 1 FROM callback WHERE citizen_id = ? AND {_OPEN}", citizen_id))


def cancel(citizen_id: str, now: datetime) -> bool:
    """They do not want to be called any more; False if no call was open."""
    end = f"UPDATE callback SET done_at = ?, outcome = 'cancelled' WHERE citizen_id = ? AND {_OPEN}"
    return bool(database.run(database.main, end, to_micros(now), citizen_id).rowcount)


def waiting(limit: int = MOST_LISTED) -> list[Callback]:
    """The calls to make, in this order: those who missed a call come after those who were not called yet."""
    return _callbacks(f"WHERE {_OPEN} ORDER BY tries, due_at, id LIMIT ?", min(limit, MOST_LISTED))


def count() -> int:
    """How many calls there are to make."""
    return int(database.rows(database.main, f"SELECT COUNT(*) FROM callback WHERE {_OPEN}")[0][0])


def settle(callback_id: str, outcome: Outcome, now: datetime) -> Callback | None:
    """Note what came of a call; the callback as it is then, None if it was not open.

    A call that was missed is made again until the third.
    """
    missed = int(outcome == "missed")
    with database.transaction():
        noted = f"UPDATE callback SET tries = tries + ? WHERE id = ? AND {_OPEN}"
        if not database.run(database.main, noted, missed, callback_id).rowcount:
            return None
        end = f"UPDATE callback SET done_at = ?, outcome = ? WHERE id = ? AND tries >= ? AND {_OPEN}"
        database.run(database.main, end, to_micros(now), outcome, callback_id, MOST_TRIES * missed)
    return _callbacks("WHERE id = ?", callback_id)[0]


_callbacks: Final = Select(Callback)
_OPEN: Final = "done_at IS NULL"
# Of two requests at once one makes the row and the other finds it
_ASK: Final = (
    "INSERT INTO callback (id, node, citizen_id, case_id, about, asked_at, due_at, tries) "
    f"VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (citizen_id) WHERE {_OPEN} DO UPDATE SET "
    "case_id = excluded.case_id, about = excluded.about, "
    "due_at = CASE WHEN callback.due_at < ? THEN excluded.due_at ELSE callback.due_at END"
)
