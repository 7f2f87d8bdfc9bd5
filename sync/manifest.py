"""The note that goes with a file: what the file must be, where it stands in its chain, and a proof that we wrote it.

The proof is an HMAC-SHA256 under a key that only the office and we have, over the note as JSON with sorted keys, no
spaces and nothing but ASCII, without `hmac` itself. The note also names the newest checkpoint of our history
(cases.checkpoints): who keeps it can tell later whether we rewrote what had happened.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync import files

SCHEMA_VERSION: Final = "1"
_PURPOSE: Final = "mlango: manifests of files for "


class BadManifest(Exception):
    """A note, or the file beside it, is not what we wrote; the message says what is wrong, in a sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of a file that goes to an office."""

    agency: str
    file: str
    sha256: str
    bytes: int
    rows: int
    seq: int | None  # 1, 2, 3 … without a gap; None: a repeat, which is outside the chain
    previous: str | None  # the SHA-256 of the file with the number before; None: the first, or a repeat
    generated_at: str  # whole-second ISO 8601 with the pack's offset
    key_id: str
    checkpoint: Mapping[str, Any] | None = None  # node, seq, root; None: nothing is sealed yet
    repeat_since: str | None = None  # a repeat: from when on
    schema_version: str = field(default=SCHEMA_VERSION, kw_only=True)


class Keys:
    """A key for each office; follows from the master keys, of which the first is the current one."""

    def __init__(self, masters: Mapping[str, bytes]) -> None:
        self._masters = masters
        self.current = next(iter(masters))

    def key_for(self, agency: str, key_id: str | None = None) -> bytes:
        """The 32 bytes that we and this office share. Raises BadManifest if the master key `key_id` is not there."""
        master = self._masters.get(key_id or self.current)
        if master is None:
            raise BadManifest(f"it is signed with the key {key_id!r}, which is not in MLANGO_MASTER_KEYS")
        return HKDF(SHA256(), 32, salt=None, info=f"{_PURPOSE}{agency}".encode()).derive(master)


def written(manifest: Manifest, key: bytes) -> bytes:
    """The note as it stands on disk."""
    facts = asdict(manifest)
    return (json.dumps({**facts, "hmac": _hmac(facts, key)}, indent=2, sort_keys=True) + "\n").encode()


def verify(content: bytes, key: bytes) -> Manifest:
    """What a note says. Raises BadManifest unless it is whole and was written with this key."""
    facts = _facts(content)
    given = facts.pop("hmac", None)
    fits = isinstance(given, str) and given.isascii() and hmac.compare_digest(given, _hmac(facts, key))
    if not fits:
        raise BadManifest("its HMAC does not fit: it was changed, or written with another key")
    return _manifest(facts)


def read(path: Path, keys: Keys) -> Manifest:
    """What the note in this file says, under whichever key of ours. Raises BadManifest; OSError if it is not there."""
    content = path.read_bytes()
    facts = _facts(content)
    return verify(content, keys.key_for(str(facts.get("agency")), str(facts.get("key_id"))))


def check(path: Path, keys: Keys) -> Manifest:
    """Compare a data file with its note, which lies beside it. Raises BadManifest; OSError if one cannot be read."""
    manifest = read(files.manifest_of(path), keys)
    if manifest.file != path.name:
        raise BadManifest(f"it belongs to {manifest.file}, not to {path.name}")
    if (path.stat().st_size, files.digest(path)) != (manifest.bytes, manifest.sha256):
        raise BadManifest(f"{path.name} is not the file that it was written for: the SHA-256 is another")
    return manifest


def _hmac(facts: Mapping[str, Any], key: bytes) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, text.encode(), "sha256").hex()


def _facts(content: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError):
        raise BadManifest("it is not JSON") from None
    if not isinstance(facts, dict):
        raise BadManifest("it is not a JSON object")
    return facts


def _manifest(facts: Mapping[str, Any]) -> Manifest:
    if facts.get("schema_version") != SCHEMA_VERSION:
        raise BadManifest(f"it is of the version {facts.get('schema_version')!r}, not {SCHEMA_VERSION!r}")
    try:
        return Manifest(**facts)
    except TypeError:
        raise BadManifest("it does not have the fields of a manifest") from None
