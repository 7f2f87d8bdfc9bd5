"""A Pack as bytes and back, exactly; and its fingerprint. Pure.

Snapshots outlive releases: a new field of the model needs a default, so that older ones can still be read.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from packs.model import Pack

FINGERPRINT: Final = 16  # hex digits: enough to tell the packs of one country apart
_pack: Final = TypeAdapter(Pack)


def dump(pack: Pack) -> bytes:
    """Compressed JSON, the same bytes for equal packs."""
    return zlib.compress(_json(pack), 9)


def restore(content: bytes) -> Pack:
    """The Pack that `dump` was given. Raises ValueError if `content` is no snapshot."""
    try:
        return _pack.validate_json(zlib.decompress(content))
    except zlib.error as error:
        raise ValueError(f"not a snapshot of a pack: {error}") from error


def fingerprint(pack: Pack) -> str:
    """What tells this content from any other; `pack.version` itself does not count."""
    return sha256(_json(replace(pack, version=""))).hexdigest()[:FINGERPRINT]


def _json(pack: Pack) -> bytes:
    tree: dict[str, Any] = _pack.dump_python(pack, mode="json")
    for calendar in tree["calendars"].values():
        calendar["holidays"].sort()  # a set has no order of its own
    return orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)
