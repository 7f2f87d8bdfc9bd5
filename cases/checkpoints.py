"""Checkpoints: the anchor of the history that can be kept off the box.

The chain of a case shows that an event of it was changed; it cannot show that a whole case was removed, or replaced
together with all its events. Every minute the events of this box that no checkpoint covers yet are therefore listed in
a new one, by id and hash: its root is the SHA-256 of the root before it and of that list, signed with Ed25519. Who
holds the newest line of `./mlango audit checkpoints --export` holds the whole history up to then: nobody can rewrite
it any more without being found out, not even with the keys of the box.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from peewee import BlobField, CharField, IntegerField

from cases import reference
from cases.events import GENESIS, canonical
from store import database
from store.model import Model, Select, UtcField, from_micros, new_id, node_name, to_micros

MOST_EVENTS: Final = 5_000  # a checkpoint: made in some 20 ms
# Ids of events rise with time, but an older one may be saved later: its transaction still ran. None runs that long.
MARGIN: Final = timedelta(seconds=60)
MOST_NAMED: Final = 20  # events that one checkpoint names; a fault that touches more of them is clear by then
_PURPOSE: Final = b"mlango: signature of checkpoints"
_ID_BYTES: Final = 16
_LEAF_BYTES: Final = 48  # an event's id and hash


class Checkpoint(Model):
    """The events of one box from the checkpoint before up to `until_id`, listed, chained and signed."""

    seq = IntegerField()  # 1, 2, 3 … of this node
    until_id = CharField(max_length=32)
    events = IntegerField()
    leaves = BlobField()  # id and hash of each event, 48 bytes, in order of the ids
    root = CharField(max_length=64)  # SHA-256 over `previous` (as written) and `leaves`, hex
    previous = CharField(max_length=64)
    sealed_at = UtcField()  # whole seconds
    key_id = CharField(max_length=32)
    signature = CharField(max_length=128)  # Ed25519 over `statement`, hex

    class Meta:
        table_name = "checkpoint"
        indexes = ((("node", "seq"), True),)


_checkpoints: Final = Select(Checkpoint)


class Signer:
    """Signs with a key that follows from the current master key (the first), and checks what any of them signed."""

    def __init__(self, masters: Mapping[str, bytes]) -> None:
        self.current = next(iter(masters))
        self._keys = {name: _signing_key(master) for name, master in masters.items()}

    @property
    def public_keys(self) -> dict[str, bytes]:
        """The 32 bytes of each public key by the id of its master key; the current one first."""
        return {name: key.public_key().public_bytes_raw() for name, key in self._keys.items()}

    def sign(self, statement: str) -> str:
        """The signature of the current key, hex."""
        return self._keys[self.current].sign(statement.encode()).hex()

    def fault(self, key_id: str, statement: str, signature: str) -> str | None:
        """What is wrong with a signature, in words that follow the name of what was signed; None if nothing is."""
        if key_id not in self._keys:
            return f"is signed with the key {key_id!r}, which is not in MLANGO_MASTER_KEYS"
        try:
            self._keys[key_id].public_key().verify(bytes.fromhex(signature), statement.encode())
        except (InvalidSignature, ValueError):
            return "has a signature that is not of this house"
        return None


def _signing_key(master: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(master))


def statement(checkpoint: Checkpoint) -> str:
    """What the signature is of: JSON with sorted keys and no spaces. An exported line is the same with `signature`."""
    return canonical(_facts(checkpoint))


def _facts(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "node": checkpoint.node,
        "seq": checkpoint.seq,
        "until_id": checkpoint.until_id,
        "events": checkpoint.events,
        "root": checkpoint.root,
        "previous": checkpoint.previous,
        "sealed_at": f"{checkpoint.sealed_at:%Y-%m-%dT%H:%M:%SZ}",
        "key_id": checkpoint.key_id,
    }


def seal(signer: Signer, now: datetime) -> Checkpoint | None:
    """Cover this box's events that are older than a minute and in no checkpoint yet, 5,000 at most.

    None if there are none, or if somebody else sealed at the same moment. After a standstill, call it again until then.
    """
    last = newest(node_name())
    found = _between(node_name(), last.until_id if last else "", _id_at(now - MARGIN), MOST_EVENTS)
    if not found:
        return None
    previous, leaves = last.root if last else GENESIS, _leaves(found)
    made = Checkpoint(
        id=new_id(),
        node=node_name(),
        seq=last.seq + 1 if last else 1,
        until_id=found[-1][0],
        events=len(found),
        leaves=leaves,
        root=_root(previous, leaves),
        previous=previous,
        sealed_at=now.astimezone(UTC).replace(microsecond=0),
        key_id=signer.current,
    )
    made.signature = signer.sign(statement(made))
    with database.transaction():
        inserted = Checkpoint.insert(made.__data__).on_conflict_ignore().as_rowcount().execute()
    return made if inserted else None


def newest(node: str) -> Checkpoint | None:
    """The last checkpoint of a box: its root is what an agency's manifest carries."""
    found: Checkpoint | None = (
        Checkpoint.select().where(Checkpoint.node == node).order_by(Checkpoint.seq.desc()).first()
    )
    return found


def unsealed(node: str) -> int:
    """How many events of a box no checkpoint covers yet."""
    last = newest(node)
    (row,) = database.rows(
        database.main,
        "SELECT COUNT(*) FROM case_event WHERE node = ? AND id > ?",
        node,
        last.until_id if last else "",
    )
    return int(row[0])


def in_order() -> Iterator[Checkpoint]:
    """All checkpoints, box by box, oldest first."""
    last: tuple[str, int] = ("", 0)
    while batch := _checkpoints("WHERE (node, seq) > (?, ?) ORDER BY node, seq LIMIT 50", *last):
        yield from batch
        last = (batch[-1].node, batch[-1].seq)


def _id_at(moment: datetime) -> str:
    """Every id made before this moment is smaller: a UUIDv7 begins with its milliseconds."""
    return f"{to_micros(moment) // 1_000:012x}".ljust(32, "0")


def _made_at(event_id: str) -> datetime:
    return from_micros(int(event_id[:12], 16) * 1_000)


def _between(node: str, after: str, before: str, most: int) -> list[tuple[str, str]]:
    return database.rows(
        database.main,
        "SELECT id, hash FROM case_event WHERE id > ? AND id < ? AND node = ? ORDER BY id LIMIT ?",
        *(after, before, node, most),
    )


def _leaves(events: Iterable[tuple[str, str]]) -> bytes:
    return b"".join(
        _bytes(event_id, _ID_BYTES) + _bytes(digest, _LEAF_BYTES - _ID_BYTES) for event_id, digest in events
    )


def _bytes(text: str, size: int) -> bytes:
    """What hexadecimal digits stand for. What is none was not written by us: it never matches, and stops nobody."""
    try:
        plain = bytes.fromhex(text)
    except ValueError:
        plain = b""
    return plain if len(plain) == size else sha256(text.encode()).digest()[:size]


def _root(previous: str, leaves: bytes) -> str:
    return sha256(previous.encode() + leaves).hexdigest()


# Verifying


def verify(signer: Signer, progress: Callable[[int], None] = lambda _: None) -> Iterator[str]:
    """Compare every checkpoint with the one before it, with its signature and with the events that it lists.

    Yields a sentence for each fault, the oldest first. `progress` is told how many events were just compared.
    """
    last: Checkpoint | None = None
    for one in in_order():
        if last and last.node != one.node:
            last = None
        yield from _in_itself(one, last, signer)
        yield from _against_events(one, last.until_id if last else "")
        progress(one.events)
        last = one


def _in_itself(one: Checkpoint, last: Checkpoint | None, signer: Signer) -> Iterator[str]:
    expected = last.seq + 1 if last else 1
    if one.seq != expected:
        yield f"{_name(one)} does not follow the one before it: number {expected} is missing."
    elif one.previous != (last.root if last else GENESIS):
        yield f"{_name(one)} does not continue the one before it."
    leaves = bytes(one.leaves)
    if _root(one.previous, leaves) != one.root or len(leaves) != one.events * _LEAF_BYTES:
        yield f"{_name(one)} was changed: its list of events is not the one that it was sealed with."
    fault = signer.fault(one.key_id, statement(one), one.signature)
    if fault:
        yield f"{_name(one)} {fault}."


def _against_events(one: Checkpoint, after: str) -> Iterator[str]:
    """What was changed, removed or added since, behind this checkpoint."""
    listed = dict(_listed(bytes(one.leaves)))
    there = {row[0]: row for row in _there(one, after)}
    faults = [_touched(row, listed.get(row[0])) for row in there.values() if listed.get(row[0]) != row[1]]
    faults += [_removed(event_id) for event_id in listed if event_id not in there]
    for fault in faults[:MOST_NAMED]:
        yield f"{_name(one)} does not match: {fault}."
    if len(faults) > MOST_NAMED:
        yield f"{_name(one)} does not match: {len(faults) - MOST_NAMED:,} more events were touched."


def _listed(leaves: bytes) -> Iterator[tuple[str, str]]:
    for start in range(0, len(leaves), _LEAF_BYTES):
        leaf = leaves[start : start + _LEAF_BYTES]
        yield leaf[:_ID_BYTES].hex(), leaf[_ID_BYTES:].hex()


def _there(one: Checkpoint, after: str) -> list[tuple[str, str, str, int]]:
    """Id, hash, case and seq of the events that are there now; as many as the checkpoint has, if nobody added any."""
    return database.rows(
        database.main,
        "SELECT e.id, e.hash, COALESCE(c.ref, e.case_id), e.seq FROM case_event e "
        "LEFT JOIN cases c ON c.id = e.case_id WHERE e.id > ? AND e.id <= ? AND e.node = ? ORDER BY e.id",
        *(after, one.until_id, one.node),
    )


def _touched(row: Sequence[Any], sealed: str | None) -> str:
    what = "was added afterwards" if sealed is None else "was rewritten afterwards"
    ref = reference.shown(row[2]) if reference.is_valid(row[2]) else row[2]
    return f"case {ref}, event {row[3]} {what}"


def _removed(event_id: str) -> str:
    return f"an event of {_made_at(event_id):%Y-%m-%d %H:%M:%S} UTC was removed (id {event_id})"


def _name(one: Checkpoint) -> str:
    return f"Checkpoint {one.seq} of {one.node} ({one.sealed_at:%Y-%m-%d %H:%M} UTC)"


# Off the box


class BadExport(Exception):
    """A file that is no export of checkpoints; the message says in which line, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A checkpoint as it left the box."""

    facts: Mapping[str, Any]  # as in `statement`
    signature: str

    @property
    def key(self) -> tuple[str, int]:
        return self.facts["node"], self.facts["seq"]

    @property
    def name(self) -> str:
        return f"Checkpoint {self.facts['seq']} of {self.facts['node']} ({self.facts['sealed_at']})"


def line(checkpoint: Checkpoint) -> str:
    """A checkpoint as one line of JSON, to be kept off the box; without its list of events."""
    return canonical({**_facts(checkpoint), "signature": checkpoint.signature})


def read(lines: Iterable[str]) -> list[Exported]:
    """The checkpoints of an exported file. Raises BadExport."""
    return [_exported(number, text) for number, text in enumerate(lines, 1) if text.strip()]


_TYPES: Final[Mapping[str, type]] = {
    "node": str, "seq": int, "until_id": str, "events": int, "root": str, "previous": str, "sealed_at": str,
    "key_id": str, "signature": str,
}  # fmt: skip


def _exported(number: int, text: str) -> Exported:
    try:
        facts = json.loads(text)
    except ValueError:
        raise BadExport(f"line {number} is not JSON") from None
    if not isinstance(facts, dict) or {name: type(value) for name, value in facts.items()} != _TYPES:
        raise BadExport(f"line {number} is not a checkpoint: it must have {', '.join(_TYPES)}")
    return Exported({name: value for name, value in facts.items() if name != "signature"}, facts["signature"])


def compare(exported: Sequence[Exported], signer: Signer) -> Iterator[str]:
    """Whether the checkpoints that left the box are still the ones that are here; a sentence for each that is not."""
    kept = {one.key: one for one in exported}
    for here in in_order():
        out = kept.pop((here.node, here.seq), None)
        if out:
            yield from _differences(here, out, signer)
    for gone in kept.values():
        yield f"{gone.name} was exported, but is not there any more."


def _differences(here: Checkpoint, out: Exported, signer: Signer) -> Iterator[str]:
    facts = _facts(here)
    different = [name for name in facts if facts[name] != out.facts[name]]
    if different:
        yield f"{out.name} is not the one that was exported; not the same: {', '.join(different)}."
    elif fault := signer.fault(out.facts["key_id"], canonical(out.facts), out.signature):
        yield f"{out.name} in the exported file {fault}."
