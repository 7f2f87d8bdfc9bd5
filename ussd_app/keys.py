"""The keys that settings carry: how they are written, and the ones that demo mode makes for itself."""

from __future__ import annotations

import base64
import os
import re
import secrets
from pathlib import Path
from typing import Final

FILE: Final = "keys.env"
KEY_BYTES: Final = 32
TOKEN_BITS: Final = 128

_PYTHON: Final = "python3 -c 'import base64, secrets; print({}base64.b64encode(secrets.token_bytes(32)).decode())'"
HOW_TO_MAKE: Final = _PYTHON.format("")
HOW_TO_MAKE_MASTER: Final = _PYTHON.format('"k1:" + ')
HOW_TO_MAKE_TOKEN: Final = "python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"  # noqa: S105


def parse_key(text: str) -> bytes:
    """The 32 bytes of a key written in base64 (either alphabet, padded or not). Raises ValueError."""
    plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("must be the base64 of 32 bytes")
    return key


def parse_masters(text: str) -> dict[str, bytes]:
    """Keys by id from `id:base64,id:base64`, in their order. Raises ValueError."""
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        name, colon, key = part.strip().partition(":")
        if not colon or not re.fullmatch("[A-Za-z0-9_-]{1,32}", name) or name in keys:
            raise ValueError("must be written as id:base64, several with commas between them, each id once")
        keys[name] = parse_key(key)
    return keys


def strong(token: str) -> bool:
    """Whether a token is long enough that nobody guesses it: 128 bits if it was drawn at random."""
    bits_a_letter = 4 if re.fullmatch("[0-9a-fA-F]*", token.strip()) else 6
    return len(token.strip()) * bits_a_letter >= TOKEN_BITS and len(set(token)) > 7


def of_the_demo(home: Path) -> dict[str, str]:
    """The values of MLANGO_MASTER_KEYS and MLANGO_INDEX_KEY kept in `home/keys.env`, by field; made on first use.

    The file has mode 0600 and stays for good: without it nothing that was sealed opens again. Raises OSError.
    """
    file = home / FILE
    if not file.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(file)
    lines = (line.partition("=") for line in file.read_text().splitlines())
    return {name.removeprefix("MLANGO_").lower(): value for name, equals, value in lines if equals}


def _make(file: Path) -> None:
    """Write fresh keys whole or not at all; of two processes at once, one wins and both read the same."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    made = {"MLANGO_MASTER_KEYS": f"demo1:{_fresh()}", "MLANGO_INDEX_KEY": _fresh()}
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.writelines(f"{name}={value}\n" for name, value in made.items())
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _fresh() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
