"""Numbers that are not listened to for a while: what they text is kept, but nothing is done about it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from peewee import CharField, ForeignKeyField

from cases.models import Citizen
from store import database
from store.model import Model, Select, UtcField, to_micros

HELD: Final = "held"  # the state of an MO that nobody has acted on, since its sender was banned
BY_ITSELF: Final = "the service"  # who makes a ban that no person made
_WAITS: Final = f"state = '{HELD}' AND length(body) > 0"  # without what was not kept so long, or erased
MOST_LISTED: Final = 200


class Ban(Model):
    """One ban of one number. What was ended early keeps who did it; a newer ban takes the place of an older one."""

    citizen = ForeignKeyField(Citizen, on_delete="RESTRICT", index=False)
    why = CharField(max_length=120)
    made_by = CharField(max_length=40)
    made_at = UtcField()
    until = UtcField()
    lifted_at = UtcField(null=True)
    lifted_by = CharField(max_length=40, null=True)

    class Meta:
        table_name = "sms_ban"

    def stands(self, now: datetime) -> bool:
        return self.lifted_at is None and bool(now < self.until)


TABLES: Final = (Ban,)


def latest(citizen_id: str) -> Ban | None:
    """The newest ban of a number, whether it stands or not."""
    found = _select("WHERE citizen_id = ? ORDER BY made_at DESC, id DESC LIMIT 1", citizen_id)
    return found[0] if found else None


def make(citizen_id: str, until: datetime, why: str, made_by: str, now: datetime) -> Ban:
    """Ban a number; a ban that stands ends with it."""
    with database.transaction():
        lift(citizen_id, made_by, now)
        ban: Ban = Ban.create(
            citizen=citizen_id,
            why=why[: Ban.why.max_length],
            made_by=made_by[: Ban.made_by.max_length],
            made_at=now,
            until=until,
        )
    return ban


def lift(citizen_id: str, lifted_by: str, now: datetime) -> bool:
    """Listen to a number again, as if it had sent nothing yet; False if no ban stood."""
    standing = (Ban.citizen == citizen_id) & Ban.lifted_at.is_null() & (Ban.until > now)
    changed = Ban.update(lifted_at=now, lifted_by=lifted_by[: Ban.lifted_by.max_length]).where(standing)
    return bool(changed.execute())


def standing(now: datetime, limit: int = MOST_LISTED) -> list[Ban]:
    """The bans that stand, the one that ends first before the others."""
    return _select("WHERE until > ? AND lifted_at IS NULL ORDER BY until, id LIMIT ?", to_micros(now), limit)


def count(now: datetime) -> int:
    """How many bans stand."""
    return _number("SELECT COUNT(*) FROM sms_ban WHERE until > ? AND lifted_at IS NULL", to_micros(now))


def count_held() -> int:
    """How many texts wait that nobody acted on."""
    return _number(f"SELECT COUNT(*) FROM message WHERE {_WAITS}")


def held(citizen_id: str) -> int:
    """How many texts of this citizen wait that nobody acted on."""
    return _number(f"SELECT COUNT(*) FROM message WHERE citizen_id = ? AND {_WAITS}", citizen_id)


def all_held(limit: int = MOST_LISTED) -> dict[str, int]:
    """The citizens whose texts wait, and how many; the most first."""
    found = database.rows(
        database.main,
        f"SELECT citizen_id, COUNT(*) FROM message WHERE {_WAITS} GROUP BY citizen_id "
        "ORDER BY COUNT(*) DESC, citizen_id LIMIT ?",
        limit,
    )
    return {citizen_id: int(texts) for citizen_id, texts in found}


def held_texts(citizen_id: str, limit: int) -> list[str]:
    """The ids of a citizen's texts that wait, the oldest first."""
    found = database.rows(
        database.main,
        f"SELECT id FROM message WHERE citizen_id = ? AND {_WAITS} ORDER BY id LIMIT ?",
        citizen_id,
        limit,
    )
    return [row[0] for row in found]


def _number(sql: str, *values: object) -> int:
    return int(database.rows(database.main, sql, *values)[0][0])


_select: Final = Select(Ban)
