"""How the way to each office does: when it last worked, since when it fails, when it is tried again.

A dead link is tried again after a minute, then after twice as long each time, up to six hours, so that many offices
behind one dead line do not come back all at once. What only a person can mend is tried every six hours; who mended it
runs `./mlango sync run` and need not wait.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from store import database
from store.model import from_micros, new_id, node_name, to_micros
from sync.transport import LinkFault

FIRST_REST: Final = timedelta(minutes=1)
LONGEST_REST: Final = timedelta(hours=6)
_JITTER: Final = 0.2
_MOST_SEEN: Final = 1_000
_COLUMNS: Final = "agency, last_ok_at, failing_since, failures, retry_at, error, alerted_at, gaps"

Jitter = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Link:
    """What is known of the way to one office. `failures` are those in a row; `gaps` the files of its that are missing.

    `alerted_at`: since then an operator knows that something is the matter.
    """

    agency: str
    last_ok_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    retry_at: datetime | None = None
    error: str | None = None
    alerted_at: datetime | None = None
    gaps: tuple[int, ...] = ()

    def rests(self, now: datetime) -> bool:
        """Whether it is left alone for now. A moment too far ahead was noted by a clock that was put back since."""
        return self.retry_at is not None and now < self.retry_at <= now + LONGEST_REST * (1 + _JITTER)


def of(agency: str) -> Link:
    """What is known of the way to an office."""
    found = database.rows(database.main, f"SELECT {_COLUMNS} FROM exchange_link WHERE agency = ?", agency)
    if not found:
        return Link(agency)
    _, ok, since, failures, retry, error, alerted, gaps = found[0]
    return Link(
        agency,
        last_ok_at=_moment(ok),
        failing_since=_moment(since),
        failures=failures,
        retry_at=_moment(retry),
        error=error,
        alerted_at=_moment(alerted),
        gaps=tuple(json.loads(gaps)),
    )


def works(agency: str, now: datetime) -> None:
    """Everything went there, and everything there was came back."""
    _save(agency, last_ok_at=to_micros(now), failing_since=None, failures=0, retry_at=None, error=None)


def failed(agency: str, fault: LinkFault, now: datetime, jitter: Jitter = random.uniform) -> None:
    """The office was not reached: its link rests, longer each time."""
    link = of(agency)
    since = link.failing_since if link.failing_since and link.failing_since <= now else now
    rest = LONGEST_REST if fault.permanent else min(FIRST_REST * 2 ** min(link.failures, 16), LONGEST_REST)
    _save(
        agency,
        failing_since=to_micros(since),
        failures=link.failures + 1,
        retry_at=to_micros(now + rest * jitter(1, 1 + _JITTER)),
        error=str(fault),
    )


def alerted(agency: str, now: datetime | None) -> None:
    """An operator was told that something is the matter; None: that it no longer is."""
    _save(agency, alerted_at=to_micros(now) if now else None)


class Seen:
    """Update files that were read but could not be put away at the other end: nobody fetches them every day anew."""

    def __init__(self, agency: str) -> None:
        self._agency, self._asked = agency, dict[str, str]()
        kept = database.rows(database.main, "SELECT cursor FROM exchange_link WHERE agency = ?", agency)
        self._kept: dict[str, str] = json.loads(kept[0][0]) if kept and kept[0][0] else {}

    def knows(self, name: str, stamp: str) -> bool:
        """Whether it was read as it is now."""
        self._asked[name] = stamp
        return self._kept.get(name) == stamp

    def keep(self, name: str) -> None:
        """It was read, as it was when `knows` was asked about it."""
        self._kept = dict([*self._kept.items(), (name, self._asked.get(name, ""))][-_MOST_SEEN:])
        _save(self._agency, cursor=json.dumps(self._kept))

    def forget(self, name: str) -> None:
        """It is put away."""
        del self._kept[name]
        _save(self._agency, cursor=json.dumps(self._kept))


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _save(agency: str, **values: Any) -> None:
    """Write some columns of an office's row, which is made if it is missing."""
    known = {"id": new_id(), "node": node_name(), "agency": agency, "failures": 0, "gaps": "[]", **values}
    changes = ", ".join(f"{column} = excluded.{column}" for column in values)
    database.run(
        database.main,
        f"INSERT INTO exchange_link ({', '.join(known)}) VALUES ({', '.join('?' * len(known))}) "
        f"ON CONFLICT (agency) DO UPDATE SET {changes}",
        *known.values(),
    )
