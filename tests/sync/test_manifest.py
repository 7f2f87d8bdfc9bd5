"""The manifest proves to an office that a file is ours, whole, and the next one of the chain."""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import files, manifest
from sync.manifest import BadManifest, Keys, Manifest

KEYS: Final = Keys({"new": bytes(range(32)), "old": bytes(32)})
KEY: Final = KEYS.key_for("NCWSC")
NOTE: Final = Manifest(
    agency="NCWSC",
    file="out_NCWSC_20261123_0002.csv",
    sha256=sha256(b"rows").hexdigest(),
    bytes=4,
    rows=1,
    seq=2,
    previous="a" * 64,
    generated_at="2026-11-23T09:15:00+03:00",
    key_id="new",
    checkpoint={"node": "box1", "seq": 7, "root": "b" * 64},
)
# Numbers, letters and depths that some programs trip over
ODD: Final = (b'{"hmac": "x", "rows": 99999999999999999999}', b'{"hmac": "x", "file": "\\ud800"}', b"[" * 100_000)


def forged(**different: Any) -> bytes:
    """The note with other facts, and the HMAC that it had."""
    return json.dumps({**json.loads(manifest.written(NOTE, KEY)), **different}).encode()


def beside(folder: Path, note: Manifest = NOTE, key: bytes = KEY, content: bytes = b"rows") -> Path:
    """The file with its note."""
    path = folder / NOTE.file
    path.write_bytes(content)
    files.manifest_of(path).write_bytes(manifest.written(note, key))
    return path


def test_what_was_written_is_what_is_read() -> None:
    assert manifest.verify(manifest.written(NOTE, KEY), KEY) == NOTE


def test_an_office_can_check_it_with_the_standard_library_alone() -> None:
    note = json.loads(manifest.written(NOTE, KEY))
    given_hmac = note.pop("hmac")
    text = json.dumps(note, sort_keys=True, separators=(",", ":"))
    assert hmac.new(KEY, text.encode(), "sha256").hexdigest() == given_hmac


@pytest.mark.parametrize("name", sorted(asdict(NOTE)))
def test_a_note_that_was_changed_anywhere_is_refused(name: str) -> None:
    with pytest.raises(BadManifest, match="its HMAC does not fit"):
        manifest.verify(forged(**{name: "something else"}), KEY)


def test_a_note_for_one_office_is_no_proof_for_another() -> None:
    with pytest.raises(BadManifest, match="its HMAC does not fit"):
        manifest.verify(manifest.written(NOTE, KEY), KEYS.key_for("KPLC"))


@given(
    content=st.binary(max_size=60)
    | st.sampled_from([b"[]", b"{}", b'{"hmac": 1}', b'{"hmac": "\xc3\xa9"}', b"null", *ODD])
)
def test_what_is_no_manifest_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(BadManifest):
        manifest.verify(content, KEY)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [({"schema_version": "2"}, "version '2'"), ({"schema_version": "1", "surprise": 1}, "does not have the fields")],
)
def test_a_note_of_ours_in_another_form_is_refused(facts: dict[str, Any], sentence: str) -> None:
    signed = {**facts, "hmac": manifest._hmac(facts, KEY)}
    with pytest.raises(BadManifest, match=sentence):
        manifest.verify(json.dumps(signed).encode(), KEY)


def test_a_file_and_its_note_fit(tmp_path: Path) -> None:
    assert manifest.check(beside(tmp_path), KEYS) == NOTE


@pytest.mark.parametrize("content", [b"rows and more", b"ROWS"])
def test_a_file_that_was_changed_does_not_fit(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadManifest, match="the SHA-256 is another"):
        manifest.check(beside(tmp_path, content=content), KEYS)


def test_the_note_of_another_file_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(BadManifest, match=r"belongs to out_NCWSC_20261122_0001\.csv"):
        manifest.check(beside(tmp_path, replace(NOTE, file="out_NCWSC_20261122_0001.csv")), KEYS)


def test_after_the_master_key_was_changed_old_files_still_fit(tmp_path: Path) -> None:
    old = replace(NOTE, key_id="old")
    assert manifest.check(beside(tmp_path, old, KEYS.key_for("NCWSC", "old")), KEYS) == old


def test_a_note_under_a_key_that_is_not_there_says_which(tmp_path: Path) -> None:
    path = beside(tmp_path, replace(NOTE, key_id="lost"))
    with pytest.raises(BadManifest, match="key 'lost', which is not in MLANGO_MASTER_KEYS"):
        manifest.check(path, KEYS)


def test_every_office_has_a_key_of_its_own() -> None:
    assert len({KEYS.key_for(agency) for agency in ("NCWSC", "KPLC", "COUNTY-047")}) == 3
