"""The pack in force: the newest row of `pack_version`. Whatever a case may name stays in it, retired if need be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, TypeVar

from peewee import BlobField, CharField

from packs import snapshot
from packs.model import Agency, Category, Pack, Place, SubCategory
from store import database
from store.model import Model, UtcField

CHECK_EVERY_S: Final = 1.0

Entry = TypeVar("Entry", Agency, Category, SubCategory, Place)


class PackVersion(Model):
    """One published state of a pack. Rows are only added; the newest counts."""

    pack = CharField(max_length=8)
    version = CharField(max_length=64)
    content = BlobField()  # packs.snapshot
    loaded_at = UtcField(index=True)

    class Meta:
        table_name = "pack_version"


TABLES: Final = (PackVersion,)


class NoPack(Exception):
    """No pack was published yet."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What publishing did: the pack now in force, whether that is news, and what it retired ("place kibera")."""

    pack: Pack
    changed: bool
    retired: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What this process last found in force, in which database, and when it looked (monotonic seconds)."""

    database: object
    row: str
    pack: Pack
    at: float


_seen: _Seen | None = None


def publish(pack: Pack, now: datetime) -> Outcome:
    """Put `pack` in force. The same content again changes nothing. What the pack in force has and this one lacks stays
    as retired: not offered any more, still named in the cases that use it."""
    forget()
    with database.transaction():
        newest = _newest()
        latest = _newest(pack.code)
        before = snapshot.restore(bytes(latest.content)) if latest else None
        merged = _carry_over(before, pack) if before else pack
        if newest is None or (newest.pack, newest.version) != (merged.code, merged.version):
            # Never earlier than what it replaces, whatever the clock says: the newest row is the one in force.
            at = now if newest is None else max(now, newest.loaded_at + timedelta(microseconds=1))
            PackVersion.create(pack=pack.code, version=merged.version, content=snapshot.dump(merged), loaded_at=at)
            return Outcome(merged, True, _newly_retired(before, merged))
    return Outcome(merged, False, ())


def current() -> Pack:
    """The newest published pack. Kept in this process; the table is asked at most once a second whether it changed.

    Raises NoPack.
    """
    global _seen  # noqa: PLW0603  one cache a process
    seen, at = _seen, monotonic()
    if seen and seen.database is database.main.obj:
        if at - seen.at < CHECK_EVERY_S:
            return seen.pack
        if seen.row == _newest_id():
            _seen = replace(seen, at=at)
            return seen.pack
    row = _newest()
    if row is None:
        raise NoPack("No pack has been loaded yet. Load one with: ./mlango pack load")
    _seen = _Seen(database.main.obj, row.id, snapshot.restore(bytes(row.content)), at)
    return _seen.pack


def forget() -> None:
    """Look into the table at the next `current()`, as a fresh process would."""
    global _seen  # noqa: PLW0603  one cache a process
    _seen = None


def _newest(code: str | None = None) -> PackVersion | None:
    rows = PackVersion.select().order_by(PackVersion.loaded_at.desc(), PackVersion.id.desc())
    newest: PackVersion | None = (rows if code is None else rows.where(PackVersion.pack == code)).first()
    return newest


def _newest_id() -> str | None:
    rows = database.rows(database.main, "SELECT id FROM pack_version ORDER BY loaded_at DESC, id DESC LIMIT 1")
    return rows[0][0] if rows else None


def _carry_over(before: Pack, pack: Pack) -> Pack:
    merged = replace(
        pack,
        agencies=_with_retired(before.agencies, pack.agencies),
        categories=_with_retired(before.categories, pack.categories),
        subs=_with_retired(before.subs, pack.subs),
        places=_with_retired(before.places, pack.places),
        slas={**before.slas, **pack.slas},
        calendars={**before.calendars, **pack.calendars},
    )
    return replace(merged, version=snapshot.fingerprint(merged))


def _with_retired(before: Mapping[str, Entry], now: Mapping[str, Entry]) -> dict[str, Entry]:
    return {**{code: replace(old, retired=True) for code, old in before.items() if code not in now}, **now}


def _newly_retired(before: Pack | None, merged: Pack) -> tuple[str, ...]:
    return tuple(sorted(_retired(merged) - _retired(before))) if before else ()


def _retired(pack: Pack) -> set[str]:
    kinds: dict[str, Mapping[str, Agency | Category | SubCategory | Place]] = {
        "agency": pack.agencies,
        "category": pack.categories,
        "sub-category": pack.subs,
        "place": pack.places,
    }
    return {f"{kind} {code}" for kind, entries in kinds.items() for code, entry in entries.items() if entry.retired}
